//! Lost keys of a target that shows not all it has, and nobody knows where it stops. If what it shows is in the order of
//! time, it is a stretch of that order: whatever was stored after one of its rows and before another, both of its topic,
//! would be among them.
//!
//! A key was stored after the start of its first attempt and before its first acknowledgement. A listing is taken to be in
//! the order of time, either way, if no two of its rows contradict that and many follow one another.

use std::collections::{HashMap, HashSet};

use truth::scenario::promises::Ack;

use crate::books::keys::Class;
use crate::books::walk::WalkError;
use crate::facts::Facts;
use crate::history;
use crate::verdict::Attempt;

/// How many unaccounted keys are told apart by name.
pub(super) const NAMED: usize = 100_000;

/// So many rows, of which so many follow one another in time, show an order.
const ROWS: usize = 32;
const DEPTH: usize = 4;

/// How many attempts of a key are looked at; of one with more it is not known when it was stored.
const MOST_ATTEMPTS: usize = history::SHOWN_ATTEMPTS - 1;

/// When a key was stored: not before, and not after.
type Interval = (u64, u64);

/// The lost keys that would be shown if they were there.
pub(super) fn passed(facts: &Facts<'_>) -> Result<HashSet<u64>, WalkError> {
    let (evidence, sample) = (facts.evidence, facts.evidence.observed.listing.tells_within());
    // What is stored later may be stored behind all that is shown.
    if sample.is_empty() || evidence.promises.ack == Ack::Queued || !evidence.one_clock {
        return Ok(HashSet::new());
    }
    let mut keys = facts.tally.keys.of_class(Class::Lost, NAMED).keys;
    let wanted = keys.iter().chain(sample).copied().collect();
    let intervals: HashMap<u64, Interval> = history::histories(evidence, &wanted)?
        .into_iter()
        .filter_map(|(ordinal, attempts)| Some((ordinal, interval(&attempts)?)))
        .collect();
    let shown: Vec<(u64, Interval)> =
        sample.iter().filter_map(|ordinal| Some((*ordinal, *intervals.get(ordinal)?))).collect();
    let in_time = || shown.iter().map(|(_, interval)| interval);
    if !is_in_order(in_time()) && !is_in_order(in_time().rev()) {
        return Ok(HashSet::new());
    }
    // Each topic by itself: a target may hold back rows of one, and show those of others from the same time.
    let mut stretches: HashMap<&str, Stretch> = HashMap::new();
    for (ordinal, interval) in &shown {
        stretches.entry(evidence.events.topic(*ordinal)).or_default().take(*ordinal, *interval);
    }
    keys.retain(|ordinal| {
        let stretch = stretches.get(evidence.events.topic(*ordinal));
        let interval = intervals.get(ordinal);
        stretch.zip(interval).is_some_and(|(stretch, interval)| stretch.spans(*ordinal, *interval))
    });
    Ok(keys.into_iter().collect())
}

/// What of one topic is shown.
struct Stretch {
    /// The lowest and the highest key: where the order is that of the timestamps sent, it is that of the keys' numbers.
    keys: (u64, u64),
    /// By when one row was stored, and from when on another.
    stored_by: u64,
    stored_from: u64,
}

impl Default for Stretch {
    fn default() -> Self {
        Self { keys: (u64::MAX, 0), stored_by: u64::MAX, stored_from: 0 }
    }
}

impl Stretch {
    fn take(&mut self, ordinal: u64, (begun, stored): Interval) {
        self.keys = (self.keys.0.min(ordinal), self.keys.1.max(ordinal));
        self.stored_by = self.stored_by.min(stored);
        self.stored_from = self.stored_from.max(begun);
    }

    /// Whether a key was stored after one of the rows and before another.
    fn spans(&self, ordinal: u64, (begun, stored): Interval) -> bool {
        let is_between = self.keys.0 < ordinal && ordinal < self.keys.1;
        is_between && self.stored_by < begun && stored < self.stored_from
    }
}

/// When a key was stored, if it was acknowledged.
fn interval(attempts: &[Attempt]) -> Option<Interval> {
    let begun = attempts.iter().map(|attempt| attempt.start_us).min()?;
    let acked = attempts.iter().filter(|attempt| attempt.outcome.is_acked());
    let stored = acked.filter_map(|attempt| attempt.end_us).min()?;
    (attempts.len() <= MOST_ATTEMPTS).then_some((begun, stored))
}

/// Whether keys can have been stored in this order, and many of them only in it.
fn is_in_order<'a>(shown: impl ExactSizeIterator<Item = &'a Interval>) -> bool {
    let rows = shown.len();
    let (mut begun_by_now, mut depth, mut depth_until) = (0, 0, 0);
    for (begun, stored) in shown {
        begun_by_now = begun_by_now.max(*begun);
        if *stored < begun_by_now {
            return false;
        }
        if *begun > depth_until {
            (depth, depth_until) = (depth + 1, *stored);
        }
    }
    rows >= ROWS && depth >= DEPTH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many at once, one group after the other.
    fn groups(of: u64) -> Vec<Interval> {
        (0..64).map(|nth| (nth / of * 10 + nth % of, nth / of * 10 + 10 + nth % of)).collect()
    }

    #[test]
    fn an_order_is_shown_by_many_rows_that_follow_one_another() {
        for of in [1, 4, 9] {
            assert!(is_in_order(groups(of).iter()), "{of}");
            assert!(!is_in_order(groups(of).iter().rev()), "{of}");
        }
        assert!(!is_in_order(groups(32).iter()), "all at once");
        assert!(!is_in_order(groups(1)[..ROWS - 1].iter()), "too few");
    }

    #[test]
    fn one_row_out_of_order_shows_that_there_is_none() {
        let mut shown = groups(4);
        let early = shown.remove(3);
        shown.push(early);
        assert!(!is_in_order(shown.iter()));
    }
}
