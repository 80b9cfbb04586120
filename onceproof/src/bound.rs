//! Processes that end with the one that started them, however that one ends.
//!
//! The starter holds the lock of a file, whose path the variable [`VARIABLE`] hands on to all
//! processes below it. The system frees the lock when the starter is gone, by SIGKILL too, and each
//! of these processes waits for that.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;

use rustix::process::{Signal, getpid, kill_process};

/// Variable that names the file.
pub const VARIABLE: &str = "ONCEPROOF_BOUND_TO";

/// Ends this process with its starter, if the starter wants that.
pub fn end_with_the_starter() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        thread::spawn(move || {
            // A file that cannot be opened any more has gone with the starter.
            wait(Path::new(&path)).ok();
            kill_process(getpid(), Signal::KILL).ok();
        });
    }
}

/// Waits until nobody holds the lock of this file alone.
fn wait(path: &Path) -> io::Result<()> {
    File::open(path)?.lock_shared()
}
