//! Running cargo on this workspace.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// Time between two looks at what a command has written.
const LOOK: Duration = Duration::from_millis(50);

/// What `cargo run` sets for xtask alone. Build scripts that look at these would run again at every change between
/// the shell's cargo and ours.
const OF_THIS_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("every crate is in a folder of the workspace's root")
}

/// A cargo command in the workspace's root.
#[must_use]
pub fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (variable, _) in std::env::vars_os() {
        if OF_THIS_PACKAGE.iter().any(|prefix| variable.to_string_lossy().starts_with(prefix)) {
            command.env_remove(variable);
        }
    }
    command.args(args).current_dir(workspace());
    command
}

/// Runs a command to its end with its output shown.
pub fn show(command: &mut Command, interrupt: &Interrupt) -> Result<ExitStatus> {
    Process::spawn(command, Ending::Kill)?.wait(interrupt)
}

/// Runs a command to its end and hands over each line that it writes, to standard output or error.
pub fn follow(
    command: &mut Command,
    interrupt: &Interrupt,
    mut take: impl FnMut(&str),
) -> Result<ExitStatus> {
    let transcript = Transcript::new()?;
    command.stdout(transcript.stdio()?).stderr(transcript.stdio()?);
    let mut process = Process::spawn(command, Ending::Kill)?;
    let mut taken = 0;
    loop {
        let ended = process.try_wait()?;
        let bytes = transcript.bytes_from(taken)?;
        // The rest of a line that is being written comes at a later turn.
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let whole = if ended.is_some() { bytes.len() } else { end };
        String::from_utf8_lossy(&bytes[..whole]).lines().for_each(&mut take);
        taken += whole as u64;
        if let Some(status) = ended {
            return Ok(status);
        }
        interrupt.pause(LOOK)?;
    }
}

/// Builds programs of the workspace, with its progress shown.
pub fn build<'a>(args: impl IntoIterator<Item = &'a str>, interrupt: &Interrupt) -> Result<()> {
    let status = show(command(["build"]).args(args), interrupt)?;
    ensure!(status.success(), "the build failed");
    Ok(())
}
