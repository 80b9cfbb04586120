//! How far apart the attempts of each key lie, where a target promises to know a key again for so long only
//! (`[promises] window`). One that comes later may be stored again, and none is blamed for it.

use std::ops::Range;
use std::time::Duration;

/// From the earliest start of an attempt of a key to the latest moment at which one can have been executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    start: u64,
    end: u64,
    attempts: u32,
}

const NONE: Span = Span { start: u64::MAX, end: 0, attempts: 0 };

/// The spans of a range of keys; none are kept where keys are known for ever.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ages {
    window_ns: u64,
    first: u64,
    spans: Vec<Span>,
}

impl Ages {
    /// No attempt yet. Where times do not tell when an attempt was executed, a key that comes again may have been forgotten.
    pub fn new(window: Option<Duration>, times_tell: bool, keys: Range<u64>) -> Self {
        let Some(window) = window else { return Self::default() };
        let window_ns = if times_tell { u64::try_from(window.as_nanos()).unwrap_or(u64::MAX) } else { 0 };
        let count = usize::try_from(keys.end - keys.start).expect("keys fit in memory");
        Self { window_ns, first: keys.start, spans: vec![NONE; count] }
    }

    /// Takes an acknowledged attempt.
    pub(crate) fn take(&mut self, ordinal: u64, t_start: u64, t_end: u64) {
        let Some(place) = ordinal.checked_sub(self.first) else { return };
        let Some(span) = self.spans.get_mut(place as usize) else { return };
        span.start = span.start.min(t_start);
        span.end = span.end.max(t_end);
        span.attempts += 1;
    }

    /// Takes an attempt whose fate is unknown: it may be executed at any later moment.
    pub(crate) fn take_unknown(&mut self, ordinal: u64, t_start: u64) {
        self.take(ordinal, t_start, u64::MAX);
    }

    /// Whether a key may have been forgotten when it came again.
    pub fn may_be_forgotten(&self, ordinal: u64) -> bool {
        let place = ordinal.checked_sub(self.first);
        place.and_then(|place| self.spans.get(place as usize)).is_some_and(|span| self.outgrows(span))
    }

    /// How often a key can have been stored again, at most, over all keys.
    pub fn stored_again(&self) -> u64 {
        let outgrown = self.spans.iter().filter(|span| self.outgrows(span));
        outgrown.map(|span| u64::from(span.attempts - 1)).sum()
    }

    fn outgrows(&self, span: &Span) -> bool {
        span.attempts > 1 && span.end.saturating_sub(span.start) > self.window_ns
    }
}
