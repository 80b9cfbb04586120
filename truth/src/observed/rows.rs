//! What listed rows turn out to be: each is decoded, compared with what was sent, and counted.
//!
//! This is shared by the reader of listings and by the planted defects, so that a defect planted in a row passes
//! through the code that has to notice it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::presence::{Presence, Winners};
use crate::observed::rows::sample::Sample;
use crate::plan::event::{Decoded, Events};
use crate::plan::variant::{Side, Variant};
use crate::scenario::promises::{PayloadEquality, Promises, TimestampEquality};

pub mod sample;
mod sum;

pub use sum::SetSum;

/// How many examples of each class of anomaly are kept.
pub const EXAMPLES: u64 = 1000;

/// One listed row, as far as the target shows it; values are raw JSON text where equality may be of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// First part of the key.
    pub topic: String,
    /// Second part of the key.
    pub event_id: String,
    /// As listed.
    pub timestamp: Option<String>,
    /// As listed.
    pub source: Option<String>,
    /// Raw JSON.
    pub payload: Option<String>,
}

/// What is wrong with a row by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyClass {
    /// The id of one of our keys, under a topic that is not its own.
    WrongTopic,
    /// One of our keys, with other contents than were sent.
    PayloadChanged,
    /// The id decodes, but no plan of this size has such a key.
    NeverPlanned,
    /// Not one of ours.
    Foreign,
}

/// A row that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anomaly {
    /// What is wrong.
    pub class: AnomalyClass,
    /// The key, where the id decodes.
    pub ordinal: Option<u64>,
    /// As listed.
    pub topic: String,
    /// As listed.
    pub event_id: String,
    /// What was expected and what is there.
    pub detail: String,
}

/// How listed contents compare with those sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Equality {
    /// Payloads, and with them sources.
    pub payload: PayloadEquality,
    /// Timestamps.
    pub timestamp: TimestampEquality,
}

impl Equality {
    /// Contents are not compared.
    pub const NONE: Self = Self { payload: PayloadEquality::None, timestamp: TimestampEquality::None };

    /// How the contents of a database's columns compare: what type a column has, and how that is written, is the store's
    /// own affair, so what is promised to the letter is held to its meaning.
    pub fn in_columns(promises: &Promises) -> Self {
        let payload = match promises.payload {
            PayloadEquality::Exact | PayloadEquality::Json => PayloadEquality::Json,
            PayloadEquality::None => PayloadEquality::None,
        };
        let timestamp = match promises.timestamp {
            TimestampEquality::Exact | TimestampEquality::Instant => TimestampEquality::Instant,
            TimestampEquality::None => TimestampEquality::None,
        };
        Self { payload, timestamp }
    }
}

impl From<&Promises> for Equality {
    fn from(promises: &Promises) -> Self {
        Self { payload: promises.payload, timestamp: promises.timestamp }
    }
}

/// What the contents of an event are called, in the order of [`RowTally::contents`].
pub const CONTENTS: [&str; 3] = ["timestamp", "source", "payload"];

/// How one content of the rows compares with what was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContentTally {
    /// Rows that show it, where it is promised to be kept.
    pub compared: u64,
    /// Those that show something else than was sent.
    pub changed: u64,
}

/// Everything learnt from the rows of one listing, in memory that grows with the keys, not with the rows.
#[derive(Clone, Debug)]
pub struct RowTally<'a> {
    events: &'a Events,
    nonce: u64,
    equality: Equality,
    /// Which keys are there.
    pub presence: Presence,
    /// Which payload each has, where keys have two.
    pub winners: Option<Winners>,
    /// All rows.
    pub rows: u64,
    /// Rows of our keys under their own topics.
    pub ours: SetSum,
    /// Rows that are not ours.
    pub foreign: SetSum,
    /// Rows of our keys under other topics.
    pub wrong_topic: u64,
    /// Rows of our keys with other contents.
    pub payload_changed: u64,
    /// Rows of keys that the plan does not have.
    pub never_planned: u64,
    /// Rows whose payload could be compared.
    pub compared: u64,
    /// How each content compares.
    pub contents: [ContentTally; 3],
    /// Examples of what is wrong.
    pub anomalies: Vec<Anomaly>,
    examples: [u64; 4],
    /// In what order our keys come.
    pub sample: Sample,
    /// What another listing showed, and how this one goes on from it.
    earlier: Option<(Presence, Course)>,
}

/// How a listing goes on from an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Course {
    /// It shows the same rows so far.
    Same,
    /// It shows further rows, behind those that both show.
    Further,
    /// It shows a row that the earlier one left out, and behind it one that both show.
    Between,
}

