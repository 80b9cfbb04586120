//! `counters`: the bounds that the ledger leaves to the target's own numbers.
//!
//! A key has c acknowledged and i unknown attempts. As growth since the baseline, summed over all
//! keys:
//!
//! - received R lies in [Σ c, Σ (c + i)];
//! - unique U lies in [number of keys with c >= 1, number of keys with c + i >= 1];
//! - duplicates D lie in [Σ max(0, c - 1), Σ max(0, c + i - 1)];
//! - R = U + D.
//!
//! The three are tied together. Let u = U - U_low be the number of keys that unknown attempts alone
//! have stored. Then R is at least R_low + u. It is at most R_low + (all unknown attempts of
//! acknowledged keys) + (the u largest numbers of unknown attempts among the other keys).
//!
//! A value outside is a certain failure. The width inside is the slack.
//!
//! For example, key 1 has two acknowledged attempts, key 2 an acknowledged and an unknown one, key
//! 3 two unknown ones. R lies in 3 to 6, U in 2 to 3, D in 1 to 3. If U grew by 2, key 3 was not
//! stored, and R is 3 or 4. If U grew by 3, then R is 4 to 6.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use truth::observed::counters::Counters;
use truth::scenario::promises::{Promises, Received, Unique};

use crate::books::keys::{Attempted, Keys};
use crate::books::tally::Sums;
use crate::numbers::{grouped, grouped_signed};

/// Number of events from which on a multiple of them is no chance.
const MANY: u64 = 100;

/// Limits of a counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// Least value.
    pub low: u64,
    /// Greatest value.
    pub high: u64,
}

impl Bounds {
    /// Width: the number of values beside the least.
    pub fn slack(&self) -> u64 {
        self.high - self.low
    }

    /// Number of times that a growth counts the only value that is allowed; none if it is no multiple
    /// of it, or of too few.
    fn factor(&self, growth: i128) -> Option<u64> {
        let growth = u64::try_from(growth).ok().filter(|_| self.slack() == 0 && self.low >= MANY)?;
        (growth > self.low && growth.is_multiple_of(self.low)).then_some(growth / self.low)
    }

    fn broken_by(&self, value: i128) -> Option<Bound> {
        if value < i128::from(self.low) {
            Some(Bound::Below)
        } else {
            (value > i128::from(self.high)).then_some(Bound::Above)
        }
    }
}

/// Values that the ledger leaves to the counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// Bounds of R.
    pub received: Bounds,
    /// Bounds of U.
    pub unique: Bounds,
    /// Bounds of D.
    pub duplicates: Bounds,
    /// Bounds of R, if the listing shows which keys are present.
    pub received_with_presence: Option<Bounds>,
    /// Value of U, if the listing shows which keys are present.
    pub unique_with_presence: Option<u64>,
    /// Number of times that keys can have been stored again, as they may have been forgotten.
    stored_again: u64,
    /// Unknown attempts of keys that were acknowledged.
    unknown_of_acked: u64,
    /// Unknown attempts of the other keys, from the largest number: (attempts of a key, such keys).
    unknown_of_others: Vec<(u64, u64)>,
}

/// Growth of the counters since the baseline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Deltas {
    /// Growth of `received`; none if the target does not report it.
    pub received: Option<i128>,
    /// Growth of `unique`; none if the target does not report it.
    pub unique: Option<i128>,
    /// Growth of `duplicates`; none if the target does not report it.
    pub duplicates: Option<i128>,
}

impl Deltas {
    /// Growth of the counters from one reading to another.
    pub fn between(before: &Counters, after: &Counters) -> Self {
        let delta = |before: Option<u64>, after: Option<u64>| Some(i128::from(after?) - i128::from(before?));
        Self {
            received: delta(before.received, after.received),
            unique: delta(before.unique, after.unique),
            duplicates: delta(before.duplicates, after.duplicates),
        }
    }

    /// Leaves out a count of rows that others may delete.
    pub fn of_our_own(self, promises: &Promises) -> Self {
        let is_of_all = promises.is_shared() && promises.unique == Some(Unique::Rows);
        Self { unique: self.unique.filter(|_| !is_of_all), ..self }
    }
}

/// A counter outside its bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Break {
    /// Sentence about it.
    pub detail: String,
    /// Bound that is broken.
    pub bound: Bound,
    /// Number of times that the counter counts what was sent, if that is what breaks the bound.
    pub factor: Option<u64>,
}

/// Kind of a broken bound, which decides what may explain it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Less is counted than was done. Neither another writer nor events that waited before explain
    /// that.
    Below,
    /// More is counted than can have been done. Another writer would explain that.
    Above,
    /// The counters contradict each other. Only a baseline that was not at rest would explain that.
    Against,
}

