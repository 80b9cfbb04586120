//! Target as a child process, for scenarios that start it: its log, its readiness, its signals, its
//! end.
//!
//! The target runs in a process group of its own. A guard ends the group if this program dies
//! before it can: a shell that waits for the end of its standard input, which the kernel closes
//! when this program ends for any reason. Where there is no shell, there is no guard.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use truth::target::{Endpoint, Place, Process};

use crate::client::TargetClient;

/// Pause between two looks at the target, to see if it is ready or stopped.
const LOOK: Duration = Duration::from_millis(10);

/// Longest time for one readiness check, and for a stop to take effect.
const CHECK: Duration = Duration::from_secs(2);

/// Longest time to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// Shell of the guard.
const SHELL: &str = "sh";

/// Script of the guard. A line on its input calls it off; the end of its input makes it kill the
/// group.
const GUARD: &str = "trap '' HUP INT TERM; read -r _ || kill -s KILL -- \"-$1\"";

/// Reason why the target does not run.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// Another process listens at its address.
    #[error(
        "{address} is in use already, and [target.process] has to start the target there; stop what listens there, or remove [target.process]"
    )]
    Taken {
        /// Address.
        address: String,
    },
    /// The program cannot be started.
    #[error("cannot start the target `{program}` in {}", folder.display())]
    Start {
        /// Program.
        program: String,
        /// Folder it was to run in.
        folder: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The program ended before it was ready.
    #[error("the target `{program}` ended before it was ready ({status}); see {}", log.display())]
    Ended {
        /// Program.
        program: String,
        /// Exit status.
        status: ExitStatus,
        /// Log of the program.
        log: PathBuf,
    },
    /// The program was not ready in time.
    #[error("the target `{program}` was not ready within {}; see {}", truth::duration::format(*within), log.display())]
    NotReady {
        /// Program.
        program: String,
        /// Time that it had.
        within: Duration,
        /// Log of the program.
        log: PathBuf,
    },
    /// The operating system refused something.
    #[error("cannot {action} the target")]
    System {
        /// Verb of what was tried.
        action: &'static str,
        /// Cause.
        source: std::io::Error,
    },
}

/// Target that this program started. Dropping it sends it SIGKILL.
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
    guard: Option<Child>,
}

impl TargetProcess {
    /// Starts the target and waits until it is ready. Its output is appended to `log`.
    pub async fn start(
        process: Process,
        client: TargetClient,
        endpoint: Endpoint,
        log: PathBuf,
    ) -> Result<Self, ProcessError> {
        if is_listening(&endpoint).await {
            return Err(ProcessError::Taken { address: endpoint.authority });
        }
        let mut target = Self { process, client, endpoint, log, running: None };
        target.launch().await?;
        Ok(target)
    }

    /// Returns true if something listens at the target's address.
    pub async fn is_up(endpoint: &Endpoint) -> bool {
        is_listening(endpoint).await
    }

    /// Moves the log, which may still be written to.
    pub fn move_log(&mut self, to: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.log, to)?;
        self.log = to.to_path_buf();
        Ok(())
    }

    /// Sends SIGKILL and waits for the end.
    pub async fn kill(&mut self) -> Result<ExitStatus, ProcessError> {
        self.end(Signal::KILL).await
    }

    /// Sends SIGTERM and waits for the end; sends SIGKILL if that takes too long.
    pub async fn terminate(&mut self) -> Result<ExitStatus, ProcessError> {
        match timeout(DRAIN, self.end(Signal::TERM)).await {
            Ok(ended) => ended,
            Err(_) => self.end(Signal::KILL).await,
        }
    }

    /// Starts the target again after its end, and waits until it is ready.
    pub async fn restart(&mut self) -> Result<(), ProcessError> {
        self.launch().await
    }

    /// Sends SIGSTOP, and returns once the kernel reports the target as stopped.
    pub async fn pause(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP);
        let since = Instant::now();
        while !self.is_stopped() {
            if since.elapsed() > CHECK || self.has_ended()?.is_some() {
                let source = std::io::Error::other("SIGSTOP did not stop it");
                return Err(ProcessError::System { action: "pause", source });
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Sends SIGCONT.
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Returns the exit status, if the target has ended.
    pub fn has_ended(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        let Some(running) = &mut self.running else { return Ok(None) };
        running.child.try_wait().map_err(|source| ProcessError::System { action: "look at", source })
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            // This fails only if no process is left, which the wait that follows notices.
            kill_process_group(running.group, signal).ok();
        }
    }

    /// Returns true if the kernel reports the first process as stopped. It tells a parent.
    fn is_stopped(&self) -> bool {
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let group = self.running.as_ref().map(|running| running.group);
        let status = group.and_then(|group| waitid(WaitId::Pid(group), look).ok().flatten());
        status.is_some_and(|status| status.stopped())
    }

    async fn end(&mut self, signal: Signal) -> Result<ExitStatus, ProcessError> {
        self.signal(signal);
        let gone =
            || ProcessError::System { action: "end", source: std::io::Error::other("it is not running") };
        let running = self.running.as_mut().ok_or_else(gone)?;
        let status = running.child.wait().await;
        let status = status.map_err(|source| ProcessError::System { action: "wait for", source })?;
        // Processes that it left behind in its group end too.
        kill_process_group(running.group, Signal::KILL).ok();
        if let Some(mut running) = self.running.take() {
            running.call_off().await;
        }
        Ok(status)
    }

    async fn launch(&mut self) -> Result<(), ProcessError> {
        let running = self.spawn()?;
        self.running = Some(running);
        let since = Instant::now();
        let within = self.process.ready_within;
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
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(folder)
            .envs(environment)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(both)
            .spawn()
            .map_err(started)?;
        // Its input is at its end, as that of /dev/null, which an empty root folder does not have.
        drop(child.stdin.take());
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .expect("a child that was not waited for");
        let guard = guard(group).map_err(|source| ProcessError::System { action: "guard", source })?;
        Ok(Running { child, group, guard })
    }

    async fn is_ready(&self) -> bool {
        match &self.process.ready {
            None => is_listening(&self.endpoint).await,
            Some(path) => {
                let answer =
                    timeout(CHECK, self.client.get(&self.client.url(path), "application/json")).await;
                matches!(answer, Ok(Ok(answer)) if answer.status().is_success())
            }
        }
    }

    fn program(&self) -> String {
        self.process.command[0].clone()
    }
}

impl Running {
    /// Ends the guard before it kills the group.
    async fn call_off(&mut self) {
        let Some(guard) = &mut self.guard else { return };
        if let Some(mut input) = guard.stdin.take() {
            drop(input.write_all(b"\n").await);
        }
        drop(guard.wait().await);
    }
}

impl Drop for TargetProcess {
    fn drop(&mut self) {
        // The guard then finds no process left to kill.
        self.signal(Signal::KILL);
    }
}

/// Starts the guard of a process group. None where there is no shell, as in an image that is made
/// from scratch.
fn guard(group: Pid) -> std::io::Result<Option<Child>> {
    let started = Command::new(SHELL)
        .args(["-c", GUARD, "guard", &group.as_raw_nonzero().to_string()])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        started => started.map(Some),
    }
}

async fn is_listening(endpoint: &Endpoint) -> bool {
    let connected = timeout(CHECK, async {
        match &endpoint.place {
            Place::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).await.map(drop),
            Place::Unix(path) => UnixStream::connect(path).await.map(drop),
        }
    });
    matches!(connected.await, Ok(Ok(())))
}
