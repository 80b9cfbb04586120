//! Epochs of the counters: readings in order, and the process behind each. An epoch is one
//! process's life.
//!
//! For example, a reading at 10 s says that the process is up for 600 s. The next, at 12 s, says 1
//! s. An uptime that fell to less than the 2 s between them shows a restart. Had it said 300 s,
//! another process, one that was there before, would have answered.

use truth::observed::counters::Counters;

use self::unit::{Growth, Unit};
use super::interval::Interval;

mod unit;

/// Number of restarts, of falls and of instances that are kept.
const KEPT: usize = 8;

/// Error of an uptime in whole seconds, or of one by the wall clock, at most.
pub(crate) const ROUNDED_MS: u64 = 1_000;

/// One reading of the counters. Its times are monotonic, and absent if they are not of the run's
/// clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Moment of the request.
    pub asked_ns: Option<u64>,
    /// Moment of the response.
    pub answered_ns: Option<u64>,
    /// Counters that were read.
    pub counters: Counters,
}

/// Process behind the second of two readings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passage {
    /// The process behind the first.
    Same,
    /// A process that began later.
    Restarted,
    /// A process that was there before: several serve the target.
    Another,
    /// Any of these.
    Unclear,
}

/// Two readings, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Moment of the first request.
    pub after_ns: Option<u64>,
    /// Moment of the second response.
    pub before_ns: Option<u64>,
    /// Process behind the second.
    pub passage: Passage,
    /// The first counter that is less in the second.
    pub fall: Option<Fall>,
}

/// A counter that fell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fall {
    /// Name of the counter.
    pub name: &'static str,
    /// Value in the first reading.
    pub before: u64,
    /// Value in the second reading.
    pub after: u64,
}

impl Step {
    /// Returns true if something that took this time can have happened between the two readings.
    pub(crate) fn meets(&self, taken: Interval) -> bool {
        self.after_ns.is_none_or(|after| after <= taken.end)
            && self.before_ns.is_none_or(|before| taken.start <= before)
    }
}

/// Readings of one run, reduced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epochs {
    /// Set if counters are promised to go on after a restart.
    goes_on: bool,
    pub(crate) last: Option<Reading>,
    /// Uptime of the last reading, as if it were in seconds.
    last_uptime: Option<u64>,
    unit: Unit,
    instances: Vec<String>,
    /// Pairs of readings that were compared.
    pub compared: u64,
    /// The first restarts, eight at most.
    pub restarts: Vec<Step>,
    /// The first falls that the promise rules out, eight at most.
    pub falls: Vec<Step>,
    /// Process behind the first reading that is not surely of the process before.
    pub broken: Option<Passage>,
}

impl Epochs {
    /// Starts without a reading.
    pub fn new(goes_on: bool) -> Self {
        Self {
            goes_on,
            last: None,
            last_uptime: None,
            unit: Unit::default(),
            instances: Vec::new(),
            compared: 0,
            restarts: Vec::new(),
            falls: Vec::new(),
            broken: None,
        }
    }

    /// Takes the next reading.
    pub fn take(&mut self, mut next: Reading) {
        self.find_unit(&mut next);
        if let Some(last) = &self.last {
            let step = self.step(last, &next);
            self.compared += 1;
            if step.passage != Passage::Same {
                self.broken.get_or_insert(step.passage);
            }
            let is_judged = self.goes_on || step.passage == Passage::Same;
            if is_judged && step.fall.is_some() && self.falls.len() < KEPT {
                self.falls.push(step.clone());
            }
            if step.passage == Passage::Restarted && self.restarts.len() < KEPT {
                self.restarts.push(step);
            }
        }
        if let Some(instance) = &next.counters.instance
            && self.instances.len() < KEPT
            && !self.instances.contains(instance)
        {
            self.instances.push(instance.clone());
        }
        self.last = Some(next);
    }

    /// Returns true if all readings so far are surely of one process.
    pub fn is_one(&self) -> bool {
        self.broken.is_none()
    }

