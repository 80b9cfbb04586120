//! A PostgreSQL server that a test can stop and start: a folder, a socket and no network, removed
//! with the test.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

/// Stops the server with the signal that it reads, or when its standard input ends with the test.
const RUN: &str = r#""$@" & read -r signal; kill -s "${signal:-QUIT}" $!; wait $!"#;

/// Pause between two attempts to connect to a starting server.
const TURN: Duration = Duration::from_millis(10);

/// Ways to stop a server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shutdown {
    /// Rolls open transactions back and tells the clients.
    Fast,
    /// Ends everything at once, as in a crash. The next start recovers.
    Immediate,
}

/// A server's data, and the server while it runs.
pub(crate) struct Cluster {
    binaries: PathBuf,
    server: Option<Child>,
    folder: TempDir,
}

impl Cluster {
    /// Makes a cluster and starts its server.
    pub(crate) async fn start() -> Self {
        let binaries = binaries();
        // In /tmp, because a socket's path must be short.
        let folder = tempfile::Builder::new().prefix("aggregator-").tempdir_in("/tmp").unwrap();
        if let Some((uid, gid)) = account() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut cluster = Self { binaries, server: None, folder };
        let output = cluster
            .command(&cluster.binaries.join("initdb"))
            .arg("--pgdata")
            .arg(cluster.data())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        cluster.resume().await;
        cluster
    }

    /// Starts the server again, and waits until it takes connections.
    pub(crate) async fn resume(&mut self) {
        let mut command = self.command(Path::new("sh"));
        command.args(["-c", RUN, "sh"]).arg(self.binaries.join("postgres")).arg("-D").arg(self.data());
        command.args(["-c", "listen_addresses=", "-c", "shared_buffers=16MB"]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.folder.path().display()));
        let server = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = self.server.insert(server.unwrap());
        let url = url(self.folder.path());
        loop {
            match PgConnection::connect(&url).await {
                Ok(connection) => return connection.close().await.unwrap(),
                Err(error) => {
                    assert_eq!(server.try_wait().unwrap(), None, "PostgreSQL did not start: {error}");
                    tokio::time::sleep(TURN).await;
                }
            }
        }
    }

    /// Stops the server, and waits until it is gone.
    pub(crate) fn stop(&mut self, shutdown: Shutdown) {
        let mut server = self.server.take().expect("a server runs");
        let signal: &[u8] = match shutdown {
            Shutdown::Fast => b"INT\n",
            Shutdown::Immediate => b"QUIT\n",
        };
        std::io::Write::write_all(&mut server.stdin.take().unwrap(), signal).unwrap();
        server.wait().unwrap();
    }

    /// Returns the URL of its only database.
    pub(crate) fn url(&self) -> String {
        url(self.folder.path())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Makes a command that runs as the user of the server, without this shell's settings for
    /// PostgreSQL.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((uid, gid)) = account() {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.stop(Shutdown::Immediate);
        }
    }
}

fn url(folder: &Path) -> String {
    // The folder's name needs no escapes.
    format!("postgres://postgres@localhost/postgres?host={}", folder.display())
}

/// Returns the folder of the server's programs, which distributions keep off the PATH.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let versions = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    std::env::split_paths(&path)
        .chain(told)
        .chain(versions.map(|version| version.path().join("bin")))
        .find(|folder| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
        .expect("PostgreSQL's server is installed, its programs on the PATH or where pg_config says")
}

/// Returns the user and group of the server if the tests run as root, which PostgreSQL refuses.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let number = |question: &str, name: &str| -> Option<u32> {
        let output = Command::new("id").args([question, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let found =
        ["postgres", "nobody"].iter().find_map(|name| Some((number("-u", name)?, number("-g", name)?)));
    Some(found.expect("a user `postgres` or `nobody` is there to run PostgreSQL"))
}
