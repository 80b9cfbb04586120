//! Rendering requests: the bytes of a body, from templates into a buffer that is used again.

use std::sync::Arc;

use crate::event::{Events, timestamp_text, write_decimal};
use crate::invalid::{Flaw, Invalid};
use crate::mapping::{Envelope, EventFields, Target};
use crate::variant::Origin;

const DAY_MS: i64 = 86_400_000;

/// Renders bodies for one target. Cheap to clone; each sender has its own, because it remembers the last day.
#[derive(Clone, Debug)]
pub struct Renderer {
    events: Arc<Events>,
    fields: EventFields,
    /// Per topic: the opening brace to the quote before the id.
    heads: Vec<Vec<u8>>,
    /// From the quote after the id to the quote before the timestamp, or to what follows if there is none.
    after_id: Vec<u8>,
    has_timestamp: bool,
    /// From there to the payload, or to the closing brace.
    middle: Vec<u8>,
    has_payload: bool,
    open: Vec<u8>,
    close: &'static [u8],
    /// A day since 1970, and its text up to the hour.
    day: (i64, Vec<u8>),
}

impl Renderer {
    /// A renderer of these events for this target.
    pub fn new(events: Arc<Events>, target: &Target) -> Self {
        let fields = &target.fields;
        let head = |topic: &String| {
            format!("{{{}:{},{}:\"", json(&fields.topic), json(topic), json(&fields.event_id)).into_bytes()
        };
        let heads = events.topics().iter().map(head).collect();
        let (has_timestamp, has_payload) = (!fields.timestamp.is_empty(), !fields.payload.is_empty());
        let (mut after_id, mut middle) = (String::from("\""), String::new());
        if has_timestamp {
            after_id.push_str(&format!(",{}:\"", json(&fields.timestamp)));
            middle.push('"');
        }
        if !fields.source.is_empty() {
            middle.push_str(&format!(",{}:{}", json(&fields.source), json(events.source())));
        }
        for (name, value) in &fields.extra {
            middle.push_str(&format!(",{}:{value}", json(name)));
        }
        if has_payload {
            middle.push_str(&format!(",{}:", json(&fields.payload)));
        }
        let (open, close): (Vec<u8>, &'static [u8]) = match &target.publish.envelope {
            Envelope::Array => (b"[".to_vec(), b"]"),
            Envelope::Object => (Vec::new(), b""),
            Envelope::Under(name) => (format!("{{{}:[", json(name)).into_bytes(), b"]}"),
        };
        let (after_id, middle) = (after_id.into_bytes(), middle.into_bytes());
        let day = (i64::MIN, Vec::new());
        let fields = fields.clone();
        Self { events, fields, heads, after_id, has_timestamp, middle, has_payload, open, close, day }
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

    /// The same with an event among them that is none.
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
        let (topic, id) = (json(&fields.topic), json(&fields.event_id));
        let text = match flaw {
            Flaw::NoId => format!("{{{topic}:\"spoilt\"}}"),
            Flaw::BlankTopic => format!("{{{topic}:\" \",{id}:\"spoilt\"}}"),
            Flaw::NulInId => format!("{{{topic}:\"spoilt\",{id}:\"a\\u0000b\"}}"),
            Flaw::NoObject => "7".to_owned(),
        };
        out.extend_from_slice(text.as_bytes());
    }

    fn event(&mut self, ordinal: u64, origin: Origin, place: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.heads[self.events.topic_index(ordinal)]);
        self.events.write_id(ordinal, out);
        out.extend_from_slice(&self.after_id);
        if self.has_timestamp {
            self.timestamp(self.events.timestamp_ms(ordinal), out);
        }
        out.extend_from_slice(&self.middle);
        if self.has_payload {
            let side = self.events.side(ordinal, origin, place);
            self.events.write_payload(ordinal, side, out);
        }
        out.push(b'}');
    }

    fn timestamp(&mut self, ms: i64, out: &mut Vec<u8>) {
        let (day, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS) as u32);
        if self.day.0 != day {
            let mut text = timestamp_text(ms).into_bytes();
            text.truncate(text.len() - "00:00:00.000Z".len());
            self.day = (day, text);
        }
        out.extend_from_slice(&self.day.1);
        let digit = |place: u32, below: u32| b'0' + (rest / place % below) as u8;
        let (hours, minutes) = (3_600_000, 60_000);
        out.extend_from_slice(&[
            digit(10 * hours, 10),
            digit(hours, 10),
            b':',
            digit(10 * minutes, 6),
            digit(minutes, 10),
            b':',
            digit(10_000, 6),
            digit(1000, 10),
            b'.',
            digit(100, 10),
            digit(10, 10),
            digit(1, 10),
            b'Z',
        ]);
    }
}

/// Appends the head of a POST with a body of this length.
///
/// `fixed` is what does not change between requests: the request line and headers, each line with its end.
pub fn post_head(fixed: &[u8], body_len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(fixed);
    out.extend_from_slice(b"content-length: ");
    write_decimal(body_len as u64, out);
    out.extend_from_slice(b"\r\n\r\n");
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
