//! `run.json`: what a run was resolved to before its first byte left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::plan::shard::Shard;
use crate::scenario::Scenario;

/// The version of `run.json`.
pub const MANIFEST_VERSION: u32 = 1;

/// `run.json`: what was resolved before the first byte left. Never a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub onceproof: String,
    /// When the run began.
    pub started_utc: Timestamp,
    /// What is sent.
    pub plan: Plan,
    /// Which part of it.
    pub shard: Shard,
    /// Connections.
    pub concurrency: u32,
    /// Lanes, and so segments.
    pub lanes: u32,
    /// The scenario, resolved.
    pub scenario: Scenario,
    /// Where it ran.
    pub machine: Machine,
    /// The command that sends the same load again, of a shard its part, under a new identity.
    #[serde(default)]
    pub rerun: String,
}

/// Where a run was sent from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Cores that the process may use.
    pub cpus: u32,
    /// The boot in which the monotonic times of the ledger count.
    pub boot_id: String,
}
