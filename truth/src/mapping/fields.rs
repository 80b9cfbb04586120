//! The names of an event's fields.

use serde::{Deserialize, Serialize};

/// The names of an event's fields, in requests and in listed rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventFields {
    /// First part of the key.
    pub topic: String,
    /// Second part of the key.
    pub event_id: String,
    /// When it happened.
    pub timestamp: String,
    /// Who says so.
    pub source: String,
    /// The object that is carried.
    pub payload: String,
}

impl Default for EventFields {
    fn default() -> Self {
        Self {
            topic: "topic".to_owned(),
            event_id: "event_id".to_owned(),
            timestamp: "timestamp".to_owned(),
            source: "source".to_owned(),
            payload: "payload".to_owned(),
        }
    }
}
