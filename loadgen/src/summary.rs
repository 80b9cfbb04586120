//! What a run came to, in numbers: `summary.json`, `latency.hlog`, and the block that people read.

mod effort;
mod executor;
mod export;
mod latency_log;
mod punctuality;
mod samples;
mod text;
pub(crate) mod thresholds;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use truth::files::{FolderError, write_json};
use truth::record::ending::{Ending, LedgerEnd};
use truth::record::folder::RunFolder;

use crate::command::settings::LoadSettings;
use crate::executor::{Executor, Workload};
use crate::meter::Tally;
use crate::meter::counts::{Connections, Counts, Doubts, Races};
use crate::meter::latency::{Latencies, Quantiles};
use crate::result::RunResult;
use effort::Effort;
use executor::ExecutorSummary;
use punctuality::Punctuality;
use samples::Submetric;
use thresholds::{Judged, Measured, duration_s};

/// The version of `summary.json`.
const VERSION: u32 = 1;

/// `summary.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Summary {
    /// Version of this file.
    #[schemars(extend("const" = 1))]
    schema_version: u32,
    /// When the run began.
    started_utc: Timestamp,
    /// Why sending ended.
    ended: Ending,
    /// Whether everything that was sent is on record.
    ledger_written: bool,
    /// From the first byte sent to the last answer of what was measured.
    duration_s: f64,
    /// Seed of the plan.
    seed: u32,
    /// Most connections that there was work for.
    connections_used: u32,
    /// Threads that sent.
    lanes: u16,
    /// What this shard was to send; `null` if only time ended it.
    planned: Option<Planned>,
    /// What is counted as an attempt.
    unit: Unit,
    /// Attempts by outcome, in events, retries included.
    events: Events,
    /// Requests that left, retries included.
    requests: Requests,
    /// The sums of what the answers say.
    answers: Answers,
    /// Requests that were let go together so that copies of one key race.
    races: Races,
    /// How the planned instants were kept; `null` for a run without a rate.
    schedule: Option<Punctuality>,
    /// From the planned instant to the whole answer; `null` without a sample.
    response_time: Option<Quantiles>,
    /// From the first byte written to the whole answer; `null` without a sample.
    service_time: Option<Quantiles>,
    /// What connections and requests took, part by part.
    parts: Parts,
    /// What was sent to warm the target up, and counts in no rate, latency and threshold; `null` if all of it does.
    warm_up: Option<WarmUp>,
    /// Each of several executors; empty where there was one.
    executors: Vec<ExecutorSummary>,
    /// What was demanded of the measurements, and whether they are so.
    thresholds: Vec<Judged>,
    /// The metrics with tags that thresholds name, as `http_reqs{status:503}`.
    submetrics: BTreeMap<String, Submetric>,
    /// Events that left and were measured, per second of `duration_s`.
    events_per_s: f64,
    /// Requests that left and were measured, per second of `duration_s`.
    requests_per_s: f64,
    /// Bytes of requests, heads included.
    sent_bytes: u64,
    /// Bytes of answers, heads included.
    received_bytes: u64,
    /// At the top, because whoever breaks the target on purpose asks for it first.
    connections_broken: u64,
    /// What became of the connections.
    connections: Connections,
    /// What generating the load cost.
    generator: Effort,
}

/// What is counted as an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Unit {
    /// Sending an event.
    Events,
    /// Sending the one request that is sent over and over, each time as one event.
    Requests,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Requests => "requests",
        }
    }
}

/// What this shard was to send.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct Planned {
    /// Attempts, repeats included.
    events: u64,
    /// Requests that carry them.
    requests: u64,
}

/// What was sent to warm the target up.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct WarmUp {
    /// Requests that left, retries included.
    requests: u64,
    /// Of these, those that were not acknowledged.
    failed: u64,
    /// Of these, further tries.
    retries: u64,
    /// Attempts, in events.
    events: u64,
    /// Bytes of requests, heads included.
    sent_bytes: u64,
    /// Bytes of answers, heads included.
    received_bytes: u64,
}

