//! Waits: the times that a target promises, and from them the time for which nothing may move
//! before a finding counts.
//!
//! For example, a key is not listed. It may still wait in a queue (`drain`), and a stored event may
//! be listed late (`visible`). With both promised, as 30 s and 5 s, nothing may move for 35.5 s.
//! With one of them promised, nothing may move for that time or for `--settle`, whichever is
//! longer.

use std::time::Duration;

use truth::scenario::promises::{Promises, StatsPromise};

/// Promised times; none without a promise, and zero for the promise of no delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Waits {
    /// Time until everything accepted is stored.
    pub(super) drain: Option<Duration>,
    /// Time until what is stored is listed.
    pub(super) visible: Option<Duration>,
    /// Time until copies of a key are one row.
    pub(super) merge: Option<Duration>,
    /// Time until what is stored is counted.
    pub(super) stats_lag: Option<Duration>,
}

impl From<&Promises> for Waits {
    fn from(promises: &Promises) -> Self {
        // What is stored before the response waits for nothing, and a snapshot counts it.
        let at_once = |is_promised: bool| is_promised.then_some(Duration::ZERO);
        let is_snapshot = promises.stats == Some(StatsPromise::Snapshot);
        Self {
            drain: promises.drain.or(at_once(promises.is_committed())),
            visible: promises.visible,
            merge: promises.merge,
            stats_lag: promises.stats_lag.or(at_once(is_snapshot)),
        }
    }
}

/// Times for which nothing may move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Quiet {
    pub(super) waits: Waits,
    /// Time if nothing is amiss.
    pub(super) least: Duration,
    /// Time if something is amiss and nobody promised how long that may take.
    pub(super) settle: Duration,
}

impl Quiet {
    /// Returns the time before a key counts as missing.
    pub(super) fn of_missing(&self) -> Duration {
        self.of([self.waits.drain, self.waits.visible])
    }

    /// Returns the time before the copies of a key count.
    pub(super) fn of_copies(&self) -> Duration {
        self.of([self.waits.merge])
    }

    /// Returns the time before a difference of the counters counts.
    pub(super) fn of_counters(&self) -> Duration {
        self.of([self.waits.drain, self.waits.stats_lag])
    }

    /// Returns the longest time that the target promises for a finding.
    pub(super) fn promised(&self) -> Duration {
        let Waits { drain, visible, merge, stats_lag } = self.waits;
        let then = |time: Option<Duration>| drain.unwrap_or_default() + time.unwrap_or_default();
        let longest = then(visible).max(then(stats_lag)).max(merge.unwrap_or_default());
        if longest.is_zero() { longest } else { longest + self.least }
    }

    fn of<const N: usize>(&self, relevant: [Option<Duration>; N]) -> Duration {
        let promised = relevant.iter().flatten().sum::<Duration>() + self.least;
        if relevant.iter().all(Option::is_some) { promised } else { promised.max(self.settle) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn promised_times_add_up_and_replace_the_settling_time_if_all_are_promised() {
        let least = SECOND / 2;
        let quiet = |waits: Waits| Quiet { waits, least, settle: 10 * SECOND };
        let unsaid = quiet(Waits::default());
        assert_eq!([unsaid.of_missing(), unsaid.of_copies(), unsaid.of_counters()], [10 * SECOND; 3]);
        let drain = quiet(Waits { drain: Some(30 * SECOND), ..Waits::default() });
        assert_eq!(drain.of_missing(), 30 * SECOND + least, "longer than the settling time");
        assert_eq!(drain.of_copies(), 10 * SECOND);
        let short = quiet(Waits { drain: Some(SECOND), ..Waits::default() });
        assert_eq!(short.of_missing(), 10 * SECOND, "nobody promised when it is visible");
        let both = quiet(Waits { drain: Some(SECOND), visible: Some(2 * SECOND), ..Waits::default() });
        assert_eq!(both.of_missing(), 3 * SECOND + least);
        let at_once = quiet(Waits { merge: Some(Duration::ZERO), ..Waits::default() });
        assert_eq!((at_once.of_copies(), at_once.promised()), (least, Duration::ZERO));
        assert_eq!((unsaid.promised(), both.promised()), (Duration::ZERO, 3 * SECOND + least));
    }
}
