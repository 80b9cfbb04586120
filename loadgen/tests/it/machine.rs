//! Limits of this machine: they are told as its own, and not as the target's faults.

use crate::onlookers::{address_in, get};
use crate::program::{Loadgen, Ran};
use crate::stub::{Stub, serve_one_post};

/// Runs the load with this command of a shell before it.
fn after(first: &str, loadgen: Loadgen) -> Ran {
    let output = loadgen.command_after(first).output().unwrap();
    loadgen.ran(output)
}

#[test]
fn a_soft_limit_of_files_is_raised() {
    let stub = Stub::sound();
    let ran = after("ulimit -Sn 40", Loadgen::against(&stub, "-n 400 --dup 0 --batch 1 -c 60 --lanes 1"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("ulimit"), "{}", ran.stderr);
    assert_eq!(ran.summary()["own_limits"]["emfile"], 0);
}

#[test]
fn connections_that_do_not_fit_the_limit_of_files_are_told_and_counted_apart() {
    let stub = Stub::sound();
    let ran = after("ulimit -n 40", Loadgen::against(&stub, "-n 400 --dup 0 --batch 1 -c 60 --lanes 1"));
    assert_eq!(ran.code, Some(0), "all was sent, over fewer connections: {}", ran.stderr);
    let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("`ulimit -n")).collect();
    assert!(warnings[0].contains("for 60 connections, and may open 40: about "), "{}", ran.stderr);
    assert!(warnings[1].contains("(EMFILE); raise the limit"), "{}", ran.stderr);
    assert_eq!(warnings.len(), 2, "each is told once: {}", ran.stderr);
    let summary = ran.summary();
    assert!(summary["own_limits"]["emfile"].as_u64().unwrap() > 0, "{summary:#}");
    assert_eq!(summary["connections"]["refused"], 0, "the target refused nothing");
    assert!(ran.stdout.contains("this_machine............: "), "{}", ran.stdout);
}

#[test]
fn prometheus_counts_what_this_machine_lacks() {
    let stub = Stub::sound();
    let arguments = "-n 400 --dup 0 --batch 1 -c 60 --lanes 1 --prometheus-addr 127.0.0.1:0";
    let loadgen = Loadgen::against(&stub, &format!("{arguments} --prometheus-linger 1h"));
    let command = loadgen.command_after("ulimit -n 44");
    let mut running = loadgen.start_with(command);
    let address = address_in(&running.wait_for_line("metrics at "));
    running.wait_for_line("until they are scraped once more");
    let page = get(address, "/metrics");
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let counted = ran.summary()["own_limits"]["emfile"].as_u64().unwrap();
    assert!(counted > 0, "{}", ran.stdout);
    for (error, count) in [("EMFILE", counted), ("EADDRNOTAVAIL", 0)] {
        let line = format!("onceproof_own_limits_total{{error=\"{error}\"}} {count}");
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
}

#[test]
fn a_target_that_falls_silent_is_told_although_this_machine_lacks_something() {
    let stub = Stub::scripted(|it| if it.nth < 3 { it.answer() } else { it.hang() });
    let arguments = "-n 400 --dup 0 --batch 1 -c 60 --lanes 1 --patience 2s";
    let ran = after("ulimit -n 40", Loadgen::against(&stub, arguments));
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.summary()["own_limits"]["emfile"].as_u64().unwrap() > 0, "{}", ran.stdout);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.ends_with(" of 400: the target no longer responded"), "{}", ran.stderr);
    assert!(ran.stdout.contains("the run was given up: the target no longer responded"), "{}", ran.stdout);
}

#[test]
fn a_limit_without_room_for_a_connection_is_refused_at_once() {
    let stub = Stub::sound();
    let ran = after("ulimit -n 15", Loadgen::against(&stub, "-n 10 -c 4 --lanes 1"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("no connection fits; raise the limit with `ulimit -n "), "{}", ran.stderr);
    assert!(!ran.results().exists());
}

#[test]
fn a_count_that_was_not_sent_is_an_error_and_the_last_line_says_why() {
    let address = serve_one_post();
    let arguments = format!("--target {address} -n 5 --dup 0 --batch 1 -c 1 --patience 1s");
    let ran = Loadgen::with(&arguments).run();
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    // On a slow machine the time may be over before the first request leaves.
    let sent = ran.summary()["requests"]["sent"].as_u64().unwrap();
    assert!(sent <= 1, "{}", ran.stdout);
    let last = format!("error: sent {sent} of 5: the target no longer responded");
    assert_eq!(ran.stderr.lines().last(), Some(&*last));
}

#[test]
fn a_count_that_was_not_sent_is_judged_and_no_pass_hides_it() {
    let stub = Stub::scripted(|it| if it.nth < 3 { it.answer() } else { it.hang() });
    let ran = Loadgen::against(&stub, "-n 50 --dup 0 --batch 1 -c 1 --patience 2s --verify").run();
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stdout.contains("run did not finish: sent "), "judged: {}", ran.stdout);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: sent ") && last.contains(" of 50: "), "{}", ran.stderr);
}

#[test]
fn a_target_that_takes_connections_and_drops_them_costs_few_requests() {
    let stub = Stub::scripted(|it| if it.nth == 0 { it.answer() } else { it.close() });
    let ran = Loadgen::against(&stub, "--duration 500ms --dup 0 --batch 1 -c 2").run();
    // A slow machine may have no response in that time. Nothing that was not sent is missed.
    let code = if ran.summary()["events"]["acked"] == 0 { 4 } else { 0 };
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    // The pause doubles: requests leave 0, 10, 30, 70, 150 and 310 ms after the first. The next would
    // be at 630 ms. The connection with the response had one request more.
    let requests = stub.look(|seen| seen.requests.len());
    assert!(requests <= 2 + 2 * 6, "{requests} requests");
}
