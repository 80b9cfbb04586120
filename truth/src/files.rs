//! JSON files of the run folder, and their errors.

pub mod lines;
pub mod sums;

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Write, stderr, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use self::sums::Checksum;
use crate::plan::values::rows::RowsError;
use crate::target::secrets::{masked, masked_in_strings, with_variables};

/// Error of making, reading or writing a run folder.
#[derive(Debug, Error)]
pub enum FolderError {
    /// An operation of the file system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Operation that was tried.
        action: &'static str,
        /// File or folder of the operation.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file exists, but does not hold what it should.
    #[error("{} is not valid", path.display())]
    Json {
        /// File.
        path: PathBuf,
        /// Position and reason.
        source: serde_json::Error,
    },
    /// No run was found.
    #[error("{} {}; run loadgen first, or name a run folder", path.display(), what_it_is(path))]
    NoRun {
        /// Path that was searched.
        path: PathBuf,
    },
    /// An earlier run had the same identity, so its keys may be in the store.
    #[error("{} already holds this run id and shard; choose another --run-id, or another --out", path.display())]
    SameRun {
        /// Folder of the earlier run.
        path: PathBuf,
    },
    /// Another `verify` works on the same run.
    #[error("another verify works on {}; wait for it to end", path.display())]
    Taken {
        /// Run folder.
        path: PathBuf,
    },
    /// A file of a run is not as it was written.
    #[error("{} {defect}; copy the whole run folder again, or {}", path.display(), remedy(path))]
    NotAsWritten {
        /// File.
        path: PathBuf,
        /// Difference from what was written.
        defect: Defect,
    },
    /// A run folder of another origin holds a link, through which other files would be written.
    #[error("{} is a link, in a run folder that your own loadgen did not write; copy the folder without links, as `cp -rL` does", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A pipe, a socket or a device stands where a run has files: to read it may never end.
    #[error("{} is neither a file nor a folder, and a run folder holds nothing else; remove it, or copy the folder again", path.display())]
    Special {
        /// Pipe, socket or device.
        path: PathBuf,
    },
    /// A file of values cannot be read.
    #[error(transparent)]
    Values(#[from] RowsError),
    /// Another version wrote the file.
    #[error("{} has schema version {found}; this build reads version {known}", path.display())]
    Version {
        /// File.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version that this build reads.
        known: u32,
    },
}

/// Difference of a file from what was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Defect {
    /// The contents are others.
    Changed {
        /// Checksum of the file.
        found: Checksum,
        /// Checksum of what was written.
        written: Checksum,
        /// Name of the file that holds the checksum.
        by: String,
    },
    /// The file is missing.
    Missing {
        /// Name of the file that names it.
        by: String,
    },
    /// The file is there, but no list of checksums has it.
    Unlisted,
    /// The list of checksums is missing, although what it has to list is complete.
    NoSums,
    /// A line of a list of checksums is not a checksum and a name.
    NoSum {
        /// Number of the line, from 1.
        number: u64,
    },
    /// A line does not have the checksum that it ends with.
    ChangedLine {
        /// Number of the line, from 1.
        number: u64,
    },
    /// A line is not at its place.
    MisplacedLine {
        /// Number of the line, from 1.
        number: u64,
        /// Number that the line had when it was written.
        written: u64,
    },
}

impl fmt::Display for Defect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { found, written, by } => {
                write!(out, "is not as it was written: its SHA-256 is {found}, but {by} says {written}")
            }
            Self::Missing { by } => write!(out, "is missing, but {by} names it"),
            Self::Unlisted => write!(out, "is not as it was written: {} does not list it", sums::FILE),
            Self::NoSums => out.write_str(
                "is missing: not all of the folder was copied, or the writer was killed just before it",
            ),
            Self::NoSum { number } => {
                write!(out, "is not as it was written: line {number} is not a checksum and a name")
            }
            Self::ChangedLine { number } => {
                write!(out, "is not as it was written: line {number} does not have the CRC-32C at its end")
            }
            Self::MisplacedLine { number, written } => {
                write!(out, "is not as it was written: line {number} was written as line {written}")
            }
        }
    }
}

/// Returns the remedy if there is no better copy of a file.
fn remedy(path: &Path) -> &'static str {
    let is_observed = path.components().any(|part| part.as_os_str() == "observed");
    if is_observed { "run verify again without --offline" } else { "run loadgen again" }
}

