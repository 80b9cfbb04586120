//! What a target said of itself under load, beside what the sender knew at that moment.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};

use serde::{Deserialize, Serialize};
use truth::folder::{FolderError, RunFolder};

use crate::observe::stats::Counters;

/// The file's name in the run folder.
const FILE: &str = "polls.ndjson";

/// One line of `polls.ndjson`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Poll {
    /// Monotonic time when the question was sent.
    pub t_sent_ns: u64,
    /// Monotonic time when the answer was there.
    pub t_answered_ns: u64,
    /// Attempts acknowledged before the question was sent.
    pub acked: u64,
    /// Of these, told to be new.
    pub told_new: u64,
    /// Of these, told to be duplicates.
    pub told_duplicate: u64,
    /// Attempts begun before the answer was there.
    pub started: u64,
    /// The counters, if they could be read.
    pub stats: Option<Counters>,
    /// Why they could not.
    pub error: Option<String>,
    /// Whether this poll was taken after the last answer of the run.
    pub closing: bool,
}

/// Appends polls to the file, a line each.
#[derive(Debug)]
pub struct PollWriter {
    path: std::path::PathBuf,
    file: File,
}

impl PollWriter {
    /// Begins the file.
    pub fn create(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = folder.file(FILE);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| FolderError::Io { action: "create", path: path.clone(), source })?;
        Ok(Self { path, file })
    }

    /// Appends one poll.
    pub fn write(&mut self, poll: &Poll) -> Result<(), FolderError> {
        let json = serde_json::to_vec(poll);
        let mut line = json.map_err(|source| FolderError::Json { path: self.path.clone(), source })?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.map_err(|source| FolderError::Io { action: "write", path: self.path.clone(), source })
    }
}

/// Reads the polls of a run one by one; none if there is no file. A last line that was not finished is left out.
pub fn read(folder: &RunFolder) -> Result<Vec<Poll>, FolderError> {
    let path = folder.file(FILE);
    let Ok(file) = File::open(&path) else {
        return Ok(Vec::new());
    };
    let mut polls = Vec::new();
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        read.map_err(|source| FolderError::Io { action: "read", path: path.clone(), source })?;
        if line.last() != Some(&b'\n') {
            return Ok(polls);
        }
        let poll = serde_json::from_slice(&line);
        polls.push(poll.map_err(|source| FolderError::Json { path: path.clone(), source })?);
    }
}
