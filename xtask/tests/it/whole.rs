//! The main job on both databases: load, kill, verify.

use std::time::Duration;

use rustix::process::Signal;
use xtask::rig::cluster::Durability;

use crate::stack::{Server, Stack};

#[test]
fn the_share_is_exact_and_the_verdict_is_pass_on_sqlite() {
    share_is_exact_and_verdict_is_pass(&Server::sqlite());
}

#[test]
fn the_share_is_exact_and_the_verdict_is_pass_on_postgres() {
    share_is_exact_and_verdict_is_pass(&Server::postgres(Durability::Fast));
}

/// Runs twice on one database, and verifies the first run again after the second.
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

#[test]
fn a_queued_run_through_kills_and_restarts_passes_on_sqlite() {
    queued_run_through_kills_passes(&Server::sqlite());
}

#[test]
fn a_queued_run_through_kills_and_restarts_passes_on_postgres() {
    queued_run_through_kills_passes(&Server::postgres(Durability::Durable));
}

fn queued_run_through_kills_passes(server: &Server) {
    let stack = Stack::start_with(server.database("events"), &[("ACK", "queued")]);
    let scenario = xtask::rig::cargo::workspace().join("scenarios/queued.toml");
    kill_while_loading(stack, &format!("--scenario {} --count 20000 --batch 20", scenario.display()));
}

fn run_through_kills_passes(server: &Server) {
    let stack = Stack::start(server.database("events"));
    kill_while_loading(stack, "--count 20000 --dup 0.3 --batch 20");
}

