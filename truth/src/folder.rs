//! The folder of a run: its names, its lock, its manifest, and how they come to be.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::plan::{Plan, Shard};
use crate::scenario::Scenario;

/// The version of `run.json`.
pub const MANIFEST_VERSION: u32 = 1;

/// The lock of those who verify a run.
const VERIFY_LOCK: &str = "verify.lock";

/// `run.json`: what was resolved before the first byte left. Never a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub onceproof: String,
    /// When the run began.
    pub started_utc: Timestamp,
    /// What is sent.
    pub plan: Plan,
    /// Which part of it.
    pub shard: Shard,
    /// Connections.
    pub concurrency: u32,
    /// Lanes, and so segments.
    pub lanes: u32,
    /// The scenario, resolved.
    pub scenario: Scenario,
    /// Where it ran.
    pub machine: Machine,
    /// The command that sends the same load again, of a shard its part, under a new identity.
    #[serde(default)]
    pub rerun: String,
}

/// Where a run was sent from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Cores that the process may use.
    pub cpus: u32,
    /// The boot in which the monotonic times of the ledger count.
    pub boot_id: String,
}

/// Why a run folder cannot be made, read or written.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is there, but not what it should be.
    #[error("{} is not valid", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Nothing to read.
    #[error("{} {}; run loadgen first, or name a run folder", path.display(), what_it_is(path))]
    NoRun {
        /// Where a run was looked for.
        path: PathBuf,
    },
    /// The same identity was sent before, so its keys may be in the store.
    #[error("{} already holds this run id and shard; choose another --run-id, or another --out", path.display())]
    SameRun {
        /// The earlier run.
        path: PathBuf,
    },
    /// Another `verify` is at work on the same run.
    #[error("another verify is at work on {}; wait for it to end", path.display())]
    Taken {
        /// The run folder.
        path: PathBuf,
    },
    /// Written by another version.
    #[error("{} has schema version {found}; this build reads version {MANIFEST_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
}

fn what_it_is(path: &Path) -> &'static str {
    match path.metadata() {
        Err(_) => "is not there",
        Ok(found) if !found.is_dir() => "is a file, and no run folder",
        Ok(_) => "holds no run",
    }
}

