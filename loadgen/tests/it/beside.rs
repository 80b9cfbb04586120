//! Requests beside the load: measured by themselves, and in nothing else.

use crate::program::Loadgen;
use crate::raw::Raw;

const LOAD: &str = r#"
    [[load.beside]]
    name = "search"
    path = "/search?q={{env:BESIDE_KEY}}&at={{now.date}}"
    share = "50%"
    [[load.beside]]
    name = "write"
    method = "POST"
    path = "/other"
    body = '{"key":"{{env:BESIDE_KEY}}"}'
    headers = { x-own = "1" }
    rate = "200/s"
    "#;

#[test]
fn they_are_sent_beside_the_load_and_measured_under_their_names() {
    let raw = Raw::answering("{}");
    let arguments = format!("--rate 1000 --duration 1s --batch 10 -c 4 --target {}", raw.address);
    let load = Loadgen::with(&arguments).scenario(LOAD);
    let mut command = load.command();
    let output = command.env("BESIDE_KEY", "beside-secret/1").output().unwrap();
    let ran = load.ran(output);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let summary = ran.summary();
    let requests = raw.requests("POST");
    let (beside, events): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.head.starts_with("POST /other "));
    assert_eq!((events.len(), summary["events"]["acked"].as_u64()), (100, Some(1000)));
    assert_eq!(summary["requests"]["sent"], 100);
    assert_eq!(ran.tries().len(), 100, "the ledger knows nothing of the others");
    for request in &beside {
        assert_eq!(request.body, br#"{"key":"beside-secret/1"}"#);
        assert!(request.head.contains("content-type: application/json\r\n"), "{}", request.head);
        assert!(request.head.contains("x-own: 1\r\n"), "{}", request.head);
    }
    let read = raw.heads("GET /search");
    assert!(read.iter().all(|head| head.starts_with("GET /search?q=beside-secret%2F1&at=20")), "{read:?}");
    let [search, write] = [&summary["beside"][0], &summary["beside"][1]];
    assert_eq!((&search["name"], &search["connections"]), (&"search".into(), &2.into()));
    assert_eq!((&write["name"], &write["connections"]), (&"write".into(), &4.into()));
    for (measured, arrived) in [(search, read.len()), (write, beside.len())] {
        let sent = measured["sent"].as_u64().unwrap();
        // Requests in flight at the end are cut off.
        assert!(sent > 0 && sent <= arrived as u64 && arrived as u64 <= sent + 4, "{measured} {arrived}");
        assert_eq!((&measured["failed"], &measured["statuses"]["200"]), (&0.into(), &measured["sent"]));
    }
    assert!(beside.len() <= 205, "{} at 200 a second", beside.len());
    assert!(ran.stdout.contains("beside search"), "{}", ran.stdout);
}

#[test]
fn a_run_without_them_says_nothing_of_them() {
    let raw = Raw::answering("{}");
    let ran = Loadgen::with(&format!("-n 100 --batch 10 -c 2 --target {}", raw.address)).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.summary().get("beside").is_none());
}
