//! Summary of a run: `summary.json`, `latency.hlog`, and the block for people.

mod beside;
mod effort;
mod executor;
mod export;
mod latency_log;
mod punctuality;
mod samples;
mod sections;
mod text;
pub(crate) mod thresholds;

use std::collections::BTreeMap;
use std::path::Path;

use beside::BesideSummary;
use effort::Effort;
use executor::ExecutorSummary;
use jiff::Timestamp;
use punctuality::Punctuality;
use report::junit::{self, Load};
use samples::Submetric;
use schemars::JsonSchema;
use sections::{
    Answers, BytesMeasured, Counted, Events, Parts, Planned, Requests, RequestsMeasured, RetryAfter, Unit,
    WarmUp, never_sent,
};
use serde::Serialize;
use thresholds::{Measured, duration_s};
use truth::files::{FolderError, write_json, write_to};
use truth::record::ending::{self, CheckedThreshold, Ending, LedgerEnd, Reached};
use truth::record::folder::RunFolder;
use truth::record::trouble::Trouble;

use crate::command::settings::LoadSettings;
use crate::connection::shortage::{Shortage, Shortages};
use crate::executor::{Executor, Workload};
use crate::meter::Tallies;
use crate::meter::counts::{Connections, Races};
use crate::meter::latency::{Latencies, Quantiles};
use crate::result::RunResult;
use crate::watch::notice::counted;

/// Version of `summary.json`.
const VERSION: u32 = 1;

/// Content of `summary.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Summary {
    /// Version of this file.
    #[schemars(extend("const" = 1))]
    schema_version: u32,
    /// Time at which the run began.
    started_utc: Timestamp,
    /// Reason why sending ended.
    ended: Ending,
    /// True if everything that was sent is on record.
    ledger_written: bool,
    /// Time from the first byte sent to the last response, of what was measured.
    duration_s: f64,
    /// Seed of the plan.
    seed: u32,
    /// Number of connections that had work.
    connections_used: u32,
    /// Number of threads that sent.
    lanes: u16,
    /// Work of this shard; `null` if only time ends it.
    planned: Option<Planned>,
    /// Unit of attempts.
    unit: Unit,
    /// Attempts by outcome, in events, retries included.
    events: Events,
    /// Requests that were sent, retries included.
    requests: Requests,
    /// Sums of what the responses say.
    answers: Answers,
    /// Reasons why requests have no usable response, and the first responses that nobody expects.
    trouble: Trouble,
    /// Pauses that responses asked for with `Retry-After`; `null` if none did.
    retry_after: Option<RetryAfter>,
    /// Requests that were sent together, so that copies of one key race.
    races: Races,
    /// Planned instants, and how they were kept; `null` without a rate.
    schedule: Option<Punctuality>,
    /// Time from the planned instant to the whole response; `null` without a sample.
    response_time: Option<Quantiles>,
    /// Time from the first byte sent to the whole response; `null` without a sample.
    service_time: Option<Quantiles>,
    /// Times of connections and requests, part by part.
    parts: Parts,
    /// Warm-up of the target, which counts in no rate, latency or threshold; `null` without one.
    warm_up: Option<WarmUp>,
    /// Executors, if there are several; empty if there is one.
    executors: Vec<ExecutorSummary>,
    /// Requests beside the load; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    beside: Vec<BesideSummary>,
    /// Thresholds, and whether they hold.
    thresholds: Vec<CheckedThreshold>,
    /// Metrics with tags that thresholds name, such as `http_reqs{status:503}`.
    submetrics: BTreeMap<String, Submetric>,
    /// Events that were sent and measured, per second of `duration_s`.
    events_per_s: f64,
    /// Requests that were sent and measured, per second of `duration_s`.
    requests_per_s: f64,
    /// Bytes of requests, heads included.
    sent_bytes: u64,
    /// Bytes of responses, heads included.
    received_bytes: u64,
    /// Number of broken connections. It is repeated at the top, because a test that breaks the
    /// target looks for it first.
    connections_broken: u64,
    /// Connections by what happened to them.
    connections: Connections,
    /// Addresses of the target, or of the proxy that leads to it, in the order in which they were
    /// found. Connections take them in turn.
    addresses: Vec<Reached>,
    /// Tries to connect that failed for want of something on this machine. They say nothing about
    /// the target.
    own_limits: Shortages,
    /// Cost of generating the load.
    generator: Effort,
    #[serde(skip)]
    counted: Counted,
    /// True if a proxy leads to the target. Nobody here can see where it leads.
    #[serde(skip)]
    has_proxy: bool,
}

