//! Polls of the target's counters under load, each beside the sender's own counts at that moment.

use serde::{Deserialize, Serialize};

use crate::files::FolderError;
use crate::files::lines::{self, LineWriter};
use crate::observed::counters::Counters;
use crate::record::folder::RunFolder;
use crate::record::manifest::FolderFormat;

/// Name of the file in the run folder.
pub(super) const FILE: &str = "polls.ndjson";

/// One poll, a line of `polls.ndjson`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Poll {
    /// Monotonic time at which the request for the counters was sent.
    pub t_sent_ns: u64,
    /// Monotonic time at which its response was complete.
    pub t_answered_ns: u64,
    /// Attempts acknowledged before the request was sent.
    pub acked: u64,
    /// Of these, attempts whose response reported a new event.
    #[serde(rename = "told_new")]
    pub reported_new: u64,
    /// Of these, attempts whose response reported a duplicate.
    #[serde(rename = "told_duplicate")]
    pub reported_duplicate: u64,
    /// Attempts begun before the response was complete.
    pub started: u64,
    /// Counters; none if they could not be read.
    pub stats: Option<Counters>,
    /// Reason why the counters could not be read.
    pub error: Option<String>,
    /// Set for the poll after the last response of the run.
    pub closing: bool,
}

/// Creates the file for the polls of a run.
pub fn create(folder: &RunFolder) -> Result<LineWriter, FolderError> {
    LineWriter::create(folder.file(FILE))
}

/// Calls `take` with each poll of a run, in order. A missing file has none; a last line that was
/// not finished is left out.
pub fn for_each(folder: &RunFolder, format: FolderFormat, take: impl FnMut(Poll)) -> Result<(), FolderError> {
    lines::for_each(&folder.file(FILE), format == FolderFormat::Sealed, take)
}
