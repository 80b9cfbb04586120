//! Ages of keys: the time between their attempts, where a target promises to know a key for a
//! window only (`[promises] window`). A key that comes again later than that may be stored again,
//! without a fault.
//!
//! For example, the window is 10 s, and a key has attempts from 1 to 2 s and from 10 to 13 s. The
//! second one can have been executed 12 s after the first one began, so the key may have been
//! forgotten. Had it ended at 10.9 s, the key would still be known, if events are stored by the time
//! of their acknowledgement. If they may be stored later, a second attempt that ended at 10.9 s may
//! have been executed at 12 s. But whatever the last look shows was stored before its end: if that
//! was at 10.95 s, the key was known.
//!
//! Nor may a key be stored more often than that. From the first start until the last moment of an
//! execution it can have been forgotten once in each window, and each attempt stores it once at most.
//! A request that was refused is an attempt as any other, unless refusals are promised to have no
//! effect.

use std::ops::Range;
use std::time::Duration;

use super::interval::Interval;

/// End of the looking, by the clock of the requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Looked {
    /// Monotonic time in nanoseconds.
    pub ended_ns: u64,
    /// Time for which that clock stood still since the first request: the machine slept.
    pub asleep_ns: u64,
}

/// Limits of the moments at which attempts can have been executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// True if all times are of one clock.
    pub one_clock: bool,
    /// True if an acknowledged event is promised to be stored by then.
    pub is_committed: bool,
    /// End of the looking. What was stored later is not shown.
    pub looked: Option<Looked>,
}

/// Age of a key when its last copy was stored, beside the promised window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Age {
    /// One of its rows was stored while it was known, whenever that was, and whoever sent it.
    Known,
    /// The same, if each acknowledged attempt was executed by the time of its response, and nobody
    /// else sent the key.
    KnownByResponses,
    /// Each of its further rows may have been stored after the window, when the key was forgotten.
    MayBeForgotten,
}

/// Attempts of a key, in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    /// Earliest start.
    start: u64,
    /// Earliest start of an acknowledged attempt.
    acked_start: u64,
    /// Latest end of an acknowledged attempt.
    acked: u64,
    /// Number of attempts. The highest bit says that the outcome of one of them is uncertain.
    attempts: u32,
}

const NONE: Span = Span { start: u64::MAX, acked_start: u64::MAX, acked: 0, attempts: 0 };

const UNCERTAIN: u32 = 1 << 31;

impl Span {
    /// Number of attempts, and at least the one that a row tells of.
    fn attempts(self) -> u64 {
        u64::from(self.attempts & !UNCERTAIN).max(1)
    }

    fn is_uncertain(self) -> bool {
        self.attempts & UNCERTAIN != 0
    }
}

/// Spans of a range of keys. None are kept where keys are known for ever.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ages {
    window_ns: u64,
    times: Times,
    first: u64,
    spans: Vec<Span>,
}

impl Ages {
    /// Starts without an attempt.
    pub fn new(window: Duration, times: Times, keys: Range<u64>) -> Self {
        let window_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        // While the machine slept, the target may have forgotten.
        let asleep_ns = times.looked.map_or(0, |looked| looked.asleep_ns);
        let count = usize::try_from(keys.end - keys.start).expect("keys fit in memory");
        let window_ns = window_ns.saturating_sub(asleep_ns);
        Self { window_ns, times, first: keys.start, spans: vec![NONE; count] }
    }

    /// Takes an acknowledged attempt.
    pub(crate) fn take(&mut self, ordinal: u64, interval: Interval) {
        let Some(span) = self.span_mut(ordinal) else { return };
        span.start = span.start.min(interval.start);
        span.acked_start = span.acked_start.min(interval.start);
        span.acked = span.acked.max(interval.end);
        span.attempts += 1;
    }

    /// Takes an attempt whose outcome is uncertain: it may be executed at any later moment.
    pub(crate) fn take_uncertain(&mut self, ordinal: u64, t_start: u64) {
        let Some(span) = self.span_mut(ordinal) else { return };
        span.start = span.start.min(t_start);
        span.attempts = (span.attempts + 1) | UNCERTAIN;
    }

    /// Returns the age of a key when its last copies were stored, if it has so many rows.
    pub fn age(&self, ordinal: u64, rows: u8) -> Age {
        self.span(ordinal).map_or(Age::Known, |span| self.age_of(span, u64::from(rows)))
    }

    /// Returns the number of times that a key can rightly have been stored, as far as promises tell.
    pub fn times_stored(&self, ordinal: u64) -> u64 {
        self.span(ordinal).map_or(1, |span| self.most(span))
    }

    /// Returns true if a key may have been forgotten when it came again, as far as promises tell.
    pub fn may_be_forgotten(&self, ordinal: u64) -> bool {
        self.times_stored(ordinal) > 1
    }

    /// Returns true if a response may rightly call a key new that an earlier one has called so. What
    /// a response says was decided by its end, whenever the event is stored.
    pub fn may_be_new_again(&self, ordinal: u64) -> bool {
        let outgrows = |span: Span| self.windows(span.acked_start, span.acked) > 1;
        self.span(ordinal).is_some_and(outgrows)
    }

    /// Number of times that keys can have been stored again, at most.
    pub fn stored_again(&self) -> u64 {
        self.spans.iter().map(|span| self.most(*span) - 1).sum()
    }

    /// Number of times that a key can rightly have been stored, as far as promises tell.
    fn most(&self, span: Span) -> u64 {
        let end = if self.times.is_committed { self.responded(span) } else { self.looked() };
        self.windows(span.start, end).min(span.attempts())
    }

