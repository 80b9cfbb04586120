//! Ramp: the number of working connections, which changes steadily from stage to stage.

use truth::scenario::{Executor, VuStage};

/// Number of working connections over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ramp {
    /// Beginning of the executor, on the monotonic clock.
    pub(super) start_ns: u64,
    /// Stages, one after the other.
    stages: Vec<RampStage>,
}

/// Stage of a ramp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct RampStage {
    lasts_ns: u64,
    /// Number of connections at the beginning.
    from: u32,
    /// Number of connections at the end.
    to: u32,
}

impl Ramp {
    /// Returns the ramp of an executor whose connections ramp, beginning at instant 0.
    pub(crate) fn of(executor: &Executor) -> Option<Self> {
        let Executor::RampingVus { start, stages, .. } = executor else { return None };
        let mut from = *start;
        let stage = |stage: &VuStage| {
            let to = stage.connections;
            let lasts_ns = u64::try_from(stage.duration.as_nanos()).unwrap_or(u64::MAX);
            let ramp = RampStage { lasts_ns, from, to };
            from = to;
            ramp
        };
        Some(Self { start_ns: 0, stages: stages.iter().map(stage).collect() })
    }

    /// Returns the number of connections that work at this instant; after all stages, the number at
    /// their end.
    pub(crate) fn at(&self, now_ns: u64) -> u32 {
        let mut after = now_ns.saturating_sub(self.start_ns);
        for RampStage { lasts_ns, from, to } in &self.stages {
            if after < *lasts_ns {
                let grown = i128::from(*to) - i128::from(*from);
                let share = grown * i128::from(after) / i128::from(*lasts_ns);
                return u32::try_from(i128::from(*from) + share).unwrap_or(0);
            }
            after -= lasts_ns;
        }
        self.stages.last().map_or(0, |stage| stage.to)
    }

    /// Returns the next instant, from now on, at which the connection of this number works; none if
    /// it works no more. Numbers count from 0.
    pub(crate) fn next_for(&self, number: u32, now_ns: u64) -> Option<u64> {
        if number < self.at(now_ns) {
            return Some(now_ns);
        }
        let mut begins = self.start_ns;
        for RampStage { lasts_ns, from, to } in &self.stages {
            let ends = begins.saturating_add(*lasts_ns);
            if ends > now_ns && *to > number {
                // Instant in this stage at which the number is passed, rounded up.
                let wanted = u128::from(number + 1).saturating_sub(u128::from(*from));
                let grown = u128::from(to.saturating_sub(*from)).max(1);
                let after = (wanted * u128::from(*lasts_ns)).div_ceil(grown);
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

    fn stage(seconds: u64, from: u32, to: u32) -> RampStage {
        RampStage { lasts_ns: seconds * SECOND, from, to }
    }

    fn ramp() -> Ramp {
        let stages = vec![stage(10, 0, 10), stage(5, 10, 10), stage(10, 10, 0)];
        Ramp { start_ns: 5, stages }
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
        let step = Ramp { start_ns: 0, stages: vec![stage(1, 1, 1), stage(0, 1, 3), stage(1, 3, 3)] };
        assert_eq!(step.next_for(2, 0), Some(SECOND));
        assert_eq!((step.at(SECOND - 1), step.at(SECOND)), (1, 3));
    }
}
