//! A run id is sent once.

use crate::program::Loadgen;
use crate::stub::Stub;

#[test]
fn the_same_run_id_and_shard_are_refused_in_one_results_folder() {
    let stub = Stub::sound();
    let loadgen = Loadgen::against(&stub, "-n 10 --run-id twice --shard 1/2");
    let first = loadgen.command().output().unwrap();
    assert_eq!(first.status.code(), Some(0));
    let ran = loadgen.run();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--run-id"), "{}", ran.stderr);
}

#[test]
fn a_run_folder_is_marked_as_its_users_own() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 10").run();
    assert!(reader::origin::is_own(&ran.folder()), "{}", ran.stderr);
    let loadgen = Loadgen::against(&stub, "-n 10");
    let output = loadgen.command().env("XDG_STATE_HOME", "/dev/null").output().unwrap();
    let ran = loadgen.ran(output);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("note: the run folder cannot be marked as yours ("), "{}", ran.stderr);
}

#[test]
fn a_run_id_whose_events_the_target_shows_is_refused() {
    let stub = Stub::sound();
    let first = Loadgen::against(&stub, "-n 10 --run-id twice").run();
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let again = Loadgen::against(&stub, "-n 10 --run-id twice").run();
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("already holds events of this --run-id"), "{}", again.stderr);
    assert!(!again.results().exists());
    let other = Loadgen::against(&stub, "-n 10 --run-id thrice").run();
    assert_eq!(other.code, Some(0), "{}", other.stderr);
}

#[test]
fn a_seed_may_be_sent_again_and_a_secret_is_written_nowhere() {
    let stub = Stub::sound();
    for _ in 0..2 {
        let mut command =
            Loadgen::against(&stub, "-n 200 --seed 7").with_arguments("-H Authorization:hunter2");
        command = command.with_arguments("--batch 10");
        let ran = command.run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("seed 7"), "{}", ran.stderr);
        let folder = ran.folder();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{}", path.display());
        }
    }
}

#[test]
fn the_environment_outranks_the_file_and_flags_outrank_the_environment() {
    let stub = Stub::sound();
    let loadgen = Loadgen::with("--batch 5").scenario("[load]\ncount = 7\nbatch = 3\nconcurrency = 2\n");
    let mut command = loadgen.command();
    command.env("TARGET_URL", format!("http://{}/publish", stub.address));
    command.env("COUNT", "20").env("BATCH_SIZE", "4").env("TOPICS", "a,b").env("DUP_RATE", "50%");
    let output = command.output().unwrap();
    let ran = loadgen.ran(output);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let manifest = ran.folder().manifest().unwrap();
    let load = &manifest.scenario.load;
    assert_eq!((load.count, load.batch, load.concurrency), (Some(20), 5, 2));
    assert_eq!(manifest.plan.topics, ["a", "b"]);
    assert_eq!(manifest.plan.share, [10, 20]);
}
