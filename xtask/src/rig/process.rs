//! A child process that never outlives its owner, and is signalled only while its id is certainly still its own.
//!
//! Each runs in a process group of its own: what it starts in turn (cargo starts rustc and test binaries) is ended
//! with it, and the terminal's Ctrl-C reaches xtask alone, which then ends its children in an order that it chooses.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::rig::guard::Guard;
use crate::rig::interrupt::Interrupt;

/// How often a wait looks at the child, and at the interrupt.
const TURN: Duration = Duration::from_millis(5);

/// How long an ending may take before SIGKILL; the postmaster gives its own children 5 s.
const ENDING_LIMIT: Duration = Duration::from_secs(10);

/// What ends a process for good when its owner is dropped, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGKILL: for programs with nothing to tidy up.
    Kill,
    /// SIGQUIT: PostgreSQL's immediate shutdown, which ends the backends and gives the shared memory back.
    Quit,
}

/// A child process and its group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    guard: Guard,
    ending: Ending,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` without standard input; where its output goes is the command's choice.
    pub fn spawn(command: &mut Command, ending: Ending) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let guard = Guard::of_group(ending.name())?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut process = Self { name, child, guard, ending, ended: None };
        process.guard.watch(process.id())?;
        Ok(process)
    }

    /// Its process id, which is its group's too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and its end awaited.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.wait(&Interrupt::never())
    }

    /// SIGTERM, and its end awaited, for at most `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.end_with(Signal::TERM, limit)
    }

    /// Sends `signal` and waits for the end, for at most `limit`.
    pub fn end_with(&mut self, signal: Signal, limit: Duration) -> Result<ExitStatus> {
        self.signal(signal);
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(TURN);
        }
        bail!("{} did not end within {limit:?} of {signal:?}", self.name)
    }

    /// Waits for its end.
    pub fn wait(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            interrupt.pause(TURN)?;
        }
    }

    /// Its exit status if it has ended.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() && self.is_zombie()? {
            // What it left behind in its group goes first: once reaped, the id may be somebody else's.
            self.signal(Signal::KILL);
            self.guard.release();
            self.ended = Some(self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?);
        }
        Ok(self.ended)
    }

    /// Whether it has ended and waits to be reaped: what it has cost can still be read.
    pub(crate) fn is_zombie(&self) -> Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let found = waitid(WaitId::Pid(self.pid()), options);
        Ok(found.with_context(|| format!("cannot look at {}", self.name))?.is_some())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            // It fails only when nothing is left to receive it, and the wait that follows sees that.
            kill_process_group(self.pid(), signal).ok();
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// The exit code to pass on for a program that ended so; 1 where a signal ended it.
#[must_use]
pub fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.end_with(self.ending.signal(), ENDING_LIMIT).is_err() {
            self.kill().ok();
        }
    }
}

impl Ending {
    fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Quit => Signal::QUIT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
        }
    }
}
