//! Runs with a rate: exact counts at planned instants, whatever the target does.

use std::time::Duration;

use truth::record::ledger::{Done, Frame};
use truth::target::answer::Outcome;

use crate::program::{Loadgen, Ran};
use crate::stub::Stub;

const SECOND: u64 = 1_000_000_000;

/// Runs until its time is over, by which a slow machine may have sent little or nothing.
fn timed(stub: &Stub, arguments: &str) -> Ran {
    let ran = Loadgen::against(stub, arguments).run();
    let code = match &ran.summary()["events"] {
        _ if ran.stderr.contains("error: sent ") => 3,
        events if events["acked"] == 0 => 4,
        _ => 0,
    };
    assert_eq!(ran.code, Some(code), "{arguments}: {}", ran.stderr);
    ran
}

/// Returns the planned instants of all requests in order, counted from the first.
fn instants(ran: &Ran) -> Vec<u64> {
    let tries = ran.tries();
    let mut planned: Vec<u64> = tries.iter().map(|done| done.t_planned).collect();
    planned.sort_unstable();
    let first = planned[0];
    planned.iter().map(|instant| instant - first).collect()
}

fn sound(arguments: &str) -> Ran {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, arguments).run();
    assert_eq!(ran.code, Some(0), "{arguments}: {}", ran.stderr);
    ran
}

#[test]
fn an_exact_count_leaves_at_exact_instants() {
    for (arguments, apart) in [
        ("--rate 2000", 5_000),
        ("--rate 200req/s", 5_000),
        ("--rate 2k --lanes 3", 5_000),
        ("--rate 4000 -c 1", 2_500),
    ] {
        let ran = sound(&format!("-n 995 --batch 10 --dup 0 {arguments}"));
        assert_eq!(ran.summary()["events"]["acked"], 995, "{arguments}");
        let expected: Vec<u64> = (0..100).map(|nth| nth * apart * 1_000).collect();
        assert_eq!(instants(&ran), expected, "{arguments}");
        assert!(ran.tries().iter().all(|done: &Done| done.t_start >= done.t_planned), "none leaves early");
    }
}

#[test]
fn repeats_that_race_leave_at_one_instant_and_the_count_stays_exact() {
    let ran = sound("-n 1000 --batch 10 --dup 0.3 --rate 4000");
    let summary = ran.summary();
    assert_eq!(
        (&summary["events"]["acked"], &summary["events"]["told_duplicate"]),
        (&1000.into(), &300.into())
    );
    assert!(summary["races"]["pairs_observed"].as_u64() > Some(0), "{summary:#}");
    let instants = instants(&ran);
    assert!(instants.windows(2).any(|pair| pair[0] == pair[1]), "some leave together: {instants:?}");
    assert!(instants.iter().all(|instant| instant % (SECOND / 400) == 0), "{instants:?}");
}

#[test]
fn rate_and_time_make_the_count() {
    for (arguments, events) in [
        ("--rate 1000 --duration 500ms", 500),
        ("--rate 1000 --duration 500ms -n 120", 120),
        ("--stage 1s:1000/s", 500),
        ("--rate 500 --stage 200ms:500 --stage 0s:1000 --stage 200ms:1000", 300),
        ("--rate 30req/s --duration 300ms", 90),
    ] {
        let ran = timed(&Stub::sound(), &format!("--batch 10 --dup 0.2 {arguments}"));
        let summary = ran.summary();
        let count = |pointer: &str| summary.pointer(pointer).unwrap().as_u64().unwrap();
        assert_eq!((count("/planned/events"), count("/planned/requests")), (events, events / 10));
        assert_eq!(count("/events/acked") + count("/events/never_sent"), events, "{arguments}");
        let sent = count("/requests/sent");
        assert_eq!(sent + count("/schedule/dropped_iterations"), events / 10, "{arguments}");
        assert!(summary["warm_up"].is_null(), "{summary:#}");
        assert!(sent == 0 || summary["parts"]["connecting"].is_object(), "{summary:#}");
        assert!(ran.stdout.contains("schedule..."), "{}", ran.stdout);
    }
}

