//! Folder of a run: its names, its locks, and how it is made.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::manifest::{MANIFEST_VERSION, Manifest};
use crate::files::{FolderError, io, read_json, write_own_json};
use crate::plan::shard::Shard;

/// Name of the file with all settings of a run.
pub(super) const MANIFEST: &str = "run.json";

/// Levels of folders within a run folder: `observed/1` has two.
const DEPTH: u32 = 4;

/// Beginning of the names of copied files of values.
const VALUES: &str = "values-";

/// Name of the lock of `verify`.
const VERIFY_LOCK: &str = "verify.lock";

/// A run folder that exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Creates the folder of a run, takes its lock, writes `run.json`, and points `latest` at it.
    pub fn create(out: &Path, manifest: &Manifest) -> Result<(Self, Lock), FolderError> {
        fs::create_dir_all(out).map_err(io("create", out))?;
        if let Some(path) = same_run(out, manifest) {
            return Err(FolderError::SameRun { path });
        }
        let name = name(manifest);
        let folder = Self { path: out.join(&name) };
        fs::create_dir(&folder.path).map_err(io("create", &folder.path))?;
        let lock = Lock::of_a_sender(&folder)?;
        fs::create_dir(folder.ledger()).map_err(io("create", &folder.ledger()))?;
        write_own_json(&folder.file(MANIFEST), manifest)?;
        for (name, file) in manifest.plan.values.files() {
            let path = folder.values(name);
            fs::write(&path, file.bytes().unwrap_or_default()).map_err(io("write", &path))?;
        }
        point_latest(out, &name)?;
        Ok((folder, lock))
    }

    /// Opens a run folder, or the `latest` of a folder of runs. A folder with a pipe, a socket or a
    /// device is none: to open one may never end.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        // Removes a slash at the end: with one, `read_link` would follow the link.
        let path: PathBuf = path.components().collect();
        for candidate in [path.clone(), path.join("latest")] {
            if candidate.join(MANIFEST).is_file() {
                // The path as the user wrote it, except for the link, which will point elsewhere
                // tomorrow.
                let path = match (fs::read_link(&candidate), candidate.parent()) {
                    (Ok(target), Some(parent)) => parent.join(target),
                    _ => candidate,
                };
                return match first(&path, DEPTH, &|entry| Ok(is_special(entry)))? {
                    Some(path) => Err(FolderError::Special { path }),
                    None => Ok(Self { path }),
                };
            }
        }
        Err(FolderError::NoRun { path })
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of the ledger's segments.
    pub fn ledger(&self) -> PathBuf {
        self.path.join("ledger")
    }

    /// Returns the path of a lane's segment.
    pub fn segment(&self, lane: u16) -> PathBuf {
        self.ledger().join(format!("lane-{lane:03}.seg"))
    }

    /// Returns the number of the next new segment, which is above those of all lanes.
    pub fn next_lane(&self) -> Result<u16, FolderError> {
        let segments = self.segments()?;
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.strip_prefix("lane-")?.parse::<u16>().ok();
        Ok(segments.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1)))
    }

    /// Returns the paths of all segments, in the order of lanes.
    pub fn segments(&self) -> Result<Vec<PathBuf>, FolderError> {
        let ledger = self.ledger();
        let mut segments = Vec::new();
        for entry in fs::read_dir(&ledger).map_err(io("read", &ledger))? {
            let path = entry.map_err(io("read", &ledger))?.path();
            if path.extension().is_some_and(|extension| extension == "seg") {
                segments.push(path);
            }
        }
        segments.sort();
        Ok(segments)
    }

    /// Finds a symbolic link in the folder, at any depth.
    pub fn first_link(&self) -> Result<Option<PathBuf>, FolderError> {
        first(&self.path, DEPTH, &|entry| Ok(entry.file_type()?.is_symlink()))
    }

    /// Returns the path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the folder of observation `n`.
    pub fn observation(&self, n: u32) -> PathBuf {
        self.path.join("observed").join(n.to_string())
    }

    /// Makes the folder of the next observation, and returns its number. Of two that look at once,
    /// each gets its own.
    pub fn begin_observation(&self) -> Result<u32, FolderError> {
        let all = self.path.join("observed");
        fs::create_dir_all(&all).map_err(io("create", &all))?;
        let mut n = self.observations().last().map_or(1, |last| last + 1);
        loop {
            let path = self.observation(n);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(n),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => n += 1,
                Err(error) => return Err(io("create", &path)(error)),
            }
        }
    }

    /// Returns the numbers of all observations, complete or not, in order.
    pub fn observations(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(self.path.join("observed")) else {
            return Vec::new();
        };
        let numbered = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        let mut numbers: Vec<u32> = entries.filter_map(numbered).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the path of `run.json`.
    pub fn manifest_path(&self) -> PathBuf {
        self.file(MANIFEST)
    }

    /// Reads `run.json`.
    pub fn manifest(&self) -> Result<Manifest, FolderError> {
        let path = self.manifest_path();
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u32,
        }
        let found = read_json::<Versioned>(&path)?.schema_version;
        if !(1..=MANIFEST_VERSION).contains(&found) {
            return Err(FolderError::Version { path, found, known: MANIFEST_VERSION });
        }
        let mut manifest: Manifest = read_json(&path)?;
        for (name, file) in manifest.plan.values_mut().files_mut() {
            file.read_from(&self.values(name))?;
        }
        manifest.scenario.events.values = manifest.plan.values.clone();
        Ok(manifest)
    }

    /// Returns the path of the copy of a file of values.
    fn values(&self, name: &str) -> PathBuf {
        self.file(&format!("{VALUES}{name}"))
    }

    /// Returns the copies of all files of values.
    pub(super) fn all_values(&self) -> Result<Vec<PathBuf>, FolderError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io("read", &self.path))? {
            let entry = entry.map_err(io("read", &self.path))?;
            if entry.file_name().to_string_lossy().starts_with(VALUES) {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// True if `loadgen` still writes to this folder.
    pub fn is_running(&self) -> bool {
        match File::open(self.lock_path()) {
            Ok(file) => matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)),
            Err(_) => false,
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("run.lock")
    }

    /// Takes the lock of a `verify` that only reads: any number at once, but none beside one that
    /// sends. A folder that cannot be written has no lock to take, and nobody can send from it.
    pub fn lock_to_read(&self) -> Result<Option<Lock>, FolderError> {
        let Ok(file) = self.verify_lock() else { return Ok(None) };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(fs::TryLockError::WouldBlock) => Err(self.taken()),
            Err(fs::TryLockError::Error(_)) => Ok(None),
        }
    }

    /// Takes the lock of a `verify` that sends: only one, and none beside it that reads.
    pub fn lock_to_send(&self) -> Result<Lock, FolderError> {
        let path = self.file(VERIFY_LOCK);
        let file = self.verify_lock().map_err(io("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(fs::TryLockError::WouldBlock) => Err(self.taken()),
            Err(fs::TryLockError::Error(error)) => Err(io("lock", &path)(error)),
        }
    }

    fn verify_lock(&self) -> std::io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(self.file(VERIFY_LOCK))
    }

    fn taken(&self) -> FolderError {
        FolderError::Taken { path: self.path.clone() }
    }
}

