//! The queued mode: accepted events are durable at once and stored once, whichever process dies in
//! between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aggregator::{Ack, Settings};
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::program::Program;
use crate::target::{Client, Counters, Target, event};

on_both_databases! {
    queued_events_are_accepted_and_then_stored_once,
    the_counters_agree_in_every_reading_while_the_inbox_is_filled_and_emptied,
    accepted_events_outlive_a_kill_and_are_stored_once,
    a_process_without_queued_mode_stores_events_left_in_the_inbox,
    several_processes_empty_one_inbox_and_count_exactly,
}

fn queued(settings: &mut Settings) {
    settings.ack = Ack::Queued;
}

const QUEUED: [(&str, &str); 1] = [("ACK", "queued")];

async fn accept(client: &Client, events: &[Value]) {
    let response = client.post("/publish", json!(events).to_string()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt, json!({ "status": "accepted", "accepted": events.len() }));
}

fn events(topic: &str, ids: std::ops::Range<usize>) -> Vec<Value> {
    ids.map(|id| event(topic, &format!("{id:05}"))).collect()
}

async fn queued_events_are_accepted_and_then_stored_once(database: &Database) {
    let target = Target::start_with(database, queued).await;
    let client = &target.client;
    let batch = [event("t", "1"), event("t", "2"), event("t", "1")];
    accept(client, &batch).await;
    accept(client, &batch[..1]).await;
    assert_eq!(client.rested().await, Counters { received: 4, unique: 2, duplicates: 2 });
    assert_eq!(client.ids().await, ["2", "1"], "newest first, as they came");
    let refused = client.post("/publish", json!([batch[0], {}]).to_string()).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(client.rested().await.received, 4, "a batch is accepted whole or not at all");
    assert_eq!(database.number("SELECT count(*) FROM inbox").await, 0);
    target.stop().await;
}

async fn the_counters_agree_in_every_reading_while_the_inbox_is_filled_and_emptied(database: &Database) {
    let target = Target::start_with(database, |settings| {
        queued(settings);
        settings.worker_batch_size = 50;
    })
    .await;
    let is_done = Arc::new(AtomicBool::new(false));
    let poller = tokio::spawn({
        let client = target.client.another();
        let is_done = Arc::clone(&is_done);
        async move {
            let mut waited = 0;
            while !is_done.load(Ordering::Relaxed) {
                // It checks the sum.
                waited += u64::from(client.counters_and_waiting().await.1 > 0);
            }
            waited
        }
    });
    let mut clients = JoinSet::new();
    for number in 0..8 {
        let client = target.client.another();
        clients.spawn(async move {
            for turn in 0..20 {
                accept(&client, &events("hot", (turn * 5 + number)..(turn * 5 + number + 50))).await;
            }
        });
    }
    clients.join_all().await;
    let counters = target.client.rested().await;
    is_done.store(true, Ordering::Relaxed);
    assert!(poller.await.unwrap() > 0, "something was seen to wait");
    assert_eq!((counters.received, counters.unique), (8 * 20 * 50, 95 + 7 + 50));
    assert_eq!(target.client.ids().await.len() as u64, counters.unique);
    target.stop().await;
}

async fn accepted_events_outlive_a_kill_and_are_stored_once(database: &Database) {
    let mut accepted = 0;
    for round in 0..4_usize {
        let mut program = Program::start_with(database, &QUEUED).await;
        for batch in 0..10 {
            let first = round * 500 + batch * 100;
            accept(&program.client, &events("t", first..first + 100)).await;
            accepted += 100;
        }
        program.child.kill().await.unwrap();
    }
    let program = Program::start_with(database, &QUEUED).await;
    let counters = program.client.rested().await;
    assert_eq!((counters.received, counters.unique), (accepted, 3 * 500 + 1000));
    assert_eq!(program.client.ids().await.len() as u64, counters.unique);
}

async fn a_process_without_queued_mode_stores_events_left_in_the_inbox(database: &Database) {
    let mut program = Program::start_with(database, &QUEUED).await;
    let blockade = if database.is_sqlite() { None } else { Some(database.block_writers().await) };
    accept(&program.client, &events("t", 0..1000)).await;
    program.child.kill().await.unwrap();
    if let Some(blockade) = blockade {
        blockade.release().await;
    }
    let target = Target::start(database).await;
    assert_eq!(target.client.rested().await, Counters { received: 1000, unique: 1000, duplicates: 0 });
    target.stop().await;
}

