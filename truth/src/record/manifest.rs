//! Contents of `run.json`: all settings of a run, written before its first byte left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::plan::shard::Shard;
use crate::scenario::Scenario;
use crate::scenario::promises::Promises;

/// Version of `run.json`. Version 1 is that of 0.1.
pub const MANIFEST_VERSION: u32 = 2;

/// Format of a run folder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FolderFormat {
    /// Format of 0.1: nothing is sealed, and `summary.json` alone says that the run came to its end.
    Unsealed,
    /// Format since 0.2: the files of a run that came to its end are sealed.
    Sealed,
}

/// All settings of a run, resolved before its first byte left. It never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the file, at most [`MANIFEST_VERSION`].
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub onceproof: String,
    /// Time at which the run began.
    pub started_utc: Timestamp,
    /// Plan of the run.
    pub plan: Plan,
    /// Shard of the plan that this run sent.
    pub shard: Shard,
    /// Number of connections.
    pub concurrency: u32,
    /// Number of lanes, and so of segments.
    pub lanes: u32,
    /// Scenario with all flags applied.
    pub scenario: Scenario,
    /// Machine that sent the run.
    pub machine: Machine,
    /// Command that sends the same load again under a new identity; for a shard, its part of the
    /// load.
    #[serde(default)]
    pub rerun: String,
}

impl Manifest {
    /// Returns the promises that the target of the run is judged by.
    pub fn promises(&self) -> Promises {
        let written = self.scenario.promises.clone();
        match self.format() {
            FolderFormat::Unsealed => written.of_release_0_1(),
            FolderFormat::Sealed => written,
        }
    }

    /// Returns the format of the folder that holds it.
    pub fn format(&self) -> FolderFormat {
        if self.schema_version == 1 { FolderFormat::Unsealed } else { FolderFormat::Sealed }
    }
}

/// Machine that a run was sent from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Number of cores that the process may use.
    pub cpus: u32,
    /// Boot whose monotonic clock the times of the ledger are of.
    pub boot_id: String,
}