    /// Compares the uptime of a reading with the clock, and gives it the unit that the readings so
    /// far show.
    fn find_unit(&mut self, next: &mut Reading) {
        let was_millis = self.unit.is_millis();
        let uptime = next.counters.uptime_ms;
        if let Some(growth) = self.last.as_ref().and_then(|last| self.growth(last, next)) {
            self.unit.take(growth, ROUNDED_MS);
        }
        self.last_uptime = uptime;
        if self.unit.is_millis() {
            next.counters.uptime_ms = uptime.map(|uptime| uptime / 1_000);
            if let Some(last) = self.last.as_mut().filter(|_| !was_millis) {
                last.counters.uptime_ms = last.counters.uptime_ms.map(|uptime| uptime / 1_000);
            }
        }
    }

    /// Returns the growth of the uptime since the last reading, if both are of the run's clock.
    fn growth(&self, last: &Reading, next: &Reading) -> Option<Growth> {
        let between = |from: Option<u64>, to: Option<u64>| Some(to?.checked_sub(from?)? / 1_000_000);
        Some(Growth {
            uptime: next.counters.uptime_ms?.checked_sub(self.last_uptime?)?,
            least: between(last.answered_ns, next.asked_ns)?,
            most: between(last.asked_ns, next.answered_ns)? + 1,
        })
    }

    fn step(&self, last: &Reading, next: &Reading) -> Step {
        let of = [
            ("received", last.counters.received, next.counters.received),
            ("unique", last.counters.unique, next.counters.unique),
            ("duplicates", last.counters.duplicates, next.counters.duplicates),
        ];
        let of = of.into_iter();
        let mut known =
            of.filter_map(|(name, before, after)| Some(Fall { name, before: before?, after: after? }));
        Step {
            after_ns: last.asked_ns,
            before_ns: next.answered_ns,
            passage: self.passage(last, next),
            fall: known.find(|fall| fall.after < fall.before),
        }
    }

    fn passage(&self, last: &Reading, next: &Reading) -> Passage {
        let between = next.answered_ns.zip(last.asked_ns);
        let between_ms = between.map(|(after, before)| after.saturating_sub(before).div_ceil(1_000_000));
        let before = &last.counters;
        let after = &next.counters;
        let up = after.uptime_ms.zip(between_ms);
        let can_be_younger = up.is_none_or(|(up, between)| up <= between.saturating_add(ROUNDED_MS));
        let has_fallen = before.uptime_ms.zip(after.uptime_ms).is_some_and(|(before, after)| after < before);
        match (&before.instance, &after.instance) {
            (Some(one), Some(other)) if one != other => {
                let is_new = !self.instances.contains(other) && can_be_younger;
                if is_new { Passage::Restarted } else { Passage::Another }
            }
            _ if has_fallen && can_be_younger => Passage::Restarted,
            (Some(_), Some(_)) => Passage::Same,
            _ if has_fallen => Passage::Another,
            _ if up.is_some_and(|(up, between)| up > between) => Passage::Same,
            _ => Passage::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings each quarter of a second of a process that began again before the sixth.
    fn restarted(unit_ms: u64) -> Epochs {
        let mut epochs = Epochs::new(false);
        for nth in 0..10_u64 {
            let asked_ns = 5_000_000_000 + nth * 250_000_000;
            let up = if nth < 6 { 60_000 + nth * 250 } else { (nth - 6) * 250 + 100 };
            let counters = Counters { uptime_ms: Some(up * unit_ms), ..Counters::default() };
            let answered_ns = Some(asked_ns + 1_000_000);
            epochs.take(Reading { asked_ns: Some(asked_ns), answered_ns, counters });
        }
        epochs
    }

    #[test]
    fn an_uptime_in_milliseconds_shows_the_same_restart_as_one_in_seconds() {
        for unit_ms in [1, 1_000] {
            let epochs = restarted(unit_ms);
            assert_eq!((epochs.restarts.len(), epochs.broken), (1, Some(Passage::Restarted)), "{unit_ms}");
            assert_eq!(epochs.last.and_then(|last| last.counters.uptime_ms), Some(850));
        }
    }
}
