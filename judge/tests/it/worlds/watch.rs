//! Watch: the counters of a target, read until they come to rest.

use judge::books::region::{Bound, Deltas, Region};
use truth::observed::Settled;
use truth::observed::counters::Counters;

use super::observer::Wanted;
use super::target::Target;
use super::waits::Quiet;
use super::world::{MILLISECOND, Us};

/// Pause between two readings.
pub(super) const POLL_EVERY: Us = 250 * MILLISECOND;

/// Number of different states that are kept.
const STATES: usize = 16;

/// Number of equal readings in a row that are rest, if a state came again after another.
const EQUAL_READINGS: u32 = 8;

/// Counters of a target, as they were read.
pub(super) struct Watch<'a> {
    wanted: &'a Wanted<'a>,
    region: Region,
    quiet: Quiet,
    pub(super) last: Option<Counters>,
    pub(super) read_at: Us,
    /// Different states that were read, the newest last.
    states: Vec<Counters>,
    pub(super) states_seen: u32,
    pub(super) went_back: bool,
    equal_since: Us,
    equal_readings: u32,
    moved: Us,
    /// Moment since which the counters lack nothing.
    reached: Option<Us>,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(target: &mut Target<'_>, wanted: &'a Wanted<'a>, quiet: Quiet) -> Self {
        let now = target.now;
        let tally = wanted.tally;
        let mut watch = Self {
            wanted,
            region: Region::of(&tally.keys, &tally.sums, false, wanted.promises.received),
            quiet,
            last: None,
            read_at: now,
            states: Vec::new(),
            states_seen: 0,
            went_back: false,
            equal_since: now,
            equal_readings: 0,
            moved: now,
            reached: None,
        };
        watch.read(target);
        watch
    }

    /// Reads the counters once more.
    pub(super) fn read(&mut self, target: &mut Target<'_>) {
        target.now += MILLISECOND;
        let Some(counters) = target.counters() else { return };
        let now = target.now;
        let is_shared = self.wanted.promises.is_shared();
        let is_same = self.stands_as(Some(&counters));
        if !is_same && !is_shared {
            (self.equal_since, self.equal_readings) = (now, 0);
        }
        self.equal_readings += 1;
        if !self.states.iter().any(|state| state.stands_as(&counters)) {
            if self.states.is_empty() || !is_shared {
                self.moved = now;
            }
            self.states_seen += 1;
            self.states.push(counters.clone());
            if self.states.len() > STATES {
                self.states.remove(0);
            }
        } else if !is_same && !is_shared {
            self.went_back = true;
        }
        (self.last, self.read_at) = (Some(counters), now);
        self.reached = self.is_reached().then(|| self.reached.unwrap_or(now));
    }

    /// Waits until all readings were equal for a while, or showed no new state.
    pub(super) fn settle(&mut self, target: &mut Target<'_>, deadline: Us) {
        while self.last.is_some() {
            let longer = self.quiet.least * 2;
            let is_noise =
                self.reached.is_some_and(|reached| target.now - reached >= self.quiet.settle.max(longer));
            let alternates = target.now - self.moved >= longer;
            if self.is_still(target.now) || alternates || is_noise || target.now >= deadline {
                return;
            }
            target.now += POLL_EVERY;
            self.read(target);
        }
    }

    pub(super) fn is_amiss(&self) -> bool {
        let Some(now) = &self.last else { return false };
        !self.is_reached() || now.adds_up() == Some(false) || self.breaks_bounds(now)
    }

    pub(super) fn catches_up(&self, now: Us, within: Us) -> bool {
        self.last.is_some() && !self.is_reached() && now - self.moved < within
    }

    pub(super) fn is_quiet(&self, now: Us) -> bool {
        now - self.reached.unwrap_or(self.moved) >= self.quiet.of_counters()
    }

    pub(super) fn is_still(&self, now: Us) -> bool {
        let is_steady = !self.went_back || self.equal_readings >= EQUAL_READINGS;
        is_steady && now - self.equal_since >= self.quiet.least
    }

    pub(super) fn stands_as(&self, before: Option<&Counters>) -> bool {
        self.last.as_ref().zip(before).is_some_and(|(now, before)| now.stands_as(before))
    }

    pub(super) fn settled(&self, now: Us) -> Settled {
        let Some(last) = &self.last else { return Settled::NoCounters };
        match (self.is_still(now), self.is_reached(), last.backlog()) {
            (false, _, _) => Settled::Moving,
            (true, true, _) => Settled::Reached,
            (true, false, 0) => Settled::Stuck,
            (true, false, _) => Settled::Stalled,
        }
    }

    fn deltas(&self, now: &Counters) -> Option<Deltas> {
        Some(Deltas::between(self.wanted.baseline.stats.as_ref()?, now).of_our_own(self.wanted.promises))
    }

    fn is_reached(&self) -> bool {
        let Some(now) = &self.last else { return true };
        now.backlog() == 0 && self.deltas(now).is_none_or(|deltas| self.region.reached(&deltas))
    }

    fn breaks_bounds(&self, now: &Counters) -> bool {
        let promises = self.wanted.promises;
        let Some(deltas) = self.deltas(now) else { return false };
        let breaks = self.region.breaks(&deltas, promises.received);
        breaks.iter().any(|broken| !promises.is_shared() || broken.bound != Bound::Above)
    }
}