/// A run folder that exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a run, takes its lock, writes `run.json` and points `latest` at it.
    pub fn create(out: &Path, manifest: &Manifest) -> Result<(Self, RunLock), FolderError> {
        fs::create_dir_all(out).map_err(io("create", out))?;
        if let Some(path) = same_run(out, manifest) {
            return Err(FolderError::SameRun { path });
        }
        let name = name(manifest);
        let folder = Self { path: out.join(&name) };
        fs::create_dir(&folder.path).map_err(io("create", &folder.path))?;
        let lock = RunLock::take(&folder)?;
        fs::create_dir(folder.ledger()).map_err(io("create", &folder.ledger()))?;
        write_json(&folder.path.join("run.json"), manifest)?;
        point_latest(out, &name)?;
        Ok((folder, lock))
    }

    /// Opens a run folder, or the `latest` of a folder of runs.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        // Without a slash at the end, behind which a link would be followed.
        let path: PathBuf = path.components().collect();
        for candidate in [path.clone(), path.join("latest")] {
            if candidate.join("run.json").is_file() {
                // As the user wrote it, but for the link itself, which will point elsewhere tomorrow.
                let path = match (fs::read_link(&candidate), candidate.parent()) {
                    (Ok(target), Some(parent)) => parent.join(target),
                    _ => candidate,
                };
                return Ok(Self { path });
            }
        }
        Err(FolderError::NoRun { path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the ledger's segments.
    pub fn ledger(&self) -> PathBuf {
        self.path.join("ledger")
    }

    /// The segment of a lane.
    pub fn segment(&self, lane: u16) -> PathBuf {
        self.ledger().join(format!("lane-{lane:03}.seg"))
    }

    /// The number that a further segment gets: those of all lanes are lower.
    pub fn next_lane(&self) -> Result<u16, FolderError> {
        let segments = self.segments()?;
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.strip_prefix("lane-")?.parse::<u16>().ok();
        Ok(segments.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1)))
    }

    /// All segments, in the order of lanes.
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

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder of observation `n`.
    pub fn observation(&self, n: u32) -> PathBuf {
        self.path.join("observed").join(n.to_string())
    }

    /// The numbers of all observations, complete or not, in order.
    pub fn observations(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(self.path.join("observed")) else {
            return Vec::new();
        };
        let numbered = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        let mut numbers: Vec<u32> = entries.filter_map(numbered).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Reads `run.json`.
    pub fn manifest(&self) -> Result<Manifest, FolderError> {
        let path = self.file("run.json");
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u32,
        }
        let found = read_json::<Versioned>(&path)?.schema_version;
        if found != MANIFEST_VERSION {
            return Err(FolderError::Version { path, found });
        }
        read_json(&path)
    }

    /// Whether `loadgen` still writes to this folder.
    pub fn is_running(&self) -> bool {
        match File::open(self.lock_path()) {
            Ok(file) => matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)),
            Err(_) => false,
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("run.lock")
    }

    /// Taken by a `verify` that only reads: any number at once, but none beside one that sends. A folder that cannot be
    /// written has no lock to take, and nobody can send from it.
    pub fn lock_to_read(&self) -> Result<Option<VerifyLock>, FolderError> {
        let Ok(file) = self.verify_lock() else { return Ok(None) };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(VerifyLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Err(self.taken()),
            Err(fs::TryLockError::Error(_)) => Ok(None),
        }
    }

    /// Taken by a `verify` that sends: only one, and none beside it that reads.
    pub fn lock_to_send(&self) -> Result<VerifyLock, FolderError> {
        let path = self.file(VERIFY_LOCK);
        let file = self.verify_lock().map_err(io("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(VerifyLock { _file: file }),
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

/// Held while `verify` is at work on a run; the kernel frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct VerifyLock {
    _file: File,
}

/// Held while a run is being sent; the kernel frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    fn take(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = folder.lock_path();
        let file = File::create(&path).map_err(io("create", &path))?;
        file.lock().map_err(io("lock", &path))?;
        Ok(Self { _file: file })
    }
}

/// Writes a JSON file whole.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FolderError> {
    let json = |source| FolderError::Json { path: path.to_path_buf(), source };
    let mut text = serde_json::to_vec_pretty(value).map_err(json)?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Writes a file whole: into a temporary file first, renamed when it is complete.
pub fn write_whole(path: &Path, text: &[u8]) -> Result<(), FolderError> {
    let part = path.with_extension("part");
    fs::write(&part, text).map_err(io("write", &part))?;
    fs::rename(&part, path).map_err(io("rename", &part))
}

/// Reads a JSON file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let text = fs::read(path).map_err(io("read", path))?;
    serde_json::from_slice(&text).map_err(|source| FolderError::Json { path: path.to_path_buf(), source })
}

/// `<UTC>-<scenario>-<seed>-<nonce4>[-s1of4]`.
fn name(manifest: &Manifest) -> String {
    let utc = manifest.started_utc.strftime("%Y%m%dT%H%M%SZ");
    let (scenario, seed) = (&manifest.scenario.name, manifest.plan.seed);
    let nonce = manifest.plan.nonce >> 48;
    let shard = match manifest.shard {
        Shard::WHOLE => String::new(),
        Shard { index, of } => format!("-s{index}of{of}"),
    };
    format!("{utc}-{scenario}-{seed}-{nonce:04x}{shard}")
}

/// An earlier run of the same nonce and shard in `out`. Folders that are no runs are none of our business.
fn same_run(out: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let entries = fs::read_dir(out).ok()?;
    let latest = out.join("latest");
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| {
        if *path == latest {
            return false;
        }
        let earlier = read_json::<Manifest>(&path.join("run.json"));
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

fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> FolderError + 'a {
    move |source| FolderError::Io { action, path: path.to_path_buf(), source }
}
