//! What listed rows turn out to be: each is decoded, compared with what was sent, and counted.
//!
//! This is shared by the reader of listings and by the planted defects, so that a defect planted in a row passes
//! through the code that has to notice it.

use std::hash::{DefaultHasher, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use truth::event::{Decoded, Events};
use truth::promises::PayloadEquality;

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

/// A set of rows as a count and a keyed sum: unlike a XOR, a pair of equal rows does not cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SetSum {
    /// How many.
    pub count: u64,
    /// Sum of their hashes modulo 2^64, twice, under two keys.
    pub sum: [u64; 2],
}

impl SetSum {
    fn add(&mut self, nonce: u64, row: &Row) {
        self.count += 1;
        for (key, sum) in self.sum.iter_mut().enumerate() {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(nonce.wrapping_add(key as u64));
            hasher.write(row.topic.as_bytes());
            hasher.write_u8(0xff);
            hasher.write(row.event_id.as_bytes());
            *sum = sum.wrapping_add(hasher.finish());
        }
    }
}

/// How often each key was listed: two bits a key, three standing for more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    keys: u64,
    bits: Vec<u8>,
}

impl Presence {
    /// No key was seen yet.
    pub fn new(keys: u64) -> Self {
        let bytes = usize::try_from(keys.div_ceil(4)).expect("keys fit in memory");
        Self { keys, bits: vec![0; bytes] }
    }

    /// A presence of so many keys in these bytes, if they are that many.
    pub fn from_bytes(keys: u64, bits: Vec<u8>) -> Option<Self> {
        (bits.len() as u64 == keys.div_ceil(4)).then_some(Self { keys, bits })
    }

    /// Two bits a key, four keys a byte, the first lowest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// How many keys there could be.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How often a key was seen: 0 to 3.
    pub fn seen(&self, ordinal: u64) -> u8 {
        (self.bits[(ordinal / 4) as usize] >> (2 * (ordinal % 4))) & 3
    }

    /// Notes that a key was seen.
    pub fn note(&mut self, ordinal: u64) {
        let seen = self.seen(ordinal);
        if seen < 3 {
            self.bits[(ordinal / 4) as usize] += 1 << (2 * (ordinal % 4));
        }
    }
}

/// Everything learnt from the rows of one listing, in memory that grows with the keys, not with the rows.
#[derive(Clone, Debug)]
pub struct RowTally<'a> {
    events: &'a Events,
    nonce: u64,
    equality: PayloadEquality,
    /// Which keys are there.
    pub presence: Presence,
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
    /// Rows whose contents could be compared.
    pub compared: u64,
    /// Examples of what is wrong.
    pub anomalies: Vec<Anomaly>,
    examples: [u64; 4],
}

impl<'a> RowTally<'a> {
    /// Nothing read yet.
    pub fn new(events: &'a Events, nonce: u64, keys: u64, equality: PayloadEquality) -> Self {
        Self {
            events,
            nonce,
            equality,
            presence: Presence::new(keys),
            rows: 0,
            ours: SetSum::default(),
            foreign: SetSum::default(),
            wrong_topic: 0,
            payload_changed: 0,
            never_planned: 0,
            compared: 0,
            anomalies: Vec::new(),
            examples: [0; 4],
        }
    }

    /// Takes one row.
    pub fn take(&mut self, row: &Row) {
        self.rows += 1;
        match self.events.decode(&row.topic, &row.event_id) {
            Decoded::Foreign => {
                self.foreign.add(self.nonce, row);
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
                self.presence.note(ordinal);
                self.ours.add(self.nonce, row);
                self.compare(ordinal, row);
            }
        }
    }

    fn compare(&mut self, ordinal: u64, row: &Row) {
        if self.equality == PayloadEquality::None {
            return;
        }
        let expected = [
            ("timestamp", self.events.timestamp(ordinal), row.timestamp.as_ref()),
            ("source", self.events.source().to_owned(), row.source.as_ref()),
        ];
        let changed = |(name, sent, listed): (&str, String, Option<&String>)| {
            let listed = listed.filter(|listed| **listed != sent)?;
            Some(format!("{name} is `{}`, sent was `{sent}`", shortened(listed)))
        };
        let mut detail = expected.into_iter().find_map(changed);
        if let Some(payload) = &row.payload {
            let sent = self.events.payload(ordinal);
            if detail.is_none() && !equal_payload(self.equality, &sent, payload) {
                detail =
                    Some(format!("payload is `{}`, sent was `{}`", shortened(payload), shortened(&sent)));
            }
        }
        self.compared += u64::from(row.payload.is_some());
        if let Some(detail) = detail {
            self.payload_changed += 1;
            self.note(AnomalyClass::PayloadChanged, Some(ordinal), row, detail);
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
fn equal_payload(equality: PayloadEquality, sent: &str, listed: &str) -> bool {
    if sent == listed {
        return true;
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    equality == PayloadEquality::Json && parse(sent).is_some_and(|sent| Some(sent) == parse(listed))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
