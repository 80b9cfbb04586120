//! The load is exactly what the plan says.

use std::collections::HashMap;

use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::shard::Shard;
use truth::record::manifest::FolderFormat;
use truth::record::polls::for_each;

use crate::program::Loadgen;
use crate::stub::{Key, Stub, with_length};

/// Returns how often the rounds of this shard hold each key.
fn planned(plan: &Plan, shard: Shard) -> HashMap<Key, u64> {
    let events = Events::new(plan);
    let mut attempts = HashMap::new();
    for nth in 0.. {
        let round = shard.round(nth);
        if round >= plan.rounds().unwrap() {
            break;
        }
        for ordinal in plan.round(round).ordinals() {
            let key = (events.topic(*ordinal).to_owned(), events.id_text(*ordinal));
            *attempts.entry(key).or_default() += 1;
        }
    }
    attempts
}

#[test]
fn each_key_is_sent_exactly_as_often_as_planned() {
    for (count, batch) in [(700, 1), (3001, 100)] {
        for concurrency in [1, 3, 50] {
            let stub = Stub::sound();
            let arguments = format!("-n {count} --dup 30% --batch {batch} -c {concurrency}");
            let ran = Loadgen::against(&stub, &arguments).run();
            assert_eq!(ran.code, Some(0), "{arguments}: {}", ran.stderr);
            let plan = ran.folder().manifest().unwrap().plan;
            assert!(stub.look(|seen| seen.attempts == planned(&plan, Shard::WHOLE)), "{arguments}");
            let unique = plan.keys().unwrap();
            let repeats = plan.share[0];
            let done = format!("done received={count} inserted={unique} duplicates={repeats} dup_rate=");
            assert!(ran.last_line().starts_with(&done), "{}", ran.last_line());
            assert!(!ran.last_line().contains("unknown"), "{}", ran.last_line());
            assert_eq!(ran.tries().len(), stub.look(|seen| seen.requests.len()), "one record a request");
        }
    }
}

#[test]
fn several_lanes_send_the_plan_once_between_them() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 6000 --dup 30% --batch 10 -c 20 --lanes 3").run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let folder = ran.folder();
    let plan = folder.manifest().unwrap().plan;
    assert!(stub.look(|seen| seen.attempts == planned(&plan, Shard::WHOLE)));
    assert_eq!(folder.segments().unwrap().len(), 3);
    let mut opened = ran.opened();
    opened.sort_unstable();
    assert_eq!(opened, (0..plan.rounds().unwrap()).collect::<Vec<_>>());
    let mut connections: Vec<(u64, u32)> =
        ran.tries().iter().map(|done| (u64::from(done.connection % 3), done.connection)).collect();
    connections.sort_unstable();
    connections.dedup();
    assert_eq!(
        connections.len(),
        stub.look(|seen| seen.connections),
        "each connection has a number of its own"
    );
}

#[test]
fn the_bodies_of_a_request_are_those_of_the_plan_in_order() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 1000 --batch 7 -c 1").run();
    let plan = ran.folder().manifest().unwrap().plan;
    let events = Events::new(&plan);
    let keys = |ordinals: &[u64]| -> Vec<Key> {
        ordinals.iter().map(|k| (events.topic(*k).to_owned(), events.id_text(*k))).collect()
    };
    let rounds = (0..plan.rounds().unwrap()).map(|round| plan.round(round));
    let requests = rounds.flat_map(|round| {
        (0..round.requests()).map(|request| keys(round.request(request))).collect::<Vec<_>>()
    });
    assert_eq!(stub.look(|seen| seen.requests.clone()), requests.collect::<Vec<_>>());
}

#[test]
fn shards_send_their_own_rounds_and_together_the_whole() {
    let stub = Stub::sound();
    let mut all = HashMap::new();
    for index in 1..=3 {
        let arguments = format!("-n 2000 --batch 10 -c 8 --run-id together --shard {index}/3");
        let ran = Loadgen::against(&stub, &arguments).run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let plan = ran.folder().manifest().unwrap().plan;
        for (key, attempts) in planned(&plan, Shard { index, of: 3 }) {
            *all.entry(key).or_default() += attempts;
        }
        assert!(stub.look(|seen| seen.attempts == all), "after shard {index}");
        assert_eq!(planned(&plan, Shard::WHOLE).values().sum::<u64>(), 2000);
    }
    assert_eq!(all.values().sum::<u64>(), 2000);
}

#[test]
fn no_more_connections_are_opened_than_there_are_requests() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 300 --batch 100 -c 50").run();
    assert!(ran.stderr.contains("3 connections of --concurrency 50 will do"), "{}", ran.stderr);
    assert!(stub.look(|seen| seen.connections) <= 3);
}

#[test]
fn the_closing_poll_has_seen_all_that_was_reported() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 5000 --batch 100 -c 8").run();
    let mut polls = Vec::new();
    for_each(&ran.folder(), FolderFormat::Sealed, |poll| polls.push(poll)).unwrap();
    let closing = polls.last().unwrap();
    assert!(closing.closing && polls[..polls.len() - 1].iter().all(|poll| !poll.closing));
    assert_eq!(
        (closing.acked, closing.started, closing.reported_new + closing.reported_duplicate),
        (5000, 5000, 5000)
    );
    let stats = closing.stats.as_ref().unwrap();
    assert_eq!((stats.received, stats.unique), (Some(5000), Some(closing.reported_new)));
    for poll in &polls {
        let received = poll.stats.as_ref().and_then(|stats| stats.received).unwrap();
        assert!(poll.acked <= received && received <= poll.started, "{poll:?}");
    }
}

#[test]
fn twins_are_sent_as_the_plan_says_and_told_at_the_start() {
    let stub = Stub::sound();
    let scenario = "[load]\ncount = 2000\nbatch = 10\n[traps]\nsame_id = 8\ncase = 8\n";
    let ran = Loadgen::against(&stub, "").scenario(scenario).run();
    assert!(ran.stderr.contains("the trap same_id is set"), "{}", ran.stderr);
    let plan = ran.folder().manifest().unwrap().plan;
    let events = Events::new(&plan);
    let expected = planned(&plan, Shard::WHOLE);
    let twins = (0..plan.keys().unwrap()).filter(|key| events.twin(*key).is_some()).count();
    assert!(twins > 200 && expected.len() as u64 == plan.keys().unwrap());
    stub.look(|seen| assert_eq!(seen.attempts, expected));
}

#[test]
fn requests_without_an_event_come_first_and_an_odd_response_to_them_is_reported() {
    let stub = Stub::scripted(|exchange| match exchange.nth {
        1 => exchange.say(with_length(500, "oops")),
        _ => exchange.answer(),
    });
    let scenario = "[load]\ncount = 200\nbatch = 10\n[traps]\nempty = 3\n";
    let ran = Loadgen::against(&stub, "").scenario(scenario).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("a request without an event got status 500"), "{}", ran.stderr);
    stub.look(|seen| {
        assert_eq!(seen.requests.len(), 23);
        assert!(seen.requests.iter().enumerate().all(|(nth, keys)| keys.is_empty() == (nth < 3)));
    });
    assert_eq!(ran.tries().len(), 20, "the ledger is of events");
}