#[test]
fn what_has_time_enough_is_all_sent() {
    // Each run is over once all is sent, long before its time is.
    for (arguments, events) in [
        ("--rate 1000 --duration 60s -n 120", 120),
        ("--rate 500 --stage 200ms:500 --stage 0s:0 --stage 60s:0", 100),
    ] {
        let summary = sound(&format!("--batch 10 --dup 0.2 {arguments}")).summary();
        assert_eq!(summary["events"]["acked"], events, "{arguments}");
        assert_eq!(summary["schedule"]["dropped_iterations"], 0, "{arguments}");
    }
}

#[test]
fn what_is_not_begun_in_time_is_dropped_and_said_at_the_top() {
    let stub = Stub::scripted(|it| {
        std::thread::sleep(Duration::from_millis(100));
        it.answer();
    });
    let ran = timed(&stub, "--rate 1000 --duration 500ms --batch 10 --dup 0 -c 1");
    let summary = ran.summary();
    let dropped = summary["schedule"]["dropped_iterations"].as_u64().unwrap();
    assert!(dropped > 0 && summary["schedule"]["held"] == false, "{summary:#}");
    let never = ran.tries().iter().filter(|done| done.answer.outcome == Outcome::NeverSent).count() as u64;
    assert!(never <= dropped, "those of opened rounds have a record");
    assert_eq!(summary["requests"]["sent"].as_u64().unwrap() + dropped, 50);
    let first = ran.stdout.lines().find(|line| !line.is_empty()).unwrap();
    assert!(first.contains("the rate was not held") && first.contains("--concurrency"), "{}", ran.stdout);
}

#[test]
fn waiting_for_a_connection_is_part_of_the_response_time_alone() {
    let stub = Stub::scripted(|it| {
        std::thread::sleep(Duration::from_millis(50));
        it.answer();
    });
    let ran = Loadgen::against(&stub, "-n 100 --batch 10 --rate 10000 --dup 0 -c 1").run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // Ten requests were due within 9 ms, and one connection carries them one after the other.
    let longest = |of: fn(&Done) -> u64| ran.tries().iter().map(of).max().unwrap();
    let response = longest(|done| done.t_end - done.t_planned);
    let service = longest(|done| done.t_end - done.t_start);
    assert!(response >= service + 8 * SECOND / 20, "{response} {service}");
}

#[test]
fn a_slow_rate_is_no_silence() {
    const PATIENCE: u64 = 3 * SECOND / 10;
    let ran = timed(&Stub::sound(), "-n 30 --batch 10 --rate 20 --dup 0 --patience 300ms");
    if ran.summary()["ended"] == "complete" {
        assert_eq!(instants(&ran), [0, SECOND / 2, SECOND]);
        return;
    }
    // A slow machine tries the patience, and then a request that was due had no response so long.
    let tries = ran.tries();
    let answered = || tries.iter().filter(|done| done.answer.outcome == Outcome::Acked);
    if let Some(last) = answered().map(|done| done.t_end).max() {
        let ended = tries.iter().map(|done| done.t_end).max().unwrap();
        let due = tries[0].t_planned + answered().count() as u64 * SECOND / 2;
        assert!(ended > last.max(due) + PATIENCE, "{tries:?}");
    }
}

