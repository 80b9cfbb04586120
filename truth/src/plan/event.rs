//! Events: topic, id, timestamp and payload of a key, each a pure function of its ordinal.

use jiff::Timestamp;

use crate::plan::Plan;
use crate::plan::id::{ID_LEN, IdScheme, Ids};
use crate::plan::rng::{Draw, derived, mix, scale};
use crate::plan::sentinel::{self, MAX_KEYS};
use crate::plan::template::{Piece, Place, Template};
use crate::plan::trace::{Traceparent, Traces};
use crate::plan::twin::{Twin, Twins};
use crate::plan::values::{Drawn, KeyOfValues, Values};
use crate::plan::variant::{Origin, Side, Variant, Variants};

/// Length of the text that payloads are cut from, beyond the longest payload.
const POOL_BYTES: usize = 1 << 16;

/// Bytes of `{"n":` and `,"data":""}`.
const PAYLOAD_FRAME: usize = 16;

/// Distance of a key's two timestamps, in milliseconds: a client that sends again an hour later. No
/// two zones are that far apart.
const RESTAMPED_MS: i64 = 3_723_004;

/// Longest source that the contract allows.
const LONGEST_SOURCE: usize = 255;

/// Draw of the ids of requests, apart from those of keys.
const OF_BATCHES: u64 = 0xba7c;

/// Characters of payload data; none needs an escape in JSON.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Meaning of an id in a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// Key with this ordinal, under its own topic.
    Ours(u64),
    /// Key with this ordinal, under a topic that is not its own.
    WrongTopic(u64),
    /// Id that this run did not make.
    Foreign,
}

/// Events of one run.
#[derive(Clone, Debug)]
pub struct Events {
    ids: Ids,
    /// Ids of requests.
    batch_ids: IdScheme,
    topics: Vec<String>,
    source: String,
    other_source: String,
    epoch_ms: i64,
    payload_bytes: [u32; 2],
    topic_key: u64,
    payload_key: u64,
    /// Twins; none if no pair is a twin, which is usual.
    twins: Option<Twins>,
    twin_key: u64,
    /// Kinds of keys with copies that differ; none if all copies of every key are equal.
    variants: Option<Variants>,
    variant_key: u64,
    side_key: u64,
    pool: Vec<u8>,
    template: Option<Template>,
    values: Values,
    seed: u64,
    traces: Traces,
    /// Topics as they stand inside quotes.
    quoted_topics: Vec<String>,
    /// Number of keys of the plan; 0 if it is unbounded.
    keys: u64,
    /// First ordinal that may be a sentinel's.
    reserved_from: u64,
}

impl Events {
    /// Returns the events of a plan.
    pub fn new(plan: &Plan) -> Self {
        let seed = u64::from(plan.seed);
        let mut draw = Draw::stream(seed, u64::MAX);
        let pool = (0..POOL_BYTES + plan.payload_bytes[1] as usize)
            .map(|_| ALPHABET[draw.below(64) as usize])
            .collect();
        Self {
            ids: Ids::new(plan.nonce, &plan.id),
            batch_ids: IdScheme::new(derived(plan.nonce, OF_BATCHES)),
            topics: plan.topics.clone(),
            source: plan.source.clone(),
            other_source: other_than(&plan.source),
            epoch_ms: plan.epoch_ms,
            payload_bytes: plan.payload_bytes,
            topic_key: derived(seed, 0),
            payload_key: derived(seed, 1),
            twins: (!plan.twins.is_off()).then_some(plan.twins),
            twin_key: derived(seed, 2),
            variants: (!plan.variants.is_off()).then_some(plan.variants),
            variant_key: derived(seed, 4),
            side_key: derived(seed, 5),
            pool,
            template: plan
                .payload_template
                .as_deref()
                .map(|text| Template::parse(text).expect("a plan's template was checked")),
            values: plan.values.clone(),
            seed,
            traces: Traces::new(plan),
            quoted_topics: plan.topics.iter().map(|topic| inside_quotes(topic)).collect(),
            keys: plan.keys().unwrap_or(0),
            // Plans of older releases may have more keys, and no sentinels.
            reserved_from: if plan.keys() > Some(MAX_KEYS) { u64::MAX } else { MAX_KEYS },
        }
    }

