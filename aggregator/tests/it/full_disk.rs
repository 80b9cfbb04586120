//! A full disk, on SQLite. A limit on the size of the program's files stands in for the end of the
//! disk.

use std::process::Stdio;

use reqwest::StatusCode;
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::json;
use tokio::process::Command;

use crate::database::Database;
use crate::program::{Program, command};
use crate::target::{Client, Counters, Target, event};

/// Room for the tables and some dozens of events.
const ROOM_BYTES: u64 = 1024 * 1024;
const PAYLOAD_BYTES: usize = 16 * 1024;

/// Returns the program, which gets an error at a file's limit, as at the end of a disk, and no
/// signal.
fn without_signal(database: &Database) -> Command {
    let program = command(&database.url());
    let program = program.as_std();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap '' XFSZ; exec "$0""#]).arg(program.get_program()).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    shell
}

/// Limits the size of the program's files.
fn limit_files(program: &Program, bytes: Option<u64>) {
    // Only the soft limit, so that it can be lifted again.
    prlimit(Some(program.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

async fn publish(client: &Client, id: &str) -> StatusCode {
    let mut large = event("t", id);
    large["payload"] = json!({ "text": "x".repeat(PAYLOAD_BYTES) });
    let response = client.post("/publish", json!([large, large]).to_string()).await;
    let status = response.status();
    if status != StatusCode::OK {
        // A write has failed, and not the sync after it: nothing was stored for certain.
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{id}");
        assert!(response.headers().contains_key("retry-after"));
    }
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_no_acknowledged_event_and_needs_no_restart() {
    crate::in_time(async {
        let database = Database::sqlite();
        let program = Program::spawn(&mut without_signal(&database)).await;
        let client = &program.client;
        limit_files(&program, Some(ROOM_BYTES));
        let mut told = Vec::new();
        let mut failures = 0;
        while failures < 5 {
            let id = told.len().to_string();
            let status = publish(client, &id).await;
            failures += usize::from(status != StatusCode::OK);
            told.push((id, status));
            assert!((told.len() * PAYLOAD_BYTES) < 4 * ROOM_BYTES as usize, "the limit does not hold");
        }
        // Stored events can still be read.
        let listed = client.ids().await;
        client.counters().await;

        limit_files(&program, None);
        assert_eq!(publish(client, "after").await, StatusCode::OK);
        told.push(("after".to_owned(), StatusCode::OK));
        assert!(listed.iter().all(|id| told.iter().any(|(name, _)| name == id)));
        drop(program);

        let target = Target::start(&database).await;
        let stored = target.client.ids().await;
        for (id, status) in &told {
            assert_eq!(stored.contains(id), *status == StatusCode::OK, "{id} was answered {status}");
        }
        let rows = stored.len() as u64;
        let expected = Counters { received: 2 * rows, unique: rows, duplicates: rows };
        assert_eq!(target.client.counters().await, expected);
        target.stop().await;
    })
    .await;
}
