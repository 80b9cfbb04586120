//! Ages of keys: the time between their attempts, where a target promises to know a key for a
//! window only (`[promises] window`). A key that comes again later than that may be stored again,
//! without a fault.
//!
//! For example, the window is 10 s, and a key has attempts from 1 to 2 s and from 10 to 13 s. The
//! second one can have been executed 12 s after the first one began, so the key may have been
//! forgotten. Had it ended at 10.9 s, the key would still be known.

use std::ops::Range;
use std::time::Duration;

use super::interval::Interval;

/// Time from the earliest start of an attempt of a key to the latest moment at which one can be
/// executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    start: u64,
    end: u64,
    attempts: u32,
}

const NONE: Span = Span { start: u64::MAX, end: 0, attempts: 0 };

/// Spans of a range of keys. None are kept where keys are known for ever.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ages {
    window_ns: u64,
    first: u64,
    spans: Vec<Span>,
}

impl Ages {
    /// Starts without an attempt. If times do not show when an attempt was executed, every key that
    /// comes again may have been forgotten.
    pub fn new(window: Option<Duration>, times_tell: bool, keys: Range<u64>) -> Self {
        let Some(window) = window else { return Self::default() };
        let window_ns = if times_tell { u64::try_from(window.as_nanos()).unwrap_or(u64::MAX) } else { 0 };
        let count = usize::try_from(keys.end - keys.start).expect("keys fit in memory");
        Self { window_ns, first: keys.start, spans: vec![NONE; count] }
    }

    /// Takes an acknowledged attempt.
    pub(crate) fn take(&mut self, ordinal: u64, interval: Interval) {
        let Some(place) = ordinal.checked_sub(self.first) else { return };
        let Some(span) = self.spans.get_mut(place as usize) else { return };
        span.start = span.start.min(interval.start);
        span.end = span.end.max(interval.end);
        span.attempts += 1;
    }

    /// Takes an attempt whose fate is unknown: it may be executed at any later moment.
    pub(crate) fn take_unknown(&mut self, ordinal: u64, t_start: u64) {
        self.take(ordinal, Interval { start: t_start, end: u64::MAX });
    }

    /// Returns true if a key may have been forgotten when it came again.
    pub fn may_be_forgotten(&self, ordinal: u64) -> bool {
        let place = ordinal.checked_sub(self.first);
        place.and_then(|place| self.spans.get(place as usize)).is_some_and(|span| self.outgrows(span))
    }

    /// Number of times that keys can have been stored again, at most.
    pub fn stored_again(&self) -> u64 {
        let outgrown = self.spans.iter().filter(|span| self.outgrows(span));
        outgrown.map(|span| u64::from(span.attempts - 1)).sum()
    }

    fn outgrows(&self, span: &Span) -> bool {
        span.attempts > 1 && span.end.saturating_sub(span.start) > self.window_ns
    }
}
