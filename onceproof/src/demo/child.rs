//! Processes of the demo: this same program, in an environment that no variable of the user's
//! changes, and bound to this process.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, ChildStdin, Command};

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

    /// Returns a command that runs this program, without standard output and error of its own.
    pub(super) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.0);
        let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .arg0(bound::NAME)
            .args(arguments)
            .env_clear()
            .envs(inherited)
            .stdin(Stdio::piped())
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
    /// While this is open, the process runs.
    _tether: Option<ChildStdin>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Result<Self, DemoError> {
        let mut child =
            command.spawn().map_err(|source| DemoError::System { action: "start a process", source })?;
        let tether = child.stdin.take();
        Ok(Self { child, _tether: tether })
    }

    /// Sends SIGKILL, and waits for the end.
    pub(super) async fn kill(&mut self) -> Result<(), DemoError> {
        self.child.kill().await.map_err(|source| DemoError::System { action: "kill the target", source })
    }

    /// Waits for the end.
    pub(super) async fn wait(&mut self) -> Result<ExitStatus, DemoError> {
        self.child.wait().await.map_err(cannot_wait)
    }

    /// Returns the exit status if the process has ended.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, DemoError> {
        self.child.try_wait().map_err(cannot_wait)
    }
}

fn cannot_wait(source: io::Error) -> DemoError {
    DemoError::System { action: "wait for a process", source }
}

/// Opens a file for the output of a process, at its end.
pub(super) fn output_to(path: &Path) -> Result<Stdio, DemoError> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.map(Stdio::from).map_err(|source| {
        let path = path.to_owned();
        DemoError::File { action: "open", path, source }
    })
}
