//! How a load is shaped: how much, how fast, for how long, in k6's words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::executor::{Executor, Part, Stage};
use super::rate::Rate;
use super::schedule::Schedule;
use super::threshold::{Threshold, ThresholdError};

/// Most connections of a run.
const MAX_CONNECTIONS: u32 = 10_000;

/// Most executors of a load: each has threads of its own.
const MAX_PARTS: usize = 64;

/// How much, how fast, how patient.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// How the load is shaped.
    pub executor: Executor,
    /// Attempts over all shards. What is not said is as many as rate and time make, or 20,000 where there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How much leaves in a second, over all shards; where it ramps, at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// For how long it leaves.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// How long it takes until latencies are measured.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Duration>,
    /// How many connections there are at the start, where their number ramps.
    pub start_vus: u32,
    /// How the rate, or the number of connections, changes, one stage after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Several executors instead of one, each with its own count, rate, time and connections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executors: Vec<Part>,
    /// What is demanded of the measurements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Demand>,
    /// How long requests under way are waited for when the time is over, or a person says stop.
    #[serde(with = "crate::duration")]
    pub graceful_stop: Duration,
    /// Share of the attempts that repeat an earlier key. Text, because a TOML float is binary.
    pub dup: String,
    /// Connections.
    pub concurrency: u32,
    /// Events in a request.
    pub batch: u32,
    /// After how many requests a connection is closed; none if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_connection: Option<u32>,
    /// From the send to the whole answer.
    #[serde(with = "crate::duration")]
    pub timeout: Duration,
    /// From the send to the first byte of the answer; none if that may take as long.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub first_byte_timeout: Option<Duration>,
    /// How long no connection may have an answer before the run ends.
    #[serde(with = "crate::duration")]
    pub patience: Duration,
    /// Further tries of a request that was refused for now or whose fate is unknown.
    pub retries: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            executor: Executor::SharedIterations,
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
            patience: Duration::from_secs(30),
            retries: 0,
        }
    }
}

/// What is sent where nothing says how much.
const COUNT: u64 = 20_000;

impl Load {
    /// The load of each executor, alone.
    pub fn parts(&self) -> Vec<Self> {
        if self.executors.is_empty() {
            return vec![self.clone()];
        }
        self.executors.iter().map(|part| part.load(self)).collect()
    }

    /// Attempts over all shards of each executor whose end is a count, where there are several.
    pub fn counts(&self) -> Vec<u64> {
        self.executors.iter().filter_map(|part| part.load(self).total()).collect()
    }

    /// When requests of the only executor are to leave; none if as fast as answers come.
    pub fn schedule(&self) -> Option<Schedule> {
        let per_s = |rate: Rate| rate.requests_per_s(self.batch);
        match (self.executor, self.rate) {
            (Executor::SharedIterations | Executor::ConstantVus | Executor::RampingVus, _)
            | (Executor::ConstantArrivalRate, None) => None,
            (Executor::ConstantArrivalRate, Some(rate)) => Some(match self.duration {
                Some(duration) => Schedule::ramping(per_s(rate), [(duration, per_s(rate))]),
                None => Schedule::constant(per_s(rate)),
            }),
            (Executor::RampingArrivalRate, start) => {
                let stages = self.stages.iter().map(|stage| (stage.duration, per_s(stage.target)));
                Some(Schedule::ramping(per_s(start.unwrap_or(Rate::ZERO)), stages))
            }
        }
    }

    /// How long the only executor may begin requests, where it has its time.
    pub fn lasts(&self) -> Option<Duration> {
        match self.executor {
            Executor::SharedIterations => None,
            Executor::ConstantArrivalRate | Executor::ConstantVus => self.duration,
            Executor::RampingArrivalRate if self.count.is_some() => None,
            Executor::RampingArrivalRate | Executor::RampingVus => {
                Some(self.stages.iter().map(|stage| stage.duration).sum())
            }
        }
    }

