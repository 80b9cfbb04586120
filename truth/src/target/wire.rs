//! Rendering of requests: bodies from templates, in a buffer that is used again.

use std::sync::Arc;

use crate::plan::event::{Events, timestamp_text, write_decimal};
use crate::plan::id::ID_LEN;
use crate::plan::invalid::{Flaw, Invalid};
use crate::plan::variant::{Origin, Side};
use crate::target::{Envelope, EventFields, Target};

const DAY_MS: i64 = 86_400_000;

/// Form of a timestamp after its day.
const TIME: &[u8; 13] = b"00:00:00.000Z";

/// Renderer of bodies for one target. It is cheap to clone; each sender has its own, because it
/// remembers the last day.
#[derive(Clone, Debug)]
pub struct Renderer {
    events: Arc<Events>,
    fields: EventFields,
    /// For each topic, an event from its opening brace to its payload, or to its closing brace. It
    /// is copied as a whole, and the values that differ between events are written over it.
    patterns: Vec<Vec<u8>>,
    /// For each topic, the place of the id in its pattern.
    id_at: Vec<usize>,
    /// Distance from the end of the id to the timestamp; none without a timestamp.
    id_to_timestamp: Option<usize>,
    /// Length of a pattern from the source on, and of the source; none without a source.
    source_to_end: Option<[usize; 2]>,
    has_payload: bool,
    open: Vec<u8>,
    close: &'static [u8],
    /// Day since 1970 that stands in the patterns, and the length of its text up to the hour.
    day: (i64, usize),
}

impl Renderer {
    /// Returns a renderer of these events for this target.
    pub fn new(events: Arc<Events>, target: &Target) -> Self {
        let fields = &target.fields;
        let head = |topic: &String| {
            format!("{{{}:{},{}:\"", json(&fields.topic), json(topic), json(&fields.event_id))
        };
        let heads: Vec<String> = events.topics().iter().map(head).collect();
        let has_timestamp = !fields.timestamp.is_empty();
        let has_payload = !fields.payload.is_empty();
        let mut middle = String::from("\"");
        let mut id_to_timestamp = None;
        if has_timestamp {
            middle.push_str(&format!(",{}:\"", json(&fields.timestamp)));
            id_to_timestamp = Some(middle.len());
            middle.push_str(&format!("{}\"", timestamp_text(0)));
        }
        let mut source_at = None;
        if !fields.source.is_empty() {
            middle.push_str(&format!(",{}:", json(&fields.source)));
            source_at = Some(middle.len());
            middle.push_str(&json(events.source()));
        }
        for (name, value) in &fields.extra {
            middle.push_str(&format!(",{}:{value}", json(name)));
        }
        if has_payload {
            middle.push_str(&format!(",{}:", json(&fields.payload)));
        }
        let source_to_end = source_at.map(|at| [middle.len() - at, json(events.source()).len()]);
        let (open, close): (Vec<u8>, &'static [u8]) = match &target.publish.envelope {
            Envelope::Array => (b"[".to_vec(), b"]"),
            Envelope::Object => (Vec::new(), b""),
            Envelope::Under(name) => (format!("{{{}:[", json(name)).into_bytes(), b"]}"),
        };
        let id = "-".repeat(ID_LEN);
        let patterns = heads.iter().map(|head| format!("{head}{id}{middle}").into_bytes()).collect();
        let id_at = heads.iter().map(String::len).collect();
        let fields = fields.clone();
        let day = (0, timestamp_text(0).len() - TIME.len());
        Self {
            events,
            fields,
            patterns,
            id_at,
            id_to_timestamp,
            source_to_end,
            has_payload,
            open,
            close,
            day,
        }
    }

