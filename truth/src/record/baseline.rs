//! Baseline: state of a target before the first event is sent.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::folder::RunFolder;
use crate::files::{FolderError, read_json, write_json};
use crate::observed::counters::Counters;
use crate::observed::rows::{RowTally, SetSum};

/// Name of the file in the run folder.
pub(super) const FILE: &str = "baseline.json";

/// Contents of `baseline.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this file.
    pub schema_version: u32,
    /// Counters; none if they could not be read.
    pub stats: Option<Counters>,
    /// Reason why the counters could not be read.
    pub unread: Option<String>,
    /// Monotonic time at which the second reading was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
    /// Monotonic time at which all of it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_ns: Option<u64>,
    /// True if two readings differed, which means that somebody else writes.
    pub moving: bool,
    /// Listed rows, if the target held few enough events.
    pub listed: Option<ListedBaseline>,
    /// Rows of its database, if it was queried and held few enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<ListedBaseline>,
}

/// Rows of a listing, or of a database, before the first event was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListedBaseline {
    /// Number of rows.
    pub rows: u64,
    /// The rows as a set.
    pub foreign: SetSum,
}

impl Baseline {
    /// Returns a baseline whose counters could not be read, with the reason.
    pub fn unread(reason: String) -> Self {
        Self { unread: Some(reason), ..Self::nothing() }
    }

    /// Returns a baseline without a reading.
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

    /// True if upper bounds of counters hold: nobody else writes, and no earlier event still waits.
    pub fn is_firm(&self) -> bool {
        !self.moving && self.stats.as_ref().is_some_and(|stats| stats.backlog() == 0)
    }

    /// True if two shards of a run found the same: equal states, and nothing moving.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let stands = match (&self.stats, &other.stats) {
            (Some(one), Some(another)) => one.stands_as(another),
            (one, another) => one.is_none() && another.is_none(),
        };
        let others =
            |baseline: &Self| (baseline.unread.clone(), baseline.moving, baseline.listed, baseline.stored);
        stands && others(self) == others(other)
    }

    /// Returns the path of the file.
    pub fn path(folder: &RunFolder) -> PathBuf {
        folder.file(FILE)
    }

    /// Writes the file.
    pub fn save(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&Self::path(folder), self)
    }

    /// Reads the file. A run that was killed before it wrote one has none.
    pub fn load(folder: &RunFolder) -> Result<Option<Self>, FolderError> {
        let path = Self::path(folder);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }
}

impl ListedBaseline {
    /// Returns the totals of listed rows.
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
