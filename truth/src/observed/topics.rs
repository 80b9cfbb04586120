//! Rows that a target showed when it was asked for one topic.

use serde::{Deserialize, Serialize};

/// What single topics showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopicScope {
    /// Topics that were asked for.
    pub asked: u32,
    /// Rows that were shown.
    pub rows: u64,
    /// Rows of other topics among them.
    pub leaked: u64,
    /// Some of these.
    pub examples: Vec<Leak>,
}

/// A row under a topic that it does not belong to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leak {
    /// The topic that was asked for.
    pub asked: String,
    /// That of the row.
    pub topic: String,
    /// The row's id.
    pub event_id: String,
}
