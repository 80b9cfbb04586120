//! An event as it came, and its key.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Topic and id.
pub(crate) type Key = (String, String);

/// An event, with its payload to the byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) topic: String,
    pub(crate) event_id: String,
    pub(crate) timestamp: String,
    pub(crate) source: String,
    pub(crate) payload: Box<RawValue>,
}

impl Event {
    /// Reads one event.
    pub(crate) fn parse(text: &RawValue) -> serde_json::Result<Self> {
        let event: Self = serde_json::from_str(text.get())?;
        if event.topic.trim().is_empty() || event.event_id.contains('\0') {
            return Err(serde::de::Error::custom("a blank topic, or a NUL in the id"));
        }
        Ok(event)
    }

    /// Reads the events of a request: an array, or one object. None stands for an invalid one.
    pub(crate) fn parse_all(body: &str) -> serde_json::Result<Vec<Option<Self>>> {
        let texts: Vec<Box<RawValue>> = if body.trim_start().starts_with('[') {
            serde_json::from_str(body)?
        } else {
            vec![serde_json::from_str(body)?]
        };
        Ok(texts.iter().map(|text| Self::parse(text).ok()).collect())
    }

    /// Returns an event of somebody else.
    pub(crate) fn of_others(id: String) -> Self {
        Self {
            topic: "others".to_owned(),
            event_id: id,
            timestamp: "2024-05-01T00:00:00Z".to_owned(),
            source: "others".to_owned(),
            payload: RawValue::from_string("{}".to_owned()).expect("an empty object is JSON"),
        }
    }

    pub(crate) fn key(&self) -> Key {
        (self.topic.clone(), self.event_id.clone())
    }

    /// True if both have the same payload, to the byte.
    pub(crate) fn has_payload_of(&self, other: &Self) -> bool {
        self.payload.get() == other.payload.get()
    }
}
