//! Lost keys of a target that shows a part of its rows, without saying where it stops. If that part
//! is in the order of time, it is a stretch of that order. A key of the same topic that was stored
//! after one of its rows and before another would be in it.
//!
//! A key was stored after the start of its first attempt and before its first acknowledgement. A
//! listing counts as ordered by time, either way, if no two of its rows contradict that, and many
//! follow one another.
//!
//! For example, a topic shows rows that were stored from 1 to 2 s and from 8 to 9 s. A key that was
//! stored between 4 and 5 s lies between them: absent, it is lost. A key that was stored between
//! 1.5 and 5 s may lie before the first row: absent, it may be unseen.

use std::collections::{HashMap, HashSet};

use truth::scenario::promises::Ack;

use crate::books::interval::Interval;
use crate::books::keys::Class;
use crate::books::walk::WalkError;
use crate::facts::Facts;
use crate::history;
use crate::verdict::Attempt;

/// Number of keys of a class that are looked at one by one.
pub(super) const NAMED: usize = 100_000;

/// Number of rows that show an order.
const ROWS: usize = 32;

/// Number of rows among them that follow one another in time.
const DEPTH: usize = 4;

/// Number of attempts of a key that are known at most. A key with more was stored at an unknown
/// time.
const MOST_ATTEMPTS: usize = history::SHOWN_ATTEMPTS - 1;

/// Finds the lost keys that would be shown if they were present.
pub(super) fn passed(facts: &Facts<'_>) -> Result<HashSet<u64>, WalkError> {
    let evidence = facts.evidence;
    let sample = evidence.observed.listing.tells_within();
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
    // Each topic by itself: a target may hold back rows of one, and show those of others from the
    // same time.
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

/// Rows of one topic that are shown.
struct Stretch {
    /// Lowest key. If rows are ordered by the timestamps sent, they are ordered by the keys'
    /// numbers.
    lowest: u64,
    /// Highest key.
    highest: u64,
    /// Earliest moment by which a row was stored.
    stored_by: u64,
    /// Latest moment before which another was not.
    stored_from: u64,
}

impl Default for Stretch {
    fn default() -> Self {
        Self { lowest: u64::MAX, highest: 0, stored_by: u64::MAX, stored_from: 0 }
    }
}

impl Stretch {
    fn take(&mut self, ordinal: u64, stored: Interval) {
        self.lowest = self.lowest.min(ordinal);
        self.highest = self.highest.max(ordinal);
        self.stored_by = self.stored_by.min(stored.end);
        self.stored_from = self.stored_from.max(stored.start);
    }

    /// Returns true if a key was stored after one of the rows and before another.
    fn spans(&self, ordinal: u64, stored: Interval) -> bool {
        let is_between = self.lowest < ordinal && ordinal < self.highest;
        is_between && self.stored_by < stored.start && stored.end < self.stored_from
    }
}

/// Time in which a key was stored, if it was acknowledged.
fn interval(attempts: &[Attempt]) -> Option<Interval> {
    let start = attempts.iter().map(|attempt| attempt.start_us).min()?;
    let acked = attempts.iter().filter(|attempt| attempt.outcome.is_acked());
    let end = acked.filter_map(|attempt| attempt.end_us).min()?;
    (attempts.len() <= MOST_ATTEMPTS).then_some(Interval { start, end })
}

/// Returns true if keys can have been stored in this order, and many of them only in it.
fn is_in_order<'a>(shown: impl ExactSizeIterator<Item = &'a Interval>) -> bool {
    let rows = shown.len();
    let mut begun_by_now = 0;
    let mut depth = 0;
    let mut depth_until = 0;
    for stored in shown {
        begun_by_now = begun_by_now.max(stored.start);
        if stored.end < begun_by_now {
            return false;
        }
        if stored.start > depth_until {
            depth += 1;
            depth_until = stored.end;
        }
    }
    rows >= ROWS && depth >= DEPTH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of this many rows at once, one group after the other.
    fn groups(of: u64) -> Vec<Interval> {
        let start = |nth: u64| nth / of * 10 + nth % of;
        (0..64).map(|nth| Interval { start: start(nth), end: start(nth) + 10 }).collect()
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