    /// All attempts over all shards; none if only time ends the run.
    pub fn total(&self) -> Option<u64> {
        if !self.executors.is_empty() {
            return self.executors.iter().map(|part| part.load(self).total()).sum();
        }
        let timed = self.lasts().and(self.schedule());
        let timed = timed.map(|schedule| schedule.requests().saturating_mul(u64::from(self.batch)));
        match (self.count, timed) {
            (Some(count), Some(timed)) => Some(count.min(timed)),
            (Some(count), None) => Some(count),
            (None, Some(timed)) => Some(timed),
            (None, None) => (!self.executor.is_closed_by_time()).then_some(COUNT),
        }
    }

    /// Most connections that there will be, were all executors at work at once.
    pub fn most_connections(&self) -> u32 {
        if !self.executors.is_empty() {
            return self.executors.iter().map(|part| part.load(self).most_connections()).sum();
        }
        if self.executor != Executor::RampingVus {
            return self.concurrency;
        }
        let targets = self.stages.iter().filter_map(|stage| stage.target.whole());
        targets.chain([self.start_vus]).max().unwrap_or(1).max(1)
    }

    /// The thresholds that end a run.
    pub fn aborting(&self) -> Vec<Demand> {
        self.thresholds.iter().filter(|demand| demand.abort_on_fail).cloned().collect()
    }

    /// What is wrong with it, if anything is.
    pub(super) fn fault(&self) -> Option<String> {
        if let Some(error) = self.thresholds.iter().find_map(|demand| demand.parse().err()) {
            return Some(error.to_string());
        }
        if let Some(why) = Some(&self.executors)
            .filter(|parts| !parts.is_empty())
            .and_then(|parts| fault_of_parts(parts, self))
        {
            return Some(why);
        }
        if let Some(what) = self.misfit() {
            return Some(format!("executor = \"{}\" {what}", self.executor.name()));
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.most_connections()) {
            return Some("concurrency must be 1 to 10000".to_owned());
        }
        if self.first_byte_timeout.is_some_and(|limit| limit.is_zero()) {
            return Some("first_byte_timeout must be longer than 0".to_owned());
        }
        if self.timeout.is_zero() || self.patience.is_zero() {
            return Some("timeout and patience must be longer than 0".to_owned());
        }
        if self.requests_per_connection == Some(0) {
            return Some("requests_per_connection must be at least 1".to_owned());
        }
        if self.retries > 100 {
            return Some("retries must be 0 to 100".to_owned());
        }
        (self.total() == Some(0)).then(|| "count is 0, or rate and time make nothing".to_owned())
    }

