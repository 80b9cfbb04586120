//! The database's file: its identity, its log, and the lock that starts take.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Pause between two attempts to get the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The file that was opened at the start. Somebody may delete or replace it; the connections would
/// go on with the old one, which nobody finds again.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    log: PathBuf,
    identity: (u64, u64),
}

impl DatabaseFile {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self { path: path.to_owned(), log: log.into(), identity: identity(path)? })
    }

    /// Fails if another file, or none, has the name now.
    pub(super) fn check(&self) -> Result<(), sqlx::Error> {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            return Ok(());
        }
        let path = self.path.display();
        let reason =
            format!("{path} was deleted or replaced; put it back, or restart the service to use the new one");
        Err(sqlx::Error::Io(io::Error::other(reason)))
    }

    /// Size of the write-ahead log.
    pub(super) fn log_bytes(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |log| log.len())
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Locks the folder of a database against other starts, for at most `limit`. SQLite has no lock for
/// a file that is not a database yet. Without the lock (a folder that may not be read) the start
/// goes on.
pub(super) async fn lock_folder(path: &Path, limit: Duration) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new("."))).ok()?;
    let deadline = Instant::now() + limit;
    while folder.try_lock().is_err() {
        if Instant::now() > deadline {
            return None;
        }
        sleep(LOCK_PAUSE).await;
    }
    Some(folder)
}