    /// True if this is the ordinal of a sentinel, and not of a key of the plan.
    pub fn is_sentinel(&self, ordinal: u64) -> bool {
        ordinal >= self.reserved_from && sentinel::is_reserved(ordinal, self.topics.len())
    }

    /// Returns all topics, in the order of the plan.
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Returns the `source` of every event.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the place of a key's topic among [`Self::topics`].
    pub fn topic_index(&self, ordinal: u64) -> usize {
        if self.is_sentinel(ordinal) {
            return sentinel::topic_index(ordinal, self.topics.len());
        }
        let topics = self.topics.len() as u64;
        let drawn = |ordinal: u64| scale(mix(ordinal ^ self.topic_key), topics);
        let first = ordinal & !1;
        let index = match self.twin(ordinal) {
            None => drawn(ordinal),
            Some(_) if ordinal == first => drawn(first),
            Some(Twin::SameId) => {
                // Any topic except that of the first key.
                (drawn(first) + 1 + scale(mix(ordinal ^ self.twin_key), topics - 1)) % topics
            }
            Some(_) => drawn(first),
        };
        index as usize
    }

    /// Returns what a key has in common with the other key of its pair; `None` for almost all keys.
    #[inline]
    pub fn twin(&self, ordinal: u64) -> Option<Twin> {
        // Runs without twins ask several times for each event.
        self.drawn_twin(self.twins.as_ref()?, ordinal)
    }

    fn drawn_twin(&self, twins: &Twins, ordinal: u64) -> Option<Twin> {
        if self.is_sentinel(ordinal) {
            return None;
        }
        let twin = twins.of_pair(self.twin_key, ordinal >> 1)?;
        // An id without letters has only one case.
        let first = ordinal & !1;
        let has_case = || self.ids.has_case(first, self.first_timestamp_ms(first));
        (twin != Twin::Case || has_case()).then_some(twin)
    }

    /// Returns the topic of a key.
    pub fn topic(&self, ordinal: u64) -> &str {
        &self.topics[self.topic_index(ordinal)]
    }

    /// Appends the id of a key.
    pub fn write_id(&self, ordinal: u64, out: &mut Vec<u8>) {
        match self.twin(ordinal).filter(|twin| twin.shares_id()) {
            None => self.ids.write(ordinal, || self.timestamp_ms(ordinal), out),
            Some(twin) => {
                let first = ordinal & !1;
                self.ids.write_twin(twin, first, self.first_timestamp_ms(first), ordinal & 1 == 1, out);
            }
        }
    }

    /// Returns the id of a key, as text.
    pub fn id_text(&self, ordinal: u64) -> String {
        let mut id = Vec::with_capacity(ID_LEN);
        self.write_id(ordinal, &mut id);
        String::from_utf8(id).expect("ids are text")
    }

    /// Returns the meaning of a row with this topic and id.
    pub fn decode(&self, topic: &str, id: &str) -> Decoded {
        if self.twins.is_some() {
            return self.decode_twin(topic, id);
        }
        match self.ids.decode(id, |ordinal| self.timestamp_ms(ordinal)) {
            None => Decoded::Foreign,
            Some(ordinal) if self.topic(ordinal) == topic => Decoded::Ours(ordinal),
            Some(ordinal) => Decoded::WrongTopic(ordinal),
        }
    }

    /// Returns the meaning of a row where one id may be of two keys, or be spelt in other ways than
    /// the plain one.
    fn decode_twin(&self, topic: &str, id: &str) -> Decoded {
        // A key that shares only its timestamp has that of the first of its pair.
        let decoded = self.ids.decode(id, |ordinal| self.timestamp_ms(ordinal));
        let twin = || self.ids.decode_twin(id, |ordinal| self.first_timestamp_ms(ordinal));
        let Some(ordinal) = decoded.or_else(twin) else { return Decoded::Foreign };
        let made = match self.twin(ordinal) {
            None => ordinal..=ordinal,
            Some(_) => ordinal & !1..=ordinal | 1,
        };
        let mut spelt = made.filter(|key| self.id_text(*key) == id).peekable();
        let Some(first) = spelt.peek().copied() else { return Decoded::Foreign };
        spelt.find(|key| self.topic(*key) == topic).map_or(Decoded::WrongTopic(first), Decoded::Ours)
    }

