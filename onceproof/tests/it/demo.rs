//! The demo, with a sound target and with each that is broken.

use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use onceproof::demo::broken::{BROKEN, Broken};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Ended, onceproof, run};

/// Demos side by side.
const JOBS: usize = 3;

/// Runs a demo with its results in a folder of its own.
fn demo(arguments: &[&str]) -> (Ended, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    (run(&[&["demo", "--out", out.to_str().unwrap()], arguments].concat()), folder)
}

/// Returns the run folder that a demo names.
fn run_folder(ended: &Ended) -> &str {
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix("run folder: "));
    line.unwrap_or_else(|| panic!("no run folder: {ended:?}"))
}

#[test]
fn a_sound_target_passes_a_kill_and_each_step_is_told() {
    let (ended, _folder) = demo(&["--seed", "7"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("PASS "), "{}", ended.stdout);
    for step in [
        "started the reference target",
        "sends 20000 events",
        "SIGKILL at ",
        "done received=",
        "verify reads",
    ] {
        assert_eq!(ended.stderr.matches(step).count(), 1, "{step}: {}", ended.stderr);
    }
    let folder = run_folder(&ended);
    assert!(Path::new(folder).join("verdict.json").is_file(), "{folder}");
    let again = run(&["verify", "--offline", folder]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(ended.stdout.contains(&format!("onceproof load history {folder}\n")), "{}", ended.stdout);
}

#[test]
fn each_broken_target_fails_by_the_check_that_names_its_defect() {
    let waiting = Mutex::new(BROKEN.iter());
    let next = || waiting.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(broken) = next() {
                    fails(broken);
                }
            });
        }
    });
}

fn fails(broken: &Broken) {
    let (ended, _folder) = demo(&["--broken", broken.name]);
    assert_eq!(ended.code, Some(1), "{}: {ended:?}", broken.name);
    assert!(ended.stdout.starts_with("FAIL "), "{}: {}", broken.name, ended.stdout);
    let named = format!("\n  - {}: ", broken.named_by);
    assert!(ended.stdout.contains(&named), "{}: {named}: {}", broken.name, ended.stdout);
    assert!(ended.stderr.contains(broken.says), "{}: {}", broken.name, ended.stderr);
}

#[test]
fn broken_without_a_name_is_the_default_and_an_unknown_name_lists_all() {
    let list = run(&["demo", "--broken", "list"]);
    assert_eq!((list.code, list.stdout.lines().count()), (Some(0), BROKEN.len()), "{list:?}");
    let unknown = run(&["demo", "--broken", "nearly-sound"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(BROKEN.iter().all(|broken| unknown.stderr.contains(broken.name)), "{}", unknown.stderr);
    let help = run(&["demo", "--help"]);
    assert!(BROKEN.iter().all(|broken| help.stdout.contains(broken.name)), "{}", help.stdout);
}

#[test]
fn a_run_of_one_request_is_void_and_says_what_to_do_whenever_the_kill_comes() {
    // The kill breaks the only request or none.
    let (ended, _folder) = demo(&["--count", "100", "--batch", "100"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("too short for a kill; try a larger --count"), "{}", ended.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn the_processes_of_a_demo_end_with_it_even_by_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let out = out.to_str().unwrap();
    let mut command = onceproof(&["demo", "--count", "2000000", "--kills", "0", "--out", out]);
    // What the killed demo could not remove goes with this folder.
    command.env("TMPDIR", folder.path());
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let id = child.id();
    let children = || children_of(id);
    until("target and load run", || children().len() == 2);
    let started = children();
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    until("both have ended", || started.iter().all(|id| !is_running(*id)));
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn children_of(id: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

/// True if the process is there and has not ended.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}
