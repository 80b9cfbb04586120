//! The database away, busy or back again: 503 where nothing was stored, 500 where nobody knows, recovery by itself.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::target::{Counters, Target, event};

on_both_databases! {
    a_busy_database_is_answered_503_and_served_again_when_it_is_free,
    a_full_queue_refuses_and_what_waits_is_stored,
}

fn assert_unavailable(response: &Response) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u32 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds >= 1);
}

async fn a_busy_database_is_answered_503_and_served_again_when_it_is_free(database: &Database) {
    let target = Target::start_with(database, |settings| settings.store_timeout_sec = 1).await;
    target.client.publish(&[event("t", "before")]).await;
    let blockade = database.block_writers().await;
    let response = target.client.post("/publish", event("t", "during").to_string()).await;
    assert_unavailable(&response);
    // Whoever only reads is not in anybody's way.
    assert_eq!(target.client.counters().await.received, 1);
    blockade.release().await;

    target.client.publish(&[event("t", "after")]).await;
    assert_eq!(target.client.ids().await, ["after", "before"]);
    assert_eq!(target.client.counters().await, Counters { received: 2, unique: 2, duplicates: 0 });
    target.stop().await;
}

async fn a_full_queue_refuses_and_what_waits_is_stored(database: &Database) {
    let target = Target::start_with(database, |settings| {
        settings.queue_requests = 1;
        settings.writers = 1;
    })
    .await;
    let blockade = database.block_writers().await;
    // Each request fills a group by itself. At most one is with the writer and one waits, so that one of three at least
    // is refused.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_postgres_is_answered_503_and_served_again_when_it_is_back() {
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
    // A writer's connection that died under it may leave the outcome open; without a connection nothing can be sent.
    let mut unknown = 0;
    for turn in 0..20 {
        let response =
            target.client.post("/publish", event("t", &format!("during {turn}")).to_string()).await;
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            assert_eq!(response.json::<Value>().await.unwrap(), json!({ "detail": "outcome unknown" }));
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
