//! The database down, busy or back again: 503 if nothing was stored, 500 if the outcome is unknown,
//! recovery by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Response, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::task::JoinSet;

use crate::cluster::{Cluster, Shutdown};
use crate::database::Database;
use crate::program::{Program, command};
use crate::target::{Client, Counters, Target, event};

on_both_databases! {
    a_busy_database_means_503_until_it_is_free,
    a_full_queue_refuses_and_waiting_requests_are_stored,
}

fn assert_unavailable(response: &Response) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u32 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds >= 1);
}

async fn assert_outcome_unknown(response: Response) {
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "detail": "outcome unknown" }));
}

async fn a_busy_database_means_503_until_it_is_free(database: &Database) {
    let target = Target::start_with(database, |settings| settings.store_timeout_sec = 1).await;
    target.client.publish(&[event("t", "before")]).await;
    let blockade = database.block_writers().await;
    let response = target.client.post("/publish", event("t", "during").to_string()).await;
    assert_unavailable(&response);
    // A reader blocks no writer.
    assert_eq!(target.client.counters().await.received, 1);
    blockade.release().await;

    target.client.publish(&[event("t", "after")]).await;
    assert_eq!(target.client.ids().await, ["after", "before"]);
    assert_eq!(target.client.counters().await, Counters { received: 2, unique: 2, duplicates: 0 });
    target.stop().await;
}

async fn a_full_queue_refuses_and_waiting_requests_are_stored(database: &Database) {
    let target = Target::start_with(database, |settings| {
        settings.queue_requests = 1;
        settings.writers = 1;
    })
    .await;
    let blockade = database.block_writers().await;
    // Each request fills a group by itself. At most one is with the writer and one waits, so at
    // least one of three is refused.
    const EVENTS: u64 = 10_000;
    let mut requests = JoinSet::new();
    for name in ["a", "b", "c"] {
        let client = target.client.another();
        let batch: Vec<_> = (0..EVENTS).map(|place| event(name, &place.to_string())).collect();
        requests.spawn(async move { client.post("/publish", json!(batch).to_string()).await });
    }
    let first = requests.join_next().await.unwrap().unwrap();
    assert_unavailable(&first);
    let detail: Value = first.json().await.unwrap();
    assert_eq!(detail, json!({ "detail": "too many requests wait for the database" }));
    blockade.release().await;

    let stored = requests.join_all().await.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert!(stored >= 1);
    let events = stored as u64 * EVENTS;
    assert_eq!(target.client.counters().await, Counters { received: events, unique: events, duplicates: 0 });
    target.stop().await;
}

