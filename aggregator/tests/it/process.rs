//! The program itself: its first line, its exit codes, its signals.

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::database::{Database, Gate};
use crate::program::{Program, command};
use crate::target::{Client, Counters, RawRequest, Target, event};

on_both_databases! {
    a_request_in_progress_gets_its_response_after_sigterm,
    requests_that_wait_at_sigterm_are_stored_and_get_responses,
    queued_requests_of_gone_clients_are_stored_after_sigterm,
    a_kill_under_load_keeps_every_acknowledged_event,
}

async fn a_request_in_progress_gets_its_response_after_sigterm(database: &Database) {
    let mut program = Program::start(database).await;
    let body = event("t", "1").to_string();
    let mut connection = TcpStream::connect(program.client.address).await.unwrap();
    let head = format!(
        "POST /publish HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The service sends "100 Continue" once a handler reads the body: from here on the request is
    // in progress.
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    program.signal(Signal::TERM);
    program.wait_for_log("stopping").await;
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert!(
        response.ends_with(r#"{"status":"accepted","accepted":1,"inserted":1,"duplicates":0}"#),
        "{response}"
    );
    assert_eq!(program.child.wait().await.unwrap().code(), Some(0));

    let target = Target::start(database).await;
    assert_eq!(target.client.ids().await, ["1"]);
    target.stop().await;
}

/// A program with one request at the database and one in its queue, which holds one.
struct Occupied {
    program: Program,
    gate: Gate,
    at_the_database: RawRequest,
    in_the_queue: RawRequest,
    /// Number of accepted requests, each with one event of its own.
    accepted: u64,
}

impl Occupied {
    async fn start(database: &Database) -> Self {
        let program = Program::start_with(database, &[("WRITERS", "1"), ("QUEUE_REQUESTS", "1")]).await;
        let mut gate = database.hold_transactions().await;
        let client = program.client.clone();
        let mut accepted = 0;
        // On SQLite the transaction may end before the two others arrive, and then it takes another
        // turn.
        loop {
            let at_the_database = RawRequest::publish(&client, &[event("held", &accepted.to_string())]).await;
            gate.reached().await;
            let mut one = RawRequest::publish(&client, &[event("one", &accepted.to_string())]).await;
            let mut other = RawRequest::publish(&client, &[event("other", &accepted.to_string())]).await;
            let (first, in_the_queue) = tokio::select! {
                () = one.response_begins() => (one, other),
                () = other.response_begins() => (other, one),
            };
            // There is room for one of them: if one is refused, the other one waits.
            if first.response().await.starts_with("HTTP/1.1 503") {
                accepted += 2;
                return Self { program, gate, at_the_database, in_the_queue, accepted };
            }
            for request in [at_the_database, in_the_queue] {
                assert!(request.response().await.starts_with("HTTP/1.1 200"));
            }
            accepted += 3;
        }
    }

    /// Tells the program to stop, releases the database, and waits for the end.
    async fn stop(mut program: Program, gate: Gate) {
        program.signal(Signal::TERM);
        program.wait_for_log("stopping").await;
        gate.open().await;
        assert_eq!(program.child.wait().await.unwrap().code(), Some(0));
    }
}

async fn requests_that_wait_at_sigterm_are_stored_and_get_responses(database: &Database) {
    let Occupied { program, gate, at_the_database, in_the_queue, accepted } = Occupied::start(database).await;
    Occupied::stop(program, gate).await;
    for request in [at_the_database, in_the_queue] {
        let response = request.response().await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }
    assert_all_stored(database, accepted).await;
}

async fn queued_requests_of_gone_clients_are_stored_after_sigterm(database: &Database) {
    let Occupied { program, gate, at_the_database, in_the_queue, accepted } = Occupied::start(database).await;
    // Without a client, only the writer keeps the program from ending.
    for request in [at_the_database, in_the_queue] {
        assert_eq!(request.hang_up().await, "");
    }
    Occupied::stop(program, gate).await;
    assert_all_stored(database, accepted).await;
}

async fn assert_all_stored(database: &Database, events: u64) {
    let target = Target::start(database).await;
    assert_eq!(target.client.ids().await.len() as u64, events);
    let counters = Counters { received: events, unique: events, duplicates: 0 };
    assert_eq!(target.client.counters().await, counters);
    target.stop().await;
}

/// Publishes each event twice until the connection breaks, and returns the ids that were
/// acknowledged.
async fn publish_until_it_breaks(client: Client, name: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for turn in 0.. {
        let id = format!("{name}/{turn}");
        let batch = json!([event("t", &id), event("t", &id)]);
        match client.try_post("/publish", batch.to_string()).await {
            Ok(response) => match response.status() {
                StatusCode::OK => acknowledged.push(id),
                // A busy database refuses for now.
                status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
            },
            Err(_) => break,
        }
    }
    acknowledged
}

async fn a_kill_under_load_keeps_every_acknowledged_event(database: &Database) {
    for round in 0..6 {
        let program = Program::start(database).await;
        let mut publishers = JoinSet::new();
        for number in 0..8 {
            publishers.spawn(publish_until_it_breaks(program.client.another(), round * 10 + number));
        }
        let before = program.client.counters().await.received;
        while program.client.counters().await.received < before + 100 {}
        // A response comes soon after a commit, and so would the kill: each round kills a little
        // later.
        for _ in 0..round {
            program.client.counters().await;
        }
        program.signal(Signal::KILL);
        let acknowledged = publishers.join_all().await;
        drop(program);

        let target = Target::start(database).await;
        let stored = target.client.ids().await;
        for id in acknowledged.iter().flatten() {
            assert!(stored.contains(id), "{id} was acknowledged and is not stored");
        }
        let rows = stored.len() as u64;
        let expected = Counters { received: 2 * rows, unique: rows, duplicates: rows };
        assert_eq!(target.client.counters().await, expected);
        target.stop().await;
    }
}

#[tokio::test]
async fn a_wrong_setting_is_one_message_with_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("sqlite:{}/missing/events.db", folder.path().display());
    let cases = [
        ("DATABASE_URL", nowhere.as_str(), 1, "does its folder exist"),
        ("DATABASE_URL", "postgres://user:secret@127.0.0.1:1/events", 1, "is PostgreSQL running there"),
        ("DATABASE_URL", "mysql://127.0.0.1/events", 2, "must begin with sqlite: or postgres://"),
        ("LISTEN", "8080", 2, "must be a host and a port"),
        ("LISTEN", "192.0.2.1:8080", 1, "choose another address with LISTEN"),
        ("ACK", "soon", 2, "possible values: committed"),
        ("INVALID_STATUS", "500", 2, "possible values: 422, 400"),
        ("MAX_BATCH", "none", 2, "error: MAX_BATCH=none: invalid digit"),
        ("DATABASE_WAIT_SEC", "-1", 2, "error: DATABASE_WAIT_SEC=-1: "),
        ("AUTH_TOKEN", " ", 2, "error: AUTH_TOKEN: the token is empty"),
        (
            "AUTH_TOKEN_FILE",
            "/nowhere/token",
            2,
            "AUTH_TOKEN_FILE=/nowhere/token: cannot read the token file",
        ),
    ];
    for (variable, value, code, message) in cases {
        let file = format!("sqlite:{}/events.db", folder.path().display());
        let output =
            command(&file).env("DATABASE_WAIT_SEC", "0").env(variable, value).output().await.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{variable}={value}: {text}");
        assert!(text.contains(message), "{variable}={value}: {text}");
        assert!(!text.contains("secret"), "{text}");
        if code == 1 {
            assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        }
    }
}

#[tokio::test]
async fn the_log_tells_what_the_environment_sets_and_an_empty_variable_sets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&format!("sqlite:{}/events.db", folder.path().display()));
    command.envs([("WORKERS", "3"), ("MAX_BATCH", ""), ("AUTH_TOKEN", ""), ("RUST_LOG", "")]);
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = async || log.next_line().await.unwrap().unwrap();
    assert!(next().await.contains("listening on http://"));
    let taken = next().await;
    assert!(taken.ends_with("from the environment: LISTEN=127.0.0.1:0, DATABASE_URL, WORKERS=3"), "{taken}");
    assert!(next().await.ends_with("empty, and so not set: AUTH_TOKEN, MAX_BATCH"));
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_default_database_is_a_file_in_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command("");
    let mut child = command.env_remove("DATABASE_URL").current_dir(folder.path()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.next_line().await.unwrap().unwrap().contains("listening on http://127.0.0.1:"));
    assert!(folder.path().join("onceproof.db").exists());
    child.kill().await.unwrap();
}
