//! How many connections work at a moment, where their number changes steadily from stage to stage.

use truth::scenario::{Executor, VuStage};

/// The number of connections of a run as it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ramp {
    /// When the part begins, on the monotonic clock.
    pub(super) start_ns: u64,
    /// How long each stage takes, and the numbers at its ends.
    stages: Vec<(u64, [u32; 2])>,
}

impl Ramp {
    /// That of a load whose connections ramp, from the beginning of all time.
    pub(crate) fn of(executor: &Executor) -> Option<Self> {
        let Executor::RampingVus { start, stages, .. } = executor else { return None };
        let mut from = *start;
        let stage = |stage: &VuStage| {
            let ends = [from, stage.connections];
            from = stage.connections;
            (u64::try_from(stage.duration.as_nanos()).unwrap_or(u64::MAX), ends)
        };
        Some(Self { start_ns: 0, stages: stages.iter().map(stage).collect() })
    }

    /// How many work at this moment; after all stages as many as at their end.
    pub(crate) fn at(&self, now_ns: u64) -> u32 {
        let mut after = now_ns.saturating_sub(self.start_ns);
        for (lasts, [from, to]) in &self.stages {
            if after < *lasts {
                let grown = i128::from(*to) - i128::from(*from);
                let part = grown * i128::from(after) / i128::from(*lasts);
                return u32::try_from(i128::from(*from) + part).unwrap_or(0);
            }
            after -= lasts;
        }
        self.stages.last().map_or(0, |(_, [_, to])| *to)
    }

    /// When the connection of this number, counted from 0, works from this moment on; none if it does not any more.
    pub(crate) fn next_for(&self, number: u32, now_ns: u64) -> Option<u64> {
        if number < self.at(now_ns) {
            return Some(now_ns);
        }
        let mut begins = self.start_ns;
        for (lasts, [from, to]) in &self.stages {
            let ends = begins.saturating_add(*lasts);
            if ends > now_ns && *to > number {
                // The moment in this stage at which the number is passed, rounded up.
                let wanted = u128::from(number + 1).saturating_sub(u128::from(*from));
                let grown = u128::from(to.saturating_sub(*from)).max(1);
                let after = (wanted * u128::from(*lasts)).div_ceil(grown);
                let at = begins.saturating_add(u64::try_from(after).unwrap_or(u64::MAX));
                return Some(at.max(now_ns));
            }
            begins = ends;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn ramp() -> Ramp {
        Ramp {
            start_ns: 5,
            stages: vec![(10 * SECOND, [0, 10]), (5 * SECOND, [10, 10]), (10 * SECOND, [10, 0])],
        }
    }

    #[test]
    fn the_number_follows_the_stages() {
        let at = |seconds: u64| ramp().at(5 + seconds * SECOND);
        assert_eq!([at(0), at(1), at(5), at(10), at(14), at(20), at(25), at(99)], [0, 1, 5, 10, 10, 5, 0, 0]);
    }

    #[test]
    fn a_connection_knows_when_it_begins_and_that_it_ends() {
        let next = |number: u32, seconds: u64| {
            ramp().next_for(number, 5 + seconds * SECOND).map(|at| (at - 5) / SECOND)
        };
        assert_eq!((next(0, 0), next(4, 0), next(9, 3)), (Some(1), Some(5), Some(10)));
        assert_eq!((next(4, 12), next(4, 19)), (Some(12), Some(19)), "it is at work");
        assert_eq!((next(4, 21), next(10, 0)), (None, None), "it has had its time, or never will");
        let step = Ramp { start_ns: 0, stages: vec![(SECOND, [1, 1]), (0, [1, 3]), (SECOND, [3, 3])] };
        assert_eq!(step.next_for(2, 0), Some(SECOND));
        assert_eq!((step.at(SECOND - 1), step.at(SECOND)), (1, 3));
    }
}
