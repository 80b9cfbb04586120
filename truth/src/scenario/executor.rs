//! Executors: the shapes that a load can have, in k6's words. A run has one or several of them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rate::{Rate, RateError};
use super::schedule::Schedule;

pub(super) mod written;

/// Part of an executor in which its rate, or its number of connections, changes steadily.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Length of the stage.
    #[serde(with = "crate::duration")]
    pub duration: Duration,
    /// Rate, or number of connections, at the end of the stage.
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

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", crate::duration::format(self.duration), self.target)
    }
}

/// Name of an executor in scenarios and in `run.json`; the names are k6's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutorKind {
    /// Name of [`Executor::SharedIterations`].
    SharedIterations,
    /// Name of [`Executor::ConstantArrivalRate`].
    ConstantArrivalRate,
    /// Name of [`Executor::ConstantVus`].
    ConstantVus,
    /// Name of [`Executor::RampingVus`].
    RampingVus,
    /// Name of [`Executor::RampingArrivalRate`].
    RampingArrivalRate,
}

impl ExecutorKind {
    /// Returns the name as scenarios spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedIterations => "shared-iterations",
            Self::ConstantArrivalRate => "constant-arrival-rate",
            Self::ConstantVus => "constant-vus",
            Self::RampingVus => "ramping-vus",
            Self::RampingArrivalRate => "ramping-arrival-rate",
        }
    }
}

impl fmt::Display for ExecutorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Part of an executor in which its number of connections changes steadily.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VuStage {
    /// Length of the stage.
    pub duration: Duration,
    /// Number of connections at the end of the stage.
    pub connections: u32,
}

/// End of an executor with a constant rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The executor ends after this time.
    Duration(Duration),
    /// The executor ends after this number of events.
    Count(u64),
    /// The executor ends after the time or after the events, whichever is first.
    First {
        /// Longest time.
        duration: Duration,
        /// Largest number of events.
        count: u64,
    },
}

impl End {
    fn duration(self) -> Option<Duration> {
        match self {
            Self::Duration(duration) | Self::First { duration, .. } => Some(duration),
            Self::Count(_) => None,
        }
    }

    fn count(self) -> Option<u64> {
        match self {
            Self::Count(count) | Self::First { count, .. } => Some(count),
            Self::Duration(_) => None,
        }
    }
}

/// One executor of a load, with what its kind needs and nothing else. All counts and rates are over
/// all shards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Executor {
    /// A fixed count that all connections share, sent as fast as responses come.
    SharedIterations {
        /// Number of events.
        count: u64,
        /// Number of connections.
        connections: u32,
    },
    /// A fixed number of connections that send as fast as responses come, for a time.
    ConstantVus {
        /// Time for which requests begin.
        duration: Duration,
        /// Most events; none if only time ends the executor.
        count: Option<u64>,
        /// Number of connections.
        connections: u32,
    },
    /// A number of connections that changes steadily from stage to stage; each sends as fast as
    /// responses come.
    RampingVus {
        /// Number of connections at the start.
        start: u32,
        /// Stages, one after the other.
        stages: Vec<VuStage>,
        /// Most events; none if only time ends the executor.
        count: Option<u64>,
    },
    /// A fixed rate, whether responses come or not.
    ConstantArrivalRate {
        /// Rate from the start to the end.
        rate: Rate,
        /// Events in a request; they turn a rate of events into one of requests.
        batch: u32,
        /// End of the executor.
        end: End,
        /// Number of connections.
        connections: u32,
    },
    /// A rate that changes steadily from stage to stage, whether responses come or not.
    RampingArrivalRate {
        /// Rate at the start.
        start: Rate,
        /// Stages, one after the other.
        stages: Vec<Stage>,
        /// Events in a request; they turn a rate of events into one of requests.
        batch: u32,
        /// Number of events; none for as many as are due within the stages. With a count that is
        /// larger, the executor goes on at the rate of its last stage.
        count: Option<u64>,
        /// Number of connections.
        connections: u32,
    },
}

impl Executor {
    /// Returns the kind, which has the name.
    pub fn kind(&self) -> ExecutorKind {
        match self {
            Self::SharedIterations { .. } => ExecutorKind::SharedIterations,
            Self::ConstantVus { .. } => ExecutorKind::ConstantVus,
            Self::RampingVus { .. } => ExecutorKind::RampingVus,
            Self::ConstantArrivalRate { .. } => ExecutorKind::ConstantArrivalRate,
            Self::RampingArrivalRate { .. } => ExecutorKind::RampingArrivalRate,
        }
    }

