//! Counters of a target, watched until they come to rest, or have not moved for long enough.
//!
//! A reading that differs from the one before is a movement only if it shows a state that was not
//! seen yet. Counters that alternate between the states of two instances do not move.

use std::time::{Duration, Instant};

use judge::books::region::{Bound, Deltas, Region};
use reader::client::{ReadError, TargetClient};
use truth::chain::chain;
use truth::clock::monotonic_ns;
use truth::observed::Settled;
use truth::observed::counters::Counters;

use super::waits::Quiet;
use super::wanted::Wanted;

/// Pause between two readings of the counters.
pub(super) const POLL_EVERY: Duration = Duration::from_millis(50);

/// Number of different states that are kept, the newest last.
const STATES: usize = 16;

/// Number of equal readings in a row that are rest, if a state came again after another: two
/// readings of the same one of two instances are no rest.
const EQUAL_READINGS: u32 = 8;

/// Counters of one target.
pub(super) struct CounterWatch<'a> {
    client: &'a TargetClient,
    wanted: &'a Wanted<'a>,
    /// Growth of the counters that the ledger demands.
    region: Region,
    quiet: Quiet,
    last: Option<Reading>,
    /// Different states that were read.
    states: Vec<Counters>,
    /// Number of them.
    pub(super) states_seen: u32,
    /// True if a state came again after another.
    pub(super) went_back: bool,
    /// Moment since which all readings are equal.
    equal_since: Instant,
    /// Number of these readings.
    equal_readings: u32,
    /// Moment of the last new state.
    moved: Instant,
    /// Moment since which the counters lack nothing.
    reached: Option<Instant>,
    /// Reason why the counters could not be read.
    pub(super) unread: Option<String>,
}

/// One reading.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) asked_ns: u64,
    pub(super) answered_ns: u64,
    pub(super) counters: Counters,
}

impl<'a> CounterWatch<'a> {
    /// Reads the counters once, if the target has some. An error means that the target cannot be
    /// reached: a target whose counters cannot be read is listed all the same.
    pub(super) async fn begin(
        client: &'a TargetClient,
        wanted: &'a Wanted<'a>,
        quiet: Quiet,
    ) -> Result<Self, ReadError> {
        let now = Instant::now();
        let sums = &wanted.tally.sums;
        let mut watch = Self {
            client,
            wanted,
            region: Region::of(&wanted.tally.keys, sums, false, wanted.promises.received),
            quiet,
            last: None,
            states: Vec::new(),
            states_seen: 0,
            went_back: false,
            equal_since: now,
            equal_readings: 0,
            moved: now,
            reached: None,
            unread: None,
        };
        if client.offers_stats() {
            match watch.ask().await {
                Ok(reading) => watch.take(reading),
                Err(error) if error.is_unreachable() => return Err(error),
                Err(error) => watch.unread = Some(chain(&error)),
            }
        }
        Ok(watch)
    }

    /// Last reading; none without counters.
    pub(super) fn last(&self) -> Option<&Reading> {
        self.last.as_ref()
    }

    /// Last counters that were read; none without counters.
    pub(super) fn counters(&self) -> Option<&Counters> {
        self.last.as_ref().map(|reading| &reading.counters)
    }

    /// Reads the counters again, if there are any. The client repeats a reading that fails for a
    /// reason that may pass. Otherwise the target has no counters from then on.
    pub(super) async fn read(&mut self) {
        if self.last.is_none() {
            return;
        }
        match self.ask().await {
            Ok(reading) => self.take(reading),
            Err(error) => {
                self.unread = Some(chain(&error));
                self.last = None;
            }
        }
    }

    /// Waits until all readings were equal for a while, or showed no new state. Whatever is amiss
    /// then may still change while the rows are looked at.
    pub(super) async fn settle(&mut self, deadline: Instant) {
        while self.last.is_some() {
            let longer = self.quiet.least * 2;
            let is_long = self.quiet.settle.max(longer).max(self.quiet.of_counters());
            let is_noise = self.reached.is_some_and(|reached| reached.elapsed() >= is_long);
            let alternates = self.moved.elapsed() >= longer;
            if self.is_still() || alternates || is_noise || Instant::now() >= deadline {
                return;
            }
            tokio::time::sleep(POLL_EVERY).await;
            self.read().await;
        }
    }

