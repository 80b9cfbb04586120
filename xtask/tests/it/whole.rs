//! The main job: load, kill, verify, on both databases.

use std::time::Duration;

use xtask::cluster::Durability;

use crate::stack::{Server, Stack};

#[test]
fn the_share_is_exact_and_the_verdict_is_pass_on_sqlite() {
    share_is_exact_and_verdict_is_pass(&Server::sqlite());
}

#[test]
fn the_share_is_exact_and_the_verdict_is_pass_on_postgres() {
    share_is_exact_and_verdict_is_pass(&Server::postgres(Durability::Fast));
}

/// Twice on one database, and the first run verified again after the second.
fn share_is_exact_and_verdict_is_pass(server: &Server) {
    let stack = Stack::start(server.database("events"));
    let mut folders = Vec::new();
    for _ in 0..2 {
        let loaded = stack.load("--count 20000 --dup 0.3");
        let last = loaded.stdout.lines().last().unwrap();
        assert_eq!(last, "done received=20000 inserted=14000 duplicates=6000 dup_rate=30.00%");
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.starts_with("PASS"), "{}", verified.stdout);
        folders.push(stack.results().join("latest").canonicalize().unwrap());
    }
    let first = folders[0].to_str().unwrap();
    let again = stack.verify(first);
    assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
    assert!(again.stdout.contains("others have stored 14,000 events"), "{}", again.stdout);
}

#[test]
fn a_run_through_kills_and_restarts_passes_on_sqlite() {
    run_through_kills_passes(&Server::sqlite());
}

#[test]
fn a_run_through_kills_and_restarts_passes_on_postgres() {
    run_through_kills_passes(&Server::postgres(Durability::Durable));
}

fn run_through_kills_passes(server: &Server) {
    let mut stack = Stack::start(server.database("events"));
    let mut loading = stack.loading("--count 20000 --dup 0.3 --batch 20");
    for threshold in [4_000, 8_000, 12_000] {
        while stack.aggregator.received().unwrap() < threshold {
            assert_eq!(loading.process.try_wait().unwrap(), None, "the run was over before the kill");
            std::thread::yield_now();
        }
        stack.aggregator.kill().unwrap();
        stack.aggregator.restart().unwrap();
    }
    let loaded = loading.finish().unwrap();
    assert_eq!(loaded.code, Some(0), "{}{}", loaded.stdout, loaded.stderr);
    assert!(loaded.stdout.lines().last().unwrap().contains(" unknown="), "{}", loaded.stdout);
    let verified = stack.verify("");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let stopped = stack.aggregator.terminate(Duration::from_secs(20)).unwrap();
    assert!(stopped.success(), "{stopped}");
}

#[test]
fn a_target_that_is_not_there_is_said_at_once_and_leaves_nothing() {
    let mut stack = Stack::start(Server::sqlite().database("events"));
    stack.aggregator.kill().unwrap();
    let loaded = stack.loading("--count 100 --dup 0").finish().unwrap();
    assert_eq!(loaded.code, Some(5), "{}", loaded.stderr);
    assert!(loaded.stderr.contains(&stack.aggregator.address().to_string()), "{}", loaded.stderr);
    assert_eq!(std::fs::read_dir(stack.results()).unwrap().count(), 0);
}
