//! The process of a target that the tools start themselves: `[target.process]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the target is started: by `loadgen` before a run, and by `verify` when it looks at the run again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where it runs, seen from the scenario's file.
    #[serde(default)]
    pub folder: PathBuf,
    /// Variables beyond those that `loadgen` has itself.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Path of a GET that succeeds once it is ready; without one, an open port is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// How long that may take.
    #[serde(default = "ready_within", with = "crate::duration")]
    pub ready_within: Duration,
    /// The file in the run folder that takes what it says.
    #[serde(default = "log")]
    pub log: String,
}

fn ready_within() -> Duration {
    Duration::from_secs(30)
}

fn log() -> String {
    "target.log".to_owned()
}
