//! Rows of a listing as JSON, in one of several forms.

use std::fmt::Write as _;
use std::io;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::settings::Form;
use crate::store::Row;

/// Fields of a row, in the order of the reference contract.
#[derive(Serialize)]
struct Shown<'a> {
    topic: &'a str,
    event_id: &'a str,
    timestamp: Value,
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
    #[serde(flatten)]
    extra: Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

/// Returns a row as JSON.
pub(crate) fn text(row: &Row, form: Form) -> String {
    let event = &row.event;
    let payload = match form {
        Form::NoPayload => None,
        Form::PayloadAsText => Some(Payload::Text(event.payload.get())),
        _ => Some(Payload::Json(&event.payload)),
    };
    let extra = match form {
        Form::Extra => json!({"id": row.seq, "partition": null, "headers": {}, "created_at": "2025-01-01"}),
        _ => json!({}),
    };
    let shown = Shown {
        topic: &event.topic,
        event_id: &event.event_id,
        timestamp: timestamp(&event.timestamp, form),
        source: (form != Form::NullSource).then_some(&event.source),
        payload,
        extra,
    };
    if form == Form::Rewritten { rewritten(&shown) } else { json_text(&shown) }
}

fn json_text(shown: &Shown<'_>) -> String {
    serde_json::to_string(shown).expect("a row is JSON")
}

fn timestamp(text: &str, form: Form) -> Value {
    let moment = || text.parse::<Timestamp>().expect("a sender writes timestamps");
    match form {
        Form::EpochMs => json!(moment().as_millisecond()),
        Form::WithOffset => {
            let there = Offset::constant(2);
            json!(moment().to_zoned(TimeZone::fixed(there)).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string())
        }
        Form::Micros => {
            let micros = SignedDuration::from_micros(moment().as_microsecond().rem_euclid(1_000_000));
            json!(format!("{}.{:06}Z", moment().strftime("%Y-%m-%dT%H:%M:%S"), micros.as_micros()))
        }
        _ => json!(text),
    }
}

/// Returns JSON as Python's `json.dumps(row, sort_keys=True)` writes it.
fn rewritten(shown: &Shown<'_>) -> String {
    // A Value keeps names in alphabetical order.
    let value: Value = serde_json::from_str(&json_text(shown)).expect("a row is JSON");
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    value.serialize(&mut serializer).expect("a value is JSON");
    let mut out = String::new();
    for sign in String::from_utf8(bytes).expect("JSON is UTF-8").chars() {
        if sign.is_ascii() {
            out.push(sign);
        } else {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a String takes all that is written");
            }
        }
    }
    out
}

/// Formatter with a blank behind each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
