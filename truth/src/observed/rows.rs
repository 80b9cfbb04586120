//! Rows of a listing: each is decoded, compared with what was sent, and counted.
//!
//! The reader of listings and the self-test share this code. A defect that is planted in a row
//! therefore passes through the code that has to notice it.

use std::collections::BTreeSet;

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

/// Most examples that are kept of each class of anomaly.
pub const EXAMPLES: u64 = 1000;

/// One listed row. Values are raw JSON text, because some targets promise to keep the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// First part of the key.
    pub topic: String,
    /// Second part of the key.
    pub event_id: String,
    /// Timestamp as listed.
    pub timestamp: Option<String>,
    /// Source as listed.
    pub source: Option<String>,
    /// Payload as raw JSON.
    pub payload: Option<String>,
}

/// Defect of a single row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyClass {
    /// The id of one of the run's keys stands under a topic that is not its own.
    WrongTopic,
    /// One of the run's keys has other contents than were sent.
    PayloadChanged,
    /// The id decodes, but the plan has no such key.
    NeverPlanned,
    /// The id is not of this run.
    Foreign,
}

/// A row with a defect.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anomaly {
    /// Class of the defect.
    pub class: AnomalyClass,
    /// Ordinal of the key, if the id decodes.
    pub ordinal: Option<u64>,
    /// Topic as listed.
    pub topic: String,
    /// Id as listed.
    pub event_id: String,
    /// Expected and found values.
    pub detail: String,
}

/// Rules by which listed contents are compared with sent ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Equality {
    /// Rule for payloads, and with them sources.
    pub payload: PayloadEquality,
    /// Rule for timestamps.
    pub timestamp: TimestampEquality,
}

impl Equality {
    /// Rules that compare nothing.
    pub const NONE: Self = Self { payload: PayloadEquality::None, timestamp: TimestampEquality::None };

    /// Returns the rules for the columns of a database. The type of a column decides how a value is
    /// spelt, so an exact promise is held to the meaning alone.
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

/// Names of the contents of an event, in the order of [`RowTally::contents`].
pub const CONTENTS: [&str; 3] = ["timestamp", "source", "payload"];

/// Comparison of one content over all rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContentTally {
    /// Number of rows that show the content, if it is promised to be kept.
    pub compared: u64,
    /// Number of these rows whose content differs from what was sent.
    pub changed: u64,
}

/// Totals of the rows of one listing. Its memory grows with the keys, not with the rows.
#[derive(Clone, Debug)]
pub struct RowTally<'a> {
    events: &'a Events,
    nonce: u64,
    equality: Equality,
    /// Keys that were seen.
    pub presence: Presence,
    /// Payload of each key, if keys have two.
    pub winners: Option<Winners>,
    /// Number of all rows.
    pub rows: u64,
    /// Rows of the run's keys, and of its sentinels, under their own topics.
    pub ours: SetSum,
    /// Sentinels that were seen.
    pub sentinels: BTreeSet<u64>,
    /// Rows that are not of this run.
    pub foreign: SetSum,
    /// Rows of the run's keys under other topics.
    pub wrong_topic: u64,
    /// Rows of the run's keys with other contents.
    pub payload_changed: u64,
    /// Rows whose id decodes to a key that the plan does not have.
    pub never_planned: u64,
    /// Rows whose payload could be compared.
    pub compared: u64,
    /// Comparison of each content.
    pub contents: [ContentTally; 3],
    /// Examples of rows with a defect.
    pub anomalies: Vec<Anomaly>,
    examples: [u64; 4],
    /// Sample of the run's keys, in the order of the rows.
    pub sample: Sample,
    /// Presence of another listing, and the course of this one compared with it.
    earlier: Option<(Presence, Course)>,
}

/// Course of a listing compared with an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Course {
    /// The listing shows the same rows so far.
    Same,
    /// The listing shows further rows, after those that both show.
    Further,
    /// The listing shows a row that the earlier one left out, and after it one that both show.
    Between,
}