impl Summary {
    /// Returns the summary of a run with these tallies of all executors together.
    pub(crate) fn new(
        settings: &LoadSettings,
        executors: &[Executor],
        started_utc: Timestamp,
        result: &RunResult,
        tallies: &Tallies,
    ) -> Self {
        let workload = Workload::sum(executors);
        let counts = tallies.counts();
        let measured = &tallies.measured;
        let latencies = &measured.latencies;
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
            events: Events::of(
                &counts,
                each.clone().map(|(executor, result)| never_sent(executor, &result.tallies.counts())).sum(),
            ),
            requests: Requests::of(&counts),
            answers: Answers::of(&counts),
            trouble: counts.troubles.recorded(),
            retry_after: RetryAfter::of(counts.troubles.pauses),
            races: counts.races,
            schedule,
            thresholds,
            submetrics: Submetric::all_of(demands, measured, duration_s),
            warm_up: tallies.warm_up.as_deref().map(|warm_up| WarmUp::of(&warm_up.counts)),
            executors: each
                .filter_map(|(executor, result)| ExecutorSummary::of(executor, result, run_start_ns))
                .collect(),
            beside: result.beside.iter().map(BesideSummary::of).collect(),
            parts: Parts::of(latencies),
            response_time: Quantiles::of(&latencies.response),
            service_time: Quantiles::of(&latencies.service),
            events_per_s: per_s(measured.counts.attempted()),
            requests_per_s: per_s(measured.counts.requests_sent),
            sent_bytes: counts.sent_bytes,
            received_bytes: counts.received_bytes,
            connections_broken: counts.connections.broken,
            connections: counts.connections,
            addresses: result.dialled.addresses.clone(),
            own_limits: result.dialled.shortages,
            counted: Counted::of(executors, result),
            has_proxy: settings.scenario.target.connect.proxy.is_some(),
            generator: Effort::of_this_process(),
        }
    }

    /// Returns the requests that were measured.
    fn requests_measured(&self) -> RequestsMeasured {
        let warm_up = self.warm_up.unwrap_or_default();
        RequestsMeasured {
            sent: self.requests.sent - warm_up.requests,
            failed: self.requests.failed - warm_up.failed,
            retries: self.requests.retries - warm_up.retries,
        }
    }

    /// Returns the bytes that were measured.
    fn bytes_measured(&self) -> BytesMeasured {
        let warm_up = self.warm_up.unwrap_or_default();
        BytesMeasured {
            sent: self.sent_bytes - warm_up.sent_bytes,
            received: self.received_bytes - warm_up.received_bytes,
        }
    }

    /// Writes the files for machines.
    pub(crate) fn save(&self, folder: &RunFolder, latencies: &Latencies) -> Result<(), FolderError> {
        write_json(&LedgerEnd::path(folder), self)?;
        latency_log::write(&folder.file(ending::LATENCIES), self.started_utc, self.duration_s, latencies)
    }

    /// Writes the file of k6's format, which may be a device or the output of this process.
    pub(crate) fn export(&self, path: &Path) -> Result<(), FolderError> {
        write_to(path, format!("{:#}\n", export::of(self)).as_bytes())
    }

    /// Returns the block for people, which ends with the line for scripts.
    pub(crate) fn text(&self, folder: &RunFolder, judged_later: Option<&Path>) -> String {
        text::render(self, folder.path(), judged_later)
    }

    /// Returns the content of `summary.json`.
    pub(crate) fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a summary has only text for keys");
        text + "\n"
    }

    /// Returns `junit.xml` of a run that ended with this exit code and is not judged.
    pub(crate) fn junit(&self, target: &str, rerun: &str, folder: &RunFolder, code: u8) -> String {
        let load = Load { target, rerun, code, thresholds: &self.thresholds, text: &self.text(folder, None) };
        junit::render_load(&load)
    }

    /// True if all thresholds hold.
    pub(crate) fn holds(&self) -> bool {
        self.thresholds.iter().all(|judged| judged.ok)
    }

    /// True if an event was acknowledged. Where no response fits a description without rules, the
    /// status acknowledges.
    pub(crate) fn has_ack(&self) -> bool {
        self.events.acked > 0
    }

    /// Returns a line that says how much of a count was sent, and the reason, if some was not.
    pub(crate) fn unsent(&self) -> Option<String> {
        let Counted { planned, never_sent } = self.counted;
        let why = match (self.ended, self.lacked()) {
            (Ending::Interrupted | Ending::Aborted, _) => "interrupted",
            (Ending::Threshold, _) => "a threshold ended the run",
            (Ending::LaneLost, _) => "the ledger could not be written",
            (Ending::Complete | Ending::OutOfPatience, Some(shortage)) => shortage.text(),
            (Ending::Complete | Ending::OutOfPatience, None) => "the target no longer responded",
        };
        (never_sent > 0).then(|| format!("sent {} of {planned}: {why}", planned.saturating_sub(never_sent)))
    }

    /// Returns what this machine lacked so that the run could not go on. Requests that were under way
    /// at its end waited for the target, whatever else was lacking.
    fn lacked(&self) -> Option<Shortage> {
        let waited = self.ended == Ending::OutOfPatience && self.requests.unknown_because.cut_short > 0;
        self.own_limits.worst().filter(|_| !waited)
    }

    /// Returns the number of addresses of the target that connections went to; 0 if nobody knows.
    fn addresses_used(&self) -> usize {
        let used = self.addresses.iter().filter(|address| address.opened > 0 && !self.has_proxy);
        used.count()
    }

    /// Returns how the target responded, if nothing was acknowledged.
    pub(crate) fn answered_without_effect(&self) -> Option<String> {
        if self.events.acked > 0 {
            return None;
        }
        let times = |count: u64| counted(count, "time");
        let statuses = self.requests.statuses.iter().filter(|(status, _)| **status > 0);
        let statuses = statuses.map(|(status, count)| format!("status {status} ({})", times(*count)));
        let lost = self.trouble.lost_because.iter();
        let lost = lost.map(|lost| format!("{} ({})", lost.example, times(lost.requests)));
        let mut answered: Vec<String> = statuses.chain(lost).collect();
        if answered.is_empty() {
            answered.push(match self.connections.refused {
                0 => "nothing was sent".to_owned(),
                refused => format!("nothing was sent, as {} to connect failed", counted(refused, "try")),
            });
        }
        if let Some(first) = &self.trouble.first_unexpected {
            answered.push(format!("first {first}"));
        }
        Some(answered.join(", "))
    }

    /// True if the first response that does not acknowledge asks who is there.
    pub(crate) fn asks_for_a_secret(&self) -> bool {
        self.trouble.first_unexpected.as_ref().is_some_and(|first| matches!(first.status, 401 | 403))
    }

    /// Returns a note on redirects, which are not followed.
    pub(crate) fn redirected(&self) -> Option<String> {
        let first = self.trouble.first_redirect.as_ref()?;
        let responses = counted(self.trouble.redirects, "response");
        let to = first.location.as_deref().unwrap_or("nowhere, without a Location");
        Some(format!(
            "{responses} redirected, the first with status {} to {to}; loadgen follows no redirect",
            first.status
        ))
    }
}

/// Returns how the planned instants were kept by all executors with a rate that are measured; none
/// if there are none.
fn schedule(executors: &[Executor], result: &RunResult) -> Option<Punctuality> {
    let paced = executors.iter().zip(&result.executors).filter(|(executor, result)| {
        executor.is_measured && executor.shape.schedule().is_some() && result.span.is_some()
    });
    let mut due = 0;
    let mut all = Tallies::default();
    let mut is_paced = false;
    for (_, result) in paced {
        is_paced = true;
        due += result.due.unwrap_or(0);
        all += &result.tallies;
    }
    is_paced.then(|| Punctuality::of(Some(due), &all.counts(), &all.measured.latencies))
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
        assert!(committed == made, "{} is out of date; run UPDATE_SCHEMAS=1 cargo test", path.display());
    }
}
