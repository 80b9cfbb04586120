//! Whether a run with a rate kept it, and how much of what was late is the generator's own.

use schemars::JsonSchema;
use serde::Serialize;

use crate::meter::Tally;
use crate::meter::latency::Quantiles;

/// From when on a request counts as late.
const LATE_US: u64 = 10_000;

/// How the planned instants were kept.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
pub(super) struct Punctuality {
    /// Whether every request was begun, and the generator itself was not in its own way: then latencies are the target's.
    pub(super) held: bool,
    /// Requests that were due and never begun: the time was over before a connection was free.
    pub(super) dropped_iterations: u64,
    /// Requests that left more than 10 ms after their instant, for want of a free connection most often.
    pub(super) late_iterations: u64,
    /// From the planned instant to the first byte written; `null` without a sample.
    pub(super) lateness: Option<Quantiles>,
    /// The generator's own part: from the planned instant until it was noticed, where a connection was free.
    pub(super) generator_lag: Option<Quantiles>,
}

impl Punctuality {
    /// `due` requests were to have begun.
    pub(super) fn of(due: Option<u64>, tally: &Tally) -> Self {
        let begun = tally.counts.requests_sent.saturating_sub(tally.counts.retries);
        let dropped_iterations = due.map_or(0, |due| due.saturating_sub(begun));
        let lateness = &tally.latencies.lateness;
        let late_iterations = lateness.count_between(LATE_US + 1, u64::MAX);
        let lag = &tally.latencies.lag;
        Self {
            held: dropped_iterations == 0 && lag.value_at_quantile(0.99) <= LATE_US,
            dropped_iterations,
            late_iterations,
            lateness: Quantiles::of(lateness),
            generator_lag: Quantiles::of(lag),
        }
    }

    /// Why the rate was not held, if it was not.
    pub(super) fn fault(&self) -> Option<String> {
        if self.held {
            return None;
        }
        let lag = self.generator_lag.map_or(0.0, |lag| lag.p99_ms);
        Some(match self.dropped_iterations {
            0 => format!(
                "the generator itself was late (p99 {lag:.1} ms): give it more cores, or a lower rate"
            ),
            dropped => format!(
                "{dropped} requests were due and never begun for want of a free connection: if the target answered all the while, give it more with --concurrency"
            ),
        })
    }
}
