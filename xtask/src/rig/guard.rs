//! What cleans up when this process has no chance to: SIGKILL, an abort, a second Ctrl-C.
//!
//! A guard is a small shell process that waits for the end of its standard input. The other end of that pipe is held
//! by this process alone, so the kernel closes it whatever way this process goes, and the guard does its one duty.
//! No destructor and no signal handler can promise that. An owner that cleaned up by itself drops its guard, which
//! ends it before it does anything.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// The newest line read names the process group to end; an empty line takes the order back.
const END_GROUP: &str = r#"
trap '' HUP INT TERM
while read -r line; do group=$line; done
[ -n "$group" ] && kill -s "$1" -- "-$group"
"#;

/// Programs that are being ended may still write into the folder, hence the turns: 100 of 0.1 s.
const REMOVE_FOLDER: &str = r#"
trap '' HUP INT TERM
while read -r line; do :; done
turns=0
while [ -e "$1" ] && [ "$turns" -lt 100 ]; do
    rm -rf -- "$1" || sleep 0.1
    turns=$((turns + 1))
done
"#;

/// Runs what it was given.
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
    /// One that removes `folder` when this process is gone.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        Self::start(REMOVE_FOLDER, [folder.as_os_str()])
    }

    /// One that sends `signal` (a name as `kill -s` takes it) to the group it watches when this process is gone.
    pub fn of_group(signal: &str) -> Result<Self> {
        Self::start(END_GROUP, [OsStr::new(signal)])
    }

    /// One that runs this command, from the root folder and without a word, when this process is gone.
    pub fn of_command<'a>(command: impl IntoIterator<Item = &'a OsStr>) -> Result<Self> {
        Self::start(RUN, command)
    }

    fn start<'a>(script: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", script, "onceproof-guard"])
            .args(arguments)
            .current_dir("/")
            // Out of the terminal's foreground group: the Ctrl-C that ends the owner must not end its guard.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a shell to guard what is started")?;
        Ok(Self { shell })
    }

    /// Makes the group of this id the one to end.
    pub fn watch(&mut self, group: u32) -> Result<()> {
        self.say(&group.to_string())
    }

    /// Takes back [`Guard::watch`]: the id is about to be given back to the system, and may soon be somebody else's.
    pub fn release(&mut self) {
        // A guard that cannot be told is gone, and will not act on what it was told before.
        self.say("").ok();
    }

    fn say(&mut self, line: &str) -> Result<()> {
        let pipe = self.shell.stdin.as_mut().context("the guard has no standard input")?;
        writeln!(pipe, "{line}").context("cannot talk to the guard")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Before its input ends: `wait` closes the pipe. Errors mean that it is gone already.
        self.shell.kill().ok();
        self.shell.wait().ok();
    }
}
