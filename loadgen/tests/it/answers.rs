//! Responses of servers and the outcome of the attempt: one odd response, then a sound one.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use truth::clock::monotonic_ns;
use truth::target::answer::{Kinds, Outcome};

use crate::program::Loadgen;
use crate::stub::{Exchange, Stub, serve_each, with_length};

/// Expected record of the odd response.
struct Expected {
    outcome: Outcome,
    status: u16,
    /// True if the next request may use the same connection.
    goes_on: bool,
}

/// Runs two requests in sequence, the first of which is answered by `script`.
fn check(name: &str, arguments: &str, script: fn(&mut Exchange<'_>), expected: Expected) {
    let stub =
        Stub::scripted(move |exchange| if exchange.nth == 0 { script(exchange) } else { exchange.answer() });
    let ran = Loadgen::against(&stub, &format!("-n 2 --dup 0 --batch 1 -c 1 {arguments}")).run();
    assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
    let tries = ran.tries();
    let [odd, sound] = tries.as_slice() else { panic!("{name}: {tries:?}") };
    assert_eq!((odd.answer.outcome, odd.status), (expected.outcome, expected.status), "{name}");
    assert_eq!((sound.answer.outcome, &sound.answer.kinds), (Outcome::Acked, &Kinds::AllNew), "{name}");
    assert!(odd.t_planned <= odd.t_start && odd.t_start <= odd.t_end, "{name}");
    let carriers = stub.look(|seen| seen.carriers.clone());
    assert_eq!(carriers[0] == carriers[1], expected.goes_on, "{name}: {carriers:?}");
    assert_eq!(odd.connection == sound.connection, expected.goes_on, "{name}");
    let broken = ran.summary()["connections_broken"].as_u64().unwrap();
    assert!(broken == 0 || expected.outcome == Outcome::Unknown, "{name}");
    assert!(ran.is_closed(), "{name}");
}

const ACKED: Expected = Expected { outcome: Outcome::Acked, status: 200, goes_on: true };
const ACKED_AND_CLOSED: Expected = Expected { outcome: Outcome::Acked, status: 200, goes_on: false };
const UNKNOWN: Expected = Expected { outcome: Outcome::Unknown, status: 0, goes_on: false };

fn status(status: u16, outcome: Outcome) -> Expected {
    Expected { outcome, status, goes_on: true }
}

#[test]
fn each_status_is_told_beside_what_it_meant() {
    let stub = Stub::scripted(|it| match it.nth {
        0 => it.say(with_length(503, "{}")),
        1 => it.say(with_length(500, "{}")),
        2 => it.say(with_length(200, "ok?")),
        _ => it.answer(),
    });
    let ran = Loadgen::against(&stub, "-n 8 --dup 0 --batch 2 -c 1").run();
    for line in [
        " rejected................: 2 25.00%  status_503=1\n",
        " unknown.................: 2 25.00%  status_500=1\n",
        " unclear.................: 2 25.00%  the body contradicts [target.answer] or [[target.answers]]\n",
        " http_req_failed.........: 50.00%  2 out of 4\n",
        "unknown=2 unclear=2 rejected=2\n",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let excerpts: Vec<Option<String>> =
        ran.tries().into_iter().map(|done| done.answer.excerpt.map(String::from)).collect();
    assert_eq!(excerpts, [None, None, Some("ok?".to_owned()), None]);
}

#[test]
fn where_no_answer_fits_the_status_acknowledges() {
    let stub = Stub::scripted(|it| it.say(with_length(200, "ok")));
    let ran = Loadgen::against(&stub, "-n 8 --dup 0 --batch 2 -c 1").run();
    for line in [
        " acked...................: 8 100.00%  new or duplicate not reported\n",
        "done received=8 inserted=? duplicates=? dup_rate=?\n",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("unclear"), "{}", ran.stdout);
    // One body is enough to show.
    assert_eq!(ran.tries().iter().filter(|done| done.answer.excerpt.is_some()).count(), 1);
}

#[test]
fn a_whole_answer_counts_however_it_is_framed() {
    check("at once", "", |it| it.answer(), ACKED);
    check(
        "byte by byte",
        "",
        |it| {
            let body = it.store();
            it.spell(with_length(200, &body));
        },
        ACKED,
    );
    check(
        "chunked, with trailers",
        "",
        |it| {
            let body = it.store();
            let (one, two) = body.split_at(7);
            it.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            it.say(format!("7\r\n{one}\r\n{:x};note=1\r\n{two}\r\n0\r\nX-Sum: 1\r\n\r\n", two.len()));
        },
        ACKED,
    );
    check(
        "after interim answers",
        "",
        |it| {
            it.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
            it.answer();
        },
        ACKED,
    );
    check(
        "until the connection is closed",
        "",
        |it| {
            let body = it.store();
            it.say(format!("HTTP/1.1 200 OK\r\n\r\n{body}"));
            it.close();
        },
        ACKED_AND_CLOSED,
    );
    check(
        "with a word that the connection closes",
        "",
        |it| {
            let body = it.store();
            it.say(with_length(200, &body).replacen("Said\r\n", "Said\r\nConnection: close\r\n", 1));
        },
        ACKED_AND_CLOSED,
    );
    check(
        "by HTTP/1.0",
        "",
        |it| {
            let body = it.store();
            it.say(with_length(200, &body).replacen("HTTP/1.1", "HTTP/1.0", 1));
            it.close();
        },
        ACKED_AND_CLOSED,
    );
}

#[test]
fn a_status_means_what_the_mapping_says() {
    use Outcome::{Rejected, Unclear, Unknown};
    check("422", "", |it| it.say(with_length(422, "{}")), status(422, Rejected));
    check("429", "", |it| it.say(with_length(429, "")), status(429, Rejected));
    check("503", "", |it| it.say(with_length(503, "{}")), status(503, Rejected));
    check("408", "", |it| it.say(with_length(408, "")), status(408, Unknown));
    check("500", "", |it| it.say(with_length(500, "{}")), status(500, Unknown));
    check("304 without a body", "", |it| it.say("HTTP/1.1 304 Not Modified\r\n\r\n"), status(304, Rejected));
    check("200 over a page for people", "", |it| it.say(with_length(200, "<html>")), status(200, Unclear));
}

#[test]
fn an_answer_that_is_not_surely_whole_is_unknown_and_closes_its_connection() {
    check("dropped", "", |it| it.close(), UNKNOWN);
    check(
        "cut in the head",
        "",
        |it| {
            it.say("HTTP/1.1 200 OK\r\nContent-Le");
            it.close();
        },
        UNKNOWN,
    );
    check(
        "cut in the body",
        "",
        |it| {
            it.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"accepted\":1}");
            it.close();
        },
        UNKNOWN,
    );
    check(
        "cut between chunks",
        "",
        |it| {
            it.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
            it.close();
        },
        UNKNOWN,
    );
    check(
        "only an interim answer",
        "",
        |it| {
            it.say("HTTP/1.1 100 Continue\r\n\r\n");
            it.close();
        },
        UNKNOWN,
    );
    check("garbage", "", |it| it.say("220 mail.example ESMTP\r\n"), UNKNOWN);
    check(
        "two lengths",
        "",
        |it| {
            it.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}");
        },
        UNKNOWN,
    );
    check(
        "a length and chunks",
        "",
        |it| {
            it.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
        },
        UNKNOWN,
    );
    check(
        "a head without end",
        "",
        |it| it.say(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000))),
        UNKNOWN,
    );
}

