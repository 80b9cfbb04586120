//! Summaries of single executors, if a run has several.

use schemars::JsonSchema;
use serde::Serialize;

use super::punctuality::Punctuality;
use crate::executor::Executor;
use crate::meter::latency::Quantiles;
use crate::result::ExecutorResult;

/// Summary of one executor.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ExecutorSummary {
    /// Name in the scenario.
    pub(super) name: String,
    /// Kind of executor.
    pub(super) executor: &'static str,
    /// True if it counts in the rates, latencies and thresholds of the run.
    pub(super) measured: bool,
    /// Time from the beginning of the run to the beginning of this executor; `null` if it never
    /// began.
    pub(super) began_s: Option<f64>,
    /// Time from that beginning to the end of its last request.
    pub(super) duration_s: f64,
    /// Requests that were sent, retries included.
    pub(super) requests: u64,
    /// Requests that were not acknowledged.
    pub(super) failed: u64,
    /// Attempts, in events.
    pub(super) events: u64,
    /// Requests that were sent, per second of `duration_s`.
    pub(super) requests_per_s: f64,
    /// Attempts, per second of `duration_s`.
    pub(super) events_per_s: f64,
    /// Planned instants, and how they were kept; `null` without a rate.
    pub(super) schedule: Option<Punctuality>,
    /// Time from the planned instant to the whole response; `null` without a sample.
    pub(super) response_time: Option<Quantiles>,
    /// Time from the first byte sent to the whole response; `null` without a sample.
    pub(super) service_time: Option<Quantiles>,
}

impl ExecutorSummary {
    /// Returns the summary of an executor that has a name; `run_start_ns` is the beginning of the
    /// first executor.
    pub(super) fn of(executor: &Executor, result: &ExecutorResult, run_start_ns: u64) -> Option<Self> {
        let name = executor.name.clone()?;
        let counts = result.tallies.counts();
        let latencies = &result.tallies.measured.latencies;
        let duration_s = result.span.map_or(0.0, |span| span.to_ns.saturating_sub(span.from_ns) as f64 / 1e9);
        let per_s = |count: u64| if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        let events = counts.attempted();
        Some(Self {
            name,
            executor: executor.shape.name(),
            measured: executor.is_measured,
            began_s: result.span.map(|span| span.from_ns.saturating_sub(run_start_ns) as f64 / 1e9),
            duration_s,
            requests: counts.requests_sent,
            failed: counts.requests_failed,
            events,
            requests_per_s: per_s(counts.requests_sent),
            events_per_s: per_s(events),
            schedule: executor.shape.schedule().map(|_| Punctuality::of(result.due, &counts, latencies)),
            response_time: Quantiles::of(&latencies.response),
            service_time: Quantiles::of(&latencies.service),
        })
    }
}
