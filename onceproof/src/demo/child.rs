//! Process of the demo: this same program, in an environment that no variable of the user's changes,
//! and bound to this process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::error::DemoError;
use crate::bound;

/// Variables that a process inherits. The programs take settings from variables with common names
/// (`COUNT`, `ACK`), and one that is set for something else must not change what the demo runs.
const INHERITED: [&str; 9] =
    ["PATH", "HOME", "TMPDIR", "TERM", "COLUMNS", "LANG", "LC_ALL", "NO_COLOR", "RUST_BACKTRACE"];

/// Path of this program.
#[derive(Clone, Debug)]
pub(super) struct Own(PathBuf);

impl Own {
    /// Finds the file of this program. The system does not tell it where `/proc` is absent; then it
    /// is where the first argument says.
    pub(super) fn find() -> Result<Self, DemoError> {
        let path = std::env::current_exe().or_else(|error| called().ok_or(error));
        path.map(Self).map_err(|source| DemoError::System { action: "find the file of this program", source })
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns a command that runs this program. The process and all below it end with the holder of
    /// the lock of this file.
    pub(super) fn command(&self, lock: &Path) -> Command {
        let mut command = Command::new(&self.0);
        let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .env_clear()
            .envs(inherited)
            .env(bound::VARIABLE, lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // Ctrl-C ends the demo, which then ends its processes.
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

/// Returns the file that the first argument names, as a shell finds it.
fn called() -> Option<PathBuf> {
    let name = PathBuf::from(std::env::args_os().next()?);
    if name.components().count() > 1 {
        return std::path::absolute(name).ok();
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// A running process, which is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    /// Standard output.
    pub(super) lines: Lines,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Result<Self, DemoError> {
        let mut child =
            command.spawn().map_err(|source| DemoError::System { action: "start a process", source })?;
        // Its input is at its end, as that of /dev/null, which an empty root folder does not have.
        drop(child.stdin.take());
        let stdout = child.stdout.take().expect("the command has a pipe for it");
        Ok(Self { child, lines: Lines(BufReader::new(stdout)) })
    }

    /// Waits for the end.
    pub(super) async fn wait(&mut self) -> Result<ExitStatus, DemoError> {
        let ended = self.child.wait().await;
        ended.map_err(|source| DemoError::System { action: "wait for a process", source })
    }
}

/// Output of a process.
#[derive(Debug)]
pub(super) struct Lines(BufReader<ChildStdout>);

impl Lines {
    /// Returns the next line; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<String>, DemoError> {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).await.map_err(cannot_read)?;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }

    /// Returns all lines to the end.
    pub(super) async fn rest(&mut self) -> Result<String, DemoError> {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.map_err(cannot_read)?;
        Ok(rest)
    }
}

fn cannot_read(source: io::Error) -> DemoError {
    DemoError::System { action: "read what a process prints", source }
}
