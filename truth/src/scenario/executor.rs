//! Executors: the shapes that a load can have, in k6's words, one or several in a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rate::{Rate, RateError};

/// A part of the run in which the rate changes steadily.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How long it takes.
    #[serde(with = "crate::duration")]
    pub duration: Duration,
    /// The rate at its end, or the number of connections.
    pub target: Rate,
}

impl std::str::FromStr for Stage {
    type Err = String;

    /// Reads `30s:1000`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (duration, target) = text.split_once(':').ok_or_else(|| {
            format!("`{text}` is not a stage; write it as 30s:1000, how long and up to what rate")
        })?;
        let duration = crate::duration::parse(duration).map_err(|error| error.to_string())?;
        let target = target.parse().map_err(|error: RateError| error.to_string())?;
        Ok(Self { duration, target })
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", crate::duration::format(self.duration), self.target)
    }
}

/// How the load is shaped, in k6's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// A fixed count, shared by all connections, as fast as answers come.
    SharedIterations,
    /// A fixed rate, whether answers come or not.
    ConstantArrivalRate,
    /// A fixed number of connections, as fast as answers come, for a time.
    ConstantVus,
    /// A number of connections that changes steadily, stage by stage.
    RampingVus,
    /// A rate that changes steadily, stage by stage.
    RampingArrivalRate,
}

impl Executor {
    /// As scenarios name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedIterations => "shared-iterations",
            Self::ConstantArrivalRate => "constant-arrival-rate",
            Self::RampingArrivalRate => "ramping-arrival-rate",
            Self::ConstantVus => "constant-vus",
            Self::RampingVus => "ramping-vus",
        }
    }

    /// Whether it sends as fast as answers come until its time is over.
    pub(super) fn is_closed_by_time(self) -> bool {
        matches!(self, Self::ConstantVus | Self::RampingVus)
    }
}

/// One executor of a load, and when it begins. It sends events of the one plan that all of them share.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How it is called in the summary and in thresholds.
    pub name: String,
    /// How it shapes its load.
    pub executor: Executor,
    /// Attempts over all shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How much leaves in a second, over all shards; where it ramps, at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// For how long it leaves.
    #[serde(default, with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// How many connections there are at its start, where their number ramps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_vus: Option<u32>,
    /// How the rate, or the number of connections, changes, one stage after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Its connections, if not as many as the load says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The executor that has to have ended before it begins; none if it begins with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long after that it begins.
    #[serde(default, with = "crate::duration")]
    pub start_time: Duration,
    /// Whether what it sends counts in rates, latencies and thresholds: a warm-up does not.
    #[serde(default = "is_measured")]
    pub measured: bool,
}

fn is_measured() -> bool {
    true
}
