//! An event as it came, and its key.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Topic and id.
pub(crate) type Key = (String, String);

/// An event: its key, and its text to the byte.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) key: Key,
    /// Number of batches since the process began, when the event came.
    pub(crate) moment: u64,
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
        if names.topic.trim().is_empty() || names.event_id.contains('\0') {
            return Err(serde::de::Error::custom("a blank topic, or a NUL in the id"));
        }
        Ok(Self { key: (names.topic, names.event_id), moment: 0, text })
    }

    /// Returns a content by its name, to the byte.
    pub(crate) fn content(&self, name: &str) -> String {
        member(self.text.get(), name)
    }

    /// Replaces a content.
    pub(crate) fn set(&mut self, name: &str, content: &str) {
        let was = format!("\"{name}\":{}", self.content(name));
        let changed = self.text.get().replacen(&was, &format!("\"{name}\":{content}"), 1);
        self.text = RawValue::from_string(changed).expect("JSON with another content is JSON");
    }

    /// Gives the event another topic.
    pub(crate) fn move_to(&mut self, topic: &str) {
        topic.clone_into(&mut self.key.0);
        self.set("topic", &serde_json::json!(topic).to_string());
    }

    /// Returns the event under another id.
    pub(crate) fn under(mut self, id: &str) -> Self {
        id.clone_into(&mut self.key.1);
        self.set("event_id", &serde_json::json!(id).to_string());
        self
    }

    /// Returns the event with the number in its payload as a floating-point one.
    pub(crate) fn with_a_float(self) -> Self {
        let text = self.text.get();
        let number = text.find("\"n\":").map_or(0, |at| at + 4);
        let end = number + text[number..].bytes().take_while(u8::is_ascii_digit).count();
        let changed = format!("{}.0{}", &text[..end], &text[end..]);
        Self { text: RawValue::from_string(changed).expect("a number stays a number"), ..self }
    }

    /// Returns the event with the integer `big` of its payload as the nearest floating-point number,
    /// without a fraction.
    pub(crate) fn with_a_rounded_integer(mut self) -> Self {
        let payload = self.content("payload");
        let integer = member(&payload, "big");
        if let Ok(number) = integer.parse::<f64>() {
            self.set("payload", &payload.replacen(&integer, &number.to_string(), 1));
        }
        self
    }

    /// Reads the valid events of a batch.
    pub(crate) fn valid_of(body: &str) -> Vec<Self> {
        let texts: Vec<Box<RawValue>> = serde_json::from_str(body).unwrap_or_default();
        texts.into_iter().filter_map(|text| Self::parse(text).ok()).collect()
    }

    /// Reads a batch: an array.
    pub(crate) fn parse_batch(body: &str) -> serde_json::Result<Vec<Self>> {
        let texts: Vec<Box<RawValue>> = serde_json::from_str(body)?;
        texts.into_iter().map(Self::parse).collect()
    }
}

/// Returns a member of a JSON object, to the byte.
fn member(object: &str, name: &str) -> String {
    let members: HashMap<String, Box<RawValue>> = serde_json::from_str(object).unwrap_or_default();
    members.get(name).map(|member| member.get().to_owned()).unwrap_or_default()
}
