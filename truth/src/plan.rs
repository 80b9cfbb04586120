//! The plan: the key of every attempt of a run, as a pure function of a few integers.
//!
//! Slot `i` of a run is its i-th planned attempt. Of the slots before it, `dups(i) = floor(i ·
//! share)` are duplicates, and the others are first copies. Ordinals (the numbers of keys) are
//! therefore dense, the share is exact at the end of every round, and any round can be computed
//! without the rounds before it ([`Plan::round`]).

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use self::id::{IdForm, IdSpec};
use self::sentinel::ALL_TOPICS;
use self::template::Template;
use self::twin::Twins;
use self::values::Values;
use self::variant::Variants;

mod error;
pub mod event;
pub mod id;
pub mod invalid;
pub mod rng;
pub mod round;
pub mod sentinel;
pub mod shard;
pub mod template;
pub mod trace;
pub mod twin;
pub mod values;
pub mod variant;
mod weights;

pub use error::PlanError;
pub use weights::Weights;

/// Version of the plan's bytes. Any change of what any plan sends needs a new version.
pub const PLAN_VERSION: u32 = 1;

/// Most events in one request: the ledger's record of one request must fit in one frame.
pub const MAX_BATCH: u32 = 10_000;

/// Most requests in a group.
pub const MAX_GROUP: u32 = 64;

/// Smallest payload: it must hold its own ordinal.
pub const MIN_PAYLOAD: u32 = 40;

/// Largest payload.
pub const MAX_PAYLOAD: u32 = 1 << 20;

/// Fewest slots of a round, so that families of copies find room.
const MIN_ROUND_SLOTS: u64 = 256;

/// Numbers that a plan is made of, as `run.json` holds them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// Version of the plan, [`PLAN_VERSION`].
    pub version: u32,
    /// Seed, which fixes the structure: the key of each slot.
    pub seed: u32,
    /// Nonce, which fixes the identity: the ids of the keys. Hexadecimal, because JSON readers lose
    /// bits of 64-bit numbers.
    #[serde(with = "hex_nonce")]
    pub nonce: u64,
    /// Duplicates and slots: `[6000, 20000]`.
    pub share: [u64; 2],
    /// Number of attempts over all shards; none if unbounded.
    pub total: Option<u64>,
    /// Counts of the executors, where several share the plan: the first `counts[0]` attempts are of
    /// the first one, and so on. The last round of each may be short. Attempts beyond all counts
    /// are of no executor alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<u64>,
    /// Number of events in a request.
    pub batch: u32,
    /// Number of requests in a group.
    pub group: u32,
    /// Weights of the ways in which duplicates are placed: in-batch, concurrent, next, delayed, and
    /// copies of whole requests if there are any.
    pub weights: Weights,
    /// Topics that keys are spread over.
    pub topics: Vec<String>,
    /// The `source` of every event.
    pub source: String,
    /// Timestamp of key 0; that of key k is k milliseconds later.
    pub epoch_ms: i64,
    /// Smallest and largest payload, in bytes. With a template, these are the limits of its random
    /// text.
    pub payload_bytes: [u32; 2],
    /// Template of the payload, if the user has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_template: Option<String>,
    /// Pairs of keys that a careless target mistakes for one key.
    #[serde(default, skip_serializing_if = "Twins::is_off")]
    pub twins: Twins,
    /// Keys whose copies carry one of two payloads.
    #[serde(default, skip_serializing_if = "Variants::is_off")]
    pub variants: Variants,
    /// One request in this many has an invalid event besides its own; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub invalid: u32,
    /// Form of the ids.
    #[serde(default, skip_serializing_if = "IdSpec::is_plain")]
    pub id: IdSpec,
    /// Values of the scenario's own.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub values: Values,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A plan whose numbers are checked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "PlanSpec", into = "PlanSpec")]
pub struct Plan {
    spec: PlanSpec,
    requests_per_round: u32,
}

impl TryFrom<PlanSpec> for Plan {
    type Error = PlanError;

