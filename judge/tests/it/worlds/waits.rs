//! Waits: the times for which nothing may move before a finding counts, as promised or by default.

use std::time::Duration;

use truth::scenario::promises::{Promises, StatsPromise};

use super::world::{MILLISECOND, SECOND, Us};

/// Time if nobody promised how long something may take.
const SETTLE: Us = 10 * SECOND;

/// Time if nothing is amiss.
const LEAST: Us = 500 * MILLISECOND;

/// Times for which nothing may move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    pub(super) least: Us,
    pub(super) settle: Us,
    drain: Option<Us>,
    visible: Option<Us>,
    merge: Option<Us>,
    stats_lag: Option<Us>,
}

impl Quiet {
    pub(super) fn of(promises: &Promises, is_in_doubt: bool) -> Self {
        let micros = |time: Duration| time.as_micros() as Us;
        let at_once = |is_promised: bool| is_promised.then_some(Duration::ZERO);
        let is_snapshot = promises.stats == Some(StatsPromise::Snapshot);
        let zombie = if is_in_doubt || promises.is_queued() { micros(promises.zombie) } else { 0 };
        Self {
            least: zombie.max(LEAST),
            settle: SETTLE,
            drain: promises.drain.or(at_once(promises.is_committed())).map(micros),
            visible: promises.visible.map(micros),
            merge: promises.merge.map(micros),
            stats_lag: promises.stats_lag.or(at_once(is_snapshot)).map(micros),
        }
    }

    pub(super) fn of_missing(&self) -> Us {
        self.of_these([self.drain, self.visible])
    }

    pub(super) fn of_copies(&self) -> Us {
        self.of_these([self.merge])
    }

    pub(super) fn of_counters(&self) -> Us {
        self.of_these([self.drain, self.stats_lag])
    }

    /// The longest time that is promised for a finding.
    pub(super) fn promised(&self) -> Us {
        let then = |time: Option<Us>| self.drain.unwrap_or_default() + time.unwrap_or_default();
        let longest = then(self.visible).max(then(self.stats_lag)).max(self.merge.unwrap_or_default());
        if longest == 0 { 0 } else { longest + self.least }
    }

    fn of_these<const N: usize>(&self, times: [Option<Us>; N]) -> Us {
        let promised = times.iter().flatten().sum::<Us>() + self.least;
        if times.iter().all(Option::is_some) { promised } else { promised.max(self.settle) }
    }
}
