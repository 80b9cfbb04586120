//! Form of a listing: its rows as one array or as lines.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};

use crate::store::PageRow;

/// One JSON object a line.
pub(super) const LINES: &str = "application/x-ndjson";

/// Form of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON array.
    Array,
    /// One JSON object a line.
    Lines,
}

/// A stored event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StoredEvent)]
pub(super) struct Row<'a> {
    topic: &'a str,
    event_id: &'a str,
    timestamp: &'a str,
    source: &'a str,
    #[schema(schema_with = Payload::schema)]
    payload: Payload<'a>,
    /// Time at which it was stored.
    #[schema(format = DateTime)]
    processed_at: String,
}

/// The payload as it was sent. Text that is not JSON can only come from a person with a database
/// client. It is shown as a string, so that the other rows can still be read.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

impl Payload<'_> {
    fn schema() -> Schema {
        let kind = |kind| ObjectBuilder::new().schema_type(kind);
        AnyOfBuilder::new()
            .item(kind(Type::Object))
            .item(kind(Type::String))
            .description(Some(
                "As it was sent. A string if somebody changed it in the database to text that is not JSON",
            ))
            .into()
    }
}

impl<'a> Row<'a> {
    fn of(row: &'a PageRow) -> Self {
        let payload = row.payload.as_str();
        let processed_at = Timestamp::from_millisecond(row.processed_at_ms).unwrap_or_default();
        Self {
            topic: &row.topic,
            event_id: &row.event_id,
            timestamp: &row.timestamp,
            source: &row.source,
            payload: serde_json::from_str(payload).map_or(Payload::Text(payload), Payload::Json),
            processed_at: format!("{processed_at:.3}"),
        }
    }
}

impl Form {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Array => "application/json",
            Self::Lines => LINES,
        }
    }

    pub(super) fn first_part(self, rows: &[PageRow], is_last: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Lines => self.add(rows, &mut bytes),
            Self::Array => {
                bytes.push(b'[');
                let (first, others) = rows.split_at(rows.len().min(1));
                first.iter().for_each(|row| add_row(row, &mut bytes));
                self.add(others, &mut bytes);
            }
        }
        self.end(is_last, bytes)
    }

    pub(super) fn further_part(self, rows: &[PageRow], is_last: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.add(rows, &mut bytes);
        self.end(is_last, bytes)
    }

    fn add(self, rows: &[PageRow], bytes: &mut Vec<u8>) {
        for row in rows {
            match self {
                Self::Array => {
                    bytes.push(b',');
                    add_row(row, bytes);
                }
                Self::Lines => {
                    add_row(row, bytes);
                    bytes.push(b'\n');
                }
            }
        }
    }

    fn end(self, is_last: bool, mut bytes: Vec<u8>) -> Vec<u8> {
        if is_last && self == Self::Array {
            bytes.push(b']');
        }
        bytes
    }
}

fn add_row(row: &PageRow, bytes: &mut Vec<u8>) {
    serde_json::to_writer(bytes, &Row::of(row)).expect("texts and numbers are always JSON");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(payload: &str) -> PageRow {
        let text = str::to_owned;
        PageRow {
            seq: 1,
            topic: text("t"),
            event_id: text("id"),
            timestamp: text("2025-01-01"),
            source: text("test"),
            payload: text(payload),
            processed_at_ms: 0,
        }
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_payload_is_shown_as_it_was_sent_and_a_spoiled_one_as_text() {
        let sent = r#"{ "b":1e400, "a":"\ud800", "b":1.0 }"#;
        let json = text(Form::Array.first_part(&[row(sent), row("{oops")], true));
        assert!(json.contains(sent), "{json}");
        assert!(json.contains(r#""payload":"{oops","processed_at":"1970-01-01T00:00:00.000Z""#), "{json}");
    }

    #[test]
    fn parts_make_one_array_or_lines() {
        let whole = text(Form::Array.first_part(&[row("{}"), row("{}"), row("{}")], true));
        assert_eq!(serde_json::from_str::<Vec<&RawValue>>(&whole).unwrap().len(), 3);
        let first = text(Form::Array.first_part(&[row("{}")], false));
        let middle = text(Form::Array.further_part(&[row("{}"), row("{}")], false));
        // Somebody has deleted the last rows meanwhile.
        let last = text(Form::Array.further_part(&[], true));
        assert_eq!(whole, first + &middle + &last);
        assert_eq!(text(Form::Array.first_part(&[], true)), "[]");
        let lines = text(Form::Lines.first_part(&[row("{}")], false));
        assert_eq!(lines, text(Form::Lines.further_part(&[row("{}")], true)));
        assert!(lines.ends_with("}\n"), "{lines}");
    }
}