    fn try_from(spec: PlanSpec) -> Result<Self, PlanError> {
        if spec.version != PLAN_VERSION {
            return Err(PlanError::Version { found: spec.version });
        }
        check_ranges(&spec)?;
        check_counts(&spec)?;
        if spec.share[0] > 0 && possible(&spec).total() == 0 {
            return Err(PlanError::NoMode);
        }
        if let Some(fault) = spec.values.fault(&spec.topics) {
            return Err(PlanError::Values(fault));
        }
        check_topics(&spec.topics)?;
        check_ids(&spec)?;
        if spec.twins.same_id > 0 && spec.topics.len() < 2 {
            return Err(PlanError::OneTopic);
        }
        if !is_name(&spec.source) {
            return Err(PlanError::Source { source_name: spec.source });
        }
        spec.payload_template.as_deref().map(check_template).transpose()?;
        let for_slots = MIN_ROUND_SLOTS.div_ceil(u64::from(spec.batch));
        let requests = for_slots.max(2 * u64::from(spec.group)).next_multiple_of(u64::from(spec.group));
        let requests_per_round = u32::try_from(requests).expect("at most 320");
        Ok(Self { spec, requests_per_round })
    }
}

/// Checks that each number is one that a plan can have.
fn check_ranges(spec: &PlanSpec) -> Result<(), PlanError> {
    let ranges = [
        ("batch", u64::from(spec.batch), 1, u64::from(MAX_BATCH), "1 to 10000"),
        ("group", u64::from(spec.group), 1, u64::from(MAX_GROUP), "1 to 64"),
        ("count", spec.total.unwrap_or(1), 1, 1 << 48, "1 to 2^48"),
        (
            "payload bytes (smallest)",
            u64::from(spec.payload_bytes[0]),
            u64::from(MIN_PAYLOAD),
            u64::from(MAX_PAYLOAD),
            "40 to 1048576",
        ),
        (
            "payload bytes (largest)",
            u64::from(spec.payload_bytes[1]),
            u64::from(spec.payload_bytes[0]),
            u64::from(MAX_PAYLOAD),
            "at least the smallest, and at most 1048576",
        ),
        ("slots of the duplicate share", spec.share[1], 1, u64::MAX, "at least 1"),
        (
            "duplicates of the duplicate share",
            spec.share[0],
            0,
            spec.share[1].saturating_sub(1),
            "less than its slots",
        ),
    ];
    for (name, value, low, high, range) in ranges {
        if !(low..=high).contains(&value) {
            return Err(PlanError::Range { name, value, range });
        }
    }
    Ok(())
}

/// Checks the names of topics.
fn check_topics(topics: &[String]) -> Result<(), PlanError> {
    if topics.is_empty() {
        return Err(PlanError::NoTopic);
    }
    let mut named = HashSet::new();
    for topic in topics {
        // One empty topic is that of an endpoint without topics.
        if !is_name(topic) && topics != [""] {
            return Err(PlanError::Topic { topic: topic.clone() });
        }
        if !named.insert(topic) {
            return Err(PlanError::RepeatedTopic { topic: topic.clone() });
        }
    }
    Ok(())
}

/// Returns true if a text can be the name of a topic or of a source.
fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.trim().is_empty() && !text.contains('\0')
}

/// Checks that the ids have room for what they hold.
fn check_ids(spec: &PlanSpec) -> Result<(), PlanError> {
    let refuse = |reason| Err(PlanError::Ids { id: spec.id.clone(), reason });
    match spec.id.form {
        IdForm::Integer if spec.twins.case > 0 => {
            refuse("have no letters, which the trap case needs: leave it out")
        }
        IdForm::Integer if spec.topics.len() > ALL_TOPICS => {
            refuse("have no room for more than 64 topics: use fewer, or another form")
        }
        IdForm::Uuid7 | IdForm::Ulid if spec.epoch_ms < 0 => {
            refuse("hold a time since 1970, and the epoch is before it: choose a later one")
        }
        _ => Ok(()),
    }
}

fn check_counts(spec: &PlanSpec) -> Result<(), PlanError> {
    let is_whole = |count: &u64| count.is_multiple_of(u64::from(spec.batch));
    if spec.weights.request > 0 && !spec.counts.iter().all(is_whole) {
        return Err(PlanError::PartsOfRequests { batch: spec.batch });
    }
    let counted = spec.counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
    let fits = |counted| spec.total.is_none_or(|total| counted <= total);
    if spec.counts.contains(&0) || !counted.is_some_and(fits) { Err(PlanError::Counts) } else { Ok(()) }
}

