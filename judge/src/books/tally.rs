//! Result of one pass over a ledger, as values.

use std::collections::BTreeMap;
use std::ops::{Add, Range, Sub};

use crate::books::ages::Ages;
use crate::books::contests::Contests;
use crate::books::coverage::Coverage;
use crate::books::keys::Keys;
use crate::books::order::{Faults, OrderFaults};
use crate::books::repeats::Repeats;
use crate::books::responses::Responses;

/// Attempts of opened rounds by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Acknowledged attempts.
    pub acked: u64,
    /// Acknowledged attempts that were reported as new.
    pub reported_new: u64,
    /// Acknowledged attempts that were reported as duplicates.
    pub reported_duplicate: u64,
    /// Attempts whose fate is unknown.
    pub unknown: u64,
    /// Attempts whose response is unclear.
    pub unclear: u64,
    /// Attempts that were rejected without effect.
    pub rejected: u64,
    /// Attempts of which no byte left.
    pub never_sent: u64,
}

impl Sums {
    /// Number of attempts that left, or may have left.
    pub fn sent(&self) -> u64 {
        self.acked + self.uncertain() + self.rejected
    }

    /// Number of attempts that may have been executed or not.
    pub fn uncertain(&self) -> u64 {
        self.unknown + self.unclear
    }

    fn apply(&self, other: &Self, each: fn(u64, u64) -> u64) -> Self {
        Self {
            acked: each(self.acked, other.acked),
            reported_new: each(self.reported_new, other.reported_new),
            reported_duplicate: each(self.reported_duplicate, other.reported_duplicate),
            unknown: each(self.unknown, other.unknown),
            unclear: each(self.unclear, other.unclear),
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

/// A response whose status acknowledges and whose body contradicts the target's description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnclearResponse {
    /// HTTP status.
    pub status: u16,
    /// Beginning of the body; empty if it has none.
    pub excerpt: Box<str>,
}

/// Attempts that `verify` made after a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resent {
    /// Attempts of keys whose fate was unknown.
    pub resolve: Sums,
    /// Attempts of keys that had been acknowledged.
    pub replay: Sums,
    /// Acknowledged keys that were reported as new. A response with counts alone adds no keys.
    pub replayed_new: Faults,
    /// Attempts of sentinels, which are no keys of the plan.
    pub sentinels: Sums,
    /// Attempts that were refused for want of a login, and made again after it.
    pub before_login: Sums,
}

impl Resent {
    /// All of these attempts.
    pub fn all(&self) -> Sums {
        self.resolve + self.replay + self.sentinels + self.before_login
    }
}

/// Segments of a ledger that the run itself wrote, not `verify` after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Segments {
    /// Segments that end with a `Closed` frame.
    pub closed: usize,
    /// All segments.
    pub all: usize,
}

/// Result of one pass over a ledger.
#[derive(Clone, Debug)]
pub struct Tally {
    /// States of the keys.
    pub keys: Keys,
    /// Attempts by outcome, those after the run too.
    pub sums: Sums,
    /// Attempts that `verify` made after the run.
    pub resent: Resent,
    /// Monotonic time of the first send.
    pub begun_ns: Option<u64>,
    /// Responses by status; 0 counts requests without one.
    pub statuses: BTreeMap<u16, u64>,
    /// The first unclear response.
    pub first_unclear: Option<UnclearResponse>,
    /// Slots of the plan that left, or may have left, at least once.
    pub slots_sent: u64,
    /// Faults in the order of responses.
    pub order: OrderFaults,
    /// Time between attempts, where keys may be forgotten.
    pub ages: Ages,
    /// Payloads that can be stored, of keys with two.
    pub contests: Contests,
    /// Responses, compared with what was sent.
    pub responses: Responses,
    /// Repeats of acknowledged keys, beside first copies.
    pub repeats: Repeats,
    /// Repeats that were tried.
    pub coverage: Coverage,
    /// Segments of the ledger that the run wrote.
    pub segments: Segments,
    /// A segment without an end, although its run ended in order.
    pub cut_off: Option<usize>,
    /// Set when any segment, those of `verify` included, has no end.
    pub is_open: bool,
    /// The last round with keys of its own whose requests were all acknowledged, after its run.
    pub last_answered: Option<(usize, u64)>,
}

impl Tally {
    /// Starts with nothing booked.
    pub(crate) fn new(keys: Range<u64>, ages: Ages) -> Self {
        Self {
            keys: Keys::new(keys),
            sums: Sums::default(),
            resent: Resent::default(),
            begun_ns: None,
            statuses: BTreeMap::new(),
            first_unclear: None,
            slots_sent: 0,
            order: OrderFaults::default(),
            ages,
            contests: Contests::default(),
            responses: Responses::default(),
            repeats: Repeats::default(),
            coverage: Coverage::default(),
            segments: Segments::default(),
            cut_off: None,
            is_open: false,
            last_answered: None,
        }
    }
}
