//! An event as it came, and its key.

use serde::Deserialize;
use serde_json::value::RawValue;

/// First and second part of a key.
pub(crate) type Key = (String, String);

/// An event: its key, and its text to the byte.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) key: Key,
    pub(crate) text: Box<RawValue>,
}

#[derive(Deserialize)]
struct Names {
    topic: String,
    event_id: String,
}

impl Event {
    /// Reads one event.
    pub(crate) fn parse(text: Box<RawValue>) -> serde_json::Result<Self> {
        let names: Names = serde_json::from_str(text.get())?;
        Ok(Self { key: (names.topic, names.event_id), text })
    }

    /// Reads a batch: an array.
    pub(crate) fn parse_batch(body: &str) -> serde_json::Result<Vec<Self>> {
        let texts: Vec<Box<RawValue>> = serde_json::from_str(body)?;
        texts.into_iter().map(Self::parse).collect()
    }
}
