//! Troubles of a run, told with their causes: responses that are none, statuses that do not
//! acknowledge, redirects, and pauses that the target asks for.

use std::time::Duration;

use rustix::process::Signal;
use truth::record::ledger::Done;

use crate::program::{Loadgen, Ran};
use crate::stub::{Exchange, Stub, with_length};

/// Runs so many single requests one after the other against this script.
fn run(arguments: &str, script: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Ran {
    let stub = Stub::scripted(script);
    Loadgen::against(&stub, &format!("--dup 0 --batch 1 -c 1 {arguments}")).run()
}

/// Returns the pause between the end of a try and the next request.
fn pauses(tries: &[Done]) -> Vec<Duration> {
    tries.windows(2).map(|pair| Duration::from_nanos(pair[1].t_start - pair[0].t_end)).collect()
}

#[test]
fn each_cause_of_a_lost_response_is_counted_and_told() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say("SMTP ready\r\n\r\n"),
        1 | 2 => it.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        3 => it.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: x\u{1b}[2J\r\n\r\n"),
        4 => it.say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        5 => it.say("HTTP/1.1 101 Switching\r\n\r\n"),
        6 => {
            it.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            it.close();
        }
        _ => it.answer(),
    };
    let ran = run("-n 8 --verify", script);
    let summary = ran.summary();
    let because = summary["trouble"]["lost_because"].as_array().unwrap();
    let short = because.iter().map(|one| (one["cause"].as_str().unwrap(), one["requests"].as_u64().unwrap()));
    let expected =
        [("chunks", 2), ("closed-early", 1), ("head-not-http", 2), ("length", 1), ("protocol-switch", 1)];
    assert_eq!(short.collect::<Vec<_>>(), expected, "{summary:#}");
    assert_eq!(summary["requests"]["unknown_because"]["answer_malformed"], 6);
    for line in [
        " because.................: 2 requests: the response's chunks are broken\n",
        " because.................: 1 request: the server wants to switch to another protocol\n",
        "the response's chunks are broken (2), the connection was closed before the response was whole (1), ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
}

#[test]
fn a_target_that_speaks_no_http_is_told_as_the_last_thing() {
    let ran = run("-n 2", |it| it.say("220 smtp.example ESMTP\r\n"));
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains("head is not HTTP (invalid HTTP version): `220 smtp.example ESMTP` (2 times)"),
        "{last}"
    );
    let judged = run("-n 2 --verify", |it| it.say("220 smtp.example ESMTP\r\n"));
    let last = judged.stderr.lines().last().unwrap_or_default();
    assert!(judged.code == Some(4) && last.contains("is not HTTP"), "{:?}: {}", judged.code, judged.stderr);
}

#[test]
fn the_first_status_that_does_not_acknowledge_is_shown_with_its_body() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say(with_length(500, &format!("no\u{1b}[31m disk\n{}", "x".repeat(5_000)))),
        1 => {
            it.say("HTTP/1.1 302 Found\r\nLocation: https://login.example/?a=1\r\nContent-Length: 0\r\n\r\n");
        }
        _ => it.answer(),
    };
    let ran = run("-n 4 --verify", script);
    let trouble = &ran.summary()["trouble"];
    let first = &trouble["first_unexpected"];
    assert_eq!((&first["status"], &first["location"]), (&500.into(), &().into()), "{trouble:#}");
    let body = first["body"].as_str().unwrap();
    assert!(body.starts_with("no\\u{1b}[31m disk\\nxxx") && body.len() < 300, "{body}");
    assert_eq!(trouble["redirects"], 1);
    assert_eq!(trouble["first_redirect"]["location"], "https://login.example/?a=1");
    for line in [
        " first_unexpected........: status 500, body `no\\u{1b}[31m disk\\nxxx",
        " redirects...............: 1 response redirected, the first with status 302 to https://login.ex",
        "first response that does not acknowledge: status 500, body `no\\u{1b}[31m disk\\nxxx",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(ran.stderr.contains("note: 1 response redirected"), "{}", ran.stderr);
}

