//! Process of a target that the tools start: `[target.process]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Process of the target. `loadgen` starts it before a run, and `verify` before it looks at the run
/// again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working folder, relative to the scenario's file.
    #[serde(default)]
    pub folder: PathBuf,
    /// Environment variables beyond those of `loadgen`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Path of a GET that succeeds once the target is ready; none if an open port is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Longest time until the target is ready.
    #[serde(default = "ready_within", with = "crate::duration")]
    pub ready_within: Duration,
    /// File in the run folder for its output.
    #[serde(default = "log")]
    pub log: String,
}

fn ready_within() -> Duration {
    Duration::from_secs(30)
}

fn log() -> String {
    "target.log".to_owned()
}
