//! Rows of a listing: each is decoded, compared with what was sent, and counted.
//!
//! The reader of listings and the self-test share this code. A defect that is planted in a row
//! therefore passes through the code that has to notice it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use self::contents::Likeness;
use self::moment::is_moment_to;
use self::names::RowNames;
use super::presence::{Presence, Winners};
use crate::observed::rows::copies::Copies;
use crate::plan::event::{Decoded, Events, timestamp_text};
use crate::plan::variant::{Side, Variant};
use crate::scenario::promises::{PayloadEquality, TimestampEquality};

pub mod contents;
pub mod copies;
mod equality;
mod json;
pub mod moment;
mod names;
mod sum;
mod values;

pub use contents::{CONTENTS, Contents, ContentsTally};
pub use equality::{Equality, equal_payload};
pub use sum::SetSum;

/// Most examples that are kept of each class of anomaly.
pub const EXAMPLES: u64 = 1000;

/// One listed row. A content that is not shown, or is null, is none.
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
    /// Payload as raw JSON, because some targets promise to keep the text. It may be `null`.
    pub payload: Option<String>,
}

/// A row with what a scenario's listing says of it besides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownRow {
    /// The row.
    pub row: Row,
    /// The store's name of it.
    pub name: Option<String>,
    /// Values of the scenario's own, as raw JSON, by their names; none for one that is not shown.
    pub values: Vec<(String, Option<String>)>,
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
    /// Rows whose id decodes to a key that the plan does not have.
    pub never_planned: u64,
    /// Contents of the rows of the run's keys.
    pub contents: ContentsTally,
    /// Examples of rows with a defect, except for those that `contents` leaves open.
    anomalies: Vec<Anomaly>,
    examples: [u64; 4],
    /// Rows whose payload means what was sent, and is spelt otherwise.
    respelled: u64,
    /// Places of rows of keys that are listed more than once.
    pub copies: Copies,
    /// Names of rows, where the store names them.
    names: RowNames,
    /// Number of rows that were shown again under the same name.
    pub shown_again: u64,
}

impl<'a> RowTally<'a> {
    /// Returns a tally without any row.
    pub fn new(events: &'a Events, nonce: u64, keys: u64, equality: Equality) -> Self {
        Self {
            events,
            nonce,
            equality,
            presence: Presence::new(keys),
            winners: events.has_two_payloads().then(|| Winners::new(keys)),
            rows: 0,
            ours: SetSum::default(),
            sentinels: BTreeSet::new(),
            foreign: SetSum::default(),
            wrong_topic: 0,
            never_planned: 0,
            contents: ContentsTally::default(),
            anomalies: Vec::new(),
            examples: [0; 4],
            respelled: 0,
            copies: Copies::default(),
            names: RowNames::default(),
            shown_again: 0,
        }
    }