    /// Returns the timestamp of a key, in milliseconds since 1970. Sentinels follow the last key, so
    /// that they are neither older than the keys nor far in the future. The ends of the calendar
    /// stand for what lies beyond them.
    pub fn timestamp_ms(&self, ordinal: u64) -> i64 {
        let first = if self.twin(ordinal) == Some(Twin::SameTimestamp) { ordinal & !1 } else { ordinal };
        self.first_timestamp_ms(first)
    }

    /// Returns the timestamp of a key that is no second key of a pair.
    fn first_timestamp_ms(&self, ordinal: u64) -> i64 {
        let after = if self.is_sentinel(ordinal) { self.keys + sentinel::place(ordinal) } else { ordinal };
        within_calendar(self.epoch_ms.saturating_add_unsigned(after))
    }

    /// Returns the other timestamp of a key whose copies carry one of two; `None` for almost all
    /// keys.
    pub fn other_timestamp_ms(&self, ordinal: u64) -> Option<i64> {
        let is_restamped = self.variant(ordinal) == Some(Variant::OtherTimestamp);
        is_restamped.then(|| within_calendar(self.timestamp_ms(ordinal).saturating_add(RESTAMPED_MS)))
    }

    /// Returns the other `source` of a key whose copies carry one of two; `None` for almost all
    /// keys.
    pub fn other_source(&self, ordinal: u64) -> Option<&str> {
        (self.variant(ordinal) == Some(Variant::OtherSource)).then_some(&*self.other_source)
    }

    /// Returns the timestamp of a key as sent: RFC 3339 with milliseconds, in UTC.
    pub fn timestamp(&self, ordinal: u64) -> String {
        timestamp_text(self.timestamp_ms(ordinal))
    }

    /// True if some keys have copies of two kinds.
    pub fn has_variants(&self) -> bool {
        self.variants.is_some()
    }

    /// True if some keys have two payloads.
    pub fn has_two_payloads(&self) -> bool {
        self.variants.as_ref().is_some_and(Variants::has_two_payloads)
    }

    /// Returns the way in which the copies of a key differ; `None` for almost all keys, whose
    /// copies are equal. A key that has the payload of another has no second one.
    #[inline]
    pub fn variant(&self, ordinal: u64) -> Option<Variant> {
        self.drawn_variant(self.variants.as_ref()?, ordinal)
    }

    fn drawn_variant(&self, variants: &Variants, ordinal: u64) -> Option<Variant> {
        let is_alike = self.twin(ordinal) == Some(Twin::SamePayload);
        if self.is_sentinel(ordinal) || is_alike {
            return None;
        }
        variants.of_key(self.variant_key, ordinal)
    }

    /// Returns the way in which the two payloads of a key differ; `None` for almost all keys, which
    /// have one.
    pub fn two_payloads(&self, ordinal: u64) -> Option<Variant> {
        self.variant(ordinal).filter(|variant| variant.is_of_payload())
    }

    /// Returns the side of a key that a copy carries, by the place of the copy.
    #[inline]
    pub fn side(&self, ordinal: u64, origin: Origin, place: usize) -> Side {
        match self.variant(ordinal) {
            Some(_) => origin.side(self.side_key, place),
            None => Side::Plain,
        }
    }

