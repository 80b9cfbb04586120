//! Parsing of events: a request's body becomes a [`Batch`] of valid events, or a list of faults.
//!
//! The body is kept whole, and each event is five spans of it. So nothing is copied between the
//! socket and the database. A string with escapes is decoded, appended behind the body and spanned
//! there.

mod envelope;
mod fault;
mod member;
mod rule;
mod shape;

use serde_json::value::RawValue;

use self::envelope::{Envelope, column, reason};
pub(crate) use self::fault::{Fault, Rejected};
use self::fault::{Faults, Reason};
use self::member::Member;
pub(crate) use self::shape::Publication;

/// Stored if an event has no payload.
const ABSENT_PAYLOAD: &str = "{}";

/// Events of one request, all of them valid, in request order.
#[derive(Debug)]
pub(crate) struct Batch {
    text: String,
    events: Vec<Spans>,
}

/// One event of a [`Batch`], borrowed from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    /// First half of the key.
    pub(crate) topic: &'a str,
    /// Second half of the key.
    pub(crate) event_id: &'a str,
    /// RFC 3339 or ISO 8601, as sent.
    pub(crate) timestamp: &'a str,
    pub(crate) source: &'a str,
    /// Text of a JSON object, as sent.
    pub(crate) payload: &'a str,
}

/// Places of an event's fields in the batch's text.
#[derive(Debug)]
struct Spans {
    topic: Span,
    event_id: Span,
    timestamp: Span,
    source: Span,
    payload: Span,
}

/// A part of the batch's text. 32 bits are enough: the settings limit a body to 256 MiB.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Batch {
    /// Parses a request's body: one event, an array of events, or an object with either under
    /// `events`.
    ///
    /// # Errors
    /// Lists the first faults, each with its index and field, and counts the others; or reports more
    /// than `max_events`.
    pub(crate) fn parse(body: Vec<u8>, max_events: usize) -> Result<Self, Rejected> {
        let text = utf8(body)?;
        let mut reader = Reader::new(&text);
        let events = match Envelope::split(&text, max_events)? {
            Envelope::One(member) => reader.event(0, member).into_iter().collect(),
            Envelope::Many(members) => reader.events(&members),
        };
        let decoded = reader.finish()?;
        Ok(Self { text: text + &decoded, events })
    }

    /// Parses a body with one event a line, and skips blank lines.
    ///
    /// # Errors
    /// As [`Batch::parse`]. A line that is not JSON does not hide the faults of others.
    pub(crate) fn parse_lines(body: Vec<u8>, max_events: usize) -> Result<Self, Rejected> {
        let text = utf8(body)?;
        let mut reader = Reader::new(&text);
        let events = reader.lines(max_events)?;
        let decoded = reader.finish()?;
        Ok(Self { text: text + &decoded, events })
    }

    /// Number of events, at least one.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Bytes that the batch occupies in memory.
    pub(crate) fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.events.capacity() * size_of::<Spans>()
    }

    /// Returns the events in request order.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.events.iter().map(|spans| Event {
            topic: self.part(spans.topic),
            event_id: self.part(spans.event_id),
            timestamp: self.part(spans.timestamp),
            source: self.part(spans.source),
            payload: self.part(spans.payload),
        })
    }

    fn part(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }
}

fn utf8(body: Vec<u8>) -> Result<String, Rejected> {
    String::from_utf8(body).map_err(|error| {
        let msg = format!("the body is not UTF-8: {}", error.utf8_error());
        Rejected::Invalid(vec![Fault::body("invalid_utf8", msg)])
    })
}

/// Turns members into spans, and collects the faults.
struct Reader<'a> {
    body: &'a str,
    decoded: String,
    faults: Faults,
}

impl<'a> Reader<'a> {
    fn new(body: &'a str) -> Self {
        Self { body, decoded: String::new(), faults: Faults::default() }
    }

    /// Returns the decoded text, or the faults.
    fn finish(self) -> Result<String, Rejected> {
        match self.faults.list() {
            faults if faults.is_empty() => Ok(self.decoded),
            faults => Err(Rejected::Invalid(faults)),
        }
    }

