//! Processes that end with the one that started them, however that one ends.
//!
//! A process that runs under the name [`NAME`] reads its standard input, a pipe whose other end only
//! its starter holds. The system closes that end when the starter is gone, by SIGKILL too.

use std::io::{Read as _, stdin};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};

/// Name under which such a process is started.
pub const NAME: &str = "onceproof-bound";

/// Ends this process with its starter, if it was started under [`NAME`].
pub fn end_with_the_starter() {
    if std::env::args_os().next().is_some_and(|name| name == NAME) {
        thread::spawn(|| {
            // An error means that nobody holds the other end any more, too.
            stdin().read_to_end(&mut Vec::new()).ok();
            kill_process(getpid(), Signal::KILL).ok();
        });
    }
}