#[tokio::test]
async fn the_start_waits_for_a_postgres_that_is_not_there_yet() {
    let mut cluster = Cluster::start().await;
    cluster.stop(Shutdown::Fast);
    // A stop while the program waits ends it at once, with the exit code of a normal stop.
    for waits in [false, true] {
        let mut child = command(&cluster.url()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = log.next_line().await.unwrap().unwrap();
        assert!(line.contains("is PostgreSQL running there"), "{line}");
        assert!(line.contains("retrying for up to "), "{line}");
        if waits {
            cluster.resume().await;
            while !log.next_line().await.unwrap().expect("it says where it listens").contains("listening on")
            {
            }
        }
        kill_process(Pid::from_raw(child.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    }
    // An error that will not pass by itself is not waited for.
    let nobody = cluster.url().replace("/postgres?", "/nobody?");
    let output = command(&nobody).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("does DATABASE_URL name the right user and database") && text.lines().count() == 1,
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_postgres_means_503_until_it_is_back() {
    let database = Database::postgres().await;
    let target = Target::start(&database).await;
    target.client.publish(&[event("t", "before")]).await;
    target.client.stats().await;

    let name = database.name();
    database
        .execute_beside(&format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .await;
    // A writer's connection that dies during a commit may leave the outcome unknown. Without a
    // connection nothing can be sent.
    let mut unknown = 0;
    for turn in 0..20 {
        let response =
            target.client.post("/publish", event("t", &format!("during {turn}")).to_string()).await;
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            assert_outcome_unknown(response).await;
            unknown += 1;
        } else {
            assert_unavailable(&response);
        }
    }
    assert!(
        unknown <= 4,
        "each of the four writers can lose one connection, {unknown} outcomes were unknown"
    );
    let health = target.client.get("/health").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.json::<Value>().await.unwrap()["ok"], false);
    assert_unavailable(&target.client.get("/stats").await);
    assert_unavailable(&target.client.get("/events").await);

    database.execute_beside(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    target.client.publish(&[event("t", "after")]).await;
    assert_eq!(target.client.get("/health").await.status(), StatusCode::OK);
    assert_eq!(target.client.ids().await, ["after", "before"]);
    assert_eq!(target.client.counters().await, Counters { received: 2, unique: 2, duplicates: 0 });
    target.stop().await;
    database.remove().await;
}

/// Responses to a client's events, by their ids.
#[derive(Default)]
struct Told {
    acknowledged: Vec<String>,
    /// Response 503: not stored, says the contract.
    refused: Vec<String>,
}

/// Publishes through an outage, until it is over and one more event is acknowledged.
async fn publish_through(client: Client, name: usize, is_over: Arc<AtomicBool>) -> Told {
    let mut told = Told::default();
    for turn in 0.. {
        let id = format!("{name}/{turn}");
        let was_over = is_over.load(Ordering::SeqCst);
        let response = client.post("/publish", json!([event("t", &id), event("t", &id)]).to_string()).await;
        match response.status() {
            StatusCode::OK => {
                told.acknowledged.push(id);
                if was_over {
                    break;
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert_unavailable(&response);
                told.refused.push(id);
            }
            _ => assert_outcome_unknown(response).await,
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_stops_and_starts_again_costs_no_acknowledged_event() {
    crate::in_time(async {
        let mut cluster = Cluster::start().await;
        let database = Database::Postgres { admin_url: cluster.url(), name: "postgres".to_owned() };
        let program = Program::start(&database).await;
        let client = &program.client;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut publishers = JoinSet::new();
        for number in 0..2 {
            publishers.spawn(publish_through(client.another(), number, Arc::clone(&is_over)));
        }
        for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
            let before = client.counters().await.received;
            while client.counters().await.received < before + 100 {}
            tokio::task::block_in_place(|| cluster.stop(shutdown));

            let health = client.get("/health").await;
            assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(client.get("/ready").await.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(client.get("/live").await.status(), StatusCode::OK);
            for path in ["/stats", "/events"] {
                assert_unavailable(&client.get(path).await);
            }
            assert_memory_is_bounded(&program).await;

            cluster.resume().await;
            while client.get("/ready").await.status() != StatusCode::OK {}
        }
        is_over.store(true, Ordering::SeqCst);
        let told = publishers.join_all().await;

        let stored: BTreeSet<String> = client.ids().await.into_iter().collect();
        for id in told.iter().flat_map(|told| &told.acknowledged) {
            assert!(stored.contains(id), "{id} was acknowledged and is not stored");
        }
        for id in told.iter().flat_map(|told| &told.refused) {
            assert!(!stored.contains(id), "{id} was refused and is stored");
        }
        let rows = stored.len() as u64;
        let expected = Counters { received: 2 * rows, unique: rows, duplicates: rows };
        assert_eq!(client.counters().await, expected);
    })
    .await;
}

/// Sends far more than the program may hold while nothing can be stored.
async fn assert_memory_is_bounded(program: &Program) {
    const REQUESTS: usize = 40;
    const REQUEST_BYTES: usize = 512 * 1024;
    const MOST_KIB: u64 = 10 * 1024;
    let mut large = event("t", "large");
    large["payload"] = json!({ "text": "x".repeat(REQUEST_BYTES) });
    let large = large.to_string();
    let send = async |count: usize| {
        for _ in 0..count {
            let response = program.client.post("/publish", large.clone()).await;
            assert!(response.status().is_server_error());
        }
    };
    send(4).await;
    let before = program.peak_memory_kib();
    send(REQUESTS).await;
    let after = program.peak_memory_kib();
    if let (Some(before), Some(after)) = (before, after) {
        // The kernel's peak is exact to some pages only, so a later reading may be smaller.
        assert!(after.saturating_sub(before) < MOST_KIB, "{before} KiB grew to {after} KiB");
    }
}
