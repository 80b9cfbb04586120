//! What one pass over a ledger learns, as values.

use std::collections::BTreeMap;
use std::ops::{Add, Sub};

use truth::record::ledger::Scope;

use crate::books::ages::Ages;
use crate::books::contests::Contests;
use crate::books::coverage::Coverage;
use crate::books::keys::Keys;
use crate::books::order::{Faults, OrderFaults};

/// Sums over all attempts of opened rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Acknowledged.
    pub acked: u64,
    /// Of these, told to be new.
    pub reported_new: u64,
    /// Of these, told to be duplicates.
    pub reported_duplicate: u64,
    /// Fate unknown.
    pub unknown: u64,
    /// Refused without effect.
    pub rejected: u64,
    /// Never left.
    pub never_sent: u64,
}

impl Sums {
    /// Attempts that left, or may have left.
    pub fn sent(&self) -> u64 {
        self.acked + self.unknown + self.rejected
    }

    fn apply(&self, other: &Self, each: fn(u64, u64) -> u64) -> Self {
        Self {
            acked: each(self.acked, other.acked),
            reported_new: each(self.reported_new, other.reported_new),
            reported_duplicate: each(self.reported_duplicate, other.reported_duplicate),
            unknown: each(self.unknown, other.unknown),
            rejected: each(self.rejected, other.rejected),
            never_sent: each(self.never_sent, other.never_sent),
        }
    }
}

impl Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.apply(&other, u64::add)
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.apply(&other, u64::sub)
    }
}

/// What `verify` itself sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resent {
    /// Keys whose fate was unknown.
    pub resolve: Sums,
    /// Keys that had been acknowledged.
    pub replay: Sums,
    /// Of the latter, those that were told to be new. A request that tells only how many counts without keys.
    pub replayed_new: Faults,
}

/// An answer whose numbers do not add up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerFault {
    /// Which request.
    pub scope: Scope,
    /// Which request.
    pub request: u32,
    /// What does not add up.
    pub detail: String,
}

/// Segments of a ledger that the run itself wrote, not `verify` after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Segments {
    /// Segments that end with a `Closed` frame.
    pub closed: usize,
    /// All segments.
    pub all: usize,
}

/// Everything that one pass learns.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The keys.
    pub keys: Keys,
    /// The sums, over all that was ever sent.
    pub sums: Sums,
    /// The part of it that came after the run.
    pub resent: Resent,
    /// Monotonic time of the first send.
    pub begun_ns: Option<u64>,
    /// Requests by the status of their answer; 0 without one.
    pub statuses: BTreeMap<u16, u64>,
    /// Slots of the plan that left, or may have left, however often.
    pub slots_sent: u64,
    /// Faults in the order of answers.
    pub order: OrderFaults,
    /// How far apart the attempts of keys lie, where keys may be forgotten.
    pub ages: Ages,
    /// What the attempts of keys of two payloads leave open.
    pub contests: Contests,
    /// Faults in the sums of answers.
    pub answer_sums: Vec<AnswerFault>,
    /// How many of these there were.
    pub answer_sum_faults: u64,
    /// Answers whose sums were compared.
    pub answers_compared: u64,
    /// Answers that count new events without telling which.
    pub counts_compared: u64,
    /// Those that count more than can have been new.
    pub count_faults: Vec<AnswerFault>,
    /// How many of these there were.
    pub count_faults_total: u64,
    /// Requests that were sent with an event that is none.
    pub spoilt: u64,
    /// Of these, acknowledged.
    pub spoilt_taken: u64,
    /// Some of those.
    pub spoilt_examples: Vec<AnswerFault>,
    /// What was tried.
    pub coverage: Coverage,
    /// Segments of the ledger that the run wrote.
    pub segments: Segments,
    /// A segment that does not end in order though its run did.
    pub cut_off: Option<usize>,
    /// Whether any segment, those of `verify` included, does not end in order.
    pub is_open: bool,
    /// The last round with keys of its own whose requests were all acknowledged, with its run.
    pub last_answered: Option<(usize, u64)>,
}
