//! `loadgen http`: one request, the same every time, against a server that knows nothing of events.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use truth::target::answer::Outcome;

use crate::peers::process::Peer;
use crate::program::{Loadgen, Ran};
use crate::raw::Raw;

fn http(peer: &Peer, rest: &str) -> Ran {
    Loadgen::with(&format!("http http://{}{rest}", peer.address)).run()
}

#[test]
fn a_request_is_sent_so_often_and_nothing_is_there_to_verify() {
    let peer = Peer::nginx("location = /hello { return 200 hi; } location / { return 418; }");
    let ran = http(&peer, "/hello -n 37 -c 3");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.last_line(), "done requests=37 failed=0");
    assert!(ran.stdout.contains("statuses................: 200=37"), "{}", ran.stdout);
    for word in ["events", "races", "verify"] {
        assert!(!ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
    let tries = ran.tries();
    let summary = ran.summary();
    assert_eq!(
        (tries.len(), &summary["unit"], &summary["requests"]["sent"]),
        (37, &"requests".into(), &37.into())
    );
    assert!(tries.iter().all(|done| done.answer.outcome == Outcome::Acked && done.status == 200));

    let verify =
        Command::new(env!("CARGO_BIN_EXE_loadgen")).args(["history"]).arg(ran.results()).output().unwrap();
    assert_eq!(
        String::from_utf8(verify.stdout).unwrap().lines().count(),
        37,
        "the ledger is there to be read"
    );
}

#[test]
fn method_body_and_headers_are_as_they_were_given() {
    let peer = Peer::nginx(
        "if ($request_method != PUT) { return 405; } if ($content_length != 7) { return 400; } \
         if ($content_type != application/json) { return 415; } if ($http_x_a != b) { return 403; } \
         location / { return 204; }",
    );
    let ran = http(&peer, r#"/a?b=c -n 5 -X PUT -d {"a":1} -H X-A:b"#);
    assert_eq!((ran.code, ran.last_line()), (Some(0), "done requests=5 failed=0"), "{}", ran.stdout);
    let ran = http(&peer, r#"/ -n 5 -d {"a":1}"#);
    assert_eq!(ran.code, Some(4), "a body is POSTed: {}", ran.stderr);
    assert!(
        ran.stderr.contains("no attempt was acknowledged by POST http")
            && ran.stderr.contains(": status 405 (5 times)"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.last_line(), "done requests=5 failed=5 rejected=5");
}

#[test]
fn a_body_is_sent_as_it_is_from_an_argument_a_file_or_standard_input() {
    let bytes = [b"\x1f\x8b\x00\xff\r\n".as_slice(), &[7; 5_000]].concat();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let path = file.path().display();
    for (argument, body, content_type) in [
        (format!("-d @{path}"), &*bytes, Some("application/octet-stream")),
        ("-d @-".to_owned(), &*bytes, Some("application/octet-stream")),
        (format!("--body-file {path}"), &*bytes, Some("application/octet-stream")),
        ("-d [1]".to_owned(), b"[1]", Some("application/json")),
        ("-d a=@b".to_owned(), b"a=@b", Some("text/plain; charset=utf-8")),
        ("-d=".to_owned(), b"", None),
    ] {
        let raw = Raw::answering("{}");
        let loadgen = Loadgen::with(&format!("http http://{}/ -n 3 -c 1 {argument}", raw.address));
        let mut command = loadgen.command();
        command.stdin(File::open(file.path()).unwrap());
        let output = command.output().unwrap();
        let ran = loadgen.ran(output);
        assert_eq!(ran.code, Some(0), "{argument}: {}", ran.stderr);
        let requests = raw.requests("POST");
        assert_eq!(requests.len(), 3, "a body is POSTed: {argument}");
        for request in requests {
            assert!(request.body == body, "{argument}: {request:?}");
            let named = request.head.lines().find_map(|line| line.strip_prefix("content-type: "));
            assert_eq!(named, content_type, "{argument}");
        }
    }
}

#[test]
fn run_json_keeps_a_large_body_by_its_hash() {
    let raw = Raw::answering("{}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let kept = |length: usize| {
        std::fs::write(file.path(), "x".repeat(length)).unwrap();
        let ran =
            Loadgen::with(&format!("http http://{}/ -n 1 -X PUT -d @{}", raw.address, file.path().display()))
                .run();
        let manifest: serde_json::Value = truth::files::read_json(&ran.folder().file("run.json")).unwrap();
        assert!(manifest["rerun"].as_str().unwrap().contains(" --body @/"), "{manifest:#}");
        manifest["scenario"]["request"]["body"].clone()
    };
    assert_eq!(kept(10), "xxxxxxxxxx");
    let large = kept(1_000_000);
    assert_eq!(large["bytes"], 1_000_000);
    assert_eq!(large["sha256"].as_str().map(str::len), Some(64), "{large}");
}

#[test]
fn a_redirect_is_a_response_that_is_noted() {
    let peer = Peer::nginx("location / { return 301 /there; }");
    let ran = http(&peer, "/ -n 4 -c 1");
    assert_eq!((ran.code, ran.last_line()), (Some(0), "done requests=4 failed=0"), "{}", ran.stderr);
    let note =
        format!("note: 4 responses redirected, the first with status 301 to http://{}/there", peer.address);
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
}

#[test]
fn the_body_of_a_failure_is_shown_although_bodies_are_not_kept() {
    let peer = Peer::nginx("location / { return 500 broken; } location /none { return 404; }");
    for (arguments, body) in [("/ -n 4", "broken"), ("/none -n 1", "<html>")] {
        let ran = http(&peer, arguments);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        let first = &ran.summary()["trouble"]["first_unexpected"];
        assert!(first["body"].as_str().unwrap().starts_with(body), "{first}");
        let last = ran.stderr.lines().last().unwrap_or_default();
        assert!(last.contains(&format!("body `{body}")), "{last}");
    }
}

#[test]
fn a_script_gets_json_on_standard_output_and_nothing_else() {
    let peer = Peer::nginx("location / { return 302 /there; }");
    let ran = http(&peer, "/ -n 4 --json --quiet");
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed, ran.summary());
    let ran = http(&peer, "/ -n 4 --quiet");
    assert_eq!((ran.last_line(), &*ran.stderr), ("done requests=4 failed=0", ""));
    let both = Loadgen::with("--json --verify").run();
    assert_eq!(both.code, Some(2), "{}", both.stderr);
    assert!(both.stderr.contains("--verify"), "{}", both.stderr);
}

#[test]
fn executors_and_thresholds_are_the_same_as_for_events() {
    let peer = Peer::nginx("location / { return 200; }");
    // The count is reached long before the time is over, also on a slow machine.
    let ran = http(&peer, " --rate 200 --duration 60s -n 50 -c 5");
    assert_eq!((ran.code, ran.last_line()), (Some(0), "done requests=50 failed=0"), "{}", ran.stderr);
    // Rate and time make the count; a slow machine drops what it does not begin in time.
    let summary = http(&peer, " --rate 200 --duration 250ms -c 5").summary();
    let sent = summary["requests"]["sent"].as_u64().unwrap();
    let dropped = summary["schedule"]["dropped_iterations"].as_u64().unwrap();
    assert_eq!((&summary["planned"]["requests"], sent + dropped), (&50.into(), 50), "{summary:#}");
    let ran = http(&peer, " --threshold http_req_duration:max<0.0001");
    assert_eq!((ran.code, ran.last_line()), (Some(99), "done requests=200 failed=0"), "{}", ran.stderr);
}

#[test]
fn a_scenario_of_one_request_has_no_verdict() {
    let peer = Peer::nginx("location / { return 200; }");
    let scenario = format!(
        "[request]\nmethod = \"DELETE\"\n[load]\nbatch = 1\ndup = \"0\"\ncount = 4\n[target]\nurl = \"http://{}\"\n",
        peer.address
    );
    let ran = Loadgen::with("--verify").scenario(&scenario).run();
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("no events: there is nothing to judge"), "{}", ran.stderr);
    assert!(ran.stdout.contains("done requests=4 failed=0"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is() {
    let peer = Peer::nginx("location / { return 200; }");
    for (wrong, word) in [
        ("/ -X CONNECT", "CONNECT"),
        ("/ -X HEAD -d a", "a HEAD request has no body"),
        ("/ --shard 1/4", "no shards"),
        ("/ -X get", "capital letters"),
        ("/ --body-file /nowhere", "/nowhere"),
        ("/ -d @/nowhere", "cannot read --body @/nowhere"),
        ("/ --batch 2", "--batch"),
    ] {
        let ran = http(&peer, wrong);
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{wrong}: {}", ran.stderr);
    }
}

#[test]
fn a_part_of_a_load_that_has_none_is_refused() {
    let peer = Peer::nginx("location / { return 200; }");
    for (name, value, code) in
        [("SHARD", "2/4", 2), ("SHARDS", "4", 2), ("SHARD", "1/1", 0), ("JOB_COMPLETION_INDEX", "3", 0)]
    {
        let loadgen = Loadgen::with(&format!("http http://{}/ -n 1", peer.address));
        let output = loadgen.command().env(name, value).output().unwrap();
        let ran = loadgen.ran(output);
        assert_eq!(ran.code, Some(code), "{name}={value}: {}", ran.stderr);
        assert_eq!(ran.stderr.contains("unset SHARD"), code == 2, "{name}={value}: {}", ran.stderr);
    }
}

#[test]
fn bodies_of_answers_have_any_length() {
    let peer = Peer::nginx("location = /large { root .; } location / { return 200 hi; }");
    let large = File::create(peer.folder().join("large")).unwrap();
    large.set_len(40 << 20).unwrap();
    let ran = http(&peer, "/large -n 4 -c 1");
    assert_eq!((ran.code, ran.last_line()), (Some(0), "done requests=4 failed=0"), "{}", ran.stderr);
    let summary = ran.summary();
    assert!(summary["received_bytes"].as_u64() > Some(4 * (40 << 20)), "{summary:#}");
    assert_eq!(summary["connections"]["opened"], 1, "it is used again: {summary:#}");
}

#[test]
fn answers_to_head_have_no_body_whatever_they_say() {
    let peer = Peer::nginx("location / { return 200 hello; }");
    let ran = http(&peer, "/ -n 6 -c 1 -X HEAD");
    assert_eq!((ran.code, ran.last_line()), (Some(0), "done requests=6 failed=0"), "{}", ran.stderr);
    assert_eq!(ran.summary()["connections"]["opened"], 1);
}

#[test]
fn a_summary_is_exported_as_k6_exports_it() {
    let peer = Peer::nginx("location / { return 200; }");
    let file = tempfile::NamedTempFile::new().unwrap();
    let thresholds = "--threshold http_req_duration:p(95)<100000 --threshold http_reqs:count<10";
    let ran = http(&peer, &format!(" -n 25 {thresholds} --summary-export {}", file.path().display()));
    assert_eq!(ran.code, Some(99), "{}", ran.stderr);
    let exported: serde_json::Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
    let metrics = &exported["metrics"];
    assert_eq!(metrics["http_reqs"]["count"], 25);
    assert_eq!(metrics["http_req_failed"], serde_json::json!({ "passes": 0, "fails": 25, "value": 0.0 }));
    let duration = &metrics["http_req_duration"];
    assert!(
        duration["p(95)"].as_f64() >= duration["med"].as_f64() && duration["med"].as_f64() > Some(0.0),
        "{duration}"
    );
    assert_eq!(duration["thresholds"]["p(95)<100000"], false, "{duration}");
    assert_eq!(metrics["http_reqs"]["thresholds"]["count<10"], true);
    assert_eq!(exported["root_group"]["checks"], serde_json::json!({}));

    let ran = http(&peer, " -n 2 --summary-export /nowhere/k6.json");
    assert_eq!((ran.code, ran.results().exists()), (Some(2), false), "{}", ran.stderr);
    assert!(ran.stderr.contains("/nowhere/k6.json"), "{}", ran.stderr);
}
