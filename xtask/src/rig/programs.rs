//! The workspace's built programs: where they are, and how to run them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// Variables that a program inherits. The programs take settings from variables with common names
/// (`COUNT`, `ACK`), and one that is set for something else must not change what a demo or a test
/// runs.
const INHERITED: [&str; 12] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TERM",
    "COLUMNS",
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "CI",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
];

/// Profile of cargo that built the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `cargo build`: what tests run.
    Debug,
    /// `cargo build --release`: what the demo runs.
    Release,
}

/// Folder of built programs, and the interrupt that cuts waits short.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    interrupt: Interrupt,
}

/// A running program whose output is kept.
#[derive(Debug)]
pub struct Running {
    /// Process, to be killed or terminated.
    pub process: Process,
    stdout: Transcript,
    stderr: Transcript,
    interrupt: Interrupt,
}

/// Exit code and output of a program.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code; none if a signal ended the program.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Programs {
    /// Returns the programs of `profile` in the target folder that holds this program.
    pub fn built(profile: Profile, interrupt: &Interrupt) -> Result<Self> {
        let own = std::env::current_exe().context("cannot find the path of this program")?;
        let folder = target_folder(&own)
            .with_context(|| format!("{} is not in a cargo target folder", own.display()))?
            .join(profile.folder());
        Ok(Self { folder, interrupt: interrupt.clone() })
    }

    /// Returns the interrupt that cuts waits short.
    #[must_use]
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Returns a command that runs the program `name` in the environment of all programs.
    pub fn command(&self, name: &str) -> Result<Command> {
        Ok(in_our_environment(self.path(name)?))
    }

    /// Returns the path of the program `name`; an example is in the folder `examples`.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        ensure!(
            path.is_file(),
            "{} is not built; `cargo build --workspace --bins --examples` builds it, and `cargo xtask test` does so \
             first",
            path.display()
        );
        Ok(path)
    }

    /// Starts a program and keeps its output.
    pub fn start<A: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = A>) -> Result<Running> {
        self.start_with(name, args, [])
    }

    /// Starts a program with variables of its own and keeps its output.
    pub fn start_with<A: AsRef<OsStr>>(
        &self,
        name: &str,
        args: impl IntoIterator<Item = A>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Running> {
        let stdout = Transcript::new()?;
        let stderr = Transcript::new()?;
        let mut command = self.command(name)?;
        command.args(args).envs(variables).stdout(stdout.stdio()?).stderr(stderr.stdio()?);
        let process = Process::spawn(&mut command, Ending::Kill)?;
        Ok(Running { process, stdout, stderr, interrupt: self.interrupt.clone() })
    }

    /// Runs a program to its end and keeps its output.
    pub fn run<A: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = A>) -> Result<Finished> {
        self.start(name, args)?.finish()
    }
}

impl Running {
    /// Waits for the end.
    pub fn finish(mut self) -> Result<Finished> {
        let status = self.process.wait(&self.interrupt)?;
        let stdout = self.stdout.text()?;
        let stderr = self.stderr.text()?;
        Ok(Finished { code: status.code(), stdout, stderr })
    }
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// Returns a command that runs a program, ours or not, in the environment of all programs.
pub(crate) fn in_our_environment(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

/// Returns the target folder around `program`, which is in its `debug` or `release`, or as a test
/// in `deps` beneath.
fn target_folder(program: &Path) -> Option<&Path> {
    let folder = program.parent()?;
    let profile = if folder.ends_with("deps") { folder.parent()? } else { folder };
    profile.parent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_found_from_programs_and_from_tests() {
        let target = Some(Path::new("/w/target"));
        assert_eq!(target_folder(Path::new("/w/target/debug/xtask")), target);
        assert_eq!(target_folder(Path::new("/w/target/debug/deps/it-0123")), target);
        assert_eq!(target_folder(Path::new("/xtask")), None);
    }
}
