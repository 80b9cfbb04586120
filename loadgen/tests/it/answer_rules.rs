//! Responses that are read by `[[target.answers]]`, from the connection to the verdict.

use std::time::Duration;

use truth::target::answer::{Kind, Kinds, Outcome};

use crate::program::{Loadgen, Ran};
use crate::stub::{Exchange, Stub, with_length};

/// The stub as a scenario with rules has to describe it, which starts from nothing.
const TARGET: &str = r#"
[target.publish]
path = "/publish"
[target.stats]
path = "/stats"
received = "/received"
unique = "/unique_processed"
duplicates = "/duplicate_dropped"
[target.listing]
path = "/events"
"#;

/// A status for each event inside a 200.
const ITEMS: &str = r#"
[[target.answers]]
status = 200
each = "/items/*/create"
word = "/status"
words = { 201 = "new", 409 = "duplicate", 4xx = "rejected", 5xx = "unknown" }
"#;

/// Runs against a target that answers so, described by these rules.
fn run(rules: &str, arguments: &str, script: fn(&mut Exchange<'_>)) -> Ran {
    let stub = Stub::scripted(script);
    Loadgen::against(&stub, arguments).scenario(&format!("{TARGET}{rules}")).run()
}

/// Runs against a target that answers so, of whose responses only the status is described.
fn run_by_status(arguments: &str, script: fn(&mut Exchange<'_>)) -> Ran {
    let stub = Stub::scripted(script);
    Loadgen::against(&stub, arguments).scenario("[target]\nanswer = {}").run()
}

/// Takes every event but each twentieth, and says so in the body of a 200.
fn fail_some(it: &mut Exchange<'_>) {
    match it.nth % 20 {
        7 => it.say(with_length(200, r#"{"status":"failed"}"#)),
        _ => {
            it.store();
            it.say(with_length(200, r#"{"status":"ok"}"#));
        }
    }
}

#[test]
fn a_failure_that_a_success_tells_of_is_no_loss() {
    let rules = "[[target.answers]]\nstatus = 200\nword = \"/status\"\nwords = { ok = \"accepted\", failed = \"rejected\" }";
    let arguments = "-n 400 --dup 0 --batch 1 -c 4 --verify";
    let ran = run(rules, arguments, fail_some);
    assert_eq!(ran.code, Some(0), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(" rejected................: 20 5.00%  status_200=20\n"), "{}", ran.stdout);
    assert_eq!(ran.summary()["trouble"]["first_unexpected"]["body"], r#"{"status":"failed"}"#);
    // By its status alone, each of them counts as acknowledged, and is lost.
    let ran = run_by_status(arguments, fail_some);
    assert_eq!(ran.code, Some(1), "{} {}", ran.stdout, ran.stderr);
}

/// Takes every event but one of each fifth request, which it is too busy for.
fn limit_some(it: &mut Exchange<'_>) {
    let place = if it.nth % 5 == 2 { 3 } else { usize::MAX };
    let body = it.store_but(place, 429);
    it.say(with_length(200, &body));
}

#[test]
fn an_item_that_is_refused_inside_a_success_is_no_loss() {
    let arguments = "-n 1000 --dup 0 --batch 10 -c 4 --verify";
    let ran = run(ITEMS, arguments, limit_some);
    assert_eq!(ran.code, Some(0), "{} {}", ran.stdout, ran.stderr);
    let refused: usize = ran.tries().iter().map(|done| done.answer.kinds.rejected().count()).sum();
    assert_eq!(refused, 20);
    assert!(ran.last_line().starts_with("PASS") || ran.stdout.contains("rejected=20"), "{}", ran.stdout);
    let ran = run_by_status(arguments, limit_some);
    assert_eq!(ran.code, Some(1), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn an_item_of_unknown_fate_is_as_an_unanswered_attempt() {
    let script = |it: &mut Exchange<'_>| {
        let place = if it.nth == 3 { 1 } else { usize::MAX };
        let body = it.store_but(place, 503);
        it.say(with_length(200, &body));
    };
    let ran = run(ITEMS, "-n 100 --dup 0 --batch 4 -c 1 --verify", script);
    assert_eq!(ran.code, Some(0), "{} {}", ran.stdout, ran.stderr);
    let kinds: Vec<Kinds> = ran.tries().into_iter().map(|done| done.answer.kinds).collect();
    let expected = Kinds::Each(vec![Kind::New, Kind::Unknown, Kind::New, Kind::New]);
    assert!(kinds.contains(&expected), "{kinds:?}");
    let events = &ran.summary()["events"];
    assert_eq!((&events["acked"], &events["unknown"]), (&99.into(), &1.into()), "{events}");
}

#[test]
fn what_contradicts_its_rule_acknowledges_nothing() {
    let ran = run(ITEMS, "-n 20 --dup 0 --batch 5 -c 1", |it| it.say(with_length(200, "{}")));
    assert_eq!(ran.code, Some(4), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(" unclear.................: 20 100.00%"), "{}", ran.stdout);
}

#[test]
fn a_busy_target_is_asked_again_when_it_says_so() {
    let rules = "[[target.answers]]\nstatus = 409\nmeans = \"busy\"\n[[target.answers]]\nstatus = 200\nmeans = \"new\"";
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say("HTTP/1.1 409 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
        _ => it.answer(),
    };
    let ran = run(rules, "-n 1 --dup 0 --batch 1 -c 1 --retries 2", script);
    let tries = ran.tries();
    let outcomes: Vec<(u16, Outcome)> = tries.iter().map(|done| (done.status, done.answer.outcome)).collect();
    assert_eq!(outcomes, [(409, Outcome::Rejected), (200, Outcome::Acked)], "{}", ran.stderr);
    let pause = Duration::from_nanos(tries[1].t_start - tries[0].t_end);
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    assert_eq!(ran.summary()["retry_after"]["responses"], 1);
}

#[test]
fn a_conflict_that_is_not_called_busy_is_not_tried_again() {
    let rules = "[[target.answers]]\nstatus = 409\nmeans = \"duplicate\"\n[[target.answers]]\nstatus = 200\nmeans = \"new\"";
    let script = |it: &mut Exchange<'_>| it.say(with_length(409, "{}"));
    let ran = run(rules, "-n 1 --dup 0 --batch 1 -c 1 --retries 2", script);
    let kinds: Vec<Kinds> = ran.tries().into_iter().map(|done| done.answer.kinds).collect();
    assert_eq!(kinds, [Kinds::AllDuplicate], "{}", ran.stderr);
    assert!(!ran.stdout.contains("status_409"), "it is no refusal: {}", ran.stdout);
}

#[test]
fn a_header_of_the_response_decides() {
    let rules = "[[target.answers]]\nwhere = { \"header:x-replayed\" = \"true\" }\nmeans = \"duplicate\"\n\
                 [[target.answers]]\nstatus = 200\nmeans = \"new\"";
    let script = |it: &mut Exchange<'_>| {
        let replayed = if it.nth == 1 { "X-Replayed: true\r\n" } else { "" };
        it.say(format!("HTTP/1.1 200 OK\r\n{replayed}Content-Length: 2\r\n\r\n{{}}"));
    };
    let ran = run(rules, "-n 3 --dup 0 --batch 1 -c 1", script);
    let kinds: Vec<Kinds> = ran.tries().into_iter().map(|done| done.answer.kinds).collect();
    assert_eq!(kinds, [Kinds::AllNew, Kinds::AllDuplicate, Kinds::AllNew], "{}", ran.stderr);
}

#[test]
fn an_id_in_the_response_names_its_event() {
    let rules =
        "[[target.answers]]\neach = \"/*\"\nid = \"/event_id\"\nmeans = \"new\"\nrest = \"duplicate\"";
    let script = |it: &mut Exchange<'_>| {
        let before = it.look(|seen| seen.rows.len());
        it.store();
        let new: Vec<serde_json::Value> = it.look(|seen| {
            let rows = seen.rows[before..].iter();
            rows.map(|((_, id), _)| serde_json::json!({ "event_id": id })).collect()
        });
        it.say(with_length(200, &serde_json::Value::from(new).to_string()));
    };
    let ran = run(rules, "-n 200 --batch 10 -c 1 --verify", script);
    assert_eq!(ran.code, Some(0), "{} {}", ran.stdout, ran.stderr);
    let events = &ran.summary()["answers"];
    assert_eq!((&events["inserted"], &events["duplicates"]), (&140.into(), &60.into()), "{events}");
}

#[test]
fn a_check_tells_the_rules_in_words_and_what_the_status_alone_decides() {
    let check = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(["check", file.path().to_str().unwrap()])
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = check(&format!("{TARGET}{ITEMS}"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("answers    1. 200: each entry at /items/*/create"), "{stdout}");
    assert!(stdout.contains("\n           any other response: unknown"), "{stdout}");
    assert!(!stdout.contains("statuses alone decide"), "{stdout}");
    let (_, stdout, _) = check("[target]\nanswer = {}");
    assert!(stdout.contains("\nanswers    statuses alone decide: no 2xx body is described"), "{stdout}");
    let (code, _, stderr) = check(&format!("{TARGET}{ITEMS}rest = \"new\"\n"));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("rule 1 of [[target.answers]]: rest needs index or id"), "{stderr}");
    assert!(stderr.contains(", line 12, column"), "{stderr}");
}
