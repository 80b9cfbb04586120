//! Several executors in one run: they share the plan, and each has its own time, connections and
//! measurements.

use std::collections::HashMap;

use serde_json::Value;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::ledger::Done;

use crate::program::{Loadgen, Ran, round_of};
use crate::stub::{Key, Stub, with_length};

const SHARED: &str = "executor = \"shared-iterations\"";

/// Returns a scenario of these executors; each is a name and the rest of its table.
fn executors(parts: &[(&str, &str)]) -> String {
    let part = |(name, rest): &(&str, &str)| format!("[[load.executors]]\nname = \"{name}\"\n{rest}\n");
    format!("[load]\nbatch = 10\nconcurrency = 6\n{}", parts.iter().map(part).collect::<String>())
}

fn planned(plan: &Plan) -> HashMap<Key, u64> {
    let events = Events::new(plan);
    let mut attempts = HashMap::new();
    for round in 0..plan.rounds().unwrap() {
        for ordinal in plan.round(round).ordinals() {
            *attempts.entry((events.topic(*ordinal).to_owned(), events.id_text(*ordinal))).or_default() += 1;
        }
    }
    attempts
}

/// Returns the tries of each count of the plan, and then those behind them.
fn by_count(ran: &Ran) -> Vec<Vec<Done>> {
    let plan = ran.folder().manifest().unwrap().plan;
    let tries = ran.tries();
    let of = |rounds: std::ops::Range<u64>| {
        tries.iter().filter(|done| rounds.contains(&round_of(done))).cloned().collect()
    };
    plan.rounds_by_count().map(of).collect()
}

fn named<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let all = summary["executors"].as_array().unwrap();
    all.iter().find(|executor| executor["name"] == name).unwrap()
}

#[test]
fn side_by_side_and_in_sequence_each_sends_exactly_its_count() {
    let text = executors(&[
        ("one", &format!("{SHARED}\ncount = 1_234")),
        ("beside", "executor = \"constant-arrival-rate\"\nrate = \"4000\"\ncount = 901\nconcurrency = 3"),
        ("then", &format!("{SHARED}\ncount = 5\nafter = \"one\"\nstart_time = \"50ms\"")),
        ("last", "executor = \"constant-vus\"\nduration = \"1m\"\ncount = 777\nafter = \"then\""),
    ]);
    let stub = Stub::sound();
    let mut all = 0;
    for index in 1..=2 {
        let arguments = format!("--run-id several --shard {index}/2");
        let ran = Loadgen::against(&stub, &arguments).scenario(&text).run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.is_closed());
        let summary = ran.summary();
        let sum = |field: &str| -> u64 {
            summary["executors"].as_array().unwrap().iter().map(|one| one[field].as_u64().unwrap()).sum()
        };
        assert_eq!(summary["planned"]["events"].as_u64(), Some(sum("events")));
        assert_eq!(summary["planned"]["requests"].as_u64(), Some(sum("requests")));
        assert_eq!(summary["schedule"]["dropped_iterations"], 0);
        all += sum("events");
        let tries = by_count(&ran);
        let one = &tries[0];
        let then = &tries[2];
        let last = &tries[3];
        let ends = |tries: &[Done]| tries.iter().map(|done| done.t_end).max();
        let begins = |tries: &[Done]| tries.iter().map(|done| done.t_start).min();
        if let Some((begun, ended)) = begins(then).zip(ends(one)) {
            assert!(begun >= ended + 50_000_000, "it waits for the one before it, and then so long");
            assert!(begun < begins(last).unwrap());
        }
        if index == 2 {
            let plan = ran.folder().manifest().unwrap().plan;
            assert_eq!(plan.total, Some(1_234 + 901 + 5 + 777));
            assert!(stub.look(|seen| seen.attempts == planned(&plan)), "{}", ran.stdout);
        }
    }
    assert_eq!(all, 1_234 + 901 + 5 + 777);
}

#[test]
fn a_warm_up_is_on_record_and_not_measured() {
    for (measured, code, failed) in [("false", 0, 0.0), ("true", 99, 20.0 / 50.0)] {
        // The target rejects its first 20 requests.
        let stub = Stub::scripted(|it| {
            if it.look(|seen| seen.requests.len()) <= 20 {
                it.say(with_length(503, "{}"));
            } else {
                it.answer();
            }
        });
        let text = executors(&[
            ("warm-up", &format!("{SHARED}\ncount = 200\nmeasured = {measured}")),
            ("load", &format!("{SHARED}\ncount = 300\nafter = \"warm-up\"")),
        ]);
        let thresholds =
            "--threshold http_req_failed:rate<0.01 --threshold http_reqs{executor:load}:count==30";
        let ran = Loadgen::against(&stub, thresholds).scenario(&text).run();
        assert_eq!(ran.code, Some(code), "{}", ran.stdout);
        let summary = ran.summary();
        assert_eq!((ran.tries().len(), &summary["requests"]["failed"]), (50, &20.into()));
        assert_eq!(summary["thresholds"][0]["value"], failed);
        assert_eq!(summary["thresholds"][1]["ok"], true, "{summary:#}");
        let samples = if code == 0 { 30 } else { 50 };
        assert_eq!(summary["service_time"]["samples"], samples);
        assert_eq!(named(&summary, "warm-up")["failed"], 20);
        if code == 0 {
            assert_eq!(
                (&summary["warm_up"]["requests"], &summary["warm_up"]["failed"]),
                (&20.into(), &20.into())
            );
            assert!(
                ran.stdout.contains("200 events in 20 requests, not counted in these lines"),
                "{}",
                ran.stdout
            );
        } else {
            assert!(summary["warm_up"].is_null());
        }
    }
}

