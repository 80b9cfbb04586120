//! Clean-up for the time when this process cannot do it: after SIGKILL, an abort, a second Ctrl-C.
//!
//! A guard is a small shell process that waits for the end of its standard input. Only this process
//! holds the other end of that pipe, so the kernel closes it however this process ends, and the
//! guard then acts. No destructor and no signal handler can promise that. An owner that cleaned up
//! by itself drops its guard, which ends it before it acts.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Script that ends the process group in the last line read; an empty line calls it off.
const END_GROUP: &str = r#"
trap '' HUP INT TERM
while read -r line; do group=$line; done
[ -n "$group" ] && kill -s "$1" -- "-$group"
"#;

/// Script that removes a folder, in up to 100 turns of 0.1 s: programs that are ending may still
/// write into it.
const REMOVE_FOLDER: &str = r#"
trap '' HUP INT TERM
while read -r line; do :; done
turns=0
while [ -e "$1" ] && [ "$turns" -lt 100 ]; do
    rm -rf -- "$1" || sleep 0.1
    turns=$((turns + 1))
done
"#;

/// Script that runs a command.
const RUN: &str = r#"
trap '' HUP INT TERM
while read -r line; do :; done
"$@"
"#;

/// A waiting guard. Dropping it calls it off.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
}

impl Guard {
    /// Starts a guard that removes `folder` when this process is gone.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        Self::start(REMOVE_FOLDER, [folder.as_os_str()])
    }

    /// Starts a guard that sends `signal` (a name as `kill -s` takes it) to the group it watches
    /// when this process is gone.
    pub fn of_group(signal: &str) -> Result<Self> {
        Self::start(END_GROUP, [OsStr::new(signal)])
    }

    /// Starts a guard that runs this command, from the root folder and without output, when this
    /// process is gone.
    pub fn of_command<'a>(command: impl IntoIterator<Item = &'a OsStr>) -> Result<Self> {
        Self::start(RUN, command)
    }

    fn start<'a>(script: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", script, "onceproof-guard"])
            .args(arguments)
            .current_dir("/")
            // Ctrl-C ends the owner, and must not end its guard: so the guard leaves the terminal's
            // foreground group.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a shell as a guard")?;
        Ok(Self { shell })
    }

    /// Makes the guard end the group of this id.
    pub fn watch(&mut self, group: u32) -> Result<()> {
        self.say(&group.to_string())
    }

    /// Calls [`Guard::watch`] off, before the id is given back to the system and used for another
    /// process.
    pub fn release(&mut self) {
        // A write fails if the guard has ended, and then it does not act.
        self.say("").ok();
    }

    fn say(&mut self, line: &str) -> Result<()> {
        let pipe = self.shell.stdin.as_mut().context("the guard has no standard input")?;
        writeln!(pipe, "{line}").context("cannot write to the guard")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The guard is killed before `wait` closes its input. Errors mean that it has ended.
        self.shell.kill().ok();
        self.shell.wait().ok();
    }
}
