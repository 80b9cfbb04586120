//! One rule as people write it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::target::StatusPattern;

/// One rule of `[[target.answers]]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerRule {
    /// Statuses of the responses; empty for any.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusPattern>,
    /// Conditions, by a JSON pointer, `header:NAME` or `body`. All have to hold.
    #[serde(rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, Condition>,
    /// Format of the body.
    #[serde(skip_serializing_if = "BodyFormat::is_json")]
    pub format: BodyFormat,
    /// Meaning of the response, or of each entry that it lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<Meaning>,
    /// Numbers of events.
    #[serde(skip_serializing_if = "CountPlaces::is_empty")]
    pub counts: CountPlaces,
    /// Place of each entry of a list: `/items/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Place of the word that says the meaning: in an entry, or else in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Meanings of the words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Meaning>,
    /// Place, in an entry, of the event's number in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Number of the first event; 0 if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// Place, in an entry, of the event's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Place, in an entry, of the event's topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Meaning of the events that no entry names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<Meaning>,
}

/// Meaning of a response, or of one entry of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// The attempt stored the event.
    New,
    /// The target knew the event before.
    Duplicate,
    /// The target accepted the event, and does not say if it was new.
    Accepted,
    /// The target rejected the event without effect.
    Rejected,
    /// The target rejected the event without effect, for now.
    Busy,
    /// The event may have been stored or not.
    Unknown,
}

impl Meaning {
    /// True if the target has taken the event.
    pub(super) fn takes(self) -> bool {
        matches!(self, Self::New | Self::Duplicate | Self::Accepted)
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Duplicate => "duplicate",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Unknown => "unknown",
        })
    }
}

/// Format of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyFormat {
    /// One JSON value.
    #[default]
    Json,
    /// One JSON value after the other, read as a list.
    Ndjson,
}

impl BodyFormat {
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// Condition on a place of a response.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a condition is a value, { exists = true } or { has = \"text\" }")]
pub enum Condition {
    /// The place is there, or is not.
    Exists(Existence),
    /// The place contains a text.
    Has(Containing),
    /// The place holds this text, number or boolean.
    #[serde(deserialize_with = "scalar")]
    Is(Value),
}

/// Condition that a place is there, or is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Existence {
    /// True if the place has to be there.
    pub exists: bool,
}

/// Condition that a place contains a text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Containing {
    /// Text that the place has to contain.
    pub has: String,
}

/// Places of the numbers of events that a response counts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CountPlaces {
    /// Number of events that were taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    /// Number of new ones among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Number of duplicates among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<String>,
    /// Number of events that were rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

impl CountPlaces {
    /// Returns the places with the names of their keys.
    pub(super) fn named(&self) -> [(&'static str, Option<&String>); 4] {
        [
            ("accepted", self.accepted.as_ref()),
            ("new", self.new.as_ref()),
            ("duplicate", self.duplicate.as_ref()),
            ("rejected", self.rejected.as_ref()),
        ]
    }

    /// True if nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, place)| place.is_none())
    }
}

/// Reads a status, or a list of them; each is a text or a number.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StatusPattern>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Status {
        Number(u16),
        Text(String),
    }
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a status is written as 200, \"2xx\" or [200, \"4xx\"]")]
    enum Statuses {
        One(Status),
        Many(Vec<Status>),
    }
    let statuses = match Statuses::deserialize(deserializer)? {
        Statuses::One(status) => vec![status],
        Statuses::Many(statuses) => statuses,
    };
    let parse = |status: Status| match status {
        Status::Number(number) => number.to_string().parse(),
        Status::Text(text) => text.parse(),
    };
    statuses.into_iter().map(parse).collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// Reads a text, a number or a boolean.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    match Value::deserialize(deserializer)? {
        value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(value),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(D::Error::custom("a value is a text, a number, true or false"))
        }
    }
}
