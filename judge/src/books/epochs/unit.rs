//! Unit of an uptime. A number counts as seconds, unless it grows a thousand times as fast as the
//! clock: then it is milliseconds.

/// Least time between two readings that tell the units apart.
const LEAST_MS: u64 = 50;

/// Difference between the clock and an uptime in milliseconds at most.
const OFF_BY_MS: u64 = 20;

/// Number of pairs of readings that show milliseconds.
const PAIRS: u32 = 2;

/// Unit of the uptimes of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Unit {
    /// Set once an uptime grew as seconds do.
    is_seconds: bool,
    /// Number of pairs of readings whose uptime grew as milliseconds do.
    pairs: u32,
}

/// Growth of an uptime between two readings, in milliseconds if it was in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Growth {
    pub(super) uptime: u64,
    /// Least time between the two readings.
    pub(super) least: u64,
    /// Most time between the two readings.
    pub(super) most: u64,
}

impl Unit {
    /// Takes the growth between two readings. `rounded` is the error of an uptime in seconds.
    pub(super) fn take(&mut self, growth: Growth, rounded: u64) {
        let Growth { uptime, least, most } = growth;
        if least < LEAST_MS {
            return;
        }
        let is_within = |grown: u64, off_by: u64| grown + off_by >= least && grown <= most + off_by;
        if is_within(uptime, rounded) {
            self.is_seconds = true;
        } else if is_within(uptime / 1_000, OFF_BY_MS) {
            self.pairs += 1;
        }
    }

    /// True if the uptimes are milliseconds.
    pub(super) fn is_millis(self) -> bool {
        !self.is_seconds && self.pairs >= PAIRS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(growths: &[(u64, u64)]) -> Unit {
        let mut unit = Unit::default();
        for (uptime, between) in growths {
            unit.take(Growth { uptime: *uptime, least: *between, most: between + 2 }, 1_000);
        }
        unit
    }

    #[test]
    fn an_uptime_that_grows_a_thousand_times_as_fast_as_the_clock_is_in_milliseconds() {
        assert!(unit(&[(250_000, 250), (251_000, 250)]).is_millis());
        assert!(!unit(&[(250_000, 250)]).is_millis(), "once may be chance");
        assert!(!unit(&[(250, 250), (250, 250)]).is_millis());
        assert!(!unit(&[(0, 250), (1_000, 250), (0, 250)]).is_millis(), "whole seconds");
        assert!(!unit(&[(250, 250), (250_000, 250), (250_000, 250)]).is_millis(), "it was seconds before");
        assert!(!unit(&[(4_900_000, 250), (4_900_000, 250)]).is_millis(), "two processes");
        assert!(!unit(&[(10_000, 10), (10_000, 10)]).is_millis(), "too near each other to tell");
    }
}