    /// Appends the body of a request that carries copies of these keys, in this order.
    pub fn body(&mut self, ordinals: &[u64], origin: Origin, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.open);
        for (place, ordinal) in ordinals.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            self.event(*ordinal, origin, place, out);
        }
        out.extend_from_slice(self.close);
    }

    /// Appends such a body with an invalid event among the others.
    pub fn spoilt_body(&mut self, ordinals: &[u64], origin: Origin, invalid: Invalid, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.open);
        for place in 0..=ordinals.len() {
            if place == invalid.place {
                out.extend_from_slice(if place > 0 { b"," } else { b"" });
                self.no_event(invalid.flaw, out);
            }
            if let Some(ordinal) = ordinals.get(place) {
                out.extend_from_slice(if place > 0 || invalid.place == 0 { b"," } else { b"" });
                self.event(*ordinal, origin, place, out);
            }
        }
        out.extend_from_slice(self.close);
    }

    fn no_event(&self, flaw: Flaw, out: &mut Vec<u8>) {
        let fields = &self.fields;
        let topic = json(&fields.topic);
        let id = json(&fields.event_id);
        let text = match flaw {
            Flaw::NoId => format!("{{{topic}:\"spoilt\"}}"),
            Flaw::BlankTopic => format!("{{{topic}:\" \",{id}:\"spoilt\"}}"),
            Flaw::NulInId => format!("{{{topic}:\"spoilt\",{id}:\"a\\u0000b\"}}"),
            Flaw::NoObject => "7".to_owned(),
        };
        out.extend_from_slice(text.as_bytes());
    }

    fn event(&mut self, ordinal: u64, origin: Origin, place: usize, out: &mut Vec<u8>) {
        let topic = self.events.topic_index(ordinal);
        let side = self.events.side(ordinal, origin, place);
        let is_other = side == Side::Other;
        let other_ms = if is_other { self.events.other_timestamp_ms(ordinal) } else { None };
        let ms = other_ms.unwrap_or_else(|| self.events.timestamp_ms(ordinal));
        self.turn_to(ms.div_euclid(DAY_MS));
        let id_at = self.id_at[topic];
        let pattern = &self.patterns[topic];
        let after_id = &pattern[id_at + ID_LEN..];
        out.extend_from_slice(&pattern[..id_at]);
        self.events.write_id(ordinal, out);
        let end_of_id = out.len();
        let other_source = if is_other { self.events.other_source(ordinal) } else { None };
        match self.source_to_end.zip(other_source) {
            None => out.extend_from_slice(after_id),
            Some(([to_end, length], other)) => {
                let at = after_id.len() - to_end;
                out.extend_from_slice(&after_id[..at]);
                out.extend_from_slice(json(other).as_bytes());
                out.extend_from_slice(&after_id[at + length..]);
            }
        }
        if let Some(to_timestamp) = self.id_to_timestamp {
            let time = &mut out[end_of_id + to_timestamp + self.day.1..];
            write_time(
                ms.rem_euclid(DAY_MS) as u32,
                time.first_chunk_mut().expect("it stands in the pattern"),
            );
        }
        if self.has_payload {
            self.events.write_payload(ordinal, side, out);
        }
        out.push(b'}');
    }

    /// Writes this day into all patterns.
    fn turn_to(&mut self, day: i64) {
        let Some(to_timestamp) = self.id_to_timestamp.filter(|_| self.day.0 != day) else { return };
        let mut text = timestamp_text(day.saturating_mul(DAY_MS)).into_bytes();
        text.truncate(text.len() - TIME.len());
        for (pattern, id_at) in self.patterns.iter_mut().zip(&self.id_at) {
            let start = id_at + ID_LEN + to_timestamp;
            pattern.splice(start..start + self.day.1, text.iter().copied());
        }
        self.day = (day, text.len());
    }
}

/// Writes a time of day, in milliseconds, over another.
fn write_time(ms: u32, text: &mut [u8; TIME.len()]) {
    let seconds = ms / 1000;
    let ms = ms % 1000;
    let digit = |number: u32| b'0' + (number % 10) as u8;
    for (place, number) in [(0, seconds / 3600), (3, seconds / 60 % 60), (6, seconds % 60), (9, ms / 10)] {
        (text[place], text[place + 1]) = (digit(number / 10), digit(number));
    }
    text[11] = digit(ms);
}

/// Appends the head of a POST with a body of this length.
///
/// `fixed` is the unchanging part: the request line and headers, each line with its end.
pub fn post_head(fixed: &[u8], body_len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(fixed);
    out.extend_from_slice(b"content-length: ");
    write_decimal(body_len as u64, out);
    out.extend_from_slice(b"\r\n\r\n");
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