impl Region {
    /// Makes the region of these keys, and of the sentinels, which are counted alike. `listed` is true
    /// if the listing shows every key.
    pub fn of(keys: &Keys, sums: &Sums, listed: bool, promised: Option<Received>) -> Self {
        let mut acked_keys = 0;
        let mut attempted_keys = 0;
        let mut unknown_of_acked = 0;
        let mut present = Bounds { low: sums.acked, high: sums.acked };
        let mut present_keys = 0;
        let mut others = std::collections::BTreeMap::new();
        for Attempted { state, unknown } in keys.attempted() {
            let acked = state.acked() > 0;
            acked_keys += u64::from(acked);
            attempted_keys += u64::from(acked || unknown > 0);
            if acked {
                unknown_of_acked += unknown;
            } else if unknown > 0 {
                *others.entry(unknown).or_insert(0_u64) += 1;
            }
            // An acknowledged key was stored, even if it is absent now: `lost` reports that.
            if acked || (state.seen() > 0 && unknown > 0) {
                present.high += unknown;
                present.low += u64::from(!acked);
                present_keys += 1;
            }
        }
        let offered = if promised == Some(Received::Accepted) { 0 } else { sums.rejected };
        let total = sums.acked + sums.uncertain();
        Self {
            received: Bounds { low: sums.acked, high: total + offered },
            unique: Bounds { low: acked_keys, high: attempted_keys },
            duplicates: Bounds { low: sums.acked - acked_keys, high: total - attempted_keys },
            received_with_presence: listed
                .then_some(Bounds { low: present.low, high: present.high + offered }),
            unique_with_presence: listed.then_some(present_keys),
            stored_again: 0,
            unknown_of_acked,
            unknown_of_others: others.into_iter().rev().collect(),
        }
    }

    /// Widens the region by keys that can have been stored again: counted as unique, not as
    /// duplicates.
    pub fn with_stored_again(mut self, stored_again: u64) -> Self {
        self.stored_again = stored_again;
        self.unique.high += stored_again;
        self.duplicates.low = self.duplicates.low.saturating_sub(stored_again);
        self
    }

    /// Returns true if the counters have at least what was acknowledged.
    pub fn reached(&self, deltas: &Deltas) -> bool {
        let at_least = |delta: Option<i128>, low: u64| delta.is_none_or(|delta| delta >= i128::from(low));
        at_least(deltas.received, self.received.low) && at_least(deltas.unique, self.unique.low)
    }

    /// Lists the bounds that these counters break.
    pub fn breaks(&self, deltas: &Deltas, promised: Option<Received>) -> Vec<Break> {
        let mut breaks = Vec::new();
        let counters = [
            ("received", "events", deltas.received, self.received),
            ("unique", "keys", deltas.unique, self.unique),
            ("duplicates", "repeats", deltas.duplicates, self.duplicates),
        ];
        for (name, what, delta, bounds) in counters {
            let Some(delta) = delta else { continue };
            let Some(bound) = bounds.broken_by(delta) else { continue };
            let factor = bounds.factor(delta);
            let detail = match factor {
                Some(factor) => format!(
                    "{name} grew by {}, {factor} times the {} {what} that were sent",
                    grouped(factor * bounds.low),
                    grouped(bounds.low)
                ),
                None => format!("{name} grew by {}, must be {}", grouped_signed(delta), range(bounds)),
            };
            breaks.push(Break { detail, bound, factor });
        }
        if let (Some(unique), Some(present)) = (deltas.unique, self.unique_with_presence)
            && let Some(bound) =
                (Bounds { low: present, high: present + self.stored_again }).broken_by(unique)
            && self.unique.broken_by(unique).is_none()
        {
            let again = if self.stored_again > 0 { " or more" } else { "" };
            let detail = format!(
                "unique grew by {}, with the keys listed it must be {}{again}",
                grouped_signed(unique),
                grouped(present)
            );
            breaks.push(Break { detail, bound, factor: None });
        }
        if promised == Some(Received::Accepted) {
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
            let [received, unique, duplicates] = [received, unique, duplicates].map(grouped_signed);
            let detail = format!("received {received} is not unique {unique} + duplicates {duplicates}");
            breaks.push(Break { detail, bound: Bound::Against, factor: None });
        }
        if self.received.broken_by(received).is_some() || self.unique.broken_by(unique).is_some() {
            return;
        }
        let by_unknown = unique - i128::from(self.unique.low);
        let joint = self.joint(u64::try_from(by_unknown).expect("not below its lower bound"));
        // What is stored again says nothing of what was received.
        if let Some(bound) = joint.broken_by(received).filter(|_| self.stored_again == 0) {
            let [received, unique] = [received, unique].map(grouped_signed);
            let detail =
                format!("received grew by {received}, with unique {unique} it must be {}", range(joint));
            // What waited before the run is stored without being received again: too few is a
            // contradiction.
            let bound = if bound == Bound::Below { Bound::Against } else { bound };
            breaks.push(Break { detail, bound, factor: None });
        }
        if let Some(listed) = self.received_with_presence
            && let Some(bound) = listed.broken_by(received)
        {
            let received = grouped_signed(received);
            let detail =
                format!("received grew by {received}, with the keys listed it must be {}", range(listed));
            breaks.push(Break { detail, bound, factor: None });
        }
    }

    /// Bounds of R if unknown attempts alone stored `by_unknown` keys.
    pub fn joint(&self, by_unknown: u64) -> Bounds {
        let mut left = by_unknown;
        let mut largest = 0;
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
    match bounds.slack() {
        0 => grouped(bounds.low),
        _ => format!("{} to {}", grouped(bounds.low), grouped(bounds.high)),
    }
}
