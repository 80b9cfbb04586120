//! Sections of `summary.json` that are counts of the whole run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::executor::Executor;
use crate::meter::counts::{Counts, Doubts};
use crate::meter::latency::{Latencies, Quantiles};
use crate::meter::troubles::Pauses;
use crate::result::RunResult;

/// Work of the executors that a count ends, and not time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counted {
    /// Events to send.
    pub(super) planned: u64,
    /// Events of which no byte left.
    pub(super) never_sent: u64,
}

impl Counted {
    pub(super) fn of(executors: &[Executor], result: &RunResult) -> Self {
        let mut counted = Self::default();
        for (executor, result) in executors.iter().zip(&result.executors) {
            if executor.shape.lasts().is_none() {
                counted.planned += executor.workload.events.unwrap_or(0);
                counted.never_sent += never_sent(executor, &result.tallies.counts());
            }
        }
        counted
    }
}

/// Unit of attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unit {
    /// Sending an event.
    Events,
    /// Sending the one request that is sent over and over; each time counts as one event.
    Requests,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Requests => "requests",
        }
    }
}

/// Work of this shard.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Planned {
    /// Number of events, repeats included.
    pub(super) events: u64,
    /// Number of requests that carry them.
    pub(super) requests: u64,
}

/// Warm-up of the target.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(super) struct WarmUp {
    /// Requests that were sent, retries included.
    pub(super) requests: u64,
    /// Requests that were not acknowledged.
    pub(super) failed: u64,
    /// Requests that were retries.
    pub(super) retries: u64,
    /// Attempts, in events.
    pub(super) events: u64,
    /// Bytes of requests, heads included.
    pub(super) sent_bytes: u64,
    /// Bytes of responses, heads included.
    pub(super) received_bytes: u64,
}

impl WarmUp {
    pub(super) fn of(counts: &Counts) -> Self {
        Self {
            requests: counts.requests_sent,
            failed: counts.requests_failed,
            retries: counts.retries,
            events: counts.attempted(),
            sent_bytes: counts.sent_bytes,
            received_bytes: counts.received_bytes,
        }
    }
}

/// Times of connections and requests, part by part; each `null` without a sample.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Parts {
    /// Time to open a connection.
    pub(super) connecting: Option<Quantiles>,
    /// Time of a TLS handshake.
    pub(super) tls_handshaking: Option<Quantiles>,
    /// Time from the first byte sent to the first byte of the response.
    pub(super) waiting: Option<Quantiles>,
    /// Time from the first byte of the response to the last.
    pub(super) receiving: Option<Quantiles>,
}

/// Attempts by outcome, counted in events.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Events {
    /// Acknowledged events.
    pub(super) acked: u64,
    /// Acknowledged events that were reported as new.
    #[serde(rename = "told_new")]
    pub(super) reported_new: u64,
    /// Acknowledged events that were reported as duplicates.
    #[serde(rename = "told_duplicate")]
    pub(super) reported_duplicate: u64,
    /// Rejected events, which had no effect.
    pub(super) rejected: u64,
    /// Events of unknown outcome: executed once or not at all.
    pub(super) unknown: u64,
    /// Events of responses whose status acknowledges and whose body contradicts the description of
    /// the target, where other responses fit it.
    pub(super) unclear: u64,
    /// Events of which no byte left.
    pub(super) never_sent: u64,
}

/// Requests that were sent, retries included.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Requests {
    /// All requests.
    pub(super) sent: u64,
    /// Requests whose status did not acknowledge them.
    pub(super) failed: u64,
    /// Requests that were retries.
    pub(super) retries: u64,
    /// Number of responses by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Number of responses by status that leave the outcome unknown, by the scenario's contract.
    pub(super) undeclared_statuses: BTreeMap<u16, u64>,
    /// Number of responses by status that reject all their events.
    pub(super) rejected_statuses: BTreeMap<u16, u64>,
    /// Reasons why outcomes are unknown.
    pub(super) unknown_because: Doubts,
}

/// Sums of what the responses say; `null` if some response does not say it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Answers {
    /// Events that were acknowledged.
    pub(super) received: u64,
    /// Events that were reported as new.
    pub(super) inserted: Option<u64>,
    /// Events that were reported as duplicates.
    pub(super) duplicates: Option<u64>,
}

/// Pauses that responses asked for: with status 429 or 503, or because a rule calls them busy.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct RetryAfter {
    /// Responses that asked for a pause.
    pub(super) responses: u64,
    /// Sum of the pauses that connections began for it, which are no response time.
    pub(super) paused_s: f64,
    /// Longest of them.
    pub(super) longest_s: f64,
}

impl RetryAfter {
    pub(super) fn of(pauses: Pauses) -> Option<Self> {
        (pauses.asked > 0).then_some(Self {
            responses: pauses.asked,
            paused_s: pauses.made.as_secs_f64(),
            longest_s: pauses.longest.as_secs_f64(),
        })
    }
}

impl Parts {
    pub(super) fn of(latencies: &Latencies) -> Self {
        Self {
            connecting: Quantiles::of(&latencies.connecting),
            tls_handshaking: Quantiles::of(&latencies.tls_handshaking),
            waiting: Quantiles::of(&latencies.waiting),
            receiving: Quantiles::of(&latencies.receiving),
        }
    }
}

impl Events {
    pub(super) fn of(counts: &Counts, never_sent: u64) -> Self {
        Self {
            acked: counts.acked,
            reported_new: counts.reported_new,
            reported_duplicate: counts.reported_duplicate,
            rejected: counts.rejected,
            unknown: counts.unknown,
            unclear: counts.unclear,
            never_sent,
        }
    }
}

impl Requests {
    pub(super) fn of(counts: &Counts) -> Self {
        Self {
            sent: counts.requests_sent,
            failed: counts.requests_failed,
            retries: counts.retries,
            statuses: counts.statuses.clone(),
            undeclared_statuses: counts.undeclared_statuses.clone(),
            rejected_statuses: counts.rejected_statuses.clone(),
            unknown_because: counts.doubts,
        }
    }
}

impl Answers {
    pub(super) fn of(counts: &Counts) -> Self {
        Self {
            received: counts.received,
            inserted: (!counts.inserted_unreported).then_some(counts.inserted),
            duplicates: (!counts.duplicates_unreported).then_some(counts.duplicates),
        }
    }
}

/// Requests that were measured, retries included.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestsMeasured {
    pub(super) sent: u64,
    pub(super) failed: u64,
    pub(super) retries: u64,
}

/// Bytes that were measured, heads included.
#[derive(Clone, Copy, Debug)]
pub(super) struct BytesMeasured {
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// Returns the number of events of an executor of which no byte left, rounds that were never opened
/// included. Where only time ends an executor, nothing was to be sent after it.
pub(super) fn never_sent(executor: &Executor, counts: &Counts) -> u64 {
    executor.workload.events.map_or(0, |all| counts.never_sent + all.saturating_sub(counts.opened))
}