#[test]
fn those_that_only_time_ends_share_what_is_behind_the_counts() {
    let stub = Stub::sound();
    let stages = "start_vus = 2\nstages = [{ duration = \"1h\", target = 2 }]";
    let text = executors(&[
        ("counted", &format!("{SHARED}\ncount = 300\nconcurrency = 1")),
        ("one", "executor = \"constant-vus\"\nduration = \"1h\"\nconcurrency = 2"),
        ("other", &format!("executor = \"ramping-vus\"\n{stages}\nafter = \"counted\"")),
    ]);
    // The run goes on until every connection of every executor has sent, however long that takes.
    let running = Loadgen::against(&stub, "").scenario(&text).start();
    stub.wait_for(|seen| seen.connections == 1 + 2 + 2);
    running.signal(rustix::process::Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{}", ran.stdout);
    let summary = ran.summary();
    let tries = by_count(&ran);
    let sent = |name: &str| named(&summary, name)["requests"].as_u64().unwrap();
    assert_eq!(sent("counted"), 30);
    assert_eq!(tries[0].len() as u64, 30);
    let behind = tries[1].iter().filter(|done| done.status == 200).count() as u64;
    assert!(sent("one") > 0 && sent("other") > 0, "{}", ran.stdout);
    assert_eq!(behind, sent("one") + sent("other"));
    let mut opened = ran.opened();
    opened.sort_unstable();
    let rounds = opened.len();
    opened.dedup();
    assert_eq!(opened.len(), rounds, "no round is opened twice");
    assert_eq!(summary["events"]["never_sent"], 0);
}

#[test]
fn a_stop_ends_those_that_wait_and_a_silence_between_two_is_none() {
    let text = executors(&[
        ("first", &format!("{SHARED}\ncount = 10")),
        ("second", &format!("{SHARED}\ncount = 10\nafter = \"first\"\nstart_time = \"3500ms\"")),
        ("never", &format!("{SHARED}\ncount = 90\nafter = \"second\"\nstart_time = \"1h\"")),
    ]);
    let stub = Stub::sound();
    // Patience is for responses that are awaited; none is awaited while an executor waits for its
    // time.
    let mut running = Loadgen::against(&stub, "--patience 3s").scenario(&text).start();
    running.wait_for_line("run folder");
    stub.wait_for(|seen| seen.requests.len() == 2);
    running.signal(rustix::process::Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{}", ran.stdout);
    let summary = ran.summary();
    assert_eq!((&summary["ended"], &summary["events"]["never_sent"]), (&"interrupted".into(), &90.into()));
    assert!(
        named(&summary, "never")["began_s"].is_null() && ran.stdout.contains("never began"),
        "{}",
        ran.stdout
    );
    assert!(ran.is_closed(), "also the segments of those that never began");
}

#[test]
fn a_threshold_that_ends_the_run_ends_it_before_the_next_begins() {
    let thresholds = "thresholds = [{ threshold = \"http_reqs: count<5\", abort_on_fail = true }]\n";
    let text = executors(&[
        ("short", &format!("{SHARED}\ncount = 100")),
        ("never", &format!("{SHARED}\ncount = 100\nafter = \"short\"\nstart_time = \"1h\"")),
    ]);
    let text = text.replacen("batch = 10\n", &format!("batch = 10\n{thresholds}"), 1);
    let ran = Loadgen::against(&Stub::sound(), "").scenario(&text).run();
    assert_eq!(ran.code, Some(99), "{}{}", ran.stdout, ran.stderr);
    let summary = ran.summary();
    assert_eq!((&summary["ended"], &summary["requests"]["sent"]), (&"threshold".into(), &10.into()));
    assert!(named(&summary, "never")["began_s"].is_null());
}

#[test]
fn who_ramps_down_to_nothing_lasts_to_the_end_of_its_stages() {
    let stages = "[{ duration = \"50ms\", target = 0 }, { duration = \"400ms\", target = 0 }]";
    let text = executors(&[
        ("down", &format!("executor = \"ramping-vus\"\nstart_vus = 1\nstages = {stages}")),
        ("then", &format!("{SHARED}\ncount = 10\nafter = \"down\"")),
    ]);
    let ran = Loadgen::against(&Stub::sound(), "").scenario(&text).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let summary = ran.summary();
    assert!(named(&summary, "then")["began_s"].as_f64() >= Some(0.45), "{}", ran.stdout);
}

#[test]
fn flags_that_shape_one_load_do_not_shape_several() {
    let text = executors(&[("only", &format!("{SHARED}\ncount = 10"))]);
    let stub = Stub::sound();
    for flags in ["-n 5", "--rate 10", "--duration 1s", "-c 3", "--stage 1s:5"] {
        let ran = Loadgen::against(&stub, flags).scenario(&text).run();
        assert_eq!(ran.code, Some(2), "{flags}");
        assert!(ran.stderr.contains("in the file, not with flags"), "{}", ran.stderr);
    }
}