    /// True if the counters lack something, or contradict each other or the ledger.
    pub(super) fn is_amiss(&self) -> bool {
        let Some(now) = self.counters() else { return false };
        !self.is_reached() || now.adds_up() == Some(false) || self.breaks_bounds(now)
    }

    /// True if the counters still lack something, and moved within this time.
    pub(super) fn catches_up(&self, within: Duration) -> bool {
        self.last.is_some() && !self.is_reached() && self.moved.elapsed() < within
    }

    /// True if a difference counts: there was no new state for long enough. Counters that lack
    /// nothing do not prolong the looking by their movements.
    pub(super) fn is_quiet(&self) -> bool {
        self.reached.unwrap_or(self.moved).elapsed() >= self.quiet.of_counters()
    }

    /// True if all readings were equal for long enough.
    pub(super) fn is_still(&self) -> bool {
        let is_steady = !self.went_back || self.equal_readings >= EQUAL_READINGS;
        is_steady && self.equal_since.elapsed() >= self.quiet.least
    }

    /// True if these counters, read before, are those of the last reading.
    pub(super) fn stands_as(&self, before: Option<&Counters>) -> bool {
        self.counters().zip(before).is_some_and(|(now, before)| now.stands_as(before))
    }

    /// State of the counters.
    pub(super) fn settled(&self) -> Settled {
        let Some(now) = self.counters() else { return Settled::NoCounters };
        match (self.is_still(), self.is_reached(), now.backlog()) {
            (false, _, _) => Settled::Moving,
            (true, true, _) => Settled::Reached,
            (true, false, 0) => Settled::Stuck,
            (true, false, _) => Settled::Stalled,
        }
    }

    async fn ask(&self) -> Result<Reading, ReadError> {
        let asked_ns = monotonic_ns();
        let counters = self.client.stats().await?;
        Ok(Reading { asked_ns, answered_ns: monotonic_ns(), counters })
    }

    fn take(&mut self, reading: Reading) {
        let now = Instant::now();
        let is_same = self.stands_as(Some(&reading.counters));
        // If others write too, movement means nothing.
        if !is_same && !self.wanted.promises.is_shared() {
            self.equal_since = now;
            self.equal_readings = 0;
        }
        self.equal_readings += 1;
        if !self.states.iter().any(|state| state.stands_as(&reading.counters)) {
            if self.states.is_empty() || !self.wanted.promises.is_shared() {
                self.moved = now;
            }
            self.states_seen += 1;
            self.states.push(reading.counters.clone());
            if self.states.len() > STATES {
                self.states.remove(0);
            }
        } else if !is_same && !self.wanted.promises.is_shared() {
            self.went_back = true;
        }
        self.last = Some(reading);
        self.reached = self.is_reached().then(|| self.reached.unwrap_or(now));
    }

    fn deltas(&self, now: &Counters) -> Option<Deltas> {
        let before = self.wanted.baseline.and_then(|baseline| baseline.stats.as_ref())?;
        Some(Deltas::between(before, now).of_our_own(self.wanted.promises))
    }

    fn is_reached(&self) -> bool {
        let Some(now) = self.counters() else { return true };
        now.backlog() == 0 && self.deltas(now).is_none_or(|deltas| self.region.reached(&deltas))
    }

    /// True if the ledger rules these counters out. What others send may be counted, and after a
    /// window a key may be counted again.
    fn breaks_bounds(&self, now: &Counters) -> bool {
        let promises = self.wanted.promises;
        let Some(deltas) = self.deltas(now).filter(|_| promises.window.is_none()) else { return false };
        let breaks = self.region.breaks(&deltas, promises.received);
        breaks.iter().any(|broken| !promises.is_shared() || broken.bound != Bound::Above)
    }
}