impl<'a> RowTally<'a> {
    /// Nothing read yet.
    pub fn new(events: &'a Events, nonce: u64, keys: u64, equality: Equality) -> Self {
        Self {
            events,
            nonce,
            equality,
            presence: Presence::new(keys),
            winners: events.has_variants().then(|| Winners::new(keys)),
            rows: 0,
            ours: SetSum::default(),
            foreign: SetSum::default(),
            wrong_topic: 0,
            payload_changed: 0,
            never_planned: 0,
            compared: 0,
            contents: [ContentTally::default(); 3],
            anomalies: Vec::new(),
            examples: [0; 4],
            sample: Sample::default(),
            earlier: None,
        }
    }

    /// The same, to be compared with an earlier listing in the order of rows.
    pub fn after(self, earlier: Presence) -> Self {
        Self { earlier: Some((earlier, Course::Same)), ..self }
    }

    /// Whether the earlier listing left out a row in the midst of those that it showed.
    pub fn has_found_between(&self) -> bool {
        matches!(self.earlier, Some((_, Course::Between)))
    }

    /// Takes one row.
    pub fn take(&mut self, row: &Row) {
        self.rows += 1;
        match self.events.decode(&row.topic, &row.event_id) {
            Decoded::Foreign => {
                self.foreign.add(self.nonce, &row.topic, &row.event_id);
                self.note(AnomalyClass::Foreign, None, row, "the id was not made by this run".to_owned());
            }
            Decoded::Ours(ordinal) | Decoded::WrongTopic(ordinal) if ordinal >= self.presence.keys() => {
                self.never_planned += 1;
                let detail = format!("key {ordinal} is beyond the plan's {} keys", self.presence.keys());
                self.note(AnomalyClass::NeverPlanned, Some(ordinal), row, detail);
            }
            Decoded::WrongTopic(ordinal) => {
                self.wrong_topic += 1;
                let detail =
                    format!("listed under `{}`, sent under `{}`", row.topic, self.events.topic(ordinal));
                self.note(AnomalyClass::WrongTopic, Some(ordinal), row, detail);
            }
            Decoded::Ours(ordinal) => {
                if let Some((earlier, course)) = &mut self.earlier {
                    *course = match (*course, earlier.seen(ordinal) > 0) {
                        (Course::Same, true) => Course::Same,
                        (Course::Same | Course::Further, false) => Course::Further,
                        (Course::Further, true) | (Course::Between, _) => Course::Between,
                    };
                }
                self.presence.note(ordinal);
                self.sample.take(ordinal);
                self.ours.add(self.nonce, &row.topic, &row.event_id);
                self.compare(ordinal, row);
            }
        }
    }

    /// Takes over what another way showed of the keys that this one did not.
    pub fn fill(&mut self, other: &Self) {
        self.presence.fill(&other.presence);
        if let Some((winners, other)) = self.winners.as_mut().zip(other.winners.as_ref()) {
            winners.fill(other);
        }
    }

    /// Whether another way shows the other one of a key's two payloads, if these say different things.
    pub fn holds_other(&self, other: &Self, ordinal: u64) -> bool {
        let side = |tally: &Self| tally.winners.as_ref().and_then(|winners| winners.side(ordinal));
        let sides = side(self).zip(side(other));
        self.events.variant(ordinal) == Some(Variant::OtherPayload)
            && sides.is_some_and(|(one, another)| one != another)
    }

    fn compare(&mut self, ordinal: u64, row: &Row) {
        let keeps_contents = self.equality.payload != PayloadEquality::None;
        let timestamp = row.timestamp.as_ref().filter(|_| self.equality.timestamp != TimestampEquality::None);
        let source = row.source.as_ref().filter(|_| keeps_contents);
        let payload = row.payload.as_ref().filter(|_| keeps_contents);
        let sent = payload.map(|_| self.events.payload(ordinal, Side::Plain));
        let side = payload.zip(sent.as_ref()).and_then(|(listed, sent)| self.side(ordinal, sent, listed));
        if let Some((winners, side)) = self.winners.as_mut().zip(side) {
            winners.note(ordinal, side);
        }
        self.compared += u64::from(payload.is_some());
        let is_kept = [
            timestamp.map(|listed| self.is_timestamp(ordinal, listed)),
            source.map(|listed| listed == self.events.source()),
            payload.map(|_| side.is_some()),
        ];
        for (content, is_kept) in self.contents.iter_mut().zip(is_kept) {
            content.compared += u64::from(is_kept.is_some());
            content.changed += u64::from(is_kept == Some(false));
        }
        let Some(changed) = is_kept.iter().position(|is_kept| *is_kept == Some(false)) else { return };
        let listed = [timestamp, source, payload][changed].map_or("", String::as_str);
        let sent = match changed {
            0 => self.events.timestamp(ordinal),
            1 => self.events.source().to_owned(),
            _ => sent.unwrap_or_default(),
        };
        let detail =
            format!("{} is `{}`, sent was `{}`", CONTENTS[changed], shortened(listed), shortened(&sent));
        self.payload_changed += 1;
        self.note(AnomalyClass::PayloadChanged, Some(ordinal), row, detail);
    }

