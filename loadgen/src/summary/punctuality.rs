//! Punctuality of a run with a rate, and the generator's own part in what was late.

use schemars::JsonSchema;
use serde::Serialize;

use crate::meter::counts::Counts;
use crate::meter::latency::{Latencies, Quantiles};

/// Lateness beyond which a request counts as late.
const LATE_US: u64 = 10_000;

/// Planned instants, and how they were kept.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
pub(super) struct Punctuality {
    /// True if every request was begun and the generator was not late itself; latencies are then
    /// the target's.
    pub(super) held: bool,
    /// Requests that were due and never begun, because the time was over before a connection was
    /// free.
    pub(super) dropped_iterations: u64,
    /// Requests that left more than 10 ms after their instant, mostly for want of a free
    /// connection.
    pub(super) late_iterations: u64,
    /// Time from the planned instant to the first byte sent; `null` without a sample.
    pub(super) lateness: Option<Quantiles>,
    /// Lateness that the generator itself caused: time from the planned instant until it was
    /// noticed, where a connection was free.
    pub(super) generator_lag: Option<Quantiles>,
}

impl Punctuality {
    /// Returns the punctuality of a run in which `due` requests were due.
    pub(super) fn of(due: Option<u64>, counts: &Counts, latencies: &Latencies) -> Self {
        let begun = counts.requests_sent.saturating_sub(counts.retries);
        let dropped_iterations = due.map_or(0, |due| due.saturating_sub(begun));
        let lateness = &latencies.lateness;
        let late_iterations = lateness.count_between(LATE_US + 1, u64::MAX);
        let lag = &latencies.lag;
        Self {
            held: dropped_iterations == 0 && lag.value_at_quantile(0.99) <= LATE_US,
            dropped_iterations,
            late_iterations,
            lateness: Quantiles::of(lateness),
            generator_lag: Quantiles::of(lag),
        }
    }

    /// Returns why the rate was not held; none if it was.
    pub(super) fn fault(&self) -> Option<String> {
        if self.held {
            return None;
        }
        let lag = self.generator_lag.map_or(0.0, |lag| lag.p99_ms);
        Some(match self.dropped_iterations {
            0 => format!(
                "the generator was late (p99 {lag:.1} ms, limit 10 ms): give it more cores or a lower rate"
            ),
            dropped => format!(
                "{dropped} requests that were due did not begin, because no connection was free: raise \
                 --concurrency if the target responded all the time"
            ),
        })
    }
}
