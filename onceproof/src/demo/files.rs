//! Temporary files of a demo: a folder with a file whose lock the demo holds.
//!
//! A demo that is killed with SIGKILL leaves its folder behind. Its lock is free then, by which the
//! next demo knows the folder and removes it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::error::DemoError;

/// Beginning of the names of these folders.
const PREFIX: &str = "onceproof-target-";

/// Beginning of the names of folders for results.
const RESULTS: &str = "onceproof-demo-";

/// File that is locked.
const LOCK: &str = "lock";

/// Folder of temporary files. It is removed when this is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct Files {
    folder: TempDir,
    is_kept: bool,
    /// Held as long as the demo runs.
    _lock: File,
}

impl Files {
    /// Makes the folder, and removes those of demos that were killed.
    pub(super) fn new(is_kept: bool) -> Result<Self, DemoError> {
        let place = std::env::temp_dir();
        sweep(&place);
        let mut folder = made(&place, PREFIX)?;
        let lock = lock(folder.path()).map_err(|source| {
            let path = folder.path().join(LOCK);
            DemoError::File { action: "lock", path, source }
        })?;
        folder.disable_cleanup(is_kept);
        Ok(Self { folder, is_kept, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Returns the file whose lock is held.
    pub(super) fn lock(&self) -> PathBuf {
        self.file(LOCK)
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.is_kept {
            // Without it, no later demo takes the folder for one that was left behind.
            fs::remove_file(self.lock()).ok();
        }
    }
}

/// Makes a folder for results, which is kept.
pub(super) fn results() -> Result<PathBuf, DemoError> {
    made(&std::env::temp_dir(), RESULTS).map(TempDir::keep)
}

fn made(place: &Path, prefix: &str) -> Result<TempDir, DemoError> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(place);
    made.map_err(|source| DemoError::Folder { path: place.to_owned(), source })
}

/// Makes the file and locks it. It has its name only once it is locked, so that nobody takes the
/// folder for one that was left behind.
fn lock(folder: &Path) -> io::Result<File> {
    let part = folder.join(format!("{LOCK}.new"));
    let file = File::create(&part)?;
    file.lock()?;
    fs::rename(part, folder.join(LOCK))?;
    Ok(file)
}

/// Removes the folders that this user's demos left behind. What cannot be removed stays.
fn sweep(place: &Path) {
    let Ok(entries) = place.read_dir() else { return };
    let named = entries.filter_map(Result::ok);
    for entry in named.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let is_own = entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
        // The lock is held until the folder is gone.
        if let Some(_lock) = free_lock(&entry.path()).filter(|_| is_own) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Takes the lock of a folder. None if a demo holds it, or if there is none.
fn free_lock(folder: &Path) -> Option<File> {
    let path = folder.join(LOCK);
    let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
    let file = is_file.then(|| File::open(path).ok()).flatten()?;
    file.try_lock().ok().map(|()| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a folder as a demo would that was killed, with a file in it.
    fn left_behind(place: &Path, name: &str) -> PathBuf {
        let folder = place.join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("onceproof.db"), "rows").unwrap();
        drop(lock(&folder).unwrap());
        folder
    }

    #[test]
    fn what_a_killed_demo_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let dead = left_behind(place.path(), "onceproof-target-dead");
        let alive = left_behind(place.path(), "onceproof-target-alive");
        let _held = lock(&alive).unwrap();
        let kept = left_behind(place.path(), "onceproof-target-kept");
        fs::remove_file(kept.join(LOCK)).unwrap();
        let other = left_behind(place.path(), "somebody-else");
        std::os::unix::fs::symlink(&other, place.path().join("onceproof-target-link")).unwrap();
        sweep(place.path());
        assert!(!dead.exists());
        assert!([alive, kept, other].iter().all(|folder| folder.join("onceproof.db").exists()));
    }
}
