//! Rows that a target showed when it was asked for single topics.

use serde::{Deserialize, Serialize};

/// Result of asking for single topics.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopicScope {
    /// Number of topics that were asked for.
    pub asked: u32,
    /// Number of rows that were shown.
    pub rows: u64,
    /// Number of rows of other topics among them.
    pub leaked: u64,
    /// Some of these rows.
    pub examples: Vec<Leak>,
}

/// A row of another topic than the one that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leak {
    /// Topic that was asked for.
    pub asked: String,
    /// Topic of the row.
    pub topic: String,
    /// Id of the row.
    pub event_id: String,
}
