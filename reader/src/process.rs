//! The target as a child process, for scenarios that start it: its log, its readiness, its signals, its end.
//!
//! It runs in a process group of its own, and a guard ends the group should we be gone without a chance to: a shell that
//! waits for the end of its standard input, which the kernel closes whatever way we go.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use truth::target::{Endpoint, Place, Process};

use crate::client::TargetClient;

/// Between two looks whether it is ready, or stopped.
const LOOK: Duration = Duration::from_millis(10);

/// How long one question whether it is ready may take.
const ANSWER: Duration = Duration::from_secs(2);

/// How long an end after SIGTERM may take.
const DRAIN: Duration = Duration::from_secs(30);

/// Waits for a line, which calls it off, or for the end of its input, which does not.
const GUARD: &str = "trap '' HUP INT TERM; read -r _ || kill -s KILL -- \"-$1\"";

/// Why there is no target.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// Something is there already.
    #[error(
        "something listens on {address} already, though [target.process] is to start the target; stop it, or leave [target.process] out"
    )]
    Taken {
        /// Where.
        address: String,
    },
    /// The program cannot be started.
    #[error("cannot start the target `{program}` in {}", folder.display())]
    Start {
        /// The program.
        program: String,
        /// Where it was to run.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended before it was ready.
    #[error("the target `{program}` ended at its start ({status}); see {}", log.display())]
    Ended {
        /// The program.
        program: String,
        /// How.
        status: ExitStatus,
        /// What it said.
        log: PathBuf,
    },
    /// It took too long.
    #[error("the target `{program}` was not ready within {}; see {}", truth::duration::format(*within), log.display())]
    NotReady {
        /// The program.
        program: String,
        /// How long it had.
        within: Duration,
        /// What it said.
        log: PathBuf,
    },
    /// The system refused.
    #[error("cannot {action} the target")]
    System {
        /// What.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// A target that we started. Dropping it ends it with SIGKILL.
#[derive(Debug)]
pub struct TargetProcess {
    process: Process,
    client: TargetClient,
    endpoint: Endpoint,
    log: PathBuf,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    group: Pid,
    guard: Child,
}

impl TargetProcess {
    /// Starts the target and waits until it is ready. What it says goes to `log`, which is appended to.
    pub async fn start(
        process: Process,
        client: TargetClient,
        endpoint: Endpoint,
        log: PathBuf,
    ) -> Result<Self, ProcessError> {
        if answers(&endpoint).await {
            return Err(ProcessError::Taken { address: endpoint.authority });
        }
        let mut target = Self { process, client, endpoint, log, running: None };
        target.launch().await?;
        Ok(target)
    }

    /// Whether something listens where the target should.
    pub async fn is_up(endpoint: &Endpoint) -> bool {
        answers(endpoint).await
    }

    /// Moves the log, which may still be written to.
    pub fn move_log(&mut self, to: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.log, to)?;
        self.log = to.to_path_buf();
        Ok(())
    }

    /// SIGKILL, and its end awaited.
    pub async fn kill(&mut self) -> Result<ExitStatus, ProcessError> {
        self.end(Signal::KILL).await
    }

    /// SIGTERM, and its end awaited; SIGKILL where that takes too long.
    pub async fn terminate(&mut self) -> Result<ExitStatus, ProcessError> {
        match timeout(DRAIN, self.end(Signal::TERM)).await {
            Ok(ended) => ended,
            Err(_) => self.end(Signal::KILL).await,
        }
    }

    /// Starts it again after its end, and waits until it is ready.
    pub async fn restart(&mut self) -> Result<(), ProcessError> {
        self.launch().await
    }

    /// SIGSTOP; returns once the kernel says that it is stopped.
    pub async fn pause(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP);
        let since = Instant::now();
        while !self.is_stopped() {
            if since.elapsed() > ANSWER || self.has_ended()?.is_some() {
                let source = std::io::Error::other("it was not stopped by SIGSTOP");
                return Err(ProcessError::System { action: "pause", source });
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// SIGCONT.
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// How it ended, if it did.
    pub fn has_ended(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        let Some(running) = &mut self.running else { return Ok(None) };
        running.child.try_wait().map_err(|source| ProcessError::System { action: "look at", source })
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            // It fails only when nothing is left to receive it, and the wait that follows sees that.
            kill_process_group(running.group, signal).ok();
        }
    }

    /// Whether the kernel says that its first process is stopped: the state follows the name in parentheses.
    fn is_stopped(&self) -> bool {
        let id = self.running.as_ref().map_or(0, |running| running.group.as_raw_nonzero().get());
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    async fn end(&mut self, signal: Signal) -> Result<ExitStatus, ProcessError> {
        self.signal(signal);
        let gone =
            || ProcessError::System { action: "end", source: std::io::Error::other("it is not running") };
        let running = self.running.as_mut().ok_or_else(gone)?;
        let status = running.child.wait().await;
        let status = status.map_err(|source| ProcessError::System { action: "wait for", source })?;
        // What it left behind in its group goes too.
        kill_process_group(running.group, Signal::KILL).ok();
        if let Some(mut running) = self.running.take() {
            running.call_off().await;
        }
        Ok(status)
    }

    async fn launch(&mut self) -> Result<(), ProcessError> {
        let running = self.spawn()?;
        self.running = Some(running);
        let (since, within) = (Instant::now(), self.process.ready_within);
        loop {
            let program = self.program();
            if let Some(status) = self.has_ended()? {
                return Err(ProcessError::Ended { program, status, log: self.log.clone() });
            }
            if self.is_ready().await {
                return Ok(());
            }
            if since.elapsed() > within {
                self.kill().await?;
                return Err(ProcessError::NotReady { program, within, log: self.log.clone() });
            }
            sleep(LOOK).await;
        }
    }

    fn spawn(&self) -> Result<Running, ProcessError> {
        let Process { command, folder, environment, .. } = &self.process;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let started =
            |source| ProcessError::Start { program: self.program(), folder: folder.to_path_buf(), source };
        let log = OpenOptions::new().create(true).append(true).open(&self.log).map_err(started)?;
        let both = log.try_clone().map_err(started)?;
        let child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(folder)
            .envs(environment)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(both)
            .spawn()
            .map_err(started)?;
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .expect("a child that was not waited for");
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &group.as_raw_nonzero().to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(started)?;
        Ok(Running { child, group, guard })
    }

    async fn is_ready(&self) -> bool {
        match &self.process.ready {
            None => answers(&self.endpoint).await,
            Some(path) => {
                let answer =
                    timeout(ANSWER, self.client.get(&self.client.url(path), "application/json")).await;
                matches!(answer, Ok(Ok(answer)) if answer.status().is_success())
            }
        }
    }

    fn program(&self) -> String {
        self.process.command[0].clone()
    }
}

impl Running {
    /// Ends the guard without its doing anything.
    async fn call_off(&mut self) {
        if let Some(mut input) = self.guard.stdin.take() {
            drop(input.write_all(b"\n").await);
        }
        drop(self.guard.wait().await);
    }
}

impl Drop for TargetProcess {
    fn drop(&mut self) {
        // The guard sees the end of its input, and finds nothing left.
        self.signal(Signal::KILL);
    }
}

async fn answers(endpoint: &Endpoint) -> bool {
    let connected = timeout(ANSWER, async {
        match &endpoint.place {
            Place::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).await.map(drop),
            Place::Unix(path) => UnixStream::connect(path).await.map(drop),
        }
    });
    matches!(connected.await, Ok(Ok(())))
}
