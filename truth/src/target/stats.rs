//! Where a target's counters are.

use serde::{Deserialize, Serialize};

/// Where the counters are: a path and JSON pointers, any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatsFields {
    /// Path of the GET; without it the target has no counters.
    pub path: Option<String>,
    /// Attempts that arrived.
    pub received: Option<String>,
    /// Events stored.
    pub unique: Option<String>,
    /// Repeats dropped.
    pub duplicates: Option<String>,
    /// Accepted and waiting.
    pub pending: Option<String>,
    /// Accepted and being worked on.
    pub processing: Option<String>,
    /// Names the answering process.
    pub instance: Option<String>,
    /// How long that process has been running.
    pub uptime: Option<String>,
}
