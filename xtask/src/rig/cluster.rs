//! A private PostgreSQL cluster with its own folder, its own Unix socket and no network. Dropping
//! it removes it.
//!
//! Any number run side by side, because nothing is shared: the port number is only a part of the
//! socket's name, and the socket is in the cluster's own folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::scratch::Scratch;
use account::Account;

mod account;
mod binaries;

/// The only user, and a superuser.
const USER: &str = "postgres";

/// Limit of a socket's path. `sockaddr_un` holds 108 bytes on Linux and 104 on macOS, with the
/// closing NUL.
const SOCKET_PATH_LIMIT: usize = 103;

/// Length of the socket's path beyond the temporary folder's: `/onceproof-XXXXXX/.s.PGSQL.5432`.
const SOCKET_PATH_REST: usize = 31;

/// Limit of a start, which takes seconds on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Limit of a stop. Fast mode writes a checkpoint before it ends.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Limit of connections: enough for a pool in every test, on a machine with many cores.
const MAX_CONNECTIONS: u32 = 300;

/// Durability of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// PostgreSQL's own settings: a commit waits for the disk. Tests with kills use these.
    Durable,
    /// No commit waits for the disk: for tests that do not lose power, on data that is thrown away.
    Fast,
}

/// True if PostgreSQL's programs are found.
#[must_use]
pub fn is_installed() -> bool {
    binaries::find().is_ok()
}

/// A running cluster. Dropping it stops the server and removes the folder.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    // The order matters: the server is dropped before the folder.
    server: Process,
    scratch: Scratch,
}

impl Cluster {
    /// Makes a cluster and waits until it accepts connections.
    pub fn start(durability: Durability, interrupt: &Interrupt) -> Result<Self> {
        let fill = |binaries: &Path, account, folder: &Path| initialise(binaries, account, folder);
        Self::start_with(fill, durability, interrupt)
    }

    /// Makes a replica of this cluster and waits until it can be read.
    pub fn replica(&self, interrupt: &Interrupt) -> Result<Self> {
        let fill = |binaries: &Path, account, folder: &Path| copy(binaries, account, self.folder(), folder);
        Self::start_with(fill, Durability::Fast, interrupt)
    }

    fn start_with(
        fill: impl FnOnce(&Path, Account, &Path) -> Result<()>,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let binaries = binaries::find()?;
        let account = Account::choose()?;
        let scratch = Scratch::under(&parent_folder(account)?)?;
        account.own(scratch.path())?;
        fill(&binaries, account, scratch.path())?;
        interrupt.check()?;
        let server = launch(&binaries, account, scratch.path(), durability)?;
        let mut cluster = Self { binaries, server, scratch };
        cluster.wait_until_ready(interrupt)?;
        Ok(cluster)
    }

