//! Claims on rounds: which lane of a part opens which round.

use std::sync::atomic::{AtomicU64, Ordering};

/// The rounds of a part: handed out one by one to all lanes, the only counter that they share, touched once a round; or
/// dealt, where each lane has its own instants.
#[derive(Debug)]
pub(crate) struct Claims {
    next: Vec<AtomicU64>,
    step: u64,
    rounds: u64,
}

impl Claims {
    /// Whoever asks first has the next.
    pub(crate) fn shared(rounds: u64) -> Self {
        Self { next: vec![AtomicU64::new(0)], step: 1, rounds }
    }

    /// Every lane has its own.
    pub(crate) fn dealt(rounds: u64, lanes: u16) -> Self {
        let next = (0..lanes).map(|lane| AtomicU64::new(u64::from(lane))).collect();
        Self { next, step: u64::from(lanes), rounds }
    }

    fn of(&self, lane: u16) -> &AtomicU64 {
        &self.next[usize::from(lane) % self.next.len()]
    }

    pub(super) fn is_exhausted(&self, lane: u16) -> bool {
        self.of(lane).load(Ordering::Relaxed) >= self.rounds
    }

    pub(super) fn claim(&self, lane: u16) -> Option<u64> {
        // Asked first, so that lanes that ask again and again do not count up for ever.
        if self.is_exhausted(lane) {
            return None;
        }
        let nth = self.of(lane).fetch_add(self.step, Ordering::Relaxed);
        (nth < self.rounds).then_some(nth)
    }
}
