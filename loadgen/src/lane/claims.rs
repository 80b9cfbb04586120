//! Claims on rounds: each round of an executor is sent by one lane.

use std::sync::atomic::{AtomicU64, Ordering};

/// Rounds of an executor. They are either shared, so that the next round goes to the lane that asks
/// first, or dealt, so that each lane has its own. The counters are all that lanes share, and are
/// touched once a round.
#[derive(Debug)]
pub(crate) struct Claims {
    next: Vec<AtomicU64>,
    step: u64,
    rounds: u64,
}

impl Claims {
    /// Shares the rounds: the next one goes to the lane that asks first.
    pub(crate) fn shared(rounds: u64) -> Self {
        Self { next: vec![AtomicU64::new(0)], step: 1, rounds }
    }

    /// Deals the rounds out: every lane has its own.
    pub(crate) fn dealt(rounds: u64, lanes: u16) -> Self {
        let next = (0..lanes).map(|lane| AtomicU64::new(u64::from(lane))).collect();
        Self { next, step: u64::from(lanes), rounds }
    }

    fn of(&self, lane: u16) -> &AtomicU64 {
        &self.next[usize::from(lane) % self.next.len()]
    }

    /// True if no round is left for a lane.
    pub(super) fn is_exhausted(&self, lane: u16) -> bool {
        self.is_exhausted_below(lane, u64::MAX)
    }

    /// True if no round below this one is left for a lane.
    pub(super) fn is_exhausted_below(&self, lane: u16, end: u64) -> bool {
        self.of(lane).load(Ordering::Relaxed) >= self.rounds.min(end)
    }

    /// Claims the next round for a lane, if there is one below `end`.
    pub(super) fn claim(&self, lane: u16, end: u64) -> Option<u64> {
        let end = self.rounds.min(end);
        let following = |nth: u64| (nth < end).then(|| nth.saturating_add(self.step));
        self.of(lane).fetch_update(Ordering::Relaxed, Ordering::Relaxed, following).ok()
    }
}
