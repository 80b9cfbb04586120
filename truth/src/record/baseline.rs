//! The baseline: what a target showed before the first send.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::folder::RunFolder;
use crate::files::{FolderError, read_json, write_json};
use crate::observed::counters::Counters;
use crate::observed::rows::{RowTally, SetSum};

/// The file's name in the run folder.
const FILE: &str = "baseline.json";

/// `baseline.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this file.
    pub schema_version: u32,
    /// The counters, if they could be read.
    pub stats: Option<Counters>,
    /// Why they could not.
    pub unread: Option<String>,
    /// Monotonic time when the second reading was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
    /// Monotonic time when all of it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_ns: Option<u64>,
    /// Whether two readings differed: somebody else writes.
    pub moving: bool,
    /// What was listed, if the target held few enough events.
    pub listed: Option<ListedBaseline>,
    /// What its database held, if it was asked and held few enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<ListedBaseline>,
}

/// What a target's listing, or its database, showed before the first send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListedBaseline {
    /// Rows.
    pub rows: u64,
    /// The same, as a set.
    pub foreign: SetSum,
}

impl Baseline {
    /// That the counters could not be read, and why.
    pub fn unread(reason: String) -> Self {
        Self { unread: Some(reason), ..Self::nothing() }
    }

    /// A baseline without a reading.
    pub fn nothing() -> Self {
        Self {
            schema_version: 1,
            stats: None,
            unread: None,
            asked_ns: None,
            taken_ns: None,
            moving: false,
            listed: None,
            stored: None,
        }
    }

    /// Whether upper bounds of counters hold: nobody else writes, and nothing of before was still waiting.
    pub fn is_firm(&self) -> bool {
        !self.moving && self.stats.as_ref().is_some_and(|stats| stats.backlog() == 0)
    }

    /// Whether two shards of a run found the same: the target alike, and nothing moving.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let stands = match (&self.stats, &other.stats) {
            (Some(one), Some(another)) => one.stands_as(another),
            (one, another) => one.is_none() && another.is_none(),
        };
        let others =
            |baseline: &Self| (baseline.unread.clone(), baseline.moving, baseline.listed, baseline.stored);
        stands && others(self) == others(other)
    }

    /// The file.
    pub fn path(folder: &RunFolder) -> PathBuf {
        folder.file(FILE)
    }

    /// Writes the file.
    pub fn save(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&Self::path(folder), self)
    }

    /// Reads the file; a run that was killed before it wrote one has none.
    pub fn load(folder: &RunFolder) -> Result<Option<Self>, FolderError> {
        let path = Self::path(folder);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }
}

impl ListedBaseline {
    /// Totals of the rows that were listed.
    pub fn of(tally: &RowTally<'_>) -> Self {
        Self { rows: tally.rows, foreign: tally.foreign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_found_the_same_agree_however_long_the_target_had_been_running() {
        let baseline = |unique, uptime| Baseline {
            stats: Some(Counters { unique: Some(unique), uptime_ms: Some(uptime), ..Counters::default() }),
            asked_ns: Some(uptime),
            ..Baseline::nothing()
        };
        assert!(baseline(3, 1_000).agrees_with(&baseline(3, 1_200)));
        assert!(!baseline(3, 1_000).agrees_with(&baseline(4, 1_000)));
        assert!(!baseline(3, 1_000).agrees_with(&Baseline { stats: None, ..baseline(3, 1_000) }));
        assert!(!baseline(3, 1_000).agrees_with(&Baseline { moving: true, ..baseline(3, 1_000) }));
    }
}
