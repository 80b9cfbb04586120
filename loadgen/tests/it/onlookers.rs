//! Onlookers of a run: the block on a terminal, and the metrics.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::program::Loadgen;
use crate::stub::Stub;

pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    get_as(address, path, "")
}

/// Gets a page with these header lines.
fn get_as(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn metrics_are_served_while_the_run_goes_on() {
    // After three responses it waits, so that there is time to ask.
    let stub = Stub::scripted(|exchange| {
        if exchange.nth >= 3 {
            exchange.wait_for(|seen| seen.released);
        }
        exchange.answer();
    });
    let loadgen = Loadgen::against(&stub, "-n 40 --batch 10 -c 1 --dup 0 --prometheus-addr 127.0.0.1:0");
    let mut running = loadgen.start();
    let address = address_in(&running.wait_for_line("metrics at "));
    // The fourth request has begun when three responses are counted.
    stub.wait_for(|seen| seen.requests.len() == 4);
    let page = loop {
        let page = get(address, "/metrics");
        if page.contains("onceproof_attempts_total{outcome=\"acked\"} 30") {
            break page;
        }
    };
    assert!(page.starts_with("HTTP/1.0 200 OK") && page.contains("text/plain; version=0.0.4"), "{page}");
    for line in [
        "onceproof_run_ended 0",
        "onceproof_planned_attempts 40",
        "onceproof_started_attempts_total 40",
        "onceproof_http_responses_total{status=\"200\"} 3",
        "onceproof_http_req_duration_seconds_count 3",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
    assert!(get(address, "/").starts_with("HTTP/1.0 404"));
    stub.release();
    assert_eq!(running.end().code, Some(0));
    assert!(TcpStream::connect(address).is_err(), "it ends with the run");
}

pub(crate) fn address_in(line: &str) -> SocketAddr {
    line.trim().trim_start_matches("metrics at http://").trim_end_matches("/metrics").parse().unwrap()
}

#[test]
fn the_metrics_of_a_run_that_has_ended_wait_for_one_scrape() {
    let stub = Stub::sound();
    let arguments = "-n 40 --batch 10 --dup 0 --prometheus-addr 127.0.0.1:0 --prometheus-linger 1h";
    let mut running = Loadgen::against(&stub, arguments).start();
    let address = address_in(&running.wait_for_line("metrics at "));
    running.wait_for_line("until they are scraped once more, at most for 3600s");
    let page = get(address, "/metrics");
    for line in ["onceproof_run_ended 1", "onceproof_attempts_total{outcome=\"acked\"} 40"] {
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.last_line(), "done received=40 inserted=40 duplicates=0 dup_rate=0.00%");
}

#[test]
fn metrics_that_nobody_scrapes_end_with_their_time_or_a_signal() {
    let stub = Stub::sound();
    let arguments = "-n 40 --batch 10 --prometheus-addr 127.0.0.1:0 --prometheus-linger";
    let ran = Loadgen::against(&stub, &format!("{arguments} 1ms")).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut running = Loadgen::against(&stub, &format!("{arguments} 1h")).start();
    running.wait_for_line("until they are scraped once more");
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().code, Some(0), "the run had ended");
    let ran = Loadgen::against(&stub, "-n 40 --prometheus-linger 1s").run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--prometheus-addr"), "{}", ran.stderr);
}

#[test]
fn an_address_that_is_taken_is_said_before_anything_is_sent() {
    let stub = Stub::sound();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ran = Loadgen::against(&stub, &format!("-n 40 --live {address}")).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("for --live:") && !ran.stderr.contains("prometheus"), "{}", ran.stderr);
    let ran = Loadgen::against(&stub, &format!("-n 40 --prometheus-addr {address}")).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&address.to_string()) && ran.stderr.contains("a free port"),
        "{}",
        ran.stderr
    );
    assert_eq!(stub.look(|seen| seen.accepted), 0);
    assert!(!ran.results().exists());
}

#[test]
fn a_terminal_shows_a_block_of_lines() {
    let stub = Stub::sound();
    let out = tempfile::tempdir().unwrap();
    let loadgen = format!(
        "{} --target {} -n 60 --batch 1 --rate 40req/s --out {}",
        env!("CARGO_BIN_EXE_loadgen"),
        stub.address,
        out.path().display()
    );
    // `script` is the smallest program that makes a terminal.
    let output =
        Command::new("script").args(["-qec", &loadgen, "/dev/null"]).env("TERM", "xterm").output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    for part in
        ["/60 events", "since the start, ", "acknowledged (", "service time  med=", "target        received "]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("done received=60"), "{shown}");
}

#[test]
fn the_page_is_served_while_the_run_goes_on_and_ends_with_it() {
    let stub = Stub::scripted(|exchange| {
        if exchange.nth >= 20 {
            exchange.wait_for(|seen| seen.released);
        }
        exchange.answer();
    });
    let loadgen = Loadgen::against(&stub, "-n 4000 --batch 100 -c 1 --dup 0 --live 127.0.0.1:0");
    let mut running = loadgen.start();
    let line = running.wait_for_line("page of the run at ");
    let address: SocketAddr =
        line.trim().trim_start_matches("page of the run at http://").trim_end_matches('/').parse().unwrap();
    // The charts show ended requests when they are written to disk, the numbers at once. The requests that
    // have ended here end within a round.
    stub.wait_for(|seen| seen.requests.len() == 21);
    let page = loop {
        let page = get(address, "/");
        let is_drawn = page.contains("<h3>Rate</h3>") && !page.contains("more attempts have ended");
        if page.contains("<dt>attempts ended</dt><dd>2,000</dd>") && is_drawn {
            break page;
        }
    };
    assert!(page.starts_with("HTTP/1.0 200 OK") && page.contains("text/html; charset=utf-8"), "{page}");
    for text in [
        "connect-src 'self'",
        "RUNNING",
        "<dt>under way</dt><dd>100</dd>",
        "<dt>planned</dt><dd>4,000</dd>",
        "id=\"state\"",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for (host, is_served) in [
        ("localhost", true),
        ("LocalHost:9090", true),
        ("127.0.0.1:9090", true),
        ("127.8.8.8", true),
        ("[::1]:9090", true),
        ("rebound.example", false),
        ("rebound.example:9090", false),
        ("localhost.rebound.example", false),
        ("127.0.0.1.rebound.example", false),
        ("192.0.2.1", false),
        ("localhost\r\nHost: rebound.example", false),
    ] {
        let status = if is_served { "200" } else { "403" };
        let page = get_as(address, "/", &format!("Host: {host}\r\n"));
        assert!(page.starts_with(&format!("HTTP/1.0 {status}")), "{host}: {page}");
        assert_eq!(page.contains("RUNNING"), is_served, "{host}: {page}");
    }
    stub.release();
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(TcpStream::connect(address).is_err(), "the server ended with the run");
}
