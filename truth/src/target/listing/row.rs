//! Places of a row's fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::target::fields::EventFields;
use crate::target::pointer::Pointer;

/// Places of a row's fields: a name, a JSON pointer into the row, or `../` and a pointer into what is
/// above the row. An empty text says that rows do not show the field.
///
/// In the old form of a listing, a missing key has the name that requests have. In the new one
/// nothing is inherited.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowFields {
    /// First part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Second part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Time of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Source of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Object that the event carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The store's name of the row. Two rows of one name are one row that is shown twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Values of `[events.values]`, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// Place of one field, with its text for messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Text as written.
    pub text: String,
    /// Place in the row, or above it.
    pub pointer: Pointer,
}

/// Places of the fields that rows show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowPlaces {
    /// First part of the key; none if it is that of the request.
    pub topic: Option<Field>,
    /// Second part of the key.
    pub event_id: Option<Field>,
    /// Time of the event.
    pub timestamp: Option<Field>,
    /// Source of the event.
    pub source: Option<Field>,
    /// Object that the event carries.
    pub payload: Option<Field>,
    /// The store's name of the row.
    pub row: Option<Field>,
    /// Values, by their names.
    pub values: Vec<(String, Field)>,
}

impl RowFields {
    /// Returns the places of all fields that are shown: those of requests where no other is given.
    pub fn places(&self, requests: Option<&EventFields>) -> RowPlaces {
        let place = |own: &Option<String>, inherited: Option<&String>| {
            own.as_ref().or(inherited).and_then(|text| Field::of(text))
        };
        RowPlaces {
            topic: place(&self.topic, requests.map(|fields| &fields.topic)),
            event_id: place(&self.event_id, requests.map(|fields| &fields.event_id)),
            timestamp: place(&self.timestamp, requests.map(|fields| &fields.timestamp)),
            source: place(&self.source, requests.map(|fields| &fields.source)),
            payload: place(&self.payload, requests.map(|fields| &fields.payload)),
            row: place(&self.row, None),
            values: self
                .values
                .iter()
                .filter_map(|(name, text)| Some((name.clone(), Field::of(text)?)))
                .collect(),
        }
    }
}

impl RowPlaces {
    /// All places.
    pub fn all(&self) -> impl Iterator<Item = &Field> {
        let named = [&self.topic, &self.event_id, &self.timestamp, &self.source, &self.payload, &self.row];
        named.into_iter().flatten().chain(self.values.iter().map(|(_, field)| field))
    }

    /// True if all places are numbers of columns, as those of a table without a header are.
    pub fn are_columns(&self) -> bool {
        self.all().all(Field::is_column)
    }
}

impl Field {
    fn of(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self { text: text.to_owned(), pointer: Pointer::of_field(text) })
    }

    /// True if the field is a column by its number.
    fn is_column(&self) -> bool {
        let is_number = |step: &String| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        self.text.starts_with('/') && self.pointer.steps().first().is_some_and(is_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_inherited_from_requests_only_if_these_are_given() {
        let own = RowFields {
            payload: Some("/data".to_owned()),
            source: Some(String::new()),
            ..RowFields::default()
        };
        let places = own.places(Some(&EventFields::default()));
        let text = |field: &Option<Field>| field.as_ref().map(|field| field.text.clone());
        assert_eq!(text(&places.topic).as_deref(), Some("topic"));
        assert_eq!((text(&places.payload).as_deref(), places.source), (Some("/data"), None));
        let alone = own.places(None);
        assert_eq!((alone.topic, alone.event_id, alone.timestamp), (None, None, None));
        assert_eq!(text(&alone.payload).as_deref(), Some("/data"));
    }

    #[test]
    fn columns_are_numbers_of_a_table_without_a_header() {
        let places = |topic: &str, event_id: &str| {
            let [topic, event_id] = [topic, event_id].map(|text| Some(text.to_owned()));
            RowFields { topic, event_id, ..RowFields::default() }.places(None)
        };
        assert!(places("/0", "/1/id").are_columns());
        assert!(!places("/0", "id").are_columns());
        assert!(!places("/0", "/id").are_columns());
    }
}
