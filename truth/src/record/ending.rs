//! Ending of a run: the keys of `summary.json` that others read. Two tell whether its ledger is
//! whole, one holds its thresholds, and one the addresses of the target.

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

/// Address that connections went to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reached {
    /// Address and port, or path of a socket.
    pub address: String,
    /// Number of connections that were opened.
    pub opened: u64,
    /// Number of tries to connect that failed.
    pub failed: u64,
}

/// Keys of `summary.json` about the ledger and the addresses.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct LedgerEnd {
    /// Reason why sending ended.
    pub ended: Ending,
    /// True if every record reached the ledger.
    pub ledger_written: bool,
    /// Addresses of the target, or of the proxy that leads to it. Releases up to 0.2 did not write
    /// them.
    #[serde(default)]
    pub addresses: Vec<Reached>,
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

    /// Returns the addresses that connections were opened to.
    pub fn addresses_used(self) -> Vec<String> {
        let used = self.addresses.into_iter().filter(|reached| reached.opened > 0);
        used.map(|reached| reached.address).collect()
    }

    /// True if every lane closed its segment of the ledger.
    pub fn is_orderly(&self) -> bool {
        self.ledger_written && self.ended != Ending::LaneLost
    }
}

/// Threshold that was checked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Judged")]
pub struct CheckedThreshold {
    /// Threshold as it was written.
    pub threshold: String,
    /// Measured value; `null` without a sample.
    pub value: Option<f64>,
    /// True if the threshold holds. A threshold without a measurement does not hold.
    pub ok: bool,
    /// Reason why it was not evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_evaluated: Option<String>,
}

impl CheckedThreshold {
    /// Returns the measured value and the reason why it does not count, as far as there are any.
    pub fn remarks(&self) -> String {
        let measured = self.value.map(|value| format!("measured {}", (value * 1e4).round() / 1e4));
        let why = self.not_evaluated.as_ref().map(|why| format!("not evaluated: {why}"));
        measured.into_iter().chain(why).collect::<Vec<_>>().join(", ")
    }

    /// Reads the thresholds of a run from its summary; none if the run wrote none.
    pub fn read_all(folder: &RunFolder) -> Result<Vec<Self>, FolderError> {
        #[derive(Deserialize)]
        struct Checked {
            #[serde(default)]
            thresholds: Vec<CheckedThreshold>,
        }
        let path = LedgerEnd::path(folder);
        if path.exists() {
            read_json::<Checked>(&path).map(|checked| checked.thresholds)
        } else {
            Ok(Vec::new())
        }
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
