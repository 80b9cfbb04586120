//! `/live` and `/ready`, which orchestrators ask, and the program that asks for them.

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::database::Database;
use crate::in_time;
use crate::program::{Program, command};
use crate::target::{Client, Target, event};

async fn status(client: &Client, path: &str) -> (StatusCode, Value) {
    let response = client.get(path).await;
    (response.status(), response.json::<Value>().await.unwrap()["status"].clone())
}

#[tokio::test]
async fn a_service_whose_last_write_failed_is_alive_and_not_ready_until_one_would_succeed() {
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| settings.store_timeout_sec = 1).await;
    in_time(async {
        let client = &target.client;
        assert_eq!(status(client, "/ready").await, (StatusCode::OK, json!("ready")));
        let blockade = database.block_writers().await;
        let response = client.post("/publish", event("t", "1").to_string()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let not_ready = (StatusCode::SERVICE_UNAVAILABLE, json!("last write failed"));
        assert_eq!(status(client, "/ready").await, not_ready);
        assert_eq!(status(client, "/live").await, (StatusCode::OK, json!("alive")));
        assert_eq!(status(client, "/health").await, (StatusCode::OK, json!("healthy")));
        blockade.release().await;
        // No event arrives meanwhile.
        while status(client, "/ready").await == not_ready {}
        assert_eq!(status(client, "/ready").await, (StatusCode::OK, json!("ready")));
        // Events that the database rejects say nothing about the service.
        database
            .execute(
                "CREATE TRIGGER no BEFORE INSERT ON processed_events BEGIN SELECT raise(ABORT, 'no'); END",
            )
            .await;
        let response = client.post("/publish", event("t", "1").to_string()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(client, "/ready").await, (StatusCode::OK, json!("ready")));
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_service_that_is_stopping_is_not_ready() {
    let database = Database::sqlite();
    let mut program = Program::start(&database).await;
    in_time(async {
        // A request whose head is still arriving when the signal comes is served to its end.
        let mut late = TcpStream::connect(program.client.address).await.unwrap();
        late.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
        while !program.client.get("/metrics").await.text().await.unwrap().contains("open_connections 2") {}
        program.signal(Signal::TERM);
        program.wait_for_log("stopping").await;
        late.write_all(b"\r\n").await.unwrap();
        let mut answer = String::new();
        late.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("draining"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn the_program_says_by_its_exit_code_whether_a_service_is_ready() {
    let database = Database::sqlite();
    let program = Program::start(&database).await;
    in_time(async {
        let address = program.client.address.to_string();
        let url = format!("http://{address}");
        let asked = async |arguments: &[&str], listen: &str| {
            let mut asking = command(&database.url());
            asking.args(arguments).env("LISTEN", listen).output().await.unwrap()
        };
        assert_eq!(asked(&["--check-ready"], &address).await.status.code(), Some(0));
        assert_eq!(asked(&["--check-ready", &url], "127.0.0.1:1").await.status.code(), Some(0));
        for (arguments, listen) in
            [(&["--check-ready"][..], "127.0.0.1:1"), (&["--check-ready", "ftp://x"], &address)]
        {
            let output = asked(arguments, listen).await;
            assert_eq!(output.status.code(), Some(1));
            assert!(!output.stderr.is_empty());
        }
        // It is ready no more.
        let file = database.url();
        std::fs::remove_file(file.strip_prefix("sqlite:").unwrap()).unwrap();
        let output = asked(&["--check-ready"], &address).await;
        assert_eq!(output.status.code(), Some(1));
        let reason = String::from_utf8(output.stderr).unwrap();
        assert!(reason.contains("is not ready: {\"ok\":false"), "{reason}");
    })
    .await;
}
