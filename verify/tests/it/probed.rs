//! `verify probe` at a target in use, which shows thousands of rows before the events of the probe.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use truth::observed::counters::Counters;

use crate::api::{Api, Came, ok, status};
use crate::binary::{stderr, stdout};
use crate::forge::foreign;
use crate::stub::{Pages, Script, Stub};

/// Rows that are there before.
const EARLIER: u64 = 2_500;

async fn probe(pages: Pages, by_topic: bool, counts: bool) -> Output {
    let rows: Vec<_> = (0..EARLIER).map(foreign).collect();
    let counted = |count| Some(count);
    let stats = Counters {
        received: counted(EARLIER),
        unique: counted(EARLIER),
        duplicates: counted(0),
        pending: counted(0),
        processing: counted(0),
        ..Counters::default()
    };
    let told = move |_: usize, counters: &Counters| counts.then(|| counters.clone());
    let script = Script { pages, by_topic, on_stats: Box::new(told), ..Script::of(rows, stats) };
    let stub = Stub::start(script).await;
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_verify"))
        .args(["probe", &stub.url])
        .current_dir(folder.path())
        .output()
        .expect("the program runs");
    assert!(folder.path().join("onceproof.toml").exists(), "{}", stderr(&output));
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_is_found_behind_the_rows_that_were_there_before() {
    for (pages, by_topic, path, next) in [
        (Pages::Link { at_most: 1_000 }, true, "/events?limit={{limit}}&topic={{topic}}", "link"),
        (Pages::Link { at_most: 100 }, false, "/events?limit={{limit}}", "link"),
        (Pages::Offset, false, "/events?limit={{limit}}&offset={{offset}}", "offset"),
        (Pages::Newest { of: 60 }, false, "/events?limit={{limit}}", "link"),
    ] {
        let output = probe(pages, by_topic, true).await;
        let told = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{pages:?}: {told}{}", stderr(&output));
        for line in [format!("path = \"{path}\""), format!("next = \"{next}\"")] {
            assert!(told.contains(&format!("\n{line}\n")), "{pages:?} {line}: {told}");
        }
        assert!(!stderr(&output).contains("not found: a listing"), "{}", stderr(&output));
        // Where the first page does not show the events, no look was made right after their response.
        assert!(!told.contains("\nack = "), "{pages:?}: {told}");
        let is_said = told.replace("\n# ", " ").contains("no other was read: that an");
        assert_eq!(is_said, !by_topic, "{pages:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_shows_ours_only_by_their_topic_is_asked_so() {
    let output = probe(Pages::Capped { at: 1_000 }, true, true).await;
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{told}{}", stderr(&output));
    for line in ["path = \"/events?limit={{limit}}&topic={{topic}}\"", "next = \"none\""] {
        assert!(told.contains(&format!("\n{line}\n")), "{line}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_looked_for_in_vain_is_said_with_the_settings_that_are_to_be_filled_in() {
    for counts in [true, false] {
        let output = probe(Pages::Numbered { from: 0 }, false, counts).await;
        let code = if counts { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let seen = "GET /events shows 20 rows, but no event of the probe, and no further page that has one";
        let told = stderr(&output);
        assert!(
            told.contains(&format!("not found: a listing (target.listing: path, rows); {seen}")),
            "{told}"
        );
        assert!(stdout(&output).contains("# fill in: path = \"/...\""), "{}", stdout(&output));
        let missing = "not found: counters (target.stats: path, received, unique, duplicates)";
        assert_eq!(told.contains(missing), !counts, "{told}");
        assert_eq!(told.contains("nothing shows what the target stored"), !counts, "{told}");
    }
}

/// Probes a target that takes events and counts none, and answers `GET /events` by a function.
async fn probe_listing(listing: impl Fn(&Came) -> Response + Send + 'static) -> (Api, Output) {
    let api = Api::start(move |came| match (came.method.as_str(), came.path()) {
        ("POST", "/publish") => ok(json!({ "status": "accepted" })),
        ("GET", "/events") => listing(came),
        _ => status(404),
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
    let output = command.args(["probe", &api.url]).current_dir(folder.path()).output();
    (api, output.expect("the program runs"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_listing_is_quoted_though_other_paths_list_nothing() {
    let refusal = |_: &Came| (StatusCode::BAD_REQUEST, "name a tenant").into_response();
    let (_, output) = probe_listing(refusal).await;
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("GET /events answered 400 name a tenant. It was sent"), "{told}");
    let (_, output) = probe_listing(|_| status(404)).await;
    let told = stderr(&output);
    assert!(told.contains("no listing showed an event of the probe, at /events, /api/events,"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_a_target_ignores_are_not_searched() {
    let rows: Vec<Value> = (0..30).map(|nth| json!({ "event_id": format!("old-{nth}") })).collect();
    let (api, output) = probe_listing(move |_| ok(json!({ "events": rows }))).await;
    let told = stderr(&output);
    assert!(told.contains("GET /events shows 30 rows, but no event of the probe"), "{told}");
    let came = api.came();
    for (name, step) in [("offset", 30), ("page", 1)] {
        let asked: BTreeSet<usize> = came.iter().filter_map(|came| came.number(name)).collect();
        assert_eq!(asked, BTreeSet::from([0, step]), "{name}");
    }
}

fn nothing_counted() -> Counters {
    let none = Some(0);
    Counters {
        received: none,
        unique: none,
        duplicates: none,
        pending: none,
        processing: none,
        ..Counters::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_scenario_holds_in_clear_stays_in_the_file_that_completes_it() {
    let stub = Stub::start(Script::of(Vec::new(), nothing_counted())).await;
    let folder = tempfile::tempdir().expect("a folder");
    let half = format!("[target]\nurl = \"{}\"\nheaders = {{ x-api-key = \"hunter2222\" }}\n", stub.url);
    std::fs::write(folder.path().join("half.toml"), half).expect("it is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
    command.args(["probe", "--scenario", "half.toml"]).current_dir(folder.path());
    let output = command.output().expect("the program runs");
    let written = std::fs::read_to_string(folder.path().join("onceproof.toml")).expect("it is written");
    assert!(written.contains("x-api-key = \"hunter2222\""), "{written}{}", stderr(&output));
    assert!(!stdout(&output).contains("hunter2222"), "{}", stdout(&output));
}

/// Runs a probe of a target that nobody serves, so that nothing is sent whatever is decided.
fn probe_nobody(flags: &[&str], scenario: Option<&str>) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
    command.args(["probe", "http://127.0.0.1:1"]).args(flags).current_dir(folder.path());
    if let Some(text) = scenario {
        std::fs::write(folder.path().join("half.toml"), text).expect("it is written");
        command.args(["--scenario", "half.toml"]);
    }
    command.output().expect("the program runs")
}

#[test]
fn each_url_that_does_not_lead_to_this_machine_needs_yes() {
    let here = "http://127.0.0.2:1";
    let there = "http://192.0.2.1";
    let of_table = |table: &str, host: &str, more: &str| format!("[{table}]\nurl = \"{host}\"\n{more}");
    for (host, code) in [(there, 2), (here, 5)] {
        let listing = of_table("target.listing", host, "path = \"/list\"\nrows = \"/rows\"\n");
        let stats = of_table("target.stats", host, "path = \"/stats\"\nreceived = \"/n\"\n");
        let publish = of_table("target.publish", host, "path = \"/publish\"\n");
        let url = format!("{host}/list?key=hunter2");
        for (flags, scenario) in [
            (vec!["--listing", &url], None),
            (vec!["--stats", &url], None),
            (vec![], Some(&listing)),
            (vec![], Some(&stats)),
            (vec![], Some(&publish)),
        ] {
            let output = probe_nobody(&flags, scenario.map(String::as_str));
            let told = stderr(&output);
            assert_eq!(output.status.code(), Some(code), "{flags:?} {scenario:?}: {told}");
            let refused = format!("{host} is not this machine: nothing was sent; add --yes");
            assert_eq!(told.contains(&refused), code == 2, "{told}");
            assert_eq!(told.contains("two a second"), code == 2, "the pause of a remote target: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}

#[test]
fn a_scenario_that_names_another_target_is_told_of_before_anything_is_sent() {
    let other = "[target]\nurl = \"http://127.0.0.2:1\"\n";
    let output = probe_nobody(&[], Some(other));
    let note =
        "note: the scenario keeps target.url = \"http://127.0.0.2:1\", and the probe asks http://127.0.0.1:1";
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains(note), "{}", stderr(&output));
    let same = probe_nobody(&[], Some("[target]\nurl = \"http://127.0.0.1:1/\"\n"));
    assert!(!stderr(&same).contains("the scenario keeps"), "{}", stderr(&same));
    // A run cannot be sent to another target if its events have a URL of their own.
    let two = format!("{other}[target.publish]\nurl = \"http://127.0.0.3:1\"\n");
    let output = probe_nobody(&[], Some(&two));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("another target is given"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_to_the_host_that_the_scenario_names_for_them_and_to_no_other() {
    const REQUEST: &str = "method = \"POST\"\nbody = '[{{events}}]'\n\
        event = '{\"topic\":\"{{topic}}\",\"event_id\":\"{{event_id}}\",\"timestamp\":\"{{timestamp}}\",\
        \"source\":\"{{source}}\",\"payload\":{{payload}}}'\n";
    let line = |host: &str| {
        let event = r#"{"topic":"a","event_id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "timestamp":"2025-01-01T00:00:00Z","source":"s","payload":{"a":1}}"#;
        format!("curl {host}/publish -H 'X-Api-Key: hunter22' --json '[{event}]'")
    };
    for (body, is_given) in [(REQUEST, false), ("", true)] {
        let query = Stub::start(Script::of(Vec::new(), nothing_counted())).await;
        let ingest = Stub::start(Script::of(Vec::new(), nothing_counted())).await;
        let folder = tempfile::tempdir().expect("a folder");
        let half = format!(
            "[target]\nurl = \"{}\"\n[target.publish]\nurl = \"{}\"\npath = \"/publish\"\n{body}",
            query.url, ingest.url
        );
        std::fs::write(folder.path().join("half.toml"), half).expect("it is written");
        std::fs::write(folder.path().join("request.txt"), line(&ingest.url)).expect("it is written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
        command.args(["probe", "--scenario", "half.toml", "--out", "o.toml"]).current_dir(folder.path());
        if is_given {
            command.args(["--from", "request.txt"]);
        }
        let output = command.output().expect("the program runs");
        let told = stderr(&output);
        assert!(told.contains(&format!("sending events to {}\n", ingest.url)), "{told}");
        assert!(ingest.published() > 3, "{told}");
        assert_eq!((query.published(), query.posted().len()), (0, 0), "{told}");
    }
}