fn check_template(text: &str) -> Result<(), PlanError> {
    let value = text.len() as u64;
    if value > u64::from(MAX_PAYLOAD) {
        let name = "bytes of the payload's template";
        let range = "at most 1048576";
        return Err(PlanError::Range { name, value, range });
    }
    Template::parse(text)?;
    Ok(())
}

impl From<Plan> for PlanSpec {
    fn from(plan: Plan) -> Self {
        plan.spec
    }
}

impl std::ops::Deref for Plan {
    type Target = PlanSpec;

    fn deref(&self) -> &PlanSpec {
        &self.spec
    }
}

impl Plan {
    /// Returns the values of the scenario's own, whose files are read apart.
    pub fn values_mut(&mut self) -> &mut Values {
        &mut self.spec.values
    }

    /// Returns the number of duplicates among the first `slots` slots. If whole requests are repeated
    /// and nothing else, the share is one of the full requests.
    pub fn dups(&self, slots: u64) -> u64 {
        let [repeats, of] = self.spec.share;
        let share = |number: u64| (u128::from(number) * u128::from(repeats) / u128::from(of)) as u64;
        let batch = u64::from(self.spec.batch);
        if self.possible_weights().is_of_requests() { share(slots / batch) * batch } else { share(slots) }
    }

    /// Returns the number of requests of a round that are copies of whole requests.
    pub(crate) fn copies_of(&self, round: u64) -> u64 {
        let weights = self.possible_weights();
        if weights.request == 0 {
            return 0;
        }
        let slots = self.slots_of(round);
        let batch = u64::from(self.spec.batch);
        let repeats = self.dups(slots.end) - self.dups(slots.start);
        if weights.is_of_requests() {
            return repeats / batch;
        }
        let share = u128::from(repeats) * u128::from(weights.request) / u128::from(weights.total());
        // The requests that are no copies have to be before them.
        (share as u64 / batch).min(((slots.end - slots.start) / batch).saturating_sub(1))
    }

    /// Returns the number of first copies, and so of keys, among the first `slots` slots.
    pub fn firsts(&self, slots: u64) -> u64 {
        slots - self.dups(slots)
    }

    /// Returns the number of requests of a full round.
    pub fn requests_per_round(&self) -> u32 {
        self.requests_per_round
    }

    /// Returns the number of slots of a full round.
    pub fn slots_per_round(&self) -> u64 {
        u64::from(self.requests_per_round) * u64::from(self.spec.batch)
    }

    /// Returns the slots of a round; empty beyond the total.
    pub fn slots_of(&self, round: u64) -> Range<u64> {
        let run = self.runs().find(|run| run.rounds.contains(&round));
        let Some(Run { rounds, slots }) = run else {
            let end = self.spec.total.unwrap_or(u64::MAX);
            return end..end;
        };
        let low = slots.start.saturating_add((round - rounds.start).saturating_mul(self.slots_per_round()));
        low.min(slots.end)..low.saturating_add(self.slots_per_round()).min(slots.end)
    }

    /// Returns the rounds of each executor's count in turn, and last those of no executor alone.
    pub fn rounds_by_count(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs().map(|run| run.rounds)
    }

    /// Returns these rounds with the slots that they hold.
    fn runs(&self) -> impl Iterator<Item = Run> {
        let end = self.spec.total.unwrap_or(u64::MAX);
        let counts = self.spec.counts.iter().copied().chain([u64::MAX]);
        counts.scan((0_u64, 0_u64), move |(round, slot), count| {
            let slots = *slot..slot.saturating_add(count).min(end);
            let rounds =
                *round..round.saturating_add((slots.end - slots.start).div_ceil(self.slots_per_round()));
            (*round, *slot) = (rounds.end, slots.end);
            Some(Run { rounds, slots })
        })
    }

    /// Returns the number of requests of a round.
    pub fn requests_of(&self, round: u64) -> u64 {
        let slots = self.slots_of(round);
        (slots.end - slots.start).div_ceil(u64::from(self.spec.batch))
    }