    fn age_of(&self, span: Span, rows: u64) -> Age {
        let by_responses = self.windows(span.start, self.responded(span)).min(span.attempts());
        if rows > self.windows(span.start, self.looked()) {
            Age::Known
        } else if rows > by_responses {
            Age::KnownByResponses
        } else {
            Age::MayBeForgotten
        }
    }

    fn looked(&self) -> u64 {
        self.times.looked.map_or(u64::MAX, |looked| looked.ended_ns)
    }

    /// Last moment at which an attempt can have been executed, if what is acknowledged is stored.
    fn responded(&self, span: Span) -> u64 {
        if span.is_uncertain() { self.looked() } else { span.acked }
    }

    /// Number of times that a key can be stored between two moments, each a window or more after the
    /// one before. Moments of several clocks have no order.
    fn windows(&self, from: u64, until: u64) -> u64 {
        let passed = until.saturating_sub(from);
        match (self.times.one_clock, passed > self.window_ns) {
            (false, _) => u64::MAX,
            (true, false) => 1,
            (true, true) => {
                passed.checked_div(self.window_ns).map_or(u64::MAX, |whole| whole.saturating_add(1))
            }
        }
    }

    fn span(&self, ordinal: u64) -> Option<Span> {
        let place = ordinal.checked_sub(self.first)?;
        self.spans.get(usize::try_from(place).ok()?).copied()
    }

    fn span_mut(&mut self, ordinal: u64) -> Option<&mut Span> {
        let place = ordinal.checked_sub(self.first)?;
        self.spans.get_mut(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Age of a key with an attempt at once and one that ends at 9 s, under a window of 10 s.
    fn age(times: Times) -> Age {
        let mut ages = Ages::new(Duration::from_secs(10), times, 0..1);
        ages.take(0, Interval { start: 0, end: 1 });
        ages.take(0, Interval { start: 8 * SECOND, end: 9 * SECOND });
        ages.age(0, 2)
    }

    #[test]
    fn what_a_look_shows_was_stored_before_its_end() {
        let looked = |s: u64| Some(Looked { ended_ns: s * SECOND, asleep_ns: 0 });
        for is_committed in [false, true] {
            for (looked, expected) in
                [(None, Age::KnownByResponses), (looked(99), Age::KnownByResponses), (looked(10), Age::Known)]
            {
                let times = Times { one_clock: true, is_committed, looked };
                assert_eq!(age(times), expected);
                let apart = Times { one_clock: false, ..times };
                assert_eq!(age(apart), Age::MayBeForgotten);
            }
        }
        let asleep = Some(Looked { ended_ns: 10 * SECOND, asleep_ns: 2 * SECOND });
        let times = Times { one_clock: true, is_committed: true, looked: asleep };
        assert_eq!(age(times), Age::MayBeForgotten, "two of the ten seconds passed unseen");
    }

    #[test]
    fn an_attempt_whose_outcome_is_uncertain_may_be_executed_until_the_end_of_the_look() {
        for (looked, expected) in
            [(None, Age::MayBeForgotten), (Some(11), Age::MayBeForgotten), (Some(10), Age::Known)]
        {
            let looked = looked.map(|s| Looked { ended_ns: s * SECOND, asleep_ns: 0 });
            let times = Times { one_clock: true, is_committed: true, looked };
            let mut ages = Ages::new(Duration::from_secs(10), times, 0..1);
            ages.take_uncertain(0, 0);
            assert!(!ages.may_be_forgotten(0) && ages.age(0, 2) != Age::MayBeForgotten, "it came once");
            ages.take(0, Interval { start: 1, end: 2 });
            assert_eq!(ages.age(0, 2), expected);
            assert!(!ages.may_be_new_again(0), "no response of it came so late");
        }
    }

    /// Ages of a key that came at once and at each of these seconds, under a window of 10 s.
    fn came_at(seconds: &[u64], looked_s: u64) -> Ages {
        let looked = Some(Looked { ended_ns: looked_s * SECOND, asleep_ns: 0 });
        let times = Times { one_clock: true, is_committed: true, looked };
        let mut ages = Ages::new(Duration::from_secs(10), times, 0..1);
        for s in seconds {
            ages.take(0, Interval { start: s * SECOND, end: s * SECOND + 1 });
        }
        ages
    }

    #[test]
    fn a_key_is_stored_once_for_an_attempt_and_once_in_a_window() {
        for (seconds, most) in [
            (&[0][..], 1),
            (&[0, 9], 1),
            (&[0, 12], 2),
            (&[0, 11, 12], 2),
            (&[0, 12, 24], 3),
            (&[0, 12, 99], 3),
        ] {
            let ages = came_at(seconds, 1_000);
            assert_eq!((ages.times_stored(0), ages.stored_again()), (most, most - 1), "{seconds:?}");
            for rows in 1..=3 {
                let expected =
                    if u64::from(rows) > most { Age::KnownByResponses } else { Age::MayBeForgotten };
                assert_eq!(ages.age(0, rows), expected, "{rows} rows, {seconds:?}");
            }
        }
        assert_eq!(came_at(&[0, 12], 15).age(0, 3), Age::Known, "nobody can have stored it thrice by then");
    }

    #[test]
    fn a_response_is_held_to_the_window_after_another_response() {
        let mut ages = came_at(&[12, 20], 30);
        ages.take_uncertain(0, 0);
        assert!(ages.may_be_forgotten(0), "the first attempt may have stored it");
        assert!(!ages.may_be_new_again(0), "two responses within a window");
    }
}
