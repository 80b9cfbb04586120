//! The demo, with a sound target and with each that is broken.

use std::collections::BTreeSet;
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
        "starts the reference target",
        "sends 20000 events",
        "and kills the target at 40%",
        "killed with SIGKILL after ",
        "done received=",
        "verify reads",
    ] {
        assert_eq!(ended.stderr.matches(step).count(), 1, "{step}: {}", ended.stderr);
    }
    let folder = run_folder(&ended);
    assert!(Path::new(folder).join("verdict.json").is_file(), "{folder}");
    let again = run(&["verify", "--offline", folder]);
    assert_eq!(again.code, Some(0), "{again:?}");
    // Commands to type name the program as it was called: its folder may not be on the PATH.
    let typed = env!("CARGO_BIN_EXE_onceproof");
    for command in [format!("{typed} load history {folder}\n"), format!("{typed} demo --seed 7\n")] {
        assert!(ended.stdout.contains(&format!(": {command}")), "{command}: {}", ended.stdout);
    }
    // Whoever has the report alone is told what he can run: the scenario is gone.
    let page = std::fs::read_to_string(Path::new(folder).join("report.html")).unwrap();
    for command in
        ["onceproof demo --seed 7</code>".to_owned(), format!("onceproof verify --offline {folder}</code>")]
    {
        assert!(page.contains(&format!("<code>{command}")), "{command}: {page}");
    }
    assert!(!page.contains("demo.toml"), "{page}");
    // The run knows of the kill.
    assert!(!ended.stdout.contains("nothing planned did that"), "{}", ended.stdout);
    assert!(ended.stdout.contains("kill at 40%"), "{}", ended.stdout);
}

#[test]
fn a_demo_needs_no_shell() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let mut demo = onceproof(&["demo", "--count", "2000", "--kills", "0", "--out", out.to_str().unwrap()]);
    let ended = Ended::of(&demo.env("PATH", folder.path()).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn demos_side_by_side_with_one_seed_and_one_folder_read_their_own_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let arguments =
        |kills| ["demo", "--seed", "7", "--count", "2000", "--kills", kills, "--out", out.to_str().unwrap()];
    let demos: Vec<Ended> = thread::scope(|scope| {
        let demos: Vec<_> =
            ["0"; JOBS].into_iter().map(|kills| scope.spawn(move || run(&arguments(kills)))).collect();
        demos.into_iter().map(|demo| demo.join().unwrap()).collect()
    });
    let folders: BTreeSet<&str> = demos.iter().map(run_folder).collect();
    assert_eq!(folders.len(), JOBS, "{demos:?}");
    for demo in &demos {
        assert_eq!(demo.code, Some(0), "{demo:?}");
        assert!(Path::new(run_folder(demo)).join("verdict.json").is_file(), "{demo:?}");
    }
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
    the_last_lines_lead_on(&ended);
}

/// Demands that the last line names the report, and the one before it a command that explains.
fn the_last_lines_lead_on(ended: &Ended) {
    let [.., explained, report] = &ended.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{ended:?}");
    };
    let report = report.strip_prefix("report for a browser: ").unwrap_or_else(|| panic!("{ended:?}"));
    assert!(Path::new(report).is_file(), "{ended:?}");
    let typed = format!("the first finding explained: {} ", env!("CARGO_BIN_EXE_onceproof"));
    let command = explained.strip_prefix(&typed);
    let command = shlex::split(command.unwrap_or_else(|| panic!("{ended:?}"))).unwrap();
    let explained = run(&command.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(explained.code, Some(0), "{explained:?}");
    assert!(explained.stdout.lines().count() > 1, "{explained:?}");
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
fn a_killed_demo_takes_its_processes_along_and_the_next_one_removes_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let out = out.to_str().unwrap();
    let files = || names_in(folder.path(), "onceproof-target-");
    let mut command = onceproof(&["demo", "--count", "2000000", "--kills", "0", "--out", out]);
    command.env("TMPDIR", folder.path());
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let load = || children_of(child.id());
    let target = || load().into_iter().flat_map(children_of).filter(|id| is_own(*id)).collect::<Vec<_>>();
    until("load and target run", || !target().is_empty());
    let started = [load(), target()].concat();
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    until("both have ended", || started.iter().all(|id| !is_running(*id)));
    let left = files();
    assert_eq!(left.len(), 1, "{left:?}");
    let mut next = onceproof(&["demo", "--count", "100", "--kills", "0", "--out", out]);
    let next = Ended::of(&next.env("TMPDIR", folder.path()).output().unwrap());
    assert_eq!(next.code, Some(0), "{next:?}");
    assert_eq!(files(), [""; 0], "{next:?}");
}

#[test]
fn kept_files_outlast_the_next_demo_and_the_target_starts_on_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let demo = |more: &[&str]| {
        let fixed = ["demo", "--count", "100", "--kills", "0", "--out", out.to_str().unwrap()];
        Ended::of(&onceproof(&[&fixed, more].concat()).env("TMPDIR", folder.path()).output().unwrap())
    };
    let kept = demo(&["--keep"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let [files] = &names_in(folder.path(), "onceproof-target-")[..] else { panic!("{kept:?}") };
    assert!(kept.stderr.contains(files), "{kept:?}");
    assert_eq!(demo(&[]).code, Some(0));
    assert_eq!(names_in(folder.path(), "onceproof-target-"), [files.as_str()]);
    let again = run(&["verify", "--run-commands", run_folder(&kept)]);
    assert_eq!(again.code, Some(0), "{again:?}");
}

/// Returns the names in a folder that begin so.
fn names_in(folder: &Path, beginning: &str) -> Vec<String> {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(beginning)).collect()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn children_of(id: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().filter_map(Result::ok);
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    children
        .flat_map(|ids| ids.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// True if the process runs this program, and no shell that guards it.
fn is_own(id: u32) -> bool {
    let program = std::fs::read_link(format!("/proc/{id}/exe"));
    program.is_ok_and(|program| program == Path::new(env!("CARGO_BIN_EXE_onceproof")))
}

/// True if the process is there and has not ended.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}