fn what_it_is(path: &Path) -> &'static str {
    match path.metadata() {
        Err(_) => "does not exist",
        Ok(found) if !found.is_dir() => "is a file, not a run folder",
        Ok(_) => "holds no run",
    }
}

/// Writes a value as JSON, as [`write_whole`] does, and masks secrets in strings alone.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FolderError> {
    replace(path, masked_in_strings(&pretty(path, value)?).as_bytes())
}

/// Writes a value as JSON that says nothing of what a target said, such as a plan. Nothing is masked:
/// a secret may be an ordinary word, which stands there for another reason.
pub fn write_own_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FolderError> {
    replace(path, pretty(path, value)?.as_bytes())
}

/// Writes a scenario that completes another. A secret of a variable is written as its hole, and what
/// the other holds in clear stays.
pub fn write_scenario(path: &Path, text: &str) -> Result<(), FolderError> {
    replace(path, with_variables(text).as_bytes())
}

fn pretty<T: Serialize>(path: &Path, value: &T) -> Result<String, FolderError> {
    let json = |source| FolderError::Json { path: path.to_path_buf(), source };
    Ok(serde_json::to_string_pretty(value).map_err(json)? + "\n")
}

/// Writes a file as a whole: first a temporary file, which is renamed when it is complete. The
/// temporary file is always a new one: in a folder of somebody else, its name may be a link to
/// another place. No guarded secret is written.
pub fn write_whole(path: &Path, text: &[u8]) -> Result<(), FolderError> {
    replace(path, &without_secrets(text))
}

fn replace(path: &Path, text: &[u8]) -> Result<(), FolderError> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io("replace", &part)(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file = File::create_new(&part).map_err(io("write", &part))?;
    let written = file.write_all(text).map_err(io("write", &part));
    drop(file);
    let replaced = written.and_then(|()| fs::rename(&part, path).map_err(io("rename", &part)));
    // What is left of a full disk is of use to nobody.
    replaced.inspect_err(|_| drop(fs::remove_file(&part)))
}

/// Writes to a path that a user named. A regular file is replaced as a whole, as [`write_whole`] does,
/// and a link to one stays. Devices, pipes and links to nothing are opened and written into. A file
/// that is this process's output, such as `/dev/stdout`, gets the text after what it holds.
pub fn write_to(path: &Path, text: &[u8]) -> Result<(), FolderError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() && !is_output(&found) => {
            write_whole(&fs::canonicalize(path).map_err(io("find", path))?, text)
        }
        Err(_) if !path.is_symlink() => write_whole(path, text),
        Ok(_) | Err(_) => {
            let mut file = File::options().append(true).create(true).open(path).map_err(io("open", path))?;
            file.write_all(&without_secrets(text)).map_err(io("write", path))
        }
    }
}

/// True if a file is standard output of this process, such as `/dev/stdout`. Two results in
/// `/dev/null` disturb nobody.
pub fn is_stdout(path: &Path) -> bool {
    let null = fs::metadata("/dev/null").ok();
    fs::metadata(path).is_ok_and(|found| {
        is_output_at(stdout().as_fd(), &found) && null.is_none_or(|null| null.rdev() != found.rdev())
    })
}

/// True if a file is standard output or standard error of this process.
fn is_output(found: &fs::Metadata) -> bool {
    is_output_at(stdout().as_fd(), found) || is_output_at(stderr().as_fd(), found)
}

fn is_output_at(output: BorrowedFd<'_>, found: &fs::Metadata) -> bool {
    let own = output.try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
    own.is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
}

/// Returns a text without guarded secrets; bytes that are no text stay as they are.
fn without_secrets(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text).map(masked) {
        Ok(Cow::Owned(masked)) => Cow::Owned(masked.into_bytes()),
        Ok(Cow::Borrowed(_)) | Err(_) => Cow::Borrowed(text),
    }
}

/// Reads a JSON file. Of anything else, such as a pipe, nothing is read.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(FolderError::Special { path: path.to_path_buf() });
    }
    let text = fs::read(path).map_err(io("read", path))?;
    serde_json::from_slice(&text).map_err(|source| FolderError::Json { path: path.to_path_buf(), source })
}

/// Wraps an error of the file system.
pub(crate) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> FolderError + 'a {
    move |source| FolderError::Io { action, path: path.to_path_buf(), source }
}
