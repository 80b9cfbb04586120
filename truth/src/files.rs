//! Files of JSON and what can go wrong with them.

pub mod lines;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

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
    #[error("{} has schema version {found}; this build reads version {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What this build reads.
        known: u32,
    },
}

fn what_it_is(path: &Path) -> &'static str {
    match path.metadata() {
        Err(_) => "is not there",
        Ok(found) if !found.is_dir() => "is a file, and no run folder",
        Ok(_) => "holds no run",
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

/// Makes an error of the file system a [`FolderError`].
pub(crate) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> FolderError + 'a {
    move |source| FolderError::Io { action, path: path.to_path_buf(), source }
}