    fn lines(&mut self, max_events: usize) -> Result<Vec<Spans>, Rejected> {
        let mut events = Vec::new();
        // In JSON a line's end never occurs inside a string.
        let numbered = (1..).zip(self.body.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r'])));
        let mut index = 0;
        for (number, line) in numbered.filter(|(_, line)| !line.is_empty()) {
            if index == max_events {
                return Err(Rejected::TooMany);
            }
            match serde_json::from_str::<&RawValue>(line) {
                Ok(member) => events.extend(self.member(index, member)),
                Err(error) => self.faults.add(|| Fault::line(index, broken_line(number, line, &error))),
            }
            index += 1;
        }
        if index == 0 {
            self.faults.add(|| Fault::events(envelope::EMPTY));
        }
        Ok(events)
    }

    fn events(&mut self, members: &[&'a RawValue]) -> Vec<Spans> {
        let mut events = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            events.extend(self.member(index, member));
        }
        events
    }

    /// Returns the spans of one raw member.
    fn member(&mut self, index: usize, member: &'a RawValue) -> Option<Spans> {
        match Member::parse(member) {
            Ok(member) => self.event(index, member),
            Err(reason) => {
                self.faults.add(|| Fault::event(index, reason));
                None
            }
        }
    }

    /// Returns the spans of one member, or notes its faults.
    fn event(&mut self, index: usize, member: Member<'a>) -> Option<Spans> {
        for name in &member.repeated {
            self.faults.add(|| Fault::field(index, name, rule::REPEATED));
        }
        if let Some(name) = &member.too_deep {
            self.faults.add(|| Fault::field(index, name, rule::TOO_DEEP));
        }
        if member.is_too_wide {
            self.faults.add(|| Fault::event(index, rule::TOO_WIDE));
        }
        // All five are read before any is found missing, so that every fault of the event is
        // reported at once.
        let topic = self.text_field(index, "topic", member.topic, rule::name);
        let event_id = self.text_field(index, "event_id", member.event_id, rule::event_id);
        let timestamp = self.text_field(index, "timestamp", member.timestamp, rule::timestamp);
        let source = self.text_field(index, "source", member.source, rule::name);
        let payload = self.payload(index, member.payload);
        Some(Spans {
            topic: topic?,
            event_id: event_id?,
            timestamp: timestamp?,
            source: source?,
            payload: payload?,
        })
    }

    fn text_field(
        &mut self,
        index: usize,
        name: &'static str,
        raw: Option<&'a RawValue>,
        rule: fn(&str) -> Result<(), Reason>,
    ) -> Option<Span> {
        let read = raw.ok_or(rule::MISSING).and_then(|raw| self.text(raw, rule));
        read.map_err(|reason| self.faults.add(|| Fault::field(index, name, reason))).ok()
    }

    fn text(&mut self, raw: &'a RawValue, rule: fn(&str) -> Result<(), Reason>) -> Result<Span, Reason> {
        let quoted = raw.get();
        let Some(inner) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Err(rule::NOT_TEXT);
        };
        if !inner.contains('\\') {
            rule(inner)?;
            return Ok(self.span_of(inner));
        }
        // The escapes were checked when the body was split; only a surrogate without its pair can
        // still be wrong.
        let text: String = serde_json::from_str(quoted).map_err(|_| rule::LONE_SURROGATE)?;
        rule(&text)?;
        Ok(self.append(&text))
    }

    fn payload(&mut self, index: usize, raw: Option<&'a RawValue>) -> Option<Span> {
        match raw {
            None => Some(self.append(ABSENT_PAYLOAD)),
            Some(raw) if raw.get().starts_with('{') => Some(self.span_of(raw.get())),
            Some(_) => {
                self.faults.add(|| Fault::field(index, "payload", rule::NOT_AN_OBJECT));
                None
            }
        }
    }

    /// Span of `part`, which was cut from the body.
    fn span_of(&self, part: &str) -> Span {
        Span::new(part.as_ptr().addr() - self.body.as_ptr().addr(), part.len())
    }

    fn append(&mut self, text: &str) -> Span {
        let start = self.body.len() + self.decoded.len();
        self.decoded.push_str(text);
        Span::new(start, text.len())
    }
}

/// Describes a line that is not JSON. Each line is parsed alone, so the parser calls every one line
/// 1.
fn broken_line(number: usize, line: &str, error: &serde_json::Error) -> String {
    format!("line {number} of the body is not JSON: {}, at its column {}", reason(error), column(line, error))
}

impl Span {
    fn new(start: usize, len: usize) -> Self {
        let narrow =
            |place: usize| u32::try_from(place).expect("a body is at most 256 MiB, decoded text no longer");
        Self { start: narrow(start), end: narrow(start + len) }
    }
}