fn kill_while_loading(mut stack: Stack, load: &str) {
    let mut loading = stack.loading(load);
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
fn no_trap_catches_the_reference_on_sqlite() {
    no_trap_catches_the_reference(&Server::sqlite());
}

#[test]
fn no_trap_catches_the_reference_on_postgres() {
    no_trap_catches_the_reference(&Server::postgres(Durability::Fast));
}

fn no_trap_catches_the_reference(server: &Server) {
    let stack = Stack::start(server.database("events"));
    let scenario = xtask::rig::cargo::workspace().join("scenarios/traps.toml");
    stack.load(&format!("--scenario {}", scenario.display()));
    let verified = stack.verify("");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    for check in ["key-merged", "wrong-winner", "invalid-taken"] {
        assert!(verified.stdout.contains(&format!("  {check:<20} ok ")), "{check}: {}", verified.stdout);
    }
}

/// Runs all but two: `killed` starts a target of its own, and `traps` is above.
#[test]
fn every_scenario_that_is_shipped_runs_and_passes() {
    let server = Server::sqlite();
    let files = std::fs::read_dir(xtask::rig::cargo::workspace().join("scenarios")).unwrap();
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some());
    let names = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let names: Vec<String> = names.filter(|name| !["killed", "traps"].contains(&name.as_str())).collect();
    assert!(names.len() >= 9, "{names:?}");
    // Runs side by side, because some of them last for a time.
    let stacks: Vec<Stack> = names.iter().map(|name| Stack::start(server.database(name))).collect();
    let running = names.iter().zip(&stacks).map(|(name, stack)| {
        let file = xtask::rig::cargo::workspace().join(format!("scenarios/{name}.toml"));
        (name, stack.loading(&format!("--scenario {} --verify", file.display())))
    });
    for (name, running) in running.collect::<Vec<_>>() {
        let ran = running.finish().unwrap();
        assert_eq!(ran.code, Some(0), "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("\nPASS"), "{name}: {}", ran.stdout);
    }
}

/// Number of events that are stored before a run without a count is interrupted.
const ENOUGH: u64 = 1_000;

#[test]
fn runs_of_every_executor_are_judged() {
    let server = Server::sqlite();
    let stack = Stack::start(server.database("events"));
    // Runs that only time would end are interrupted, because a busy machine sends little in any time.
    for (arguments, told, code) in [
        ("--duration 1h", "for 3600s", 130),
        ("--stage 200ms:8 --stage 1h:8", "for 3600200ms", 130),
        ("--rate 4000 --duration 1h", "14400000 events in 720000 requests", 130),
        ("--stage 500ms:4000/s --stage 1h:4000/s -c 8", "14401000 events in 720050 requests", 130),
        ("--count 600 --rate 100req/s", "600 events in 30 requests", 0),
    ] {
        let before = stack.aggregator.received().unwrap();
        let mut loading = stack.loading(&format!("--batch 20 {arguments}"));
        if code == 130 {
            while stack.aggregator.received().unwrap() < before + ENOUGH {
                assert_eq!(loading.process.try_wait().unwrap(), None, "{arguments}: it ended by itself");
                std::thread::yield_now();
            }
            loading.process.signal(Signal::INT);
        }
        let loaded = loading.finish().unwrap();
        assert_eq!(loaded.code, Some(code), "{arguments}: {}{}", loaded.stdout, loaded.stderr);
        assert!(loaded.stderr.contains(&format!("sending {told}")), "{arguments}: {}", loaded.stderr);
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(0), "{arguments}: {}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.contains("PASS  "), "{arguments}: {}", verified.stdout);
    }
}

#[test]
fn shards_that_begin_together_or_one_after_the_other_are_judged_together() {
    let server = Server::sqlite();
    let stack = Stack::start(server.database("events"));
    let start_at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
    for (run, start) in [("together", format!("--start-at {start_at}")), ("apart", String::new())] {
        let shard = |index: u32| {
            stack.loading(&format!("--count 10000 --batch 20 --run-id {run} --shard {index}/2 {start}"))
        };
        let first = shard(1);
        if run == "apart" {
            // The second takes its baseline while the first sends.
            let before = stack.aggregator.received().unwrap();
            while stack.aggregator.received().unwrap() == before {
                std::thread::yield_now();
            }
        }
        let second = shard(2);
        for shard in [first, second] {
            let loaded = shard.finish().unwrap();
            assert_eq!(loaded.code, Some(0), "{run}: {}", loaded.stderr);
        }
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(0), "{run}: {}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.contains("10,000 attempts"), "{run}: {}", verified.stdout);
    }
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

#[test]
fn a_run_whose_sender_was_killed_is_judged_by_what_it_sent() {
    let server = Server::sqlite();
    let stack = Stack::start(server.database("events"));
    let mut loading = stack.loading("--count 200000 --dup 0.3 --batch 20");
    while stack.aggregator.received().unwrap() < 3_000 {
        assert_eq!(loading.process.try_wait().unwrap(), None, "the run was over before the kill");
        std::thread::yield_now();
    }
    let too_early = stack.verify("");
    assert_eq!(too_early.code, Some(2), "{}", too_early.stdout);
    assert!(too_early.stderr.contains("is still running since"), "{}", too_early.stderr);
    loading.process.kill().unwrap();
    let judged = stack.verify("");
    assert_eq!(judged.code, Some(0), "{}{}", judged.stdout, judged.stderr);
    let mut lines = judged.stdout.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("run did not finish: sent ") && first.ends_with(" of 200,000"), "{first}");
    assert!(lines.next().unwrap().starts_with("PASS"), "{}", judged.stdout);
    // The unknown attempts can be settled.
    let resolved = stack.verify("--resolve");
    assert_eq!(resolved.code, Some(0), "{}{}", resolved.stdout, resolved.stderr);
    // There are none if a listing shows all of them.
    let is_settled = resolved.stdout.contains(" sent again: ")
        || resolved.stderr.contains("there is nothing to send again");
    assert!(is_settled, "{}{}", resolved.stdout, resolved.stderr);
}

#[test]
fn a_run_whose_ledger_finds_no_room_ends_and_what_it_sent_is_judged() {
    let server = Server::sqlite();
    let stack = Stack::start(server.database("events"));
    let loadgen = stack.programs.path("loadgen").unwrap();
    let out = stack.results().display();
    let url = stack.aggregator.url();
    // Limits files to 16 or 32 KiB, depending on the shell, with an error instead of a signal
    // beyond that.
    let limited = format!(
        "trap '' XFSZ; ulimit -f 32; exec {} --scenario reference --count 100000 --dup 0.3 --batch 5 --target {url} --out {out}",
        loadgen.display()
    );
    let loaded = std::process::Command::new("sh").args(["-c", &limited]).output().unwrap();
    let stderr = String::from_utf8(loaded.stderr).unwrap();
    assert_eq!(loaded.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("cannot write ledger segment"), "{stderr}");
    let judged = stack.verify("");
    assert_eq!(judged.code, Some(0), "{}{}", judged.stdout, judged.stderr);
    assert!(judged.stdout.starts_with("run did not finish: sent "), "{}", judged.stdout);
    assert!(stack.aggregator.received().unwrap() > 0);
    // A missing row is found all the same.
    stack.sql("DELETE FROM processed_events WHERE seq = (SELECT min(seq) FROM processed_events)");
    let judged = stack.verify("--settle 3s");
    assert_eq!(judged.code, Some(1), "{}{}", judged.stdout, judged.stderr);
}
