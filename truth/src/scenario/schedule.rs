//! Schedule: the instant at which each request is due, as a function of its number. The rate is
//! constant, or changes steadily from stage to stage.

use std::time::Duration;

/// Tolerance for rounding errors of a sum of stages, which must neither lose nor add a request.
const TINY: f64 = 1e-6;

/// Instants of a run's requests, counted from its start.
#[derive(Clone, PartialEq, Debug)]
pub struct Schedule {
    stages: Vec<Stage>,
    /// Rate after the last stage, in requests a second; if 0, nothing more is due.
    afterwards: f64,
}

/// Part in which the rate changes steadily.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Stage {
    /// Beginning, in seconds.
    begins: f64,
    /// Length, in seconds.
    lasts: f64,
    /// Rate at the beginning, in requests a second.
    from: f64,
    /// Rate at the end, in requests a second.
    to: f64,
    /// Number of requests that are due before the stage.
    before: f64,
}

impl Stage {
    /// Returns the number of requests that are due by the end of the stage.
    fn until_end(&self) -> f64 {
        self.before + (self.from + self.to) / 2.0 * self.lasts
    }

    /// Returns the time in seconds at which this many requests are due.
    fn at(&self, due: f64) -> f64 {
        let inside = due - self.before;
        let slope = (self.to - self.from) / self.lasts;
        // The root of from * t + slope / 2 * t^2 = inside, in the form that does not cancel.
        let root = (self.from * self.from + 2.0 * slope * inside).max(0.0).sqrt();
        let after = if inside > 0.0 { 2.0 * inside / (self.from + root) } else { 0.0 };
        self.begins + after.min(self.lasts)
    }
}

impl Schedule {
    /// Returns a constant rate without an end.
    pub fn constant(per_s: f64) -> Self {
        Self { stages: Vec::new(), afterwards: per_s }
    }

    /// Returns a rate that changes steadily in each stage, and stays at its last value.
    pub fn ramping(start_per_s: f64, stages: impl IntoIterator<Item = (Duration, f64)>) -> Self {
        let mut schedule = Self { stages: Vec::new(), afterwards: start_per_s };
        for (lasts, to) in stages {
            let begins = schedule.lasts();
            let before = schedule.due_in_stages();
            let from = schedule.afterwards;
            if !lasts.is_zero() {
                schedule.stages.push(Stage { begins, lasts: lasts.as_secs_f64(), from, to, before });
            }
            schedule.afterwards = to;
        }
        schedule
    }

    /// Returns the number of requests that are due within all stages.
    pub fn requests(&self) -> u64 {
        (self.due_in_stages() - TINY).max(0.0).ceil() as u64
    }

    /// Returns the instant of request `nth`, counted from 0, in nanoseconds from the start; none if
    /// the rate is 0 by then.
    pub fn at(&self, nth: u64) -> Option<u64> {
        let due = nth as f64;
        let stage = self.stages.iter().find(|stage| due < stage.until_end() - TINY);
        let seconds = match stage {
            Some(stage) => stage.at(due),
            None if self.afterwards > 0.0 => {
                self.lasts() + (due - self.due_in_stages()).max(0.0) / self.afterwards
            }
            None => return None,
        };
        Some((seconds * 1e9).round() as u64)
    }

    /// Returns the number of requests that are due before an instant, if their number has no limit.
    pub fn due_before(&self, after_ns: u64) -> u64 {
        let is_before = |nth: u64| self.at(nth).is_some_and(|at| at < after_ns);
        let mut too_many = 1_u64;
        while is_before(too_many) && too_many < u64::MAX / 2 {
            too_many *= 2;
        }
        let mut low = 0;
        let mut high = too_many;
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Returns the first instant of a request at or after this one; none if no further one is due.
    pub fn next_from(&self, after_ns: u64) -> Option<u64> {
        self.at(self.due_before(after_ns))
    }

    fn due_in_stages(&self) -> f64 {
        self.stages.last().map_or(0.0, Stage::until_end)
    }

    fn lasts(&self) -> f64 {
        self.stages.last().map_or(0.0, |stage| stage.begins + stage.lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_constant_rate_does_not_drift() {
        let schedule = Schedule::constant(1000.0);
        assert_eq!(schedule.at(0), Some(0));
        assert_eq!(schedule.at(1), Some(SECOND / 1000));
        assert_eq!(schedule.at(86_400_000), Some(86_400 * SECOND));
        let third = Schedule::constant(3.0);
        assert_eq!(third.at(3 * 86_400), Some(86_400 * SECOND));
    }

    #[test]
    fn stages_hold_as_many_as_their_area() {
        let schedule =
            Schedule::ramping(0.0, [(seconds(10), 100.0), (seconds(5), 100.0), (seconds(10), 0.0)]);
        assert_eq!(schedule.requests(), 500 + 500 + 500);
        assert_eq!(schedule.at(0), Some(0));
        // Half of the rate after half of the ramp: a quarter of its requests.
        assert_eq!(schedule.at(125), Some(5 * SECOND));
        assert_eq!(schedule.at(500), Some(10 * SECOND));
        assert_eq!(schedule.at(1000), Some(15 * SECOND));
        assert_eq!(schedule.at(1500), None, "the rate is 0 by then");
        let instants: Vec<u64> = (0..1500).map(|nth| schedule.at(nth).unwrap()).collect();
        assert!(instants.is_sorted() && instants[1499] < 25 * SECOND);
    }

    #[test]
    fn the_next_instant_is_found_from_any_moment() {
        let slow = Schedule::constant(0.01);
        for (after, next) in [(0, 0), (1, 100), (100 * SECOND, 100), (100 * SECOND + 1, 200)] {
            assert_eq!(slow.next_from(after), Some(next * SECOND), "{after}");
        }
        let ends = Schedule::ramping(10.0, [(seconds(2), 10.0), (seconds(0), 0.0)]);
        assert_eq!(ends.next_from(19 * SECOND / 10), Some(19 * SECOND / 10));
        assert_eq!(ends.next_from(2 * SECOND), None);
    }

    #[test]
    fn a_stage_that_takes_no_time_is_a_step() {
        let schedule = Schedule::ramping(10.0, [(seconds(2), 10.0), (seconds(0), 50.0), (seconds(1), 50.0)]);
        assert_eq!(schedule.requests(), 70);
        assert_eq!((schedule.at(20), schedule.at(25)), (Some(2 * SECOND), Some(2 * SECOND + SECOND / 10)));
        assert_eq!(schedule.at(120), Some(4 * SECOND), "the last rate goes on");
    }

    #[test]
    fn a_whole_number_of_requests_is_due_whatever_rounding_says() {
        for (rate, length, requests) in
            [(0.1, 30, 3), (1.0 / 3.0, 9, 3), (33.3, 10, 333), (100.0, 30, 3000), (0.05, 30, 2)]
        {
            let schedule = Schedule::ramping(rate, [(seconds(length), rate)]);
            assert_eq!(schedule.requests(), requests, "{rate} for {length} s");
        }
    }
}