#[test]
fn what_makes_no_rate_is_refused_with_the_way_out() {
    let stub = Stub::sound();
    for (arguments, part) in [
        ("--rate fast", "500req/s"),
        ("--rate 0 -n 10", "above 0"),
        ("--rate 1000", "--duration 30s"),
        ("--duration 0s", "needs a duration"),
        ("--stage 1s:1.5", "takes a number of connections"),
        ("--stage 1s:20000", "1 to 10000"),
        ("--stage 30s", "30s:1000"),
        ("--stage 1s:100 --duration 3s", "takes no duration (3s)"),
        ("--stage 1s:0/s -n 10", "above 0"),
        ("--rate 100 --stage 1s:0 -n 1000", "reaches rate 0 before its count of 1000"),
        ("--rate 1/h --duration 1ms --batch 10000 -n 0", "would send no events: count is 0"),
    ] {
        let ran = Loadgen::against(&stub, arguments).run();
        assert_eq!(ran.code, Some(2), "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments}: {}", ran.stderr);
        assert!(!ran.results().exists(), "{arguments}");
    }
}

/// Runs against a target that responds to nothing before so many requests are in flight at once.
/// Ends the run when it has seen `requests`, however long that takes.
fn interrupted(arguments: &str, in_flight: usize, requests: usize) -> Ran {
    let stub = Stub::scripted(move |it| {
        it.wait_for(|seen| seen.requests.len() >= in_flight);
        it.answer();
    });
    let running = Loadgen::against(&stub, arguments).start();
    stub.wait_for(|seen| seen.requests.len() >= requests);
    running.signal(rustix::process::Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{arguments}: {}", ran.stdout);
    ran
}

/// Returns the most requests that were in flight at once.
fn most_at_once(ran: &Ran) -> usize {
    let tries = ran.tries();
    let at = |moment: u64| tries.iter().filter(|done| done.t_start <= moment && moment < done.t_end).count();
    tries.iter().map(|done| at(done.t_start)).max().unwrap_or(0)
}

#[test]
fn a_duration_alone_sends_as_fast_as_answers_come_until_it_is_over() {
    let stub = Stub::sound();
    let ran = timed(&stub, "--duration 400ms -c 2 --batch 10 --dup 0.3");
    let summary = ran.summary();
    let requests = stub.look(|seen| seen.requests.len());
    assert_eq!(summary["events"]["acked"].as_u64(), Some(10 * requests as u64), "{summary:#}");
    assert_eq!((&summary["ended"], &summary["planned"]), (&"complete".into(), &serde_json::Value::Null));
    assert!(most_at_once(&ran) <= 2 && ran.is_closed());

    let ran = interrupted("--duration 1h -c 2 --batch 10 --dup 0.3", 2, 200);
    let summary = ran.summary();
    let acked = summary["events"]["acked"].as_u64().unwrap();
    let repeats = summary["events"]["told_duplicate"].as_u64().unwrap();
    assert!((repeats as f64 / acked as f64 - 0.3).abs() < 0.1, "{repeats} of {acked}");
    assert_eq!(most_at_once(&ran), 2);

    let counted = sound("--duration 60s -n 200 --batch 10");
    assert_eq!(counted.summary()["events"]["acked"], 200, "whichever is reached first");
}

#[test]
fn the_number_of_connections_follows_the_stages() {
    let ran = interrupted("--stage 300ms:4 --stage 1h:4 -c 1 --batch 10 --dup 0", 4, 100);
    assert_eq!(most_at_once(&ran), 4);
    assert_eq!(ran.summary()["connections"]["opened"], 4, "each stays open while it works");
    let stages = "--stage 100ms:4 --stage 100ms:0 -c 1 --batch 10 --dup 0";
    let ran = timed(&Stub::sound(), stages);
    assert!(most_at_once(&ran) <= 4);
    assert_eq!(ran.summary()["ended"], "complete");
}

#[test]
fn nothing_leaves_before_the_moment_that_was_given() {
    for arguments in ["-n 50", "-n 50 --rate 1000"] {
        let start_at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(700);
        let ran = sound(&format!("{arguments} --batch 10 --dup 0 --start-at {start_at}"));
        let first = ran.frames().remove(0);
        let Frame::Header(header) = first else { panic!("a segment begins with its header: {first:?}") };
        let utc_ns = |monotonic_ns: u64| {
            i128::from(header.utc_ms) * 1_000_000 + i128::from(monotonic_ns) - i128::from(header.monotonic_ns)
        };
        // The two clocks of the header are read one after the other, and the wall clock in
        // milliseconds.
        let first = ran.tries().iter().map(|done| done.t_start).min().unwrap();
        assert!(utc_ns(first) >= start_at.as_nanosecond() - 5_000_000, "{arguments}");
    }
    let late = sound("-n 50 --batch 10 --start-at 2020-01-01T00:00:00Z");
    assert!(
        late.stderr.contains("--start-at 2020-01-01T00:00:00Z has passed: the run begins "),
        "{}",
        late.stderr
    );
}

#[test]
fn what_is_sent_to_warm_up_is_on_record_and_not_measured() {
    let stub = Stub::sound();
    let warm_up = "-n 40 --batch 1 --rate 40req/s --warm-up 500ms -c 2";
    let ran = Loadgen::against(&stub, warm_up).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let summary = ran.summary();
    assert_eq!(
        (&summary["events"]["acked"], &summary["warm_up"]["requests"]),
        (&40.into(), &20.into()),
        "{summary:#}"
    );
    for measured in ["/response_time", "/service_time", "/parts/waiting", "/schedule/lateness"] {
        assert_eq!(summary.pointer(measured).unwrap()["samples"], 20, "{measured}: {summary:#}");
    }
    assert_eq!(ran.tries().len(), 40);
    assert!(
        ran.stdout.contains("warm_up.................: 20 events in 20 requests, not counted in these lines"),
        "{}",
        ran.stdout
    );
    // A threshold without a measurement does not hold.
    let ran = Loadgen::against(&stub, "-n 10 --warm-up 1h --threshold http_req_duration:p(95)<60000").run();
    assert_eq!(ran.code, Some(99), "{}", ran.stdout);
    let parts = &ran.summary()["parts"];
    assert!(parts["connecting"].is_null(), "connections opened while it warmed up: {parts:#}");
}

#[test]
fn what_was_never_sent_is_counted_and_what_was_not_due_is_not_dropped() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 2m --batch 1 -c 2 --duration 300ms").run();
    let events = &ran.summary()["events"];
    let counted = ["acked", "unknown", "never_sent"].map(|outcome| events[outcome].as_u64().unwrap());
    let stored = stub.look(|seen| seen.requests.len()) as u64;
    assert_eq!(counted, [stored, 0, 2_000_000 - stored], "{}", ran.stdout);
    // If only time ends a run, nothing was to be sent after it.
    let ran = Loadgen::against(&stub, "--batch 1 -c 2 --duration 200ms").run();
    assert_eq!(ran.summary()["events"]["never_sent"], 0, "{}", ran.stdout);

    let mut running = Loadgen::against(&stub, "--batch 1 -c 2 --rate 40req/s --duration 60s --dup 0").start();
    running.wait_for_line("run folder");
    let before = stub.look(|seen| seen.requests.len());
    stub.wait_for(move |seen| seen.requests.len() >= before + 10);
    running.signal(rustix::process::Signal::INT);
    let ran = running.end();
    let summary = ran.summary();
    let planned = 2400;
    let count = |name: &str| summary["events"][name].as_u64().unwrap();
    assert_eq!(count("acked") + count("unknown") + count("never_sent"), planned, "{}", ran.stdout);
    // At most one request in 25 ms was due by the end.
    let sent: Vec<Done> = ran.tries().into_iter().filter(|done| done.status == 200).collect();
    let begun = sent.iter().map(|done| done.t_start).min().unwrap();
    let late = begun - sent.iter().map(|done| done.t_planned).min().unwrap();
    let seconds = late as f64 / 1e9 + summary["duration_s"].as_f64().unwrap();
    let dropped = summary["schedule"]["dropped_iterations"].as_u64().unwrap();
    assert!((sent.len() as u64 + dropped) as f64 <= 40.0 * seconds + 1.0, "{}", ran.stdout);
}
