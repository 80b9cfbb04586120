//! Shards of a run whose listing shows each row once: one look is for all of them.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};
use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::scenario::promises::{PayloadEquality, TimestampEquality};
use truth::target::Stats;

use crate::api::{Api, document, ok, status};
use crate::binary::{shards, small, stderr, stdout, verify};

/// Two shards that nobody looked for.
fn unseen(out: &Path) -> [RunFolder; 2] {
    let folders = shards(out, |part| {
        part.scenario.target.stats = Stats::default();
        part.promises.payload = PayloadEquality::Json;
        part.promises.timestamp = TimestampEquality::Instant;
        let listing = r#"
            path = "/take"
            rows = "/rows"
            next = "again"
            drains = true
            complete = true
            fields = { topic = "topic", event_id = "id", timestamp = "at", payload = "data" }
        "#;
        part.scenario.target.listing = toml::from_str(listing).expect("a listing");
        part.baseline = Some(Baseline::nothing());
        part.closing = None;
        part.polls.clear();
    });
    for folder in &folders {
        fs::remove_dir_all(folder.observation(1)).expect("an observation");
    }
    folders
}

/// Queue that gives fifty rows at a time, once.
async fn queue() -> Api {
    let rows: Vec<Value> = small().run().rows.iter().map(document).collect();
    let queue = Mutex::new(rows);
    Api::start(move |_| {
        let mut queue = queue.lock().expect("no test panics here");
        let most = queue.len().min(50);
        let page: Vec<Value> = queue.drain(..most).collect();
        ok(json!({ "rows": page }))
    })
    .await
}

fn look(folder: &RunFolder, api: &Api) -> (Option<i32>, String, String) {
    let path = folder.path().to_str().expect("an ASCII path");
    let output = verify(&[path, "--target", &api.url, "--settle", "100ms"], Path::new("."));
    (output.status.code(), stdout(&output), stderr(&output))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_for_one_shard_is_a_look_for_the_other_and_is_not_repeated() {
    for order in [[0, 1], [1, 0]] {
        let out = tempfile::tempdir().unwrap();
        let folders = unseen(out.path());
        let [looked, other] = order.map(|nth| &folders[nth]);
        let api = queue().await;
        let (code, said, noted) = look(looked, &api);
        assert_eq!(code, Some(0), "{said}{noted}");
        let asked = api.count("GET", "/take");
        assert!(asked > 9, "{asked}");
        for folder in [other, looked] {
            let (code, said, noted) = look(folder, &api);
            let expected = format!("observation 1 in {} took its rows", looked.path().display());
            assert!(code == Some(4) && noted.contains(&expected), "{code:?} {said}{noted}");
        }
        assert_eq!(api.count("GET", "/take"), asked, "no row is taken again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_response_that_failed_are_not_lost() {
    for takes in [true, false] {
        let out = tempfile::tempdir().unwrap();
        let [folder, _] = unseen(out.path());
        let queue = Mutex::new((0, small().run().rows.iter().map(document).collect::<Vec<Value>>()));
        let api = Api::start(move |_| {
            let mut queue = queue.lock().expect("no test panics here");
            queue.0 += 1;
            let is_third = queue.0 == 3;
            let most = if is_third && !takes { 0 } else { queue.1.len().min(50) };
            let page: Vec<Value> = queue.1.drain(..most).collect();
            if is_third { status(500) } else { ok(json!({ "rows": page })) }
        })
        .await;
        let (code, said, noted) = look(&folder, &api);
        assert_eq!(code, Some(if takes { 3 } else { 0 }), "{takes}: {said}{noted}");
        assert_eq!(said.contains("the rows of its response may be gone"), takes, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_is_taken_while_a_shard_is_missing() {
    let out = tempfile::tempdir().unwrap();
    let [first, second] = unseen(out.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("second");
    fs::rename(second.path(), &moved).unwrap();
    let api = queue().await;
    let (code, said, noted) = look(&first, &api);
    assert!(code == Some(4) && noted.contains("1 of 2 are here"), "{code:?} {said}{noted}");
    assert_eq!(api.count("GET", "/take"), 0);
    let paths = [first.path().to_str().unwrap(), moved.to_str().unwrap()];
    let output = verify(&[paths[0], paths[1], "--target", &api.url, "--settle", "100ms"], Path::new("."));
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}
