//! Child processes end with their owner, together with what they started.

use std::process::Command;
use std::time::Duration;

use xtask::rig::guard::Guard;
use xtask::rig::interrupt::{Interrupt, Interrupted};
use xtask::rig::process::{Ending, Process};
use xtask::rig::scratch::Scratch;
use xtask::rig::transcript::Transcript;

use crate::gone::{eventually, runs};

/// A shell that starts a child of its own, prints the child's id and waits for it.
fn family() -> (Process, u32) {
    let said = Transcript::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(said.stdio().unwrap());
    let process = Process::spawn(&mut command, Ending::Kill).unwrap();
    eventually("the shell says its child's id", || said.text().unwrap().ends_with('\n'));
    (process, said.text().unwrap().trim().parse().unwrap())
}

#[test]
fn a_dropped_process_is_ended_with_what_it_started() {
    let (process, child) = family();
    let parent = process.id();
    assert!(runs(parent) && runs(child));
    drop(process);
    assert!(!runs(parent), "the process was not reaped");
    eventually("its child ends", || !runs(child));
}

#[test]
fn what_a_process_leaves_behind_is_ended_when_it_ends_by_itself() {
    let said = Transcript::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 600 & echo $!"]).stdout(said.stdio().unwrap());
    let mut process = Process::spawn(&mut command, Ending::Kill).unwrap();
    assert!(process.wait(&Interrupt::never()).unwrap().success());
    let child: u32 = said.text().unwrap().trim().parse().unwrap();
    eventually("what it left ends", || !runs(child));
}

#[test]
fn a_process_that_ignores_sigterm_is_reported_and_still_ended() {
    let said = Transcript::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"]).stdout(said.stdio().unwrap());
    let mut process = Process::spawn(&mut command, Ending::Kill).unwrap();
    eventually("the shell is deaf", || !said.is_empty().unwrap());
    let error = process.terminate(Duration::from_millis(50)).unwrap_err();
    assert!(error.to_string().contains("did not end"), "{error}");
    let id = process.id();
    drop(process);
    assert!(!runs(id));
}

#[test]
fn an_exit_code_is_passed_on_and_kept() {
    let mut process = Process::spawn(Command::new("sh").args(["-c", "exit 7"]), Ending::Kill).unwrap();
    assert_eq!(process.wait(&Interrupt::never()).unwrap().code(), Some(7));
    assert_eq!(process.kill().unwrap().code(), Some(7), "a process that has ended is not signalled again");
}

#[test]
fn a_wait_ends_when_somebody_interrupts() {
    let interrupt = Interrupt::never();
    let (mut process, child) = family();
    interrupt.clone().ask();
    assert!(process.wait(&interrupt).unwrap_err().is::<Interrupted>());
    drop(process);
    eventually("its child ends", || !runs(child));
}

#[test]
fn a_guard_that_is_dropped_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(Guard::of_folder(folder.path()).unwrap());
    assert!(folder.path().exists());
}

#[test]
fn a_scratch_folder_is_removed_unless_it_is_to_be_kept() {
    let parent = tempfile::tempdir().unwrap();
    let scratch = Scratch::under(parent.path()).unwrap();
    std::fs::write(scratch.path().join("file"), "").unwrap();
    drop(scratch);
    assert_eq!(parent.path().read_dir().unwrap().count(), 0);

    let mut kept = Scratch::under(parent.path()).unwrap();
    kept.keep_when_dropped();
    drop(kept);
    assert_eq!(parent.path().read_dir().unwrap().count(), 1);
}
