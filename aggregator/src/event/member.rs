//! Split of one JSON object into the raw texts of its fields.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Reason;
use super::rule;

/// Known fields of an object, each as the text that was sent.
#[derive(Debug, Default)]
pub(super) struct Member<'a> {
    pub(super) topic: Option<&'a RawValue>,
    pub(super) event_id: Option<&'a RawValue>,
    pub(super) timestamp: Option<&'a RawValue>,
    pub(super) source: Option<&'a RawValue>,
    pub(super) payload: Option<&'a RawValue>,
    /// Set for a wrapper only.
    pub(super) events: Option<&'a RawValue>,
    /// Names that occur more than once.
    pub(super) repeated: BTreeSet<Cow<'a, str>>,
    /// First field that nests too deep.
    pub(super) too_deep: Option<Cow<'a, str>>,
    /// True if it has more unknown fields than an event may have.
    pub(super) is_too_wide: bool,
}

impl<'a> Member<'a> {
    /// Splits a member of a list.
    pub(super) fn parse(raw: &'a RawValue) -> Result<Self, Reason> {
        if !raw.get().starts_with('{') {
            return Err(rule::NOT_AN_OBJECT);
        }
        // The member was well-formed JSON when the body was split, so only a field's name can be at
        // fault.
        serde_json::from_str(raw.get()).map_err(|_| rule::LONE_SURROGATE)
    }

    fn known(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match name {
            "topic" => &mut self.topic,
            "event_id" => &mut self.event_id,
            "timestamp" => &mut self.timestamp,
            "source" => &mut self.source,
            "payload" => &mut self.payload,
            "events" => &mut self.events,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Member<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut member = Member::default();
        // Kept, because a repeated name is a fault.
        let mut unknown = HashSet::new();
        while let Some(Name(name)) = object.next_key()? {
            let value: &RawValue = object.next_value()?;
            // `events` holds the events themselves, each of which is measured on its own.
            if name != "events" && member.too_deep.is_none() && rule::is_too_deep(value.get()) {
                member.too_deep = Some(name.clone());
            }
            let is_repeated = match member.known(&name) {
                Some(field) => field.replace(value).is_some(),
                None if unknown.len() == rule::MAX_UNKNOWN_FIELDS => {
                    member.is_too_wide = true;
                    false
                }
                None => !unknown.insert(name.clone()),
            };
            if is_repeated {
                member.repeated.insert(name);
            }
        }
        Ok(member)
    }
}

/// A field's name, borrowed if it has no escapes. (`Cow`'s own `Deserialize` always copies.)
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
