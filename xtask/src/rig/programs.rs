//! The workspace's own programs, as they were built: where they are, and how they are run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// What a program inherits from our environment. The programs take settings from variables with common names
/// (`COUNT`, `ACK`); one that is set for something else must not change what a demo or a test runs.
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

/// Which of cargo's profiles built them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `cargo build`: what tests run.
    Debug,
    /// `cargo build --release`: what the demo runs.
    Release,
}

/// The folder of built programs, and the interrupt that cuts waiting for them short.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    interrupt: Interrupt,
}

/// A program that was started with its output kept.
#[derive(Debug)]
pub struct Running {
    /// The process, to be killed or terminated.
    pub process: Process,
    stdout: Transcript,
    stderr: Transcript,
    interrupt: Interrupt,
}

/// How a program ended, and what it said.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Programs {
    /// The programs of `profile` in the target folder that this program itself was built into.
    pub fn built(profile: Profile, interrupt: &Interrupt) -> Result<Self> {
        let own = std::env::current_exe().context("cannot tell where this program is")?;
        let folder = target_folder(&own)
            .with_context(|| format!("{} is not in a cargo target folder", own.display()))?
            .join(profile.folder());
        Ok(Self { folder, interrupt: interrupt.clone() })
    }

    /// What cuts waiting short.
    #[must_use]
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// A command that runs the program `name` in the environment that all of them get.
    pub fn command(&self, name: &str) -> Result<Command> {
        Ok(in_our_environment(self.path(name)?))
    }

    /// Where the program `name` is; an example's is in the folder `examples`.
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

    /// Starts a program with its output kept.
    pub fn start<A: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = A>) -> Result<Running> {
        let (stdout, stderr) = (Transcript::new()?, Transcript::new()?);
        let mut command = self.command(name)?;
        command.args(args).stdout(stdout.stdio()?).stderr(stderr.stdio()?);
        let process = Process::spawn(&mut command, Ending::Kill)?;
        Ok(Running { process, stdout, stderr, interrupt: self.interrupt.clone() })
    }

    /// Runs a program to its end with its output kept.
    pub fn run<A: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = A>) -> Result<Finished> {
        self.start(name, args)?.finish()
    }
}

impl Running {
    /// Waits for its end.
    pub fn finish(mut self) -> Result<Finished> {
        let status = self.process.wait(&self.interrupt)?;
        let (stdout, stderr) = (self.stdout.text()?, self.stderr.text()?);
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

/// A command that runs a program, ours or not, in the environment that all of them get.
pub(crate) fn in_our_environment(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

/// The target folder around `program`, which is in its `debug` or `release`, or as a test in `deps` beneath.
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
