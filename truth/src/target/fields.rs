//! Names of an event's fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names of an event's fields, in requests and in listed rows. A field without a name is neither
/// sent nor compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventFields {
    /// First part of the key.
    pub topic: String,
    /// Second part of the key.
    pub event_id: String,
    /// Time of the event.
    pub timestamp: String,
    /// Source of the event.
    pub source: String,
    /// Object that the event carries.
    pub payload: String,
    /// Further fields, the same in every event.
    pub extra: BTreeMap<String, Value>,
}

impl EventFields {
    /// Checks that events can have these fields: both parts of the key have names, and no two
    /// fields share one.
    pub fn fault(&self) -> Option<String> {
        if self.topic.is_empty() || self.event_id.is_empty() {
            return Some(
                "fields.topic or fields.event_id is empty: both make the key, so give both a name".to_owned(),
            );
        }
        let own = [&self.topic, &self.event_id, &self.timestamp, &self.source, &self.payload];
        let named = own.into_iter().filter(|name| !name.is_empty()).chain(self.extra.keys());
        let mut names: Vec<&String> = named.collect();
        names.sort();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1])?;
        Some(format!("two fields of an event have the name `{}`; give each its own", twice[0]))
    }
}

impl Default for EventFields {
    fn default() -> Self {
        Self {
            topic: "topic".to_owned(),
            event_id: "event_id".to_owned(),
            timestamp: "timestamp".to_owned(),
            source: "source".to_owned(),
            payload: "payload".to_owned(),
            extra: BTreeMap::new(),
        }
    }
}
