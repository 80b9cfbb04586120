//! Many clients at once: each event once, every count exact.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::target::{Client, Counters, Target, event};

on_both_databases! {
    fifty_clients_race_one_key_and_one_wins,
    batches_that_overlap_in_opposite_orders_all_succeed,
    the_counters_agree_in_every_reading_under_load,
    two_aggregators_on_one_database_count_exactly,
    counters_stay_exact_while_aggregators_come_and_go,
}

/// Publishes the same one-event batch from all clients at the same time, and returns the number of
/// `new` responses.
async fn race(clients: &[Client], id: &str) -> u64 {
    let mut requests = JoinSet::new();
    for client in clients {
        let client = client.clone();
        let batch = [event("race", id)];
        requests.spawn(async move { client.publish(&batch).await["inserted"].as_u64().unwrap() });
    }
    requests.join_all().await.iter().sum()
}

async fn fifty_clients_race_one_key_and_one_wins(database: &Database) {
    let target = Target::start(database).await;
    let clients: Vec<_> = (0..50).map(|_| target.client.another()).collect();
    for round in 0..10 {
        assert_eq!(race(&clients, &round.to_string()).await, 1);
    }
    assert_eq!(target.client.counters().await, Counters { received: 500, unique: 10, duplicates: 490 });
    assert_eq!(target.client.ids().await.len(), 10);
    drop(clients);
    target.stop().await;
}

/// Publishes `count` batches over the same hot keys, in an order that depends on the client.
async fn publish_overlapping(client: Client, number: usize, count: usize) -> (usize, u64) {
    const KEYS: usize = 300;
    let mut inserted = 0;
    for turn in 0..count {
        let mut keys: Vec<_> = (0..100).map(|step| (turn * 31 + number * 17 + step * 3) % KEYS).collect();
        if number.is_multiple_of(2) {
            keys.reverse();
        }
        let events: Vec<_> =
            keys.iter().map(|key| event(["a", "b", "c"][key % 3], &format!("{key:03}"))).collect();
        inserted += client.publish(&events).await["inserted"].as_u64().unwrap();
    }
    (count * 100, inserted)
}

async fn batches_that_overlap_in_opposite_orders_all_succeed(database: &Database) {
    let target = Target::start(database).await;
    let mut clients = JoinSet::new();
    for number in 0..8 {
        clients.spawn(publish_overlapping(target.client.another(), number, 20));
    }
    let told: Vec<_> = clients.join_all().await;
    let sent: usize = told.iter().map(|(sent, _)| sent).sum();
    let inserted: u64 = told.iter().map(|(_, inserted)| inserted).sum();
    let counters = target.client.counters().await;
    assert_eq!((counters.received, counters.unique), (sent as u64, inserted));
    let ids: BTreeSet<_> = target.client.ids().await.into_iter().collect();
    assert_eq!(ids.len() as u64, inserted);
    target.stop().await;
}

async fn the_counters_agree_in_every_reading_under_load(database: &Database) {
    let target = Target::start(database).await;
    let is_done = Arc::new(AtomicBool::new(false));
    let poller = tokio::spawn({
        let client = target.client.another();
        let is_done = Arc::clone(&is_done);
        async move {
            let mut last = client.counters().await;
            while !is_done.load(Ordering::SeqCst) {
                let now = client.counters().await;
                assert!(now.received >= last.received && now.unique >= last.unique, "{last:?} then {now:?}");
                last = now;
            }
        }
    });
    let mut clients = JoinSet::new();
    for number in 0..6 {
        clients.spawn(publish_overlapping(target.client.another(), number, 25));
    }
    clients.join_all().await;
    is_done.store(true, Ordering::SeqCst);
    poller.await.unwrap();
    assert_eq!(target.client.counters().await.received, 6 * 25 * 100);
    target.stop().await;
}

async fn two_aggregators_on_one_database_count_exactly(database: &Database) {
    // On PostgreSQL both start at once, on an empty database. A SQLite file is created by one.
    let (first, second) = if database.is_sqlite() {
        (Target::start(database).await, Target::start(database).await)
    } else {
        tokio::join!(Target::start(database), Target::start(database))
    };
    let instance = async |target: &Target| target.client.stats().await["instance_id"].clone();
    assert_ne!(instance(&first).await, instance(&second).await);

    let clients: Vec<_> = (0..20).map(|number| [&first, &second][number % 2].client.another()).collect();
    for round in 0..10 {
        assert_eq!(race(&clients, &round.to_string()).await, 1);
    }
    let mut overlapping = JoinSet::new();
    for (number, client) in clients.iter().take(6).enumerate() {
        overlapping.spawn(publish_overlapping(client.clone(), number, 10));
    }
    let inserted: u64 = overlapping.join_all().await.iter().map(|(_, inserted)| inserted).sum();
    let expected =
        Counters { received: 200 + 6_000, unique: 10 + inserted, duplicates: 200 - 10 + 6_000 - inserted };
    assert_eq!(first.client.counters().await, expected);
    assert_eq!(second.client.counters().await, expected);
    let rows: Vec<Value> = second.client.list("", 10_000).await;
    assert_eq!(rows.len() as u64, expected.unique);
    drop(clients);
    first.stop().await;
    second.stop().await;
}

async fn counters_stay_exact_while_aggregators_come_and_go(database: &Database) {
    let target = Target::start(database).await;
    let mut clients = JoinSet::new();
    for number in 0..4 {
        clients.spawn(publish_overlapping(target.client.another(), number, 25));
    }
    // Each start folds the counters' rows while others append theirs.
    for _ in 0..10 {
        let visitor = Target::start(database).await;
        visitor.client.counters().await;
        visitor.stop().await;
    }
    let inserted: u64 = clients.join_all().await.iter().map(|(_, inserted)| inserted).sum();
    let counters = target.client.counters().await;
    assert_eq!((counters.received, counters.unique), (4 * 25 * 100, inserted));
    target.stop().await;
}
