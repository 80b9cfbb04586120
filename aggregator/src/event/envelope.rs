//! Split of a body into its members.
//!
//! The split comes before any validation. So a member of the wrong type does not hide the faults of
//! those behind it.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::{Fault, Reason, Rejected};
use super::member::Member;
use super::rule;

/// A body split into its events.
pub(super) enum Envelope<'a> {
    /// One event, split into its fields.
    One(Member<'a>),
    /// Members of a list, at least one. Each should be an event.
    Many(Vec<&'a RawValue>),
}

pub(super) const EMPTY: Reason = Reason { kind: "too_short", msg: "a batch needs at least one event" };
const NOT_EVENTS: Reason = Reason { kind: "list_type", msg: "must be an array of events or one event" };

impl<'a> Envelope<'a> {
    pub(super) fn split(body: &'a str, max_events: usize) -> Result<Self, Rejected> {
        match first_byte(body) {
            Some(b'[') => Self::list(body, max_events),
            Some(b'{') => Self::object(body, max_events),
            _ => {
                // The parser tells malformed JSON from well-formed JSON of the wrong type.
                serde_json::from_str::<IgnoredAny>(body).map_err(|error| malformed(body, &error))?;
                let msg = "must be an event, an array of events, or an object with events";
                Err(Rejected::Invalid(vec![Fault::body("model_type", msg)]))
            }
        }
    }

    fn list(text: &'a str, max_events: usize) -> Result<Self, Rejected> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let broken = |error| malformed(text, &error);
        let members = deserializer.deserialize_seq(Members { max: max_events }).map_err(broken)?;
        deserializer.end().map_err(broken)?;
        match members.len() {
            0 => Err(Rejected::Invalid(vec![Fault::events(EMPTY)])),
            many if many > max_events => Err(Rejected::TooMany),
            _ => Ok(Self::Many(members)),
        }
    }

    /// Splits an object: a wrapper if it has the field `events`, and one event otherwise.
    fn object(body: &'a str, max_events: usize) -> Result<Self, Rejected> {
        let mut object: Member<'a> = serde_json::from_str(body).map_err(|error| malformed(body, &error))?;
        let Some(events) = object.events else {
            return Ok(Self::One(object));
        };
        if object.repeated.contains("events") {
            return Err(Rejected::Invalid(vec![Fault::events(rule::REPEATED)]));
        }
        // Its other fields are ignored.
        object.repeated.clear();
        match first_byte(events.get()) {
            Some(b'[') => Self::list(events.get(), max_events),
            Some(b'{') => match Member::parse(events) {
                Ok(member) => Ok(Self::One(member)),
                Err(reason) => Err(Rejected::Invalid(vec![Fault::event(0, reason)])),
            },
            _ => Err(Rejected::Invalid(vec![Fault::events(NOT_EVENTS)])),
        }
    }
}

fn first_byte(text: &str) -> Option<u8> {
    text.bytes().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

fn malformed(text: &str, error: &serde_json::Error) -> Rejected {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let reason = reason(error);
    let number = error.line();
    let column = column(line, error);
    let msg = format!("the body is not JSON: {reason} at line {number} column {column}");
    Rejected::Invalid(vec![Fault::body("json_invalid", msg)])
}

/// The parser's reason, without the place.
pub(super) fn reason(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

/// Column at which the parser stopped, as an editor counts: from one, in characters. The parser
/// counts bytes.
pub(super) fn column(line: &str, error: &serde_json::Error) -> usize {
    line.char_indices().take_while(|(place, _)| *place < error.column()).count().max(1)
}

/// Collects the members of an array, and at most one more than allowed. Sixteen million members of
/// two bytes would otherwise become a list of 256 MiB before anything counts them.
struct Members {
    max: usize,
}

impl<'de> Visitor<'de> for Members {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = array.next_element()? {
            members.push(member);
            if members.len() > self.max {
                while array.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(members)
    }
}
