//! Clients that hang up at every stage of a request: no event is lost, no batch is torn.

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::target::{Client, Counters, RawRequest, Target, event, raw_publish};
use serde_json::{Value, json};

on_both_databases! {
    clients_that_hang_up_lose_no_event,
    a_request_cut_off_at_any_byte_is_not_stored_and_a_whole_one_is_stored_whole,
    a_client_that_hangs_up_while_its_commit_runs_has_its_events_stored_and_counted,
}

const EVENTS_PER_BATCH: usize = 5;

fn batch(name: &str) -> Vec<Value> {
    (0..EVENTS_PER_BATCH).map(|place| event("t", &format!("{name}/{place}"))).collect()
}

/// Sends a request up to a byte that differs from turn to turn, and closes the connection.
async fn hang_up(client: Client, name: String, turn: usize) {
    let body = json!(batch(&name)).to_string();
    let request =
        format!("POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // Every third turn sends all of it, and hangs up while the commit runs.
    let cut = if turn.is_multiple_of(3) { request.len() } else { (turn * 97) % request.len() };
    let mut connection = TcpStream::connect(client.address).await.unwrap();
    // A service that has read enough may have closed the connection already.
    drop(connection.write_all(&request.as_bytes()[..cut]).await);
}

async fn clients_that_hang_up_lose_no_event(database: &Database) {
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
                let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
                drop(connection.write_all(request.as_bytes()).await);
            }
        });
    }
    let acknowledged: BTreeSet<String> = faithful.join_all().await.into_iter().flatten().collect();
    fickle.join_all().await;
    // A stop drains the queue: a whole request of a client that hung up is stored now, or never.
    target.stop().await;

    let target = Target::start(database).await;
    let stored: BTreeSet<String> = target.client.ids().await.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged but not stored: {lost:?}");
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

async fn a_request_cut_off_at_any_byte_is_not_stored_and_a_whole_one_is_stored_whole(database: &Database) {
    let target = Target::start(database).await;
    let whole = raw_publish(&batch("cut 0000")[..2]).len();
    for end in 0..whole {
        let request =
            RawRequest::publish_until(&target.client, &batch(&format!("cut {end:04}"))[..2], end).await;
        let answer = request.hang_up().await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{end} of {whole} bytes: {answer}");
    }
    let mut answered = 0;
    for turn in 0..20 {
        let request = RawRequest::publish(&target.client, &batch(&format!("whole {turn:02}"))).await;
        let answer = request.hang_up().await;
        answered += usize::from(answer.starts_with("HTTP/1.1 200"));
        target.client.publish(&batch(&format!("faithful {turn}"))).await;
    }
    target.stop().await;

    let target = Target::start(database).await;
    let stored = target.client.ids().await;
    let of = |name: &str| stored.iter().filter(|id| id.starts_with(name)).count();
    assert_eq!((of("cut"), of("faithful")), (0, 20 * EVENTS_PER_BATCH));
    for turn in 0..20 {
        let events = of(&format!("whole {turn:02}/"));
        assert!([0, EVENTS_PER_BATCH].contains(&events), "torn: {events} events");
    }
    assert!(of("whole") >= answered * EVENTS_PER_BATCH, "acknowledged but not stored");
    let rows = stored.len() as u64;
    assert_eq!(target.client.counters().await, Counters { received: rows, unique: rows, duplicates: 0 });
    target.stop().await;
}

async fn a_client_that_hangs_up_while_its_commit_runs_has_its_events_stored_and_counted(database: &Database) {
    let target = Target::start_with(database, |settings| settings.writers = 1).await;
    let mut gate = database.hold_transactions().await;
    let abandoned = [event("held", "1"), event("held", "2"), event("held", "1")];
    let request = RawRequest::publish(&target.client, &abandoned).await;
    gate.reached().await;
    assert_eq!(request.hang_up().await, "", "no response before the commit");

    // Other requests wait behind it, with one of its keys among theirs.
    let mut others = JoinSet::new();
    for number in 0..5 {
        let client = target.client.another();
        let events = [event("t", &number.to_string()), event("held", "2")];
        others.spawn(async move { client.publish(&events).await["results"].clone() });
    }
    gate.open().await;
    for results in others.join_all().await {
        assert_eq!(results, json!(["inserted", "duplicate"]));
    }
    let ids: BTreeSet<String> = target.client.ids().await.into_iter().collect();
    let expected = ["0", "1", "2", "3", "4"].map(str::to_owned);
    assert_eq!(ids, BTreeSet::from(expected));
    assert_eq!(target.client.list("topic=held", 10).await.len(), 2);
    assert_eq!(target.client.counters().await, Counters { received: 13, unique: 7, duplicates: 6 });
    target.stop().await;
}
