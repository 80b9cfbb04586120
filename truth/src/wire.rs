//! Rendering requests: the bytes of a body, from templates into a buffer that is used again.

use std::sync::Arc;

use crate::event::{Events, timestamp_text, write_decimal};
use crate::mapping::{Envelope, Target};

/// Renders bodies for one target. Cheap to clone; each sender has its own, because it remembers the last second.
#[derive(Clone, Debug)]
pub struct Renderer {
    events: Arc<Events>,
    /// Per topic: the opening brace to the quote before the id.
    heads: Vec<Vec<u8>>,
    /// From the quote after the id to the quote before the timestamp.
    after_id: Vec<u8>,
    /// From the quote after the timestamp to the payload.
    after_timestamp: Vec<u8>,
    open: Vec<u8>,
    close: &'static [u8],
    /// A second since 1970, and its text up to the decimal point.
    second: (i64, Vec<u8>),
}

impl Renderer {
    /// A renderer of these events for this target.
    pub fn new(events: Arc<Events>, target: &Target) -> Self {
        let fields = &target.fields;
        let head = |topic: &String| {
            format!("{{{}:{},{}:\"", json(&fields.topic), json(topic), json(&fields.event_id)).into_bytes()
        };
        let heads = events.topics().iter().map(head).collect();
        let after_id = format!("\",{}:\"", json(&fields.timestamp)).into_bytes();
        let after_timestamp =
            format!("\",{}:{},{}:", json(&fields.source), json(events.source()), json(&fields.payload))
                .into_bytes();
        let (open, close): (Vec<u8>, &'static [u8]) = match &target.publish.envelope {
            Envelope::Array => (b"[".to_vec(), b"]"),
            Envelope::Object => (Vec::new(), b""),
            Envelope::Under(name) => (format!("{{{}:[", json(name)).into_bytes(), b"]}"),
        };
        Self { events, heads, after_id, after_timestamp, open, close, second: (i64::MIN, Vec::new()) }
    }

    /// Appends the body of a request that carries these keys, in this order.
    pub fn body(&mut self, ordinals: &[u64], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.open);
        for (place, ordinal) in ordinals.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            self.event(*ordinal, out);
        }
        out.extend_from_slice(self.close);
    }

    fn event(&mut self, ordinal: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.heads[self.events.topic_index(ordinal)]);
        self.events.write_id(ordinal, out);
        out.extend_from_slice(&self.after_id);
        self.timestamp(self.events.timestamp_ms(ordinal), out);
        out.extend_from_slice(&self.after_timestamp);
        self.events.write_payload(ordinal, out);
        out.push(b'}');
    }

    fn timestamp(&mut self, ms: i64, out: &mut Vec<u8>) {
        let (second, rest) = (ms.div_euclid(1000), ms.rem_euclid(1000));
        if self.second.0 != second {
            let mut text = timestamp_text(second.saturating_mul(1000)).into_bytes();
            text.truncate(text.len() - "000Z".len());
            self.second = (second, text);
        }
        out.extend_from_slice(&self.second.1);
        for place in [100, 10, 1] {
            out.push(b'0' + (rest / place % 10) as u8);
        }
        out.push(b'Z');
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