    /// Returns the ordinals that a round sends first.
    pub fn ordinals_of(&self, round: u64) -> Range<u64> {
        let slots = self.slots_of(round);
        self.firsts(slots.start)..self.firsts(slots.end)
    }

    /// Returns the number of rounds of the whole run over all shards; `None` if unbounded.
    pub fn rounds(&self) -> Option<u64> {
        self.spec.total?;
        self.runs().last().map(|run| run.rounds.end)
    }

    /// Returns the same plan, ended after this number of rounds: the plan that an unbounded run
    /// turned out to have.
    #[must_use]
    pub fn ended_after(&self, rounds: u64) -> Self {
        let mut ended = self.clone();
        ended.spec.total = Some(self.slots_of(rounds).start);
        ended
    }

    /// Returns the number of keys of the whole run; `None` if unbounded.
    pub fn keys(&self) -> Option<u64> {
        self.spec.total.map(|total| self.firsts(total))
    }

    /// Returns the round that sends a key first.
    pub fn round_of(&self, ordinal: u64) -> u64 {
        let slot = match self.possible_weights().is_of_requests() {
            true => self.slot_in_requests(ordinal),
            false => self.slot_of_first(ordinal),
        };
        let run = self.runs().find(|run| run.slots.contains(&slot));
        run.map_or(u64::MAX, |run| run.rounds.start + (slot - run.slots.start) / self.slots_per_round())
    }

    /// Returns the slot before which this many slots are first copies, and which is one.
    fn slot_of_first(&self, firsts: u64) -> u64 {
        let [repeats, of] = self.spec.share;
        let slot = u128::from(firsts) * u128::from(of) / u128::from(of - repeats);
        u64::try_from(slot).unwrap_or(u64::MAX)
    }

    /// Returns the slot of a key where whole requests are repeated and nothing else. The last request,
    /// if it is not full, is no copy.
    fn slot_in_requests(&self, ordinal: u64) -> u64 {
        let batch = u64::from(self.spec.batch);
        let full = self.spec.total.map_or(u64::MAX, |total| total - total % batch);
        match ordinal.checked_sub(self.firsts(full)) {
            Some(place) => full.saturating_add(place),
            None => self.slot_of_first(ordinal / batch).saturating_mul(batch) + ordinal % batch,
        }
    }

    /// Returns the weights of the mix, with 0 for modes that batch and group make impossible.
    pub fn possible_weights(&self) -> Weights {
        possible(&self.spec)
    }

    /// Returns how many of the first groups of a round may race. From ten events a request on, a
    /// quarter is enough: each race then has many pairs, and the other groups keep the load dense.
    pub fn racing_groups(&self) -> u32 {
        let groups = self.requests_per_round / self.spec.group;
        if self.spec.batch < 10 { groups } else { groups.div_ceil(4) }
    }

    /// Returns a reason for each mode that has a weight, but that these numbers make impossible.
    pub fn impossible_modes(&self) -> Vec<&'static str> {
        let weights = self.spec.weights;
        let mut modes = Vec::new();
        if weights.in_batch > 0 && self.spec.batch == 1 {
            modes.push("no in-batch duplicates are sent: they need a batch of at least 2");
        }
        if weights.concurrent > 0 && self.spec.group == 1 {
            modes.push("no concurrent duplicates are sent: they need a group of at least 2");
        }
        if weights.delayed > 0 && self.rounds() == Some(1) {
            modes.push("no delayed duplicates are sent: they need a run of more than one round");
        }
        if weights.request > 0 && self.spec.total.is_some_and(|total| self.dups(total) == 0) {
            modes
                .push("no repeats of requests are sent: they need a run of more requests, or a larger share");
        }
        modes
    }
}

/// Consecutive rounds, of which only the last may be short.
struct Run {
    rounds: Range<u64>,
    slots: Range<u64>,
}

fn possible(spec: &PlanSpec) -> Weights {
    let mut weights = spec.weights;
    if spec.batch == 1 {
        weights.in_batch = 0;
    }
    if spec.group == 1 {
        weights.concurrent = 0;
    }
    weights
}

/// Nonce as 16 hexadecimal digits.
mod hex_nonce {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(nonce: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{nonce:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}