    /// Which of a key's payloads is listed, if it is one of them.
    fn side(&self, ordinal: u64, plain: &str, listed: &str) -> Option<Side> {
        if equal_payload(self.equality.payload, plain, listed) {
            return Some(Side::Plain);
        }
        self.events.variant(ordinal)?;
        let other = self.events.payload(ordinal, Side::Other);
        equal_payload(self.equality.payload, &other, listed).then_some(Side::Other)
    }

    fn is_timestamp(&self, ordinal: u64, listed: &str) -> bool {
        match self.equality.timestamp {
            TimestampEquality::None => true,
            TimestampEquality::Exact => listed == self.events.timestamp(ordinal),
            TimestampEquality::Instant => moment_ms(listed) == Some(self.events.timestamp_ms(ordinal)),
        }
    }

    fn note(&mut self, class: AnomalyClass, ordinal: Option<u64>, row: &Row, detail: String) {
        let kept = &mut self.examples[class as usize];
        if *kept < EXAMPLES {
            *kept += 1;
            let (topic, event_id) = (row.topic.clone(), row.event_id.clone());
            self.anomalies.push(Anomaly { class, ordinal, topic, event_id, detail });
        }
    }
}

/// Whether a listed payload is the one sent. `serde_json` keeps numbers as text here, so 1.0 is not 1.
pub fn equal_payload(equality: PayloadEquality, sent: &str, listed: &str) -> bool {
    if sent == listed {
        return true;
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (sent, listed) = (parse(sent), parse(listed));
    let unwrapped = listed.as_ref().and_then(Value::as_str).and_then(parse);
    equality == PayloadEquality::Json && sent.is_some() && (sent == listed || sent == unwrapped)
}

/// How many of each unit since 1970 a number counts, by its size: seconds up to the year 5138, then milli-, micro- and
/// nanoseconds, each from 1973 on.
const UNITS: [(f64, f64); 3] = [(1e11, 1e3), (1e14, 1.0), (1e17, 1e-3)];

/// The moment that a text names, in milliseconds since 1970.
pub fn moment_ms(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let unit = UNITS.iter().find(|(up_to, _)| number.abs() < *up_to);
        return Some((number * unit.map_or(1e-6, |(_, ms)| *ms)).round() as i64);
    }
    // As Go prints a time: a space before the offset, and the name of the zone behind it.
    let text = match text.trim().rsplit_once(' ') {
        Some((moment, zone)) if zone.chars().all(char::is_alphabetic) => moment,
        _ => text.trim(),
    };
    let text = text.replace(" +", "+").replace(" -", "-");
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let naive: jiff::civil::DateTime = text.parse().ok()?;
    Some(naive.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The beginning of a text that may be long.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_is_written_in_many_ways() {
        for text in [
            "2025-01-01T00:00:00.250Z",
            "2025-01-01T00:00:00.25+00:00",
            "2025-01-01T01:00:00.250+01:00",
            "2025-01-01 00:00:00.250",
            "2025-01-01 00:00:00.25+00",
            "2025-01-01 05:30:00.25+05:30",
            "2025-01-01T00:00:00.250000",
            "1735689600.25",
            "1735689600250",
            "1735689600250000",
            "1735689600250000000",
            "2025-01-01 00:00:00.25 +0000 UTC",
            "2025-01-01 01:00:00.25 +0100",
        ] {
            assert_eq!(moment_ms(text), Some(1_735_689_600_250), "{text}");
        }
        for text in ["yesterday", "", "2025-01-01T00:00:00.250X"] {
            assert_eq!(moment_ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_payload_may_stand_inside_a_string_where_its_structure_is_promised() {
        let (sent, listed) = (r#"{"n":1,"a":"b"}"#, r#""{\"a\": \"b\", \"n\": 1}""#);
        assert!(equal_payload(PayloadEquality::Json, sent, listed));
        assert!(!equal_payload(PayloadEquality::Exact, sent, listed));
        assert!(!equal_payload(PayloadEquality::Json, sent, r#""{\"a\": \"b\", \"n\": 2}""#));
    }
}
