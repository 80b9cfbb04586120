//! Places of a target's counters.

use serde::{Deserialize, Serialize};

/// Path of the counters, and JSON pointers into the response; any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatsFields {
    /// Path of the GET; none if the target has no counters.
    pub path: Option<String>,
    /// Number of events received.
    pub received: Option<String>,
    /// Number of events stored.
    pub unique: Option<String>,
    /// Number of duplicates dropped.
    pub duplicates: Option<String>,
    /// Number of events that were accepted and wait.
    pub pending: Option<String>,
    /// Number of events that are being stored.
    pub processing: Option<String>,
    /// Id of the responding process.
    pub instance: Option<String>,
    /// Time for which that process has run.
    pub uptime: Option<String>,
}