    /// Why the executor and what is said beside it do not go together.
    fn misfit(&self) -> Option<&'static str> {
        match self.executor {
            Executor::SharedIterations => self.misfit_of_shared(),
            Executor::ConstantVus | Executor::RampingVus => self.misfit_of_vus(),
            Executor::ConstantArrivalRate | Executor::RampingArrivalRate => self.misfit_of_rate(),
        }
    }

    fn misfit_of_shared(&self) -> Option<&'static str> {
        let is_bare = self.rate.is_none() && self.duration.is_none() && self.stages.is_empty();
        (!is_bare).then_some(
            "has a count alone: with a duration it is constant-vus, with a rate constant-arrival-rate, and with stages \
             ramping-vus or ramping-arrival-rate",
        )
    }

    fn misfit_of_vus(&self) -> Option<&'static str> {
        let is_ramping = self.executor == Executor::RampingVus;
        if self.rate.is_some() {
            return Some(
                "sends as fast as answers come: with a rate it is constant-arrival-rate or ramping-arrival-rate",
            );
        }
        if is_ramping && self.stages.iter().any(|stage| stage.target.whole().is_none()) {
            return Some(
                "ramps numbers of connections (--stage 30s:100); rates ramp as ramping-arrival-rate",
            );
        }
        if !is_ramping && !self.stages.is_empty() {
            return Some("has one number of connections: with stages it is ramping-vus");
        }
        if !is_ramping && self.duration.is_none_or(|duration| duration.is_zero()) {
            return Some("needs a duration (--duration 30s)");
        }
        if is_ramping { self.misfit_of_stages() } else { None }
    }

    fn misfit_of_rate(&self) -> Option<&'static str> {
        let is_ramping = self.executor == Executor::RampingArrivalRate;
        if !is_ramping && self.rate.is_none_or(|rate| rate == Rate::ZERO) {
            return Some("needs a rate above 0 (--rate 1000)");
        }
        if !is_ramping && !self.stages.is_empty() {
            return Some("has one rate: with stages it is ramping-arrival-rate");
        }
        if !is_ramping && self.duration.is_none() && self.count.is_none() {
            return Some("needs an end: a duration (--duration 30s) or a count (--count 20000)");
        }
        if self.schedule().is_some_and(|schedule| self.never_ends(&schedule)) {
            return Some(
                "comes to a rate of 0 before its count is reached: let the last stage end above 0, or leave out the count",
            );
        }
        if is_ramping { self.misfit_of_stages() } else { None }
    }

    fn misfit_of_stages(&self) -> Option<&'static str> {
        if self.stages.is_empty() {
            return Some("needs stages (--stage 30s:1000)");
        }
        self.duration.map(|_| "lasts as long as its stages, and has no duration")
    }

    /// Whether some request is never due.
    fn never_ends(&self, schedule: &Schedule) -> bool {
        let requests = self.count.map(|count| count.div_ceil(u64::from(self.batch.max(1))));
        requests.is_some_and(|requests| schedule.at(requests.saturating_sub(1)).is_none())
    }
}

/// A threshold as a scenario has it: a text, or a text with what follows when it fails.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "WrittenDemand")]
pub struct Demand {
    /// In k6's words.
    pub threshold: String,
    /// Whether the run ends as soon as it fails.
    pub abort_on_fail: bool,
    /// How long after the start it is first looked at for that.
    #[serde(with = "crate::duration")]
    pub delay_abort_eval: Duration,
}

impl Demand {
    /// Understands it.
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

impl Part {
    /// The load of this executor alone.
    fn load(&self, whole: &Load) -> Load {
        Load {
            executor: self.executor,
            count: self.count,
            rate: self.rate,
            duration: self.duration,
            start_vus: self.start_vus.unwrap_or(whole.start_vus),
            stages: self.stages.clone(),
            concurrency: self.concurrency.unwrap_or(whole.concurrency),
            executors: Vec::new(),
            ..whole.clone()
        }
    }
}

/// Says why they make no load, if they do not.
fn fault_of_parts(parts: &[Part], whole: &Load) -> Option<String> {
    let is_shaped = whole.executor != Executor::SharedIterations
        || whole.count.is_some()
        || whole.rate.is_some()
        || whole.duration.is_some()
        || !whole.stages.is_empty();
    if is_shaped {
        return Some(
            "where there are [[load.executors]], each of them says its executor, count, rate, duration and stages, and \
             [load] says none of these"
                .to_owned(),
        );
    }
    if parts.len() > MAX_PARTS {
        return Some(format!("there can be up to {MAX_PARTS} [[load.executors]]"));
    }
    let faults = parts.iter().enumerate().filter_map(|(place, part)| {
        let why = own_fault(part, &parts[..place], whole)?;
        Some(format!("the executor \"{}\": {why}", part.name))
    });
    faults.into_iter().next()
}

fn own_fault(part: &Part, before: &[Part], whole: &Load) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if part.name.is_empty() || part.name.len() > 64 || !part.name.chars().all(is_name) {
        return Some("its name must be 1 to 64 letters, digits, dots, dashes or underscores".to_owned());
    }
    let is_known = |name: &str| before.iter().any(|other| other.name == name);
    if is_known(&part.name) {
        return Some("its name is taken by another".to_owned());
    }
    if let Some(after) = part.after.as_deref().filter(|after| !is_known(after)) {
        return Some(format!("after = \"{after}\" names no executor that is listed above it"));
    }
    part.load(whole).fault()
}
