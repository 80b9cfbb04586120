//! Clients that hang up, at every stage of a request: nobody's event is lost, no batch is torn.

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::target::{Client, Target, event};
use serde_json::{Value, json};

on_both_databases! {
    clients_that_hang_up_lose_nobodys_event,
}

const EVENTS_PER_BATCH: usize = 5;

fn batch(name: &str) -> Vec<Value> {
    (0..EVENTS_PER_BATCH).map(|place| event("t", &format!("{name}/{place}"))).collect()
}

/// Sends a request up to a byte that differs from turn to turn, and closes the connection.
async fn hang_up(client: Client, name: String, turn: usize) {
    let body = json!(batch(&name)).to_string();
    let request =
        format!("POST /publish HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // Every third turn sends all of it, and hangs up while the commit runs.
    let cut = if turn.is_multiple_of(3) { request.len() } else { (turn * 97) % request.len() };
    let mut connection = TcpStream::connect(client.address).await.unwrap();
    // A service that has already seen enough may have closed the connection.
    drop(connection.write_all(&request.as_bytes()[..cut]).await);
}

async fn clients_that_hang_up_lose_nobodys_event(database: &Database) {
    let target = Target::start(database).await;
    let mut faithful = JoinSet::new();
    let mut fickle = JoinSet::new();
    for number in 0..4 {
        let client = target.client.another();
        faithful.spawn(async move {
            let mut told = Vec::new();
            for turn in 0..40 {
                let batch = batch(&format!("faithful {number} {turn}"));
                let receipt = client.publish(&batch).await;
                assert_eq!(receipt["inserted"], EVENTS_PER_BATCH);
                told.extend(batch.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()));
            }
            told
        });
        let client = target.client.another();
        fickle.spawn(async move {
            for turn in 0..120 {
                hang_up(client.clone(), format!("fickle {number} {turn}"), turn).await;
            }
        });
        // Readers hang up as well: a cancelled read must leave nothing open on its connection.
        let client = target.client.another();
        fickle.spawn(async move {
            for turn in 0..60 {
                let path = ["/stats", "/events", "/health"][turn % 3];
                let mut connection = TcpStream::connect(client.address).await.unwrap();
                let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
                drop(connection.write_all(request.as_bytes()).await);
            }
        });
    }
    let acknowledged: BTreeSet<String> = faithful.join_all().await.into_iter().flatten().collect();
    fickle.join_all().await;
    // A stop drains the queue: what those who hung up have sent whole is stored or will never be.
    target.stop().await;

    let target = Target::start(database).await;
    let stored: BTreeSet<String> = target.client.ids().await.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and not stored: {lost:?}");
    let counters = target.client.counters().await;
    assert_eq!(counters.unique, stored.len() as u64);
    assert_eq!(counters.duplicates, 0);

    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for id in &stored {
        *sizes.entry(id.split_once('/').unwrap().0).or_default() += 1;
    }
    assert!(sizes.values().all(|size| *size == EVENTS_PER_BATCH), "torn: {sizes:?}");
    target.stop().await;
}
