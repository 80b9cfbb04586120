//! A child process that never outlives its owner. It is signalled only while its id is certainly
//! its own.
//!
//! Each child runs in a process group of its own. The programs that it starts (cargo starts rustc
//! and test binaries) end with it. The terminal's Ctrl-C reaches xtask alone, which then ends its
//! children in its own order.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::rig::guard::Guard;
use crate::rig::interrupt::Interrupt;

/// Pause between two looks at the child and the interrupt.
const TURN: Duration = Duration::from_millis(5);

/// Limit of an ending before SIGKILL; the postmaster gives its own children 5 s.
const ENDING_LIMIT: Duration = Duration::from_secs(10);

/// Signal that ends a process when its owner is dropped, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGKILL: for programs with nothing to clean up.
    Kill,
    /// SIGQUIT: PostgreSQL's immediate shutdown, which ends the backends and gives the shared
    /// memory back.
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
    /// Starts `command` without standard input; the command chooses where its output goes.
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

    /// Returns the process id, which is the group's too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.wait(&Interrupt::never())
    }

    /// Sends SIGTERM and waits for the end, for at most `limit`.
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

    /// Waits for the end.
    pub fn wait(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            interrupt.pause(TURN)?;
        }
    }

    /// Returns the exit status if the process has ended.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() && self.is_zombie()? {
            // The rest of its group is ended first: once the process is reaped, the id may be
            // another's.
            self.signal(Signal::KILL);
            self.guard.release();
            self.ended = Some(self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?);
        }
        Ok(self.ended)
    }

    /// True if the process has ended and is not reaped: its processor time can still be read.
    pub(crate) fn is_zombie(&self) -> Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let found = waitid(WaitId::Pid(self.pid()), options);
        Ok(found.with_context(|| format!("cannot look at {}", self.name))?.is_some())
    }

    /// True if a signal has stopped the process, and none has continued it.
    pub(crate) fn is_stopped(&self) -> Result<bool> {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let found = waitid(WaitId::Pid(self.pid()), options);
        Ok(found.with_context(|| format!("cannot look at {}", self.name))?.is_some())
    }

    /// Sends a signal to the process and its group.
    pub fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            // An error means that no process is left, and the wait that follows notices that.
            kill_process_group(self.pid(), signal).ok();
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// Returns the exit code to pass on for a program that ended with this status; 1 where a signal
/// ended it.
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
