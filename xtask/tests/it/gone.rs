//! Waits for things that another process takes away.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};

/// True if a process of this id exists.
pub(crate) fn runs(id: u32) -> bool {
    test_kill_process(pid(id)).is_ok()
}

/// Returns the id as the system calls take it.
pub(crate) fn pid(id: u32) -> Pid {
    Pid::from_raw(id.try_into().unwrap()).unwrap()
}

/// Waits until `holds`, and fails if it never does.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a process and a folder are gone.
pub(crate) fn both_gone(id: u32, folder: &Path) {
    eventually("the process ends", || !runs(id));
    eventually("the folder is removed", || !folder.exists());
}