impl WarmUp {
    fn of(counts: &Counts) -> Self {
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

/// What connections and requests took, part by part; each `null` without a sample.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct Parts {
    /// Of each connection: until it was there.
    connecting: Option<Quantiles>,
    /// From then until TLS was agreed on.
    tls_handshaking: Option<Quantiles>,
    /// Of each request that was answered: from the first byte written to the first byte of the answer.
    waiting: Option<Quantiles>,
    /// From then to the whole answer.
    receiving: Option<Quantiles>,
}

/// Attempts by outcome, counted in events.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct Events {
    /// Acknowledged.
    acked: u64,
    /// Of these, told to be new.
    #[serde(rename = "told_new")]
    reported_new: u64,
    /// Of these, told to be duplicates.
    #[serde(rename = "told_duplicate")]
    reported_duplicate: u64,
    /// Refused without effect.
    rejected: u64,
    /// Fate unknown: executed once or not at all.
    unknown: u64,
    /// No byte of them left.
    never_sent: u64,
}

/// Requests that left, retries included.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Requests {
    /// All.
    sent: u64,
    /// Those that were not acknowledged.
    failed: u64,
    /// Those that were further tries.
    retries: u64,
    /// How many answers had each status.
    statuses: BTreeMap<u16, u64>,
    /// Those of them that say nothing certain of what was sent, by the contract of the scenario.
    undeclared_statuses: BTreeMap<u16, u64>,
    /// Why the fate of some is unknown.
    unknown_because: Doubts,
}

/// The sums of what the answers say; `null` where some answer does not say it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct Answers {
    /// Events that were acknowledged.
    received: u64,
    /// Events that were told to be new.
    inserted: Option<u64>,
    /// Events that were told to be duplicates.
    duplicates: Option<u64>,
}

impl Summary {
    pub(crate) fn new(
        settings: &LoadSettings,
        executors: &[Executor],
        started_utc: Timestamp,
        result: &RunResult,
    ) -> Self {
        let workload = Workload::sum(executors);
        let tallies = result.tallies(executors);
        let Tally { counts, latencies, .. } = tallies.whole();
        let measured = &tallies.measured;
        let duration_s = duration_s(&measured.counts);
        let schedule = schedule(executors, result);
        let evidence = Measured { tally: measured, duration_s, punctuality: schedule.as_ref() };
        let demands = &settings.scenario.load.thresholds;
        let thresholds = evidence.judge(demands);
        let begun = result.executors.iter().filter_map(|result| Some(result.span?.from_ns));
        let run_start_ns = begun.min().unwrap_or(0);
        let each = executors.iter().zip(&result.executors);
        let per_s = |count: u64| if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        Self {
            schema_version: VERSION,
            started_utc,
            ended: result.ending,
            ledger_written: result.ledger_failure.is_none(),
            duration_s,
            seed: settings.plan.seed,
            connections_used: workload.connections,
            lanes: workload.lanes,
            planned: workload
                .events
                .zip(workload.requests)
                .map(|(events, requests)| Planned { events, requests }),
            unit: if settings.scenario.request.is_some() { Unit::Requests } else { Unit::Events },
            events: Events {
                acked: counts.acked,
                reported_new: counts.reported_new,
                reported_duplicate: counts.reported_duplicate,
                rejected: counts.rejected,
                unknown: counts.unknown,
                never_sent: each
                    .clone()
                    .map(|(executor, result)| never_sent(executor, &result.tallies.whole().counts))
                    .sum(),
            },
            requests: Requests {
                sent: counts.requests_sent,
                failed: counts.requests_failed,
                retries: counts.retries,
                statuses: counts.statuses,
                undeclared_statuses: counts.undeclared_statuses,
                unknown_because: counts.doubts,
            },
            answers: Answers {
                received: counts.received,
                inserted: (!counts.inserted_unreported).then_some(counts.inserted),
                duplicates: (!counts.duplicates_unreported).then_some(counts.duplicates),
            },
            races: counts.races,
            schedule,
            thresholds,
            submetrics: Submetric::all_of(demands, measured, duration_s),
            warm_up: tallies.warm_up.as_deref().map(|warm_up| WarmUp::of(&warm_up.counts)),
            executors: each
                .filter_map(|(executor, result)| ExecutorSummary::of(executor, result, run_start_ns))
                .collect(),
            parts: Parts {
                connecting: Quantiles::of(&latencies.connecting),
                tls_handshaking: Quantiles::of(&latencies.tls_handshaking),
                waiting: Quantiles::of(&latencies.waiting),
                receiving: Quantiles::of(&latencies.receiving),
            },
            response_time: Quantiles::of(&latencies.response),
            service_time: Quantiles::of(&latencies.service),
            events_per_s: per_s(measured.counts.attempted()),
            requests_per_s: per_s(measured.counts.requests_sent),
            sent_bytes: counts.sent_bytes,
            received_bytes: counts.received_bytes,
            connections_broken: counts.connections.broken,
            connections: counts.connections,
            generator: Effort::of_this_process(),
        }
    }