    /// Returns the name as scenarios spell it.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Returns the instants at which requests are due; none if they leave as fast as responses
    /// come.
    pub fn schedule(&self) -> Option<Schedule> {
        match self {
            Self::SharedIterations { .. } | Self::ConstantVus { .. } | Self::RampingVus { .. } => None,
            Self::ConstantArrivalRate { rate, batch, end, .. } => {
                let per_s = rate.requests_per_s(*batch);
                Some(match end.duration() {
                    Some(duration) => Schedule::ramping(per_s, [(duration, per_s)]),
                    None => Schedule::constant(per_s),
                })
            }
            Self::RampingArrivalRate { start, stages, batch, .. } => {
                let stages = stages.iter().map(|stage| (stage.duration, stage.target.requests_per_s(*batch)));
                Some(Schedule::ramping(start.requests_per_s(*batch), stages))
            }
        }
    }

    /// Returns the time for which requests may begin; none if only a count ends the executor.
    pub fn lasts(&self) -> Option<Duration> {
        match self {
            Self::SharedIterations { .. } => None,
            Self::ConstantVus { duration, .. } => Some(*duration),
            Self::RampingVus { stages, .. } => Some(stages.iter().map(|stage| stage.duration).sum()),
            Self::ConstantArrivalRate { end, .. } => end.duration(),
            Self::RampingArrivalRate { count: Some(_), .. } => None,
            Self::RampingArrivalRate { stages, .. } => Some(stages.iter().map(|stage| stage.duration).sum()),
        }
    }

    /// Returns the number of events; none if only time ends the executor.
    pub fn total(&self) -> Option<u64> {
        match self {
            Self::SharedIterations { count, .. } => Some(*count),
            Self::ConstantVus { count, .. } | Self::RampingVus { count, .. } => *count,
            Self::ConstantArrivalRate { end: End::Count(count), .. } => Some(*count),
            Self::ConstantArrivalRate { end, batch, .. } => {
                let due = self.due_in_time(*batch)?;
                Some(end.count().map_or(due, |count| count.min(due)))
            }
            Self::RampingArrivalRate { count: Some(count), .. } => Some(*count),
            Self::RampingArrivalRate { batch, .. } => self.due_in_time(*batch),
        }
    }

    /// Returns the number of events that are due within its time.
    fn due_in_time(&self, batch: u32) -> Option<u64> {
        self.schedule().map(|schedule| schedule.requests().saturating_mul(u64::from(batch)))
    }

    /// Returns the largest number of connections that work at once.
    pub fn most_connections(&self) -> u32 {
        match self {
            Self::SharedIterations { connections, .. }
            | Self::ConstantVus { connections, .. }
            | Self::ConstantArrivalRate { connections, .. }
            | Self::RampingArrivalRate { connections, .. } => *connections,
            Self::RampingVus { start, stages, .. } => {
                let targets = stages.iter().map(|stage| stage.connections);
                targets.chain([*start, 1]).max().unwrap_or(1)
            }
        }
    }
}

/// Executors of a load.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Executors {
    /// The keys of `[load]` make one executor, without a name.
    One(Executor),
    /// Each entry of `[[load.executors]]` is one, in the order of the file.
    Named(Vec<Executor>),
}

impl Executors {
    /// Returns all of them, in order.
    pub fn each(&self) -> &[Executor] {
        match self {
            Self::One(executor) => std::slice::from_ref(executor),
            Self::Named(executors) => executors,
        }
    }

    /// Returns the executor that `[load]` makes; none where executors have names.
    pub fn only(&self) -> Option<&Executor> {
        match self {
            Self::One(executor) => Some(executor),
            Self::Named(_) => None,
        }
    }

    /// Returns the number of events of all executors; none if only time ends one of them.
    pub fn total(&self) -> Option<u64> {
        self.each().iter().map(Executor::total).sum()
    }

    /// Returns the number of events of each named executor that has one.
    pub fn counts(&self) -> Vec<u64> {
        match self {
            Self::One(_) => Vec::new(),
            Self::Named(executors) => executors.iter().filter_map(Executor::total).collect(),
        }
    }

    /// Returns the largest number of connections, as if all executors worked at once.
    pub fn most_connections(&self) -> u32 {
        self.each().iter().map(Executor::most_connections).sum()
    }
}
