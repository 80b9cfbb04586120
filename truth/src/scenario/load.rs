//! The load of a scenario as people write it in TOML and as `run.json` keeps it, in k6's words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::beside::Beside;
use super::executor::written::{ExecutorError, Written};
use super::executor::{Executor, ExecutorKind, Executors, Stage};
use super::rate::Rate;
use super::threshold::{Threshold, ThresholdError};
use crate::target::Template;

/// Load of a scenario. Which of the keys an executor has depends on its kind: [`Load::resolve`]
/// tells.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Kind of the executor.
    pub executor: ExecutorKind,
    /// Number of events over all shards. Without one: as many as rate and time make, or 20,000
    /// without a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Rate over all shards; at the start, if the rate ramps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Time for which requests begin.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Time at the start that is not measured.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Duration>,
    /// Number of connections at the start, if their number ramps.
    pub start_vus: u32,
    /// Stages in which the rate, or the number of connections, changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Several executors instead of one, each with its own count, rate, time and connections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executors: Vec<NamedExecutor>,
    /// Demands on the measurements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Demand>,
    /// Longest time to wait for requests in flight when the time is over, or a person says stop.
    #[serde(with = "crate::duration")]
    pub graceful_stop: Duration,
    /// Share of the events that repeat an earlier key. Text, because a TOML float is binary.
    #[serde(deserialize_with = "super::share::text")]
    pub dup: String,
    /// Number of connections.
    pub concurrency: u32,
    /// Number of events in a request.
    pub batch: u32,
    /// Number of requests after which a connection is closed; none for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_connection: Option<u32>,
    /// Longest time from the first byte sent to the whole response.
    #[serde(with = "crate::duration")]
    pub timeout: Duration,
    /// Longest time from the first byte sent to the first byte of the response; none for `timeout`.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub first_byte_timeout: Option<Duration>,
    /// Time between the requests of a connection, where no rate says when they leave.
    #[serde(with = "crate::duration", skip_serializing_if = "Duration::is_zero")]
    pub think: Duration,
    /// Longest time without any response before the run ends.
    #[serde(with = "crate::duration")]
    pub patience: Duration,
    /// Number of retries of a request that was rejected for now, or that has no response.
    pub retries: u32,
    /// Other requests of the same target, beside the load.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
    /// Set when each request has a `traceparent`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trace: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            executor: ExecutorKind::SharedIterations,
            count: None,
            rate: None,
            duration: None,
            warm_up: None,
            start_vus: 1,
            stages: Vec::new(),
            executors: Vec::new(),
            thresholds: Vec::new(),
            graceful_stop: Duration::from_secs(30),
            dup: "0.3".to_owned(),
            concurrency: 50,
            batch: 100,
            requests_per_connection: None,
            timeout: Duration::from_secs(30),
            first_byte_timeout: None,
            think: Duration::ZERO,
            patience: Duration::from_secs(30),
            retries: 0,
            beside: Vec::new(),
            trace: false,
        }
    }
}

impl Load {
    /// Returns the executors, or the reason why the keys do not make them. Flags must have been
    /// laid over the file.
    pub fn resolve(&self) -> Result<Executors, ExecutorError> {
        if self.executors.is_empty() {
            return Executor::try_from(self.written()).map(Executors::One);
        }
        let executors = self.executors.iter().map(|named| {
            named
                .resolve(self)
                .map_err(|source| ExecutorError::Named { name: named.name.clone(), source: Box::new(source) })
        });
        executors.collect::<Result<_, _>>().map(Executors::Named)
    }

    fn written(&self) -> Written<'_> {
        Written {
            kind: self.executor,
            count: self.count,
            rate: self.rate,
            duration: self.duration,
            start_vus: self.start_vus,
            stages: &self.stages,
            concurrency: self.concurrency,
            batch: self.batch,
        }
    }

    /// Templates of the requests beside the load, with the keys that hold them.
    pub fn beside_templates(&self) -> Vec<(String, &Template)> {
        self.beside.iter().enumerate().flat_map(|(nth, beside)| beside.templates(nth)).collect()
    }

    /// Returns the thresholds that end a run.
    pub fn aborting(&self) -> Vec<Demand> {
        self.thresholds.iter().filter(|demand| demand.abort_on_fail).cloned().collect()
    }
}

/// Entry of `[[load.executors]]`: an executor with a name and a beginning. All of them send events
/// of one plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedExecutor {
    /// Name in the summary and in thresholds.
    pub name: String,
    /// Kind of the executor.
    pub executor: ExecutorKind,
    /// Number of events over all shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Rate over all shards; at the start, if the rate ramps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Time for which requests begin.
    #[serde(default, with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Number of connections at the start, if their number ramps; none for that of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_vus: Option<u32>,
    /// Stages in which the rate, or the number of connections, changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Number of connections; none for that of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Name of the executor that must have ended before this one begins; none to begin with the
    /// run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Pause between that end, or the start of the run, and the beginning of this executor.
    #[serde(default, with = "crate::duration")]
    pub start_time: Duration,
    /// True if the executor counts in rates, latencies and thresholds. A warm-up does not.
    #[serde(default = "is_measured")]
    pub measured: bool,
}

fn is_measured() -> bool {
    true
}

impl NamedExecutor {
    /// Returns the executor alone; the load has the keys that all executors share.
    pub(super) fn resolve(&self, load: &Load) -> Result<Executor, ExecutorError> {
        let written = Written {
            kind: self.executor,
            count: self.count,
            rate: self.rate,
            duration: self.duration,
            start_vus: self.start_vus.unwrap_or(load.start_vus),
            stages: &self.stages,
            concurrency: self.concurrency.unwrap_or(load.concurrency),
            batch: load.batch,
        };
        Executor::try_from(written)
    }
}

/// Threshold as a scenario writes it: a text, or a table with the text and what its failure does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "WrittenDemand")]
pub struct Demand {
    /// Threshold in k6's words.
    pub threshold: String,
    /// Set when the run ends as soon as the threshold fails.
    pub abort_on_fail: bool,
    /// Time after the start in which a failure does not end the run.
    #[serde(with = "crate::duration")]
    pub delay_abort_eval: Duration,
}

impl Demand {
    /// Parses the text.
    pub fn parse(&self) -> Result<Threshold, ThresholdError> {
        self.threshold.parse()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenDemand {
    Text(String),
    Table(DemandTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemandTable {
    threshold: String,
    #[serde(default)]
    abort_on_fail: bool,
    #[serde(default, with = "crate::duration")]
    delay_abort_eval: Duration,
}

impl From<WrittenDemand> for Demand {
    fn from(written: WrittenDemand) -> Self {
        match written {
            WrittenDemand::Text(threshold) => {
                Self { threshold, abort_on_fail: false, delay_abort_eval: Duration::ZERO }
            }
            WrittenDemand::Table(DemandTable { threshold, abort_on_fail, delay_abort_eval }) => {
                Self { threshold, abort_on_fail, delay_abort_eval }
            }
        }
    }
}