    /// Returns the URL of a database; `postgres` is always there.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let folder = percent_encoded(&self.scratch.path().to_string_lossy());
        format!("postgres://{USER}@localhost/{database}?host={folder}")
    }

    /// Makes an empty database and returns its URL.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.client("createdb", name)?;
        Ok(self.url(name))
    }

    /// Removes a database. No client may be connected to it.
    pub fn drop_database(&self, name: &str) -> Result<()> {
        self.client("dropdb", name)
    }

    /// Returns the version of the programs, such as `PostgreSQL 15.8`.
    pub fn version(&self) -> Result<String> {
        let output = Command::new(self.binaries.join("postgres"))
            .arg("--version")
            .output()
            .context("cannot run postgres")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let number = said.split_whitespace().nth(2).context("`postgres --version` printed no version")?;
        Ok(format!("PostgreSQL {number}"))
    }

    /// Runs a client program of PostgreSQL on one database.
    fn client(&self, program: &str, database: &str) -> Result<()> {
        let output = tool(&self.binaries, program, self.scratch.path())
            .arg("--host")
            .arg(self.scratch.path())
            .args(["--username", USER, "--", database])
            .output()
            .with_context(|| format!("cannot run {program}"))?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    /// Returns the folder with the data, the socket and the server's log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Returns the process id of the server.
    #[must_use]
    pub fn server_id(&self) -> u32 {
        self.server.id()
    }

    /// Stops the server, keeps the folder and returns where it is.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        self.scratch.keep_when_dropped();
        self.folder().to_owned()
    }

    /// Waits for the last line of the file into which PostgreSQL writes its state, as `pg_ctl`
    /// does.
    fn wait_until_ready(&mut self, interrupt: &Interrupt) -> Result<()> {
        let state = data(self.folder()).join("postmaster.pid");
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let lines = std::fs::read_to_string(&state).unwrap_or_default();
            if lines.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                bail!("PostgreSQL ended at its start ({status}): {}", self.log());
            }
            ensure!(
                Instant::now() < deadline,
                "PostgreSQL was not ready after {START_LIMIT:?}: {}",
                self.log()
            );
            interrupt.pause(Duration::from_millis(10))?;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(log(self.folder())).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT asks for fast mode. If that takes too long, dropping the process kills it.
        self.server.end_with(Signal::INT, STOP_LIMIT).ok();
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// Returns the temporary folder, or `/tmp` where its path is too long for a socket or closed to the
/// server's user.
fn parent_folder(account: Account) -> Result<PathBuf> {
    [std::env::temp_dir(), PathBuf::from("/tmp")]
        .into_iter()
        .find(|parent| {
            let length = parent.as_os_str().len() + SOCKET_PATH_REST;
            length <= SOCKET_PATH_LIMIT && account.reaches(parent)
        })
        .context(
            "neither TMPDIR nor /tmp can hold PostgreSQL's socket: \
         set TMPDIR to a short path that every user can enter",
        )
}

fn initialise(binaries: &Path, account: Account, folder: &Path) -> Result<()> {
    let mut command = tool(binaries, "initdb", folder);
    account.run(&mut command);
    let output = command
        .arg("--pgdata")
        .arg(data(folder))
        // Other users cannot enter the folder, and the server listens nowhere else, so it needs no
        // password.
        .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"])
        .output()
        .context("cannot run initdb")?;
    ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Copies the data of another cluster as the start of a replica.
fn copy(binaries: &Path, account: Account, from: &Path, folder: &Path) -> Result<()> {
    let mut command = tool(binaries, "pg_basebackup", folder);
    account.run(&mut command);
    let output = command
        .arg("--host")
        .arg(from)
        .args(["--username", USER, "--checkpoint", "fast", "--write-recovery-conf", "--no-sync", "--pgdata"])
        .arg(data(folder))
        .output()
        .context("cannot run pg_basebackup")?;
    ensure!(
        output.status.success(),
        "pg_basebackup failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn launch(binaries: &Path, account: Account, folder: &Path, durability: Durability) -> Result<Process> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        "port=5432".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        format!("max_connections={MAX_CONNECTIONS}"),
    ];
    if durability == Durability::Fast {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    let output = File::create(log(folder)).context("cannot write PostgreSQL's log")?;
    let mut command = tool(binaries, "postgres", folder);
    account.run(&mut command);
    command.arg("-D").arg(data(folder)).args(settings.iter().flat_map(|setting| ["-c", setting]));
    command.stdout(output.try_clone()?).stderr(output);
    Process::spawn(&mut command, Ending::Quit)
}

/// Returns a command of PostgreSQL without this shell's PG* variables, in a folder that the
/// server's user can enter.
fn tool(binaries: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(binaries.join(name));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("PG") {
            command.env_remove(variable);
        }
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_for_a_url() {
        assert_eq!(percent_encoded("/tmp/once proof-a_b.c~1"), "/tmp/once%20proof-a_b.c~1");
        assert_eq!(percent_encoded("/ü&?"), "/%C3%BC%26%3F");
    }

    #[test]
    fn the_socket_path_is_as_long_as_was_reckoned() {
        assert_eq!("/onceproof-XXXXXX/.s.PGSQL.5432".len(), SOCKET_PATH_REST);
    }
}
