//! The real binary as a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::database::Database;
use crate::target::Client;

/// The real binary, listening.
pub(crate) struct Program {
    pub(crate) child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) client: Client,
}

/// Returns the program with an environment of the tests' own.
pub(crate) fn command(database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aggregator"));
    command
        .env_clear()
        .env("LISTEN", "127.0.0.1:0")
        .env("DATABASE_URL", database_url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Program {
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_with(database, &[]).await
    }

    pub(crate) async fn start_with(database: &Database, variables: &[(&str, &str)]) -> Self {
        Self::spawn(command(&database.url()).envs(variables.iter().copied())).await
    }

    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = log.next_line().await.unwrap().expect("the program says where it listens");
        let (_, rest) = line.split_once("listening on http://").expect(&line);
        let address: SocketAddr = rest.split(',').next().unwrap().parse().unwrap();
        Self { child, log, client: Client::new(address) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap()
    }

    pub(crate) async fn wait_for_log(&mut self, text: &str) {
        while let Some(line) = self.log.next_line().await.unwrap() {
            if line.contains(text) {
                return;
            }
        }
        panic!("the program ended without saying {text:?}");
    }

    /// Returns the most memory that it has held, if the system reports it.
    pub(crate) fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}
