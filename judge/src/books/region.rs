//! `counters`: whether the target's own numbers lie where the ledger says that they must.
//!
//! With c acknowledged and i unknown attempts a key, and counters as deltas from the baseline: received R in
//! [Σc, Σ(c+i)], unique U in [#{c>=1}, #{c+i>=1}], duplicates D in [Σmax(0,c-1), Σmax(0,c+i-1)], and R = U + D. The three
//! are bound to each other: with u = U - U_low keys stored by unknown attempts alone, R is at least R_low + u, and at
//! most R_low + (all unknown attempts of acknowledged keys) + (the u largest numbers of unknown attempts among the
//! others). A value outside is certain failure; the width inside is the slack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use truth::observed::counters::Counters;
use truth::scenario::promises::Received;

use crate::books::keys::Keys;
use crate::books::tally::Sums;

/// Both ends of what a counter may say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// The least.
    pub low: u64,
    /// The most.
    pub high: u64,
}

impl Bounds {
    /// How much is left open.
    pub fn slack(&self) -> u64 {
        self.high - self.low
    }

    fn broken_by(&self, value: i128) -> Option<Bound> {
        if value < i128::from(self.low) {
            Some(Bound::Below)
        } else {
            (value > i128::from(self.high)).then_some(Bound::Above)
        }
    }
}

/// What the ledger allows the counters to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// R.
    pub received: Bounds,
    /// U.
    pub unique: Bounds,
    /// D.
    pub duplicates: Bounds,
    /// R, narrowed by which keys are present.
    pub received_with_presence: Option<Bounds>,
    /// U, where it is known which keys are present: those, and no others.
    pub unique_with_presence: Option<u64>,
    /// How often keys can have been stored again, because they may have been forgotten.
    stored_again: u64,
    /// Unknown attempts of keys that were acknowledged.
    unknown_of_acked: u64,
    /// Numbers of unknown attempts of the other keys: how many keys have how many, from the largest.
    unknown_of_others: Vec<(u64, u64)>,
}

/// The counters since the baseline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Deltas {
    /// R.
    pub received: Option<i128>,
    /// U.
    pub unique: Option<i128>,
    /// D.
    pub duplicates: Option<i128>,
}

impl Deltas {
    /// What the counters have grown by.
    pub fn between(before: &Counters, after: &Counters) -> Self {
        let delta = |before: Option<u64>, after: Option<u64>| Some(i128::from(after?) - i128::from(before?));
        Self {
            received: delta(before.received, after.received),
            unique: delta(before.unique, after.unique),
            duplicates: delta(before.duplicates, after.duplicates),
        }
    }
}

/// A bound that is broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Break {
    /// In words.
    pub detail: String,
    /// Which bound.
    pub bound: Bound,
}

/// What kind of bound is broken, and so what may explain it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Less is counted than was done: no other writer explains that, and nothing that waited before the run.
    Below,
    /// More is counted than can have been done: another writer would explain it.
    Above,
    /// The counters contradict each other: only a baseline that was not at rest would explain it.
    Against,
}

impl Region {
    /// The region of these keys. `listed` says whether their `seen` is the whole truth.
    pub fn of(keys: &Keys, sums: &Sums, listed: bool, promised: Received) -> Self {
        let (mut acked_keys, mut attempted_keys, mut unknown_of_acked) = (0, 0, 0);
        let (mut present_low, mut present_high, mut present_keys) = (sums.acked, sums.acked, 0);
        let mut others = std::collections::BTreeMap::new();
        for (ordinal, state) in keys.iter() {
            let unknown = keys.unknown(ordinal);
            let acked = state.acked() > 0;
            acked_keys += u64::from(acked);
            attempted_keys += u64::from(acked || unknown > 0);
            if acked {
                unknown_of_acked += unknown;
            } else if unknown > 0 {
                *others.entry(unknown).or_insert(0_u64) += 1;
            }
            // An acknowledged key was stored, whatever became of it since: that is `lost`'s to say.
            if acked || (state.seen() > 0 && unknown > 0) {
                present_high += unknown;
                present_low += u64::from(!acked);
                present_keys += 1;
            }
        }
        let offered = if promised == Received::Offered { sums.rejected } else { 0 };
        let total = sums.acked + sums.unknown;
        Self {
            received: Bounds { low: sums.acked, high: total + offered },
            unique: Bounds { low: acked_keys, high: attempted_keys },
            duplicates: Bounds { low: sums.acked - acked_keys, high: total - attempted_keys },
            received_with_presence: listed
                .then_some(Bounds { low: present_low, high: present_high + offered }),
            unique_with_presence: listed.then_some(present_keys),
            stored_again: 0,
            unknown_of_acked,
            unknown_of_others: others.into_iter().rev().collect(),
        }
    }