impl<'a> RowTally<'a> {
    /// Returns a tally without any row.
    pub fn new(events: &'a Events, nonce: u64, keys: u64, equality: Equality) -> Self {
        Self {
            events,
            nonce,
            equality,
            presence: Presence::new(keys),
            winners: events.has_variants().then(|| Winners::new(keys)),
            rows: 0,
            ours: SetSum::default(),
            sentinels: BTreeSet::new(),
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

    /// Returns the same tally, which compares its rows with an earlier listing.
    pub fn after(self, earlier: Presence) -> Self {
        Self { earlier: Some((earlier, Course::Same)), ..self }
    }

    /// True if the earlier listing left out a row between rows that it showed.
    pub fn has_found_between(&self) -> bool {
        matches!(self.earlier, Some((_, Course::Between)))
    }

    /// Adds one row.
    pub fn take(&mut self, row: &Row) {
        self.rows += 1;
        match self.events.decode(&row.topic, &row.event_id) {
            Decoded::Foreign => {
                self.foreign.add(self.nonce, &row.topic, &row.event_id);
                self.note(AnomalyClass::Foreign, None, row, "the id was not made by this run".to_owned());
            }
            Decoded::Ours(ordinal) if self.events.is_sentinel(ordinal) => {
                self.sentinels.insert(ordinal);
                self.ours.add(self.nonce, &row.topic, &row.event_id);
            }
            Decoded::Ours(ordinal) | Decoded::WrongTopic(ordinal)
                if ordinal >= self.presence.keys() && !self.events.is_sentinel(ordinal) =>
            {
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

    /// Takes the keys that this way did not show from another way.
    pub fn fill(&mut self, other: &Self) {
        self.presence.fill(&other.presence);
        self.sentinels.extend(&other.sentinels);
        if let Some((winners, other)) = self.winners.as_mut().zip(other.winners.as_ref()) {
            winners.fill(other);
        }
    }

    /// True if two ways show different ones of a key's two payloads, and these differ in their
    /// data.
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

    /// Returns which of a key's payloads is listed; none if it is neither.
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
            let topic = row.topic.clone();
            let event_id = row.event_id.clone();
            self.anomalies.push(Anomaly { class, ordinal, topic, event_id, detail });
        }
    }
}

/// True if a listed payload is the one that was sent. `serde_json` keeps numbers as text here, so
/// 1.0 is not 1.
pub fn equal_payload(equality: PayloadEquality, sent: &str, listed: &str) -> bool {
    if sent == listed {
        return true;
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let sent = parse(sent);
    let listed = parse(listed);
    let unwrapped = listed.as_ref().and_then(Value::as_str).and_then(parse);
    equality == PayloadEquality::Json && sent.is_some() && (sent == listed || sent == unwrapped)
}

/// Limits by which the size of a number gives its unit, and the milliseconds of that unit: seconds
/// up to the year 5138, then milli-, micro- and nanoseconds, each from 1973 on.
const UNITS: [(f64, f64); 3] = [(1e11, 1e3), (1e14, 1.0), (1e17, 1e-3)];

/// Returns the moment that a text names, in milliseconds since 1970.
pub fn moment_ms(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let unit = UNITS.iter().find(|(up_to, _)| number.abs() < *up_to);
        return Some((number * unit.map_or(1e-6, |(_, ms)| *ms)).round() as i64);
    }
    // Go prints times with a space before the offset and the name of the zone after it.
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

/// Returns a text, cut after 120 characters.
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
        let sent = r#"{"n":1,"a":"b"}"#;
        let listed = r#""{\"a\": \"b\", \"n\": 1}""#;
        assert!(equal_payload(PayloadEquality::Json, sent, listed));
        assert!(!equal_payload(PayloadEquality::Exact, sent, listed));
        assert!(!equal_payload(PayloadEquality::Json, sent, r#""{\"a\": \"b\", \"n\": 2}""#));
    }
}
