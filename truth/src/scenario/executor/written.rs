//! The keys of an executor as a scenario has them, and their way to an [`Executor`].

use std::time::Duration;

use thiserror::Error;

use super::{End, Executor, ExecutorKind, Stage, VuStage};
use crate::duration::format;
use crate::scenario::rate::Rate;

/// Number of events of a load for which nothing gives a number.
const COUNT: u64 = 20_000;

/// Keys of one executor, of which each kind takes some.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct Written<'a> {
    pub(in crate::scenario) kind: ExecutorKind,
    pub(in crate::scenario) count: Option<u64>,
    pub(in crate::scenario) rate: Option<Rate>,
    pub(in crate::scenario) duration: Option<Duration>,
    pub(in crate::scenario) start_vus: u32,
    pub(in crate::scenario) stages: &'a [Stage],
    pub(in crate::scenario) concurrency: u32,
    pub(in crate::scenario) batch: u32,
}

/// Reason why the keys of an executor do not make one.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ExecutorError {
    /// A key is given that this kind does not have.
    #[error("executor = \"{kind}\" takes no {key}: {remedy}")]
    Unused {
        /// Kind of the executor.
        kind: ExecutorKind,
        /// Key, and its value.
        key: String,
        /// Way out.
        remedy: &'static str,
    },
    /// A key is missing, or its value is of no use.
    #[error("executor = \"{kind}\" needs {key}")]
    Missing {
        /// Kind of the executor.
        kind: ExecutorKind,
        /// Key, with an example.
        key: &'static str,
    },
    /// A stage of connections has a target that is not a whole number.
    #[error(
        "the stage {stage} gives a rate, and executor = \"ramping-vus\" takes a number of connections \
         (--stage 30s:100): use ramping-arrival-rate for rates"
    )]
    RateOfConnections {
        /// Stage as flags spell it.
        stage: Stage,
    },
    /// An entry of `[[load.executors]]` does not make an executor.
    #[error("the executor \"{name}\"")]
    Named {
        /// Name of the entry.
        name: String,
        /// Reason of the entry.
        source: Box<ExecutorError>,
    },
    /// The rate becomes 0 too early.
    #[error(
        "executor = \"ramping-arrival-rate\" reaches rate 0 before its count of {count}: end the last \
         stage above 0, or leave out the count"
    )]
    NeverEnds {
        /// Number of events that were asked for.
        count: u64,
    },
}

impl TryFrom<Written<'_>> for Executor {
    type Error = ExecutorError;

    fn try_from(written: Written<'_>) -> Result<Self, ExecutorError> {
        match written.kind {
            ExecutorKind::SharedIterations => written.shared_iterations(),
            ExecutorKind::ConstantVus => written.constant_vus(),
            ExecutorKind::RampingVus => written.ramping_vus(),
            ExecutorKind::ConstantArrivalRate => written.constant_arrival_rate(),
            ExecutorKind::RampingArrivalRate => written.ramping_arrival_rate(),
        }
    }
}

impl Written<'_> {
    fn shared_iterations(self) -> Result<Executor, ExecutorError> {
        self.no_stages("use ramping-vus, or ramping-arrival-rate for rates")?;
        self.no_rate("use constant-arrival-rate")?;
        self.no_duration("use constant-vus")?;
        let count = self.count.unwrap_or(COUNT);
        Ok(Executor::SharedIterations { count, connections: self.concurrency })
    }

    fn constant_vus(self) -> Result<Executor, ExecutorError> {
        self.no_rate("use constant-arrival-rate")?;
        self.no_stages("use ramping-vus")?;
        let duration = self.duration.filter(|duration| !duration.is_zero());
        let duration = duration.ok_or_else(|| self.missing("a duration above 0 (--duration 30s)"))?;
        Ok(Executor::ConstantVus { duration, count: self.count, connections: self.concurrency })
    }

    fn ramping_vus(self) -> Result<Executor, ExecutorError> {
        self.no_rate("use ramping-arrival-rate")?;
        self.only_stages("stages (--stage 30s:100)")?;
        let stages = self.stages.iter().map(|stage| match stage.target.whole() {
            Some(connections) => Ok(VuStage { duration: stage.duration, connections }),
            None => Err(ExecutorError::RateOfConnections { stage: *stage }),
        });
        let stages = stages.collect::<Result<_, _>>()?;
        Ok(Executor::RampingVus { start: self.start_vus, stages, count: self.count })
    }

    fn constant_arrival_rate(self) -> Result<Executor, ExecutorError> {
        self.no_stages("use ramping-arrival-rate")?;
        let rate = self.rate.filter(|rate| *rate != Rate::ZERO);
        let rate = rate.ok_or_else(|| self.missing("a rate above 0 (--rate 1000)"))?;
        let end = match (self.duration, self.count) {
            (Some(duration), Some(count)) => End::First { duration, count },
            (Some(duration), None) => End::Duration(duration),
            (None, Some(count)) => End::Count(count),
            (None, None) => {
                return Err(self.missing("a duration (--duration 30s) or a count (--count 20000)"));
            }
        };
        let connections = self.concurrency;
        Ok(Executor::ConstantArrivalRate { rate, batch: self.batch, end, connections })
    }

    fn ramping_arrival_rate(self) -> Result<Executor, ExecutorError> {
        self.only_stages("stages (--stage 30s:1000)")?;
        let executor = Executor::RampingArrivalRate {
            start: self.rate.unwrap_or(Rate::ZERO),
            stages: self.stages.to_vec(),
            batch: self.batch,
            count: self.count,
            connections: self.concurrency,
        };
        match self.count {
            Some(count) if never_ends(&executor, count, self.batch) => {
                Err(ExecutorError::NeverEnds { count })
            }
            _ => Ok(executor),
        }
    }

    fn no_rate(&self, remedy: &'static str) -> Result<(), ExecutorError> {
        match self.rate {
            Some(rate) => Err(self.unused(format!("rate ({rate})"), remedy)),
            None => Ok(()),
        }
    }

    fn no_duration(&self, remedy: &'static str) -> Result<(), ExecutorError> {
        match self.duration {
            Some(duration) => Err(self.unused(format!("duration ({})", format(duration)), remedy)),
            None => Ok(()),
        }
    }

    fn no_stages(&self, remedy: &'static str) -> Result<(), ExecutorError> {
        match self.stages.first() {
            Some(stage) => Err(self.unused(format!("stages ({stage})"), remedy)),
            None => Ok(()),
        }
    }

    fn only_stages(&self, needed: &'static str) -> Result<(), ExecutorError> {
        if self.stages.is_empty() {
            return Err(self.missing(needed));
        }
        self.no_duration("it lasts as long as its stages")
    }

    fn missing(&self, key: &'static str) -> ExecutorError {
        ExecutorError::Missing { kind: self.kind, key }
    }

    fn unused(&self, key: String, remedy: &'static str) -> ExecutorError {
        ExecutorError::Unused { kind: self.kind, key, remedy }
    }
}

/// True if the last request is never due.
fn never_ends(executor: &Executor, count: u64, batch: u32) -> bool {
    let requests = count.div_ceil(u64::from(batch.max(1)));
    executor.schedule().is_some_and(|schedule| schedule.at(requests.saturating_sub(1)).is_none())
}