async fn several_processes_empty_one_inbox_and_count_exactly(database: &Database) {
    let mut programs = Vec::new();
    for _ in 0..3 {
        programs.push(Program::start_with(database, &QUEUED).await);
    }
    let mut clients = JoinSet::new();
    for (number, program) in programs.iter().enumerate() {
        let client = program.client.clone();
        clients.spawn(async move {
            for turn in 0..20 {
                // All send the same keys, in opposite orders.
                let mut batch = events("t", turn * 40..turn * 40 + 100);
                if number == 1 {
                    batch.reverse();
                }
                accept(&client, &batch).await;
            }
        });
    }
    clients.join_all().await;
    programs.pop().unwrap().child.kill().await.unwrap();
    let counters = programs[0].client.rested().await;
    assert_eq!((counters.received, counters.unique), (3 * 20 * 100, 19 * 40 + 100));
    assert_eq!(programs[1].client.counters().await, counters);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_inbox_refuses_until_it_is_emptied() {
    let database = Database::postgres().await;
    crate::in_time(async {
        let target = Target::start_with(&database, |settings| {
            queued(settings);
            settings.inbox_events = 100;
        })
        .await;
        let blockade = database.block_writers().await;
        let mut accepted = 0;
        // The inbox is read once a second, so more than a hundred pass, and then none.
        let refused = loop {
            let response = target.client.post("/publish", json!(events("t", 0..50)).to_string()).await;
            if response.status() != StatusCode::ACCEPTED {
                break response;
            }
            accepted += 50;
        };
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after") && accepted >= 100);
        blockade.release().await;
        let counters = target.client.rested().await;
        assert_eq!((counters.received, counters.unique), (accepted, 50), "what was refused is not there");
        while target.client.post("/publish", event("t", "later").to_string()).await.status()
            != StatusCode::ACCEPTED
        {}
        assert_eq!(target.client.rested().await.unique, 51);
        target.stop().await;
    })
    .await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_paused_worker_are_stored_by_another_after_its_lease() {
    let database = Database::postgres().await;
    crate::in_time(async {
        // A transaction that a worker has begun waits here while its process is paused.
        let lease = [("ACK", "queued"), ("STUCK_PROCESSING_SEC", "2"), ("WORKERS", "1")];
        let paused = Program::start_with(&database, &lease).await;
        let mut gate = database.hold_statements().await;
        accept(&paused.client, &events("held", 0..100)).await;
        let its_session = gate.reached_by_another_than(0).await;
        paused.signal(Signal::STOP);
        let other = Program::start_with(&database, &lease).await;
        assert_eq!(other.client.counters_and_waiting().await.1, 100, "its rows are locked, not gone");
        gate.reached_by_another_than(its_session).await;
        gate.open().await;
        let counters = other.client.rested().await;
        assert_eq!(counters, Counters { received: 100, unique: 100, duplicates: 0 });
        paused.signal(Signal::CONT);
        accept(&paused.client, &events("held", 50..150)).await;
        assert_eq!(paused.client.rested().await, Counters { received: 200, unique: 150, duplicates: 50 });
        assert_eq!(paused.client.ids().await.len(), 150);
    })
    .await;
    database.remove().await;
}

#[tokio::test]
async fn an_inbox_that_cannot_be_looked_at_is_a_warning_once_an_outage() {
    let database = Database::sqlite();
    crate::in_time(async {
        let variables = [("ACK", "queued"), ("RUST_LOG", "aggregator=debug")];
        let mut program = Program::start_with(&database, &variables).await;
        for _outage in 0..2 {
            database.execute("DROP VIEW stats").await;
            program.wait_for_log(" WARN aggregator::ingest::worker: cannot read the inbox").await;
            program.wait_for_log("DEBUG aggregator::ingest::worker: cannot read the inbox").await;
            database.execute("CREATE VIEW stats AS SELECT pending FROM counters").await;
            program.wait_for_log(" INFO aggregator::ingest::worker: the inbox can be read again").await;
        }
    })
    .await;
}
