//! The target of a demo: a server that is killed and started again on its port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::child::{Own, Running, output_to};
use super::error::DemoError;
use super::{http, port};

/// Limit of a start: it covers migrations, a recovery after a kill, and a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Pause between two looks at a server that starts.
const TURN: Duration = Duration::from_millis(5);

/// Bytes of the log that an error shows.
const SHOWN: usize = 2_000;

/// Start of a server.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) own: Own,
    pub(super) arguments: Vec<String>,
    /// Variables, for what other users of the machine must not see.
    pub(super) environment: Vec<(&'static str, String)>,
    /// File of the output.
    pub(super) log: PathBuf,
}

/// A server, running or killed.
#[derive(Debug)]
pub(super) struct Target {
    start: Start,
    address: SocketAddr,
    process: Running,
}

impl Target {
    /// Starts a server on a free port, and waits until it responds.
    pub(super) async fn start(start: Start) -> Result<Self, DemoError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let process = start.launch(address)?;
        let mut target = Self { start, address, process };
        target.responds().await?;
        Ok(target)
    }

    /// Kills the server with SIGKILL, and starts it again on the same files and port.
    pub(super) async fn kill_and_start(&mut self) -> Result<(), DemoError> {
        self.process.kill().await?;
        self.process = self.start.launch(self.address)?;
        self.responds().await
    }

    /// Returns an error if the server ended by itself.
    pub(super) fn check(&mut self) -> Result<(), DemoError> {
        match self.process.ended()? {
            Some(status) => Err(DemoError::TargetEnded { status, log: self.shown() }),
            None => Ok(()),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of received events that the server counts.
    pub(super) async fn received(&self) -> Result<u64, DemoError> {
        let (path, name) = ("/stats", "received");
        let stats = http::get_json(self.address, path).await?;
        stats[name].as_u64().ok_or_else(|| DemoError::Response {
            address: self.address,
            path,
            found: stats.to_string(),
            expected: "a number of received events",
        })
    }

    async fn responds(&mut self) -> Result<(), DemoError> {
        let begun = Instant::now();
        loop {
            self.check()?;
            if http::get_json(self.address, "/health").await.is_ok() {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                return Err(DemoError::Silent { limit_s: START_LIMIT.as_secs(), log: self.shown() });
            }
            sleep(TURN).await;
        }
    }

    /// Returns the end of the log.
    fn shown(&self) -> String {
        let log = std::fs::read(&self.start.log).unwrap_or_default();
        let end = &log[log.len().saturating_sub(SHOWN)..];
        String::from_utf8_lossy(end).trim().to_owned()
    }
}

impl Start {
    fn launch(&self, address: SocketAddr) -> Result<Running, DemoError> {
        let listen = ["--listen".to_owned(), address.to_string()];
        let mut command = self.own.command(self.arguments.iter().chain(&listen));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Running::start(command.stdout(output_to(&self.log)?).stderr(output_to(&self.log)?))
    }
}
