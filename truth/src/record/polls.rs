//! What a target said of itself under load, beside what the sender knew at that moment.

use serde::{Deserialize, Serialize};

use crate::files::FolderError;
use crate::files::lines::{self, LineWriter};
use crate::observed::counters::Counters;
use crate::record::folder::RunFolder;

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

/// Begins the file of a run's polls.
pub fn create(folder: &RunFolder) -> Result<LineWriter, FolderError> {
    LineWriter::create(folder.file(FILE))
}

/// Calls `take` with the polls of a run, one by one; with none if there is no file. A last line that was not finished is
/// left out.
pub fn for_each(folder: &RunFolder, take: impl FnMut(Poll)) -> Result<(), FolderError> {
    lines::for_each(&folder.file(FILE), take)
}
