//! Ending of a run: the two keys of `summary.json` that tell whether its ledger is whole.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::folder::RunFolder;
use crate::files::{FolderError, read_json};

/// Name of the file in the run folder.
pub(super) const FILE: &str = "summary.json";

/// Name of the file of latencies, which is written with the summary.
pub const LATENCIES: &str = "latency.hlog";

/// Reason why sending ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All requests were sent.
    Complete,
    /// No response came for longer than `--patience`.
    OutOfPatience,
    /// The first signal to stop: requests in flight were waited for.
    Interrupted,
    /// The second signal to stop: nothing was waited for.
    Aborted,
    /// A lane ended without a report.
    LaneLost,
    /// A threshold with `abort_on_fail` failed.
    Threshold,
}

/// Keys of `summary.json` about the ledger; the others are not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct LedgerEnd {
    /// Reason why sending ended.
    pub ended: Ending,
    /// True if every record reached the ledger.
    pub ledger_written: bool,
}

impl LedgerEnd {
    /// Returns the path of the summary in a run folder.
    pub fn path(folder: &RunFolder) -> PathBuf {
        folder.file(FILE)
    }

    /// Reads the summary of a run folder; none if the run wrote none.
    pub fn read(folder: &RunFolder) -> Result<Option<Self>, FolderError> {
        let path = Self::path(folder);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }

    /// True if every lane closed its segment of the ledger.
    pub fn is_orderly(self) -> bool {
        self.ledger_written && self.ended != Ending::LaneLost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_that_lost_a_lane_or_records_is_not_orderly() {
        for (text, is_orderly) in [
            (r#"{"ended":"complete","ledger_written":true,"seed":1}"#, true),
            (r#"{"ended":"out-of-patience","ledger_written":true}"#, true),
            (r#"{"ended":"interrupted","ledger_written":true}"#, true),
            (r#"{"ended":"aborted","ledger_written":true}"#, true),
            (r#"{"ended":"threshold","ledger_written":true}"#, true),
            (r#"{"ended":"complete","ledger_written":false}"#, false),
            (r#"{"ended":"lane-lost","ledger_written":true}"#, false),
        ] {
            let end: LedgerEnd = serde_json::from_str(text).unwrap();
            assert_eq!(end.is_orderly(), is_orderly, "{text}");
        }
    }
}