#[test]
fn a_run_without_trouble_tells_of_none() {
    let ran = run("-n 3", |it| it.answer());
    let none = serde_json::json!({
        "lost_because": [], "first_unexpected": null, "first_unclear": null, "redirects": 0, "first_redirect": null,
    });
    assert_eq!(ran.summary()["trouble"], none);
    assert_eq!(ran.summary()["retry_after"], serde_json::Value::Null);
    for word in ["because", "unexpected", "unclear", "by_status", "redirect", "retry_after"] {
        assert!(!ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
}

#[test]
fn a_status_that_acknowledges_alone_is_told_with_its_body() {
    let login = |it: &mut Exchange<'_>| it.say(with_length(200, "<html>log in</html>"));
    let ran = run("-n 3", login);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let line = " by_status_alone.........: no response fits [target.answer], so each 2xx acknowledges; the first \
                is status 200, body `<html>log in</html>`\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    let ran = run("-n 3", move |it| if it.nth == 1 { login(it) } else { it.answer() });
    let line = " first_unclear...........: status 200, body `<html>log in</html>`\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    assert_eq!(ran.summary()["trouble"]["first_unclear"]["status"], 200);
}

#[test]
fn a_remedy_fits_the_status() {
    let remedy = |status: u16| {
        let ran = run("-n 3", move |it| it.say(with_length(status, "no")));
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        ran.stderr.lines().last().unwrap_or_default().rsplit("; ").next().unwrap_or_default().to_owned()
    };
    assert!(remedy(401).contains("--bearer-file"), "{}", remedy(401));
    assert!(remedy(422).contains("verify probe"), "{}", remedy(422));
    let ran = run("-n 3", |it| it.say("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"));
    assert!(ran.stderr.contains("to /x; loadgen follows no redirect: give the right URL"), "{}", ran.stderr);
}

/// Returns a refusal for now with this `Retry-After`.
fn refused(status: u16, retry_after: &str) -> String {
    format!("HTTP/1.1 {status} Later\r\nRetry-After: {retry_after}\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn a_retry_waits_as_long_as_the_target_asks() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say(refused(503, "1")),
        _ => it.answer(),
    };
    let ran = run("-n 1 --retries 1", script);
    let pauses = pauses(&ran.tries());
    assert!(pauses.len() == 1 && pauses[0] >= Duration::from_secs(1), "{pauses:?}");
    let asked = &ran.summary()["retry_after"];
    assert_eq!(asked["responses"], 1);
    let paused = asked["paused_s"].as_f64().unwrap();
    assert!((1.0..=1.1).contains(&paused), "a tenth more at most: {asked}");
    assert!(
        ran.stdout.contains(" retry_after.............: 1 response asked for a pause: 1."),
        "{}",
        ran.stdout
    );
}

#[test]
fn without_retries_the_next_request_of_the_connection_waits() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say(refused(429, "1")),
        _ => it.answer(),
    };
    let ran = run("-n 2", script);
    let tries = ran.tries();
    let pauses = pauses(&tries);
    assert!(pauses.len() == 1 && pauses[0] >= Duration::from_secs(1), "{pauses:?}");
    // Waiting is no response time.
    assert!(tries[1].t_planned >= tries[0].t_end + 1_000_000_000, "{tries:?}");
}

#[test]
fn a_pause_that_was_asked_for_is_no_silence() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say(refused(503, "6")),
        _ => it.answer(),
    };
    let ran = run("-n 2 --patience 5s", script);
    assert_eq!((ran.code, ran.summary()["ended"].as_str()), (Some(0), Some("complete")), "{}", ran.stderr);
}

#[test]
fn at_a_rate_the_schedule_goes_on() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say(refused(503, "3600")),
        _ => it.answer(),
    };
    let ran = run("-n 5 --rate 50", script);
    assert_eq!(ran.tries().len(), 5, "{}", ran.stderr);
    let asked = &ran.summary()["retry_after"];
    assert_eq!((&asked["responses"], &asked["paused_s"]), (&1.into(), &0.0.into()));
    assert!(ran.stdout.contains("; the schedule went on\n"), "{}", ran.stdout);
}

#[test]
fn a_pause_ends_with_the_run() {
    let stub = Stub::scripted(|it| it.say(refused(503, "3600")));
    let running = Loadgen::against(&stub, "-n 100 --dup 0 --batch 1 -c 1").start();
    stub.wait_for(|seen| seen.requests.len() == 1);
    running.signal(Signal::INT);
    let ran = running.end();
    // The only connection waits for a minute, which is the longest pause, and the run does not.
    let summary = ran.summary();
    assert_eq!(summary["requests"]["sent"], 1);
    assert_eq!(summary["retry_after"]["longest_s"], 60.0);
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
}

#[test]
fn a_moment_that_has_passed_asks_for_nothing() {
    let script = |it: &mut Exchange<'_>| match it.nth {
        0 => it.say(refused(503, "Sun, 06 Nov 1994 08:49:37 GMT")),
        1 => it.say(refused(503, "soon")),
        _ => it.answer(),
    };
    assert_eq!(run("-n 3", script).summary()["retry_after"], serde_json::Value::Null);
}