    /// Returns a value of the scenario's own, of a key; none if the scenario has no such value.
    pub fn value(&self, name: &str, ordinal: u64) -> Option<Drawn<'_>> {
        let key = KeyOfValues { seed: self.seed, ordinal, topic: self.topic(ordinal) };
        self.values.of(name, &key)
    }

    /// Returns the random text of a key's payload, as long as the size of payloads says.
    #[inline]
    pub fn data(&self, ordinal: u64, side: Side) -> &[u8] {
        let is_other = side == Side::Other && self.variant(ordinal) == Some(Variant::OtherPayload);
        let uniform = mix(self.payload_ordinal(ordinal) ^ self.payload_key);
        let [low, high] = self.payload_bytes;
        let size = u64::from(low) + scale(uniform, u64::from(high - low) + 1);
        let mut at = scale(mix(uniform), POOL_BYTES as u64) as usize;
        if is_other {
            // Any place except that one.
            at = (at + 1 + scale(mix(!uniform), POOL_BYTES as u64 - 1) as usize) % POOL_BYTES;
        }
        &self.pool[at..at + size as usize]
    }

    /// Returns the key whose payload a key has: its own, for almost all keys.
    fn payload_ordinal(&self, ordinal: u64) -> u64 {
        if self.twin(ordinal) == Some(Twin::SamePayload) { ordinal & !1 } else { ordinal }
    }

    /// Appends one payload of a key: from the user's template, or a JSON object of the plan's size.
    pub fn write_payload(&self, ordinal: u64, side: Side, out: &mut Vec<u8>) {
        let variant = if side == Side::Other { self.variant(ordinal) } else { None };
        let whole = self.data(ordinal, side);
        let ordinal = self.payload_ordinal(ordinal);
        if let Some(template) = &self.template {
            return self.write_template(template, ordinal, whole, out);
        }
        let mut digits = itoa::Buffer::new();
        let number = digits.format(ordinal).as_bytes();
        let data = &whole[..whole.len().saturating_sub(PAYLOAD_FRAME + number.len())];
        if variant == Some(Variant::KeyOrder) {
            out.extend_from_slice(b"{\"data\":\"");
            out.extend_from_slice(data);
            out.extend_from_slice(b"\",\"n\":");
            out.extend_from_slice(number);
            return out.push(b'}');
        }
        out.extend_from_slice(b"{\"n\":");
        out.extend_from_slice(number);
        if variant == Some(Variant::NumberSpelling) {
            out.extend_from_slice(b".0");
        }
        out.extend_from_slice(b",\"data\":\"");
        out.extend_from_slice(data);
        out.extend_from_slice(b"\"}");
    }

    fn write_template(&self, template: &Template, ordinal: u64, data: &[u8], out: &mut Vec<u8>) {
        for piece in template.pieces() {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Place(Place::Ordinal) => write_decimal(ordinal, out),
                Piece::Place(Place::EventId) => self.write_id(ordinal, out),
                Piece::Place(Place::Topic) => {
                    out.extend_from_slice(self.quoted_topics[self.topic_index(ordinal)].as_bytes());
                }
                Piece::Place(Place::Timestamp) => out.extend_from_slice(self.timestamp(ordinal).as_bytes()),
                Piece::Place(Place::Data) => out.extend_from_slice(data),
                Piece::Place(Place::Traceparent) => {
                    out.extend_from_slice(&self.traces.of_event(ordinal).text());
                }
            }
        }
    }

    /// Returns the trace context of a key, the same in all copies.
    pub fn trace_of(&self, ordinal: u64) -> Traceparent {
        self.traces.of_event(ordinal)
    }

    /// Returns the id of a request: a UUID, the same when the request is sent again.
    pub fn batch_id(&self, origin: Origin, ordinals: &[u64]) -> [u8; ID_LEN] {
        self.batch_ids.encode(match origin {
            Origin::Planned { round, request } => mix(round) ^ u64::from(request),
            // A list of keys is sent once, so its keys tell its requests apart.
            Origin::Later => ordinals.iter().fold(!0, |state, ordinal| mix(state ^ ordinal)),
        })
    }

    /// Returns the trace context in the payload of a key; none if payloads have none.
    pub fn traceparent(&self, ordinal: u64) -> Option<Traceparent> {
        self.template.as_ref().filter(|template| template.has(Place::Traceparent))?;
        let is_of_first = self.twin(ordinal) == Some(Twin::SamePayload);
        Some(self.traces.of_event(if is_of_first { ordinal & !1 } else { ordinal }))
    }

    /// Returns one payload of a key, as text.
    pub fn payload(&self, ordinal: u64, side: Side) -> String {
        let mut out = Vec::new();
        self.write_payload(ordinal, side, &mut out);
        String::from_utf8(out).expect("payloads are text")
    }
}

/// Returns another source, which the contract accepts too.
fn other_than(source: &str) -> String {
    if source.len() < LONGEST_SOURCE { format!("{source}2") } else { "another".to_owned() }
}

/// Returns a text as JSON, without the quotes around it.
fn inside_quotes(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Formats RFC 3339 with milliseconds, in UTC. The ends of the calendar stand for what lies beyond
/// them.
pub fn timestamp_text(ms: i64) -> String {
    let timestamp = Timestamp::from_millisecond(within_calendar(ms)).expect("a moment of the calendar");
    format!("{timestamp:.3}")
}

fn within_calendar(ms: i64) -> i64 {
    ms.clamp(Timestamp::MIN.as_second() * 1000, Timestamp::MAX.as_second() * 1000)
}

/// Appends a number in decimal digits.
pub fn write_decimal(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