    /// The same where keys can have been stored again so often: counted as unique, and not as duplicates.
    pub fn with_stored_again(mut self, stored_again: u64) -> Self {
        self.stored_again = stored_again;
        self.unique.high += stored_again;
        self.duplicates.low = self.duplicates.low.saturating_sub(stored_again);
        self
    }

    /// Whether the counters have at least what was acknowledged.
    pub fn reached(&self, deltas: &Deltas) -> bool {
        let at_least = |delta: Option<i128>, low: u64| delta.is_none_or(|delta| delta >= i128::from(low));
        at_least(deltas.received, self.received.low) && at_least(deltas.unique, self.unique.low)
    }

    /// Every bound that these counters break.
    pub fn breaks(&self, deltas: &Deltas, promised: Received) -> Vec<Break> {
        let mut breaks = Vec::new();
        let counters = [
            ("received", deltas.received, self.received),
            ("unique", deltas.unique, self.unique),
            ("duplicates", deltas.duplicates, self.duplicates),
        ];
        for (name, delta, bounds) in counters {
            let Some(delta) = delta else { continue };
            if let Some(bound) = bounds.broken_by(delta) {
                let detail = format!("{name} grew by {delta}, must be {}", range(bounds));
                breaks.push(Break { detail, bound });
            }
        }
        if let (Some(unique), Some(present)) = (deltas.unique, self.unique_with_presence)
            && let Some(bound) =
                (Bounds { low: present, high: present + self.stored_again }).broken_by(unique)
            && self.unique.broken_by(unique).is_none()
        {
            let again = if self.stored_again > 0 { " or more" } else { "" };
            let detail = format!("unique grew by {unique}, with the keys listed it must be {present}{again}");
            breaks.push(Break { detail, bound });
        }
        if promised == Received::Accepted {
            self.joint_breaks(deltas, &mut breaks);
        }
        breaks
    }

    fn joint_breaks(&self, deltas: &Deltas, breaks: &mut Vec<Break>) {
        let (Some(received), Some(unique)) = (deltas.received, deltas.unique) else {
            return;
        };
        if let Some(duplicates) = deltas.duplicates
            && received != unique + duplicates
        {
            let detail = format!("received {received} is not unique {unique} + duplicates {duplicates}");
            breaks.push(Break { detail, bound: Bound::Against });
        }
        if self.received.broken_by(received).is_some() || self.unique.broken_by(unique).is_some() {
            return;
        }
        let by_unknown = unique - i128::from(self.unique.low);
        let joint = self.joint(u64::try_from(by_unknown).expect("not below its lower bound"));
        // What is stored again says nothing of what was received.
        if let Some(bound) = joint.broken_by(received).filter(|_| self.stored_again == 0) {
            let detail =
                format!("received grew by {received}, with unique {unique} it must be {}", range(joint));
            // What waited before the run is stored without being received again: too few is a contradiction.
            let bound = if bound == Bound::Below { Bound::Against } else { bound };
            breaks.push(Break { detail, bound });
        }
        if let Some(listed) = self.received_with_presence
            && let Some(bound) = listed.broken_by(received)
        {
            let detail =
                format!("received grew by {received}, with the keys listed it must be {}", range(listed));
            breaks.push(Break { detail, bound });
        }
    }

    /// Where R must lie if `by_unknown` keys were stored by unknown attempts alone.
    pub fn joint(&self, by_unknown: u64) -> Bounds {
        let (mut left, mut largest) = (by_unknown, 0);
        for (unknown, keys) in &self.unknown_of_others {
            let taken = left.min(*keys);
            largest += taken * unknown;
            left -= taken;
        }
        let low = self.received.low + by_unknown;
        Bounds { low, high: self.received.low + self.unknown_of_acked + largest }
    }
}

fn range(bounds: Bounds) -> String {
    if bounds.slack() == 0 { format!("{}", bounds.low) } else { format!("{} to {}", bounds.low, bounds.high) }
}