    /// Events of the run.
    pub fn events(&self) -> &'a Events {
        self.events
    }

    /// Adds one row as the listing shows it. Two rows of one name are one row that is shown twice.
    pub fn take_shown(&mut self, shown: &ShownRow) {
        let ShownRow { row, name, values } = shown;
        match name.as_ref().is_some_and(|name| self.is_shown_again(row, name)) {
            true => self.shown_again += 1,
            false => self.add(row, values),
        }
    }

    fn is_shown_again(&mut self, row: &Row, name: &str) -> bool {
        let keys = self.presence.keys();
        let ordinal = match self.events.decode(&row.topic, &row.event_id) {
            Decoded::Ours(ordinal) if ordinal < keys => Some(ordinal),
            _ => None,
        };
        match ordinal {
            Some(ordinal) => self.names.is_known(keys, ordinal, name),
            None => self.names.is_known_besides(&row.topic, &row.event_id, name),
        }
    }

    /// Adds one row.
    pub fn take(&mut self, row: &Row) {
        self.add(row, &[]);
    }

    fn add(&mut self, row: &Row, values: &[(String, Option<String>)]) {
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
                self.copies.take(ordinal, self.presence.seen(ordinal));
                self.presence.note(ordinal);
                self.ours.add(self.nonce, &row.topic, &row.event_id);
                self.compare(ordinal, row, values);
            }
        }
    }

    /// True if another tally has the same events of this run, and the same of them twice within a
    /// page.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.presence.shows_the_same(&other.presence)
            && self.sentinels == other.sentinels
            && self.copies.within().eq(other.copies.within())
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

    /// Number of rows of the run's keys with other contents, once all rows were taken.
    pub fn payload_changed(&self) -> u64 {
        self.contents.findings()
    }

    /// Returns examples of rows with a defect, once all rows were taken.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let open = self.contents.anomalies();
        let left = EXAMPLES - self.examples[AnomalyClass::PayloadChanged as usize];
        self.anomalies.iter().cloned().chain(open.take(left as usize)).collect()
    }

    /// Returns what the rows show of the contents of the run's events.
    pub fn shown(&self) -> Contents {
        let compared = self.contents.each.map(|content| content.compared());
        Contents {
            timestamp: (self.equality.timestamp != TimestampEquality::None).then_some(compared[0]),
            source: self.equality.source.then_some(compared[1]),
            payload: (self.equality.payload != PayloadEquality::None).then_some(compared[2]),
            values: (self.contents.each[3].all() > 0).then_some(compared[3]),
            unclear: self.contents.unclear().map(shortened),
            respelled: self.respelled,
        }
    }

    fn compare(&mut self, ordinal: u64, row: &Row, values: &[(String, Option<String>)]) {
        let values = values::compare(self.events, ordinal, values);
        let likenesses = [
            self.timestamp(ordinal, row),
            self.source(ordinal, row),
            self.payload(ordinal, row),
            values.as_ref().map(|compared| compared.likeness),
        ];
        self.contents.take(ordinal, row, likenesses);
        let is_changed = |likeness: &Option<Likeness>| *likeness == Some(Likeness::Changed);
        let Some(changed) = likenesses.iter().position(is_changed) else { return };
        let shown = |content: &Option<String>| content.clone().unwrap_or_default();
        let name = CONTENTS[changed].to_owned();
        let (name, listed, sent) = match changed {
            0 => (name, shown(&row.timestamp), self.events.timestamp(ordinal)),
            1 => (name, shown(&row.source), self.events.source().to_owned()),
            2 => (name, shown(&row.payload), self.events.payload(ordinal, Side::Plain)),
            _ => values.map_or((name, String::new(), String::new()), values::Compared::into_parts),
        };
        let [listed, sent] = shortened_where_they_differ(&listed, &sent);
        let detail = format!("{name} is `{listed}`, sent was `{sent}`");
        self.note(AnomalyClass::PayloadChanged, Some(ordinal), row, detail);
    }

    fn timestamp(&self, ordinal: u64, row: &Row) -> Option<Likeness> {
        let is_same = match (self.equality.timestamp, &row.timestamp) {
            (TimestampEquality::None, _) => return None,
            (_, None) => return Some(Likeness::Missing),
            (TimestampEquality::Exact, Some(listed)) => Some(*listed == self.events.timestamp(ordinal)),
            (TimestampEquality::Instant, Some(listed)) => {
                is_moment_to(listed, self.events.timestamp_ms(ordinal), self.equality.precision_ms)
            }
        };
        let is_other = || row.timestamp.as_deref().is_some_and(|listed| self.is_restamped(ordinal, listed));
        let is_same = if is_same != Some(true) && is_other() { Some(true) } else { is_same };
        Some(is_same.map_or(Likeness::Unclear, likeness))
    }

    /// True if a copy of the key carried this timestamp beside the usual one.
    fn is_restamped(&self, ordinal: u64, listed: &str) -> bool {
        self.events.other_timestamp_ms(ordinal).is_some_and(|ms| match self.equality.timestamp {
            TimestampEquality::Exact => listed == timestamp_text(ms),
            TimestampEquality::Instant => is_moment_to(listed, ms, self.equality.precision_ms) == Some(true),
            TimestampEquality::None => false,
        })
    }

    fn source(&self, ordinal: u64, row: &Row) -> Option<Likeness> {
        let is_same = |listed: &String| {
            let is_other = || self.events.other_source(ordinal) == Some(listed);
            likeness(listed == self.events.source() || is_other())
        };
        self.equality.source.then(|| row.source.as_ref().map_or(Likeness::Missing, is_same))
    }

    /// Compares the payload, and notes which of a key's two payloads is listed.
    fn payload(&mut self, ordinal: u64, row: &Row) -> Option<Likeness> {
        if self.equality.payload == PayloadEquality::None {
            return None;
        }
        let listed = row.payload.as_deref().unwrap_or("null");
        let found = self.side(ordinal, listed);
        self.respelled += u64::from(found.is_some_and(|(_, is_as_sent)| !is_as_sent));
        let side = found.map(|(side, _)| side);
        if let Some((winners, side)) = self.winners.as_mut().zip(side) {
            winners.note(ordinal, side);
        }
        // A `null` that was sent is no absent payload.
        let is_missing = side.is_none() && listed == "null";
        Some(if is_missing { Likeness::Missing } else { likeness(side.is_some()) })
    }

    /// Returns which of a key's payloads is listed, and whether it is spelt as it was sent; none if
    /// it is neither.
    fn side(&self, ordinal: u64, listed: &str) -> Option<(Side, bool)> {
        let text = self.equality.payload_is_text.then(|| json::content(listed)).flatten();
        let of_side = |side: Side| {
            let sent = self.events.payload(ordinal, side);
            let is_as_sent = sent == listed || (text.as_ref() == Some(&sent));
            (is_as_sent || equal_payload(self.equality.payload, &sent, listed)).then_some((side, is_as_sent))
        };
        let other = self.events.two_payloads(ordinal).map(|_| Side::Other);
        [Side::Plain].into_iter().chain(other).find_map(of_side)
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

fn likeness(is_same: bool) -> Likeness {
    if is_same { Likeness::Same } else { Likeness::Changed }
}

/// Returns two texts, each from a little before their first difference on, and cut.
fn shortened_where_they_differ(one: &str, other: &str) -> [String; 2] {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    // The beginning is left out only if the difference would not be seen otherwise.
    let left_out = if same < 100 { 0 } else { same - 40 };
    [one, other].map(|text| {
        let rest: String = text.chars().skip(left_out).collect();
        let dots = if left_out > 0 { "…" } else { "" };
        format!("{dots}{}", shortened(&rest))
    })
}

/// Returns a text, cut after 120 characters.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