/// Lock on a run that is being sent, or on which a `verify` works. The kernel frees it when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    fn of_a_sender(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = folder.lock_path();
        let file = File::create(&path).map_err(io("create", &path))?;
        file.lock().map_err(io("lock", &path))?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// Frees the lock. To close the file is not enough: a process that is just being started has a
    /// copy of it, until it runs a program of its own.
    fn drop(&mut self) {
        // Where that fails, the lock is freed with the last copy.
        drop(self.0.unlock());
    }
}

/// Finds an entry of a kind in a folder, down to so many levels below it.
fn first(
    folder: &Path,
    depth: u32,
    is_asked: &dyn Fn(&fs::DirEntry) -> std::io::Result<bool>,
) -> Result<Option<PathBuf>, FolderError> {
    for entry in fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        if is_asked(&entry).map_err(io("read", folder))? {
            return Ok(Some(entry.path()));
        }
        let kind = entry.file_type().map_err(io("read", folder))?;
        if kind.is_dir()
            && depth > 0
            && let Some(found) = first(&entry.path(), depth - 1, is_asked)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// True if an entry, or what a link leads to, is neither a file nor a folder. A link to nothing is not
/// that.
fn is_special(entry: &fs::DirEntry) -> bool {
    fs::metadata(entry.path()).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Returns `<UTC>-<scenario>-<seed>-<nonce4>[-s1of4]`.
fn name(manifest: &Manifest) -> String {
    let utc = manifest.started_utc.strftime("%Y%m%dT%H%M%SZ");
    let scenario = &manifest.scenario.name;
    let seed = manifest.plan.seed;
    let nonce = manifest.plan.nonce >> 48;
    let shard = match manifest.shard {
        Shard::WHOLE => String::new(),
        Shard { index, of } => format!("-s{index}of{of}"),
    };
    format!("{utc}-{scenario}-{seed}-{nonce:04x}{shard}")
}

/// Returns an earlier run of the same nonce and shard in `out`. Folders that are not runs are
/// ignored.
fn same_run(out: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let entries = fs::read_dir(out).ok()?;
    let latest = out.join("latest");
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| {
        if *path == latest {
            return false;
        }
        let earlier = read_json::<Manifest>(&path.join(MANIFEST));
        earlier
            .is_ok_and(|earlier| earlier.plan.nonce == manifest.plan.nonce && earlier.shard == manifest.shard)
    })
}

fn point_latest(out: &Path, name: &str) -> Result<(), FolderError> {
    let part = out.join(format!(".latest-{name}"));
    std::os::unix::fs::symlink(name, &part).map_err(io("link", &part))?;
    let latest = out.join("latest");
    fs::rename(&part, &latest).map_err(io("rename", &latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_at_any_depth() {
        let out = tempfile::tempdir().expect("a folder");
        let folder = RunFolder { path: out.path().join("run") };
        fs::create_dir_all(folder.observation(1)).expect("a folder");
        fs::write(folder.observation(1).join("stats.json"), "{}").expect("a file");
        assert_eq!(folder.first_link().expect("a folder"), None);
        let link = folder.observation(1).join("looks.json");
        std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
        assert_eq!(folder.first_link().expect("a folder"), Some(link));
    }

    fn make_pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status().expect("a pipe");
        assert!(made.success());
    }

    #[test]
    fn a_folder_with_a_pipe_is_refused_at_any_depth() {
        let out = tempfile::tempdir().expect("a folder");
        let folder = RunFolder { path: out.path().join("run") };
        fs::create_dir_all(folder.observation(1)).expect("a folder");
        fs::write(folder.manifest_path(), "{}").expect("a file");
        assert_eq!(RunFolder::open(&folder.path).expect("a folder"), folder);
        for pipe in [folder.observation(1).join("looks.json"), folder.file("polls.jsonl")] {
            make_pipe(&pipe);
            let refused = |path: &Path| match RunFolder::open(path) {
                Err(FolderError::Special { path }) => path,
                other => panic!("{other:?}"),
            };
            assert_eq!(refused(&folder.path), pipe);
            let link = folder.file("link.json");
            std::os::unix::fs::symlink(&pipe, &link).expect("a link");
            assert!([&link, &pipe].contains(&&refused(&folder.path)));
            fs::remove_file(&pipe).expect("a pipe");
            fs::remove_file(&link).expect("a link");
        }
    }

    #[test]
    fn a_pipe_is_not_read_as_json() {
        let out = tempfile::tempdir().expect("a folder");
        let pipe = out.path().join(MANIFEST);
        make_pipe(&pipe);
        assert!(matches!(read_json::<Manifest>(&pipe), Err(FolderError::Special { .. })));
    }

    #[test]
    fn a_lock_is_freed_whoever_has_a_copy_of_its_file() {
        let out = tempfile::tempdir().expect("a folder");
        let folder = RunFolder { path: out.path().to_owned() };
        let lock = Lock::of_a_sender(&folder).expect("a lock");
        let copy = lock.0.try_clone().expect("a copy");
        assert!(folder.is_running());
        drop(lock);
        assert!(!folder.is_running());
        drop(copy);
    }
}