#[test]
fn a_second_answer_is_never_read_for_the_next_request() {
    check(
        "two answers at once",
        "",
        |it| {
            let body = it.store();
            it.say(with_length(200, &body) + &with_length(422, "{}"));
        },
        ACKED_AND_CLOSED,
    );
}

/// Runs two requests in sequence, the first of which gets its response after the time-out of 200 ms
/// that `flag` sets.
fn check_late(flag: &str, script: fn(&mut Exchange<'_>)) {
    const LIMIT: u64 = 200_000_000;
    let stub =
        Stub::scripted(move |exchange| if exchange.nth == 0 { script(exchange) } else { exchange.answer() });
    let ran = Loadgen::against(&stub, &format!("-n 2 --dup 0 --batch 1 -c 1 {flag} 200ms")).run();
    let tries = ran.tries();
    let [late, next] = tries.as_slice() else { panic!("{flag}: {tries:?}") };
    assert_eq!((late.answer.outcome, late.status), (Outcome::Unknown, 0), "{flag}");
    assert!(late.t_end - late.t_start >= LIMIT, "{flag}: {late:?}");
    assert_ne!(late.connection, next.connection, "{flag}");
    // On a slow machine the second response may be late as well.
    let is_late = next.answer.outcome == Outcome::Unknown && next.t_end - next.t_start >= LIMIT;
    let expected = if is_late { (4, 0) } else { (0, 200) };
    assert_eq!((ran.code, next.status), (Some(expected.0), expected.1), "{flag}: {next:?}");
    assert!(is_late || next.answer.kinds == Kinds::AllNew, "{flag}: {next:?}");
    assert!(ran.is_closed(), "{flag}");
}

#[test]
fn a_late_answer_is_never_read_for_the_next_request() {
    check_late("--timeout", |it| {
        it.wait_for(|seen| seen.requests.len() == 2);
        it.say(with_length(422, "{}"));
    });
}

#[test]
fn an_answer_before_the_request_was_read_counts_and_closes_its_connection() {
    // The request is larger than what sockets hold, and is not read, so it cannot have been
    // written.
    let address = serve_each(|mut stream| {
        let mut head = [0; 4];
        if stream.read_exact(&mut head).is_ok() && &head == b"POST" {
            stream.write_all(with_length(413, "{}").as_bytes()).unwrap();
            // Closing now would reset the connection, and the response might be lost with it.
            loop {
                std::thread::park();
            }
        }
    });
    let arguments = format!("--target {address} -n 20000 --dup 0 --batch 10000 -c 1");
    let ran = Loadgen::with(&arguments).scenario("[events]\npayload = { bytes = [2000, 2000] }").run();
    assert_eq!(ran.code, Some(4), "nothing was acknowledged: {}", ran.stderr);
    let tries = ran.tries();
    assert_eq!(tries.len(), 2);
    for done in &tries {
        assert_eq!((done.answer.outcome, done.status), (Outcome::Rejected, 413), "{done:?} {}", ran.stdout);
    }
    assert_ne!(tries[0].connection, tries[1].connection);
}

#[test]
fn the_first_byte_has_a_time_of_its_own_and_parts_are_told_apart() {
    // Silence ends the wait soon, though a whole response may take long.
    check_late("--first-byte-timeout", |it| it.wait_for(|seen| seen.requests.len() == 2));
    // A response that has begun in time is waited for.
    let begun = Arc::<Mutex<Vec<u64>>>::default();
    let beginning = Arc::clone(&begun);
    let stub = Stub::scripted(move |exchange| {
        let body = exchange.store();
        let answer = with_length(200, &body);
        let (first, rest) = answer.split_at(9);
        exchange.say(first);
        beginning.lock().unwrap().push(monotonic_ns());
        std::thread::sleep(std::time::Duration::from_millis(1000));
        exchange.say(rest);
    });
    let ran = Loadgen::against(&stub, "-n 2 --dup 0 --batch 1 -c 1 --first-byte-timeout 800ms").run();
    let tries = ran.tries();
    assert_eq!(tries.len(), 2, "{}", ran.stderr);
    let mut acked = 0;
    for (nth, done) in tries.iter().enumerate() {
        let is_acked = done.answer.outcome == Outcome::Acked;
        acked += u64::from(is_acked);
        // A slow machine may begin a response too late, and the client does not wait for that one.
        let begun_at = begun.lock().unwrap().get(nth).copied().unwrap_or(u64::MAX);
        assert!(is_acked || begun_at >= done.t_start + 800_000_000, "{done:?}");
    }
    assert_eq!(ran.code, Some(if acked > 0 { 0 } else { 4 }), "{}", ran.stderr);
    let summary = ran.summary();
    assert_eq!(summary["events"]["acked"], acked, "{}", ran.stdout);
    if acked == 0 {
        return;
    }
    let parts = &summary["parts"];
    let part = |name: &str, value: &str| parts[name][value].as_f64().unwrap();
    assert_eq!(part("receiving", "samples"), acked as f64, "{parts}");
    let is_first_acked = tries[0].answer.outcome == Outcome::Acked;
    assert_eq!(part("connecting", "samples"), if is_first_acked { 1.0 } else { 2.0 }, "{parts}");
    // Together they take as long as the response; the first part is short unless the client is slow.
    assert!(part("receiving", "min_ms") >= 990.0 - part("waiting", "max_ms"), "{parts}");
    assert!(
        parts["tls_handshaking"].is_null()
            && ran.stdout.contains("parts...................: connecting med="),
        "{parts}"
    );
}
