//! The metrics for Prometheus, and the logs for a collector.

use aggregator::Ack;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::database::Database;
use crate::in_time;
use crate::program::command;
use crate::target::{Client, RawRequest, Target, event};

on_both_databases! {
    events_and_responses_are_counted,
    in_the_queued_mode_events_are_received_at_once_and_stored_later,
    waiting_requests_are_shown,
}

/// Samples of one scrape, in a form in which each can be looked up.
struct Scrape(String);

impl Scrape {
    async fn of(client: &Client) -> Self {
        let response = client.get("/metrics").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
        let text = response.text().await.unwrap();
        for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
            let name = line.split(' ').nth(2).unwrap();
            assert!(name.starts_with("onceproof_"), "{name}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} is not explained");
        }
        Self(text)
    }

    /// Returns the value of a series, named as the text names it.
    fn get(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }
}

#[track_caller]
fn assert_samples(scrape: &Scrape, expected: &[(&str, f64)]) {
    for (series, value) in expected {
        assert_eq!(scrape.get(series), Some(*value), "{series} in\n{}", scrape.0);
    }
}

async fn events_and_responses_are_counted(database: &Database) {
    let target = Target::start(database).await;
    let client = &target.client;
    client.publish(&[event("t", "1"), event("t", "2"), event("t", "1")]).await;
    client.publish(&[event("t", "2")]).await;
    assert_eq!(client.post("/publish", "{}").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for path in ["/nowhere", "/nowhere/else"] {
        assert_eq!(client.get(path).await.status(), StatusCode::NOT_FOUND);
    }
    client.counters().await;

    let scrape = Scrape::of(client).await;
    assert_samples(
        &scrape,
        &[
            ("onceproof_events_received_total", 4.0),
            ("onceproof_events_inserted_total", 2.0),
            ("onceproof_events_duplicate_total", 2.0),
            (r#"onceproof_http_requests_total{route="/publish",status="200"}"#, 2.0),
            (r#"onceproof_http_requests_total{route="/publish",status="422"}"#, 1.0),
            (r#"onceproof_http_requests_total{route="/stats",status="200"}"#, 1.0),
            (r#"onceproof_http_requests_total{route="none",status="404"}"#, 2.0),
            (r#"onceproof_statement_events_sum{work="store"}"#, 4.0),
            (r#"onceproof_statement_events_count{work="store"}"#, 2.0),
            (r#"onceproof_statement_events_bucket{work="store",le="1"}"#, 1.0),
            (r#"onceproof_commit_seconds_count{work="store"}"#, 2.0),
            (r#"onceproof_write_failures_total{kind="unknown"}"#, 0.0),
            ("onceproof_inbox_pending_events", 0.0),
            ("onceproof_inbox_processing_events", 0.0),
            ("onceproof_queue_requests", 0.0),
            ("onceproof_queue_bytes", 0.0),
        ],
    );
    target.stop().await;
}

async fn in_the_queued_mode_events_are_received_at_once_and_stored_later(database: &Database) {
    let target = Target::start_with(database, |settings| settings.ack = Ack::Queued).await;
    let client = &target.client;
    let batch = json!([event("t", "1"), event("t", "2"), event("t", "1")]).to_string();
    assert_eq!(client.post("/publish", batch).await.status(), StatusCode::ACCEPTED);
    let scrape = Scrape::of(client).await;
    assert_samples(
        &scrape,
        &[
            ("onceproof_events_received_total", 3.0),
            (r#"onceproof_statement_events_sum{work="accept"}"#, 3.0),
        ],
    );
    let scrape = until(client, |scrape| scrape.get("onceproof_events_inserted_total") == Some(2.0)).await;
    assert_samples(
        &scrape,
        &[
            ("onceproof_events_received_total", 3.0),
            ("onceproof_inbox_pending_events", 0.0),
            (r#"onceproof_statement_events_sum{work="drain"}"#, 3.0),
        ],
    );
    until(client, |scrape| scrape.get("onceproof_events_duplicate_total") == Some(1.0)).await;
    target.stop().await;
}

/// Scrapes until the condition holds, and returns the last scrape.
async fn until(client: &Client, is_told: impl Fn(&Scrape) -> bool) -> Scrape {
    loop {
        let scrape = Scrape::of(client).await;
        if is_told(&scrape) {
            return scrape;
        }
    }
}

async fn waiting_requests_are_shown(database: &Database) {
    let target = Target::start_with(database, |settings| {
        settings.writers = 1;
        // No request times out before all has been seen.
        settings.store_timeout_sec = 60;
    })
    .await;
    let blockade = database.block_writers().await;
    let publish = async |id| RawRequest::publish(&target.client, &[event("t", id)]).await;
    let client = &target.client;
    let requests = "onceproof_queue_requests";
    let bytes = "onceproof_queue_bytes";
    // The writer has the first, and the others wait for it.
    let first = publish("1").await;
    let alone = until(client, |scrape| scrape.get(bytes) > Some(0.0) && scrape.get(requests) == Some(0.0));
    let of_the_first = alone.await.get(bytes);
    let second = publish("2").await;
    let third = publish("3").await;
    let idle = TcpStream::connect(client.address).await.unwrap();
    // The scrape has a connection, too, and its client may keep one more open.
    let open = "onceproof_open_connections";
    let together = until(client, |scrape| scrape.get(requests) == Some(2.0) && scrape.get(open) >= Some(5.0));
    assert!(together.await.get(bytes) > of_the_first);
    blockade.release().await;
    for request in [first, second, third] {
        assert!(request.response().await.starts_with("HTTP/1.1 200"));
    }
    drop(idle);
    until(client, |scrape| scrape.get(bytes) == Some(0.0) && scrape.get(open) < Some(5.0)).await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_all_but_the_inbox_is_shown() {
    let database = Database::postgres().await;
    let target = Target::start(&database).await;
    target.client.publish(&[event("t", "1")]).await;
    let name = database.name();
    database
        .execute_beside(&format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .await;
    let response = target.client.post("/publish", event("t", "2").to_string()).await;
    assert!(response.status().is_server_error());
    let scrape = Scrape::of(&target.client).await;
    assert_samples(&scrape, &[("onceproof_events_received_total", 1.0)]);
    let failures: f64 = ["unavailable", "unknown"]
        .map(|kind| scrape.get(&format!("onceproof_write_failures_total{{kind=\"{kind}\"}}")).unwrap())
        .into_iter()
        .sum();
    assert!(failures >= 1.0, "{}", scrape.0);
    assert_eq!(scrape.get("onceproof_inbox_pending_events"), None);
    target.stop().await;
    database.execute_beside(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    database.remove().await;
}

#[tokio::test]
async fn requests_without_the_token_are_counted_and_shown_nothing() {
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| {
        settings.auth_token = Some("s3cret".parse().unwrap());
    })
    .await;
    in_time(async {
        assert_eq!(target.client.get("/metrics").await.status(), StatusCode::UNAUTHORIZED);
        let request = target.client.request(Method::GET, "/metrics").bearer_auth("s3cret");
        let text = request.send().await.unwrap().text().await.unwrap();
        let series = r#"onceproof_http_requests_total{route="/metrics",status="401"} 1"#;
        assert!(text.contains(series), "{text}");
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_log_of_objects_has_one_on_each_line() {
    let database = Database::sqlite();
    in_time(async {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let output = command(&database.url())
            .env("LOG_FORMAT", "json")
            .env("LISTEN", &address)
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["level"], "ERROR");
        assert!(entry["message"].as_str().unwrap().contains("choose another address with LISTEN"), "{line}");
    })
    .await;
}