    /// The requests that were measured, and those of them that failed and that were further tries.
    fn requests_measured(&self) -> [u64; 3] {
        let (all, warm_up) = (&self.requests, self.warm_up.unwrap_or_default());
        [all.sent - warm_up.requests, all.failed - warm_up.failed, all.retries - warm_up.retries]
    }

    /// The bytes of requests and of answers that were measured.
    fn bytes_measured(&self) -> [u64; 2] {
        let warm_up = self.warm_up.unwrap_or_default();
        [self.sent_bytes - warm_up.sent_bytes, self.received_bytes - warm_up.received_bytes]
    }

    /// Writes the files that are read by machines.
    pub(crate) fn save(&self, folder: &RunFolder, latencies: &Latencies) -> Result<(), FolderError> {
        write_json(&LedgerEnd::path(folder), self)?;
        latency_log::write(&folder.file("latency.hlog"), self.started_utc, self.duration_s, latencies)
    }

    /// Writes the file that k6 writes under this name; in place, because it may be a device.
    pub(crate) fn export(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, format!("{:#}\n", export::of(self)))
    }

    /// The block that people read, and the last line that scripts grep.
    pub(crate) fn text(&self, folder: &RunFolder, judged_later: Option<&Path>) -> String {
        text::render(self, folder.path(), judged_later)
    }

    /// Whether all thresholds hold.
    pub(crate) fn holds(&self) -> bool {
        self.thresholds.iter().all(|judged| judged.ok)
    }

    /// How requests were answered, of a run of which nothing was acknowledged.
    pub(crate) fn answered_without_effect(&self) -> Option<String> {
        let statuses = self.requests.statuses.iter().filter(|(status, _)| **status > 0);
        let because = self.requests.unknown_because;
        let unread = [
            (because.connection_broke, "the connection broke"),
            (because.answer_malformed, "what came was no answer of HTTP"),
            (because.timed_out, "no answer came in time"),
        ];
        let unread = unread.iter().filter(|(count, _)| *count > 0);
        let answered: Vec<String> = statuses
            .map(|(status, count)| format!("{count} times status {status}"))
            .chain(unread.map(|(count, why)| format!("{count} times {why}")))
            .collect();
        (self.events.acked == 0 && !answered.is_empty()).then(|| answered.join(", "))
    }
}

/// Returns how the planned instants were kept by all executors with a rate that are measured; none if there are none.
fn schedule(executors: &[Executor], result: &RunResult) -> Option<Punctuality> {
    let paced = executors.iter().zip(&result.executors).filter(|(executor, result)| {
        executor.is_measured && executor.shape.schedule().is_some() && result.span.is_some()
    });
    let mut due = 0;
    let mut all = Tally::default();
    let mut is_paced = false;
    for (_, result) in paced {
        is_paced = true;
        due += result.due.unwrap_or(0);
        all += &result.tallies.whole();
    }
    is_paced.then(|| Punctuality::of(Some(due), &all))
}

/// Returns the number of events of an executor of which no byte left, rounds that were never opened included. Where only
/// time ends an executor, nothing was to be sent after it.
fn never_sent(executor: &Executor, counts: &Counts) -> u64 {
    executor.workload.events.map_or(0, |all| counts.never_sent + all.saturating_sub(counts.opened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/summary.schema.json");
        let made = serde_json::to_string_pretty(&schemars::schema_for!(Summary)).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == made, "{} is old: UPDATE_SCHEMAS=1 cargo test makes it anew", path.display());
    }
}
