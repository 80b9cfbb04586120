//! Errors of numbers that do not make a plan.

use thiserror::Error;

use super::PLAN_VERSION;
use super::id::IdSpec;
use super::template::TemplateError;

/// Error of numbers that do not make a plan.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// Another version wrote the plan.
    #[error("the plan has version {found}; this build reads version {PLAN_VERSION}")]
    Version {
        /// Version that was found.
        found: u32,
    },
    /// A number is outside its range.
    #[error("{name} is {value}: it must be {range}")]
    Range {
        /// Name of the number.
        name: &'static str,
        /// Value that was given.
        value: u64,
        /// Values that are possible.
        range: &'static str,
    },
    /// The ordinals behind those of a plan are reserved for sentinels.
    #[error(
        "the run would have {keys} keys, and 2147483648 (2^31) at most are possible: lower the count, raise dup, or \
         send several runs"
    )]
    TooManyKeys {
        /// Number of keys.
        keys: u64,
    },
    /// The counts of the executors do not fit the total.
    #[error(
        "the counts of the executors do not fit the run: each must be at least 1, and their sum at most its count"
    )]
    Counts,
    /// Whole requests are repeated, and an executor's count ends within one.
    #[error(
        "whole requests are repeated ([mix] request), so the count of each executor must be a multiple of the batch, \
         which is {batch}"
    )]
    PartsOfRequests {
        /// Number of events in a request.
        batch: u32,
    },
    /// Duplicates are asked for, but no way of placing them is possible.
    #[error(
        "the duplicate share is above 0, but no possible mode of [mix] has a weight: raise in_batch, concurrent, \
         next, delayed or request, or set dup to 0"
    )]
    NoMode,
    /// There is no topic.
    #[error("there are no topics: name at least one")]
    NoTopic,
    /// The contract rejects the topic.
    #[error("topic `{topic}` cannot be used: it must be 1 to 255 bytes, not blank, and without NUL")]
    Topic {
        /// Topic that was given.
        topic: String,
    },
    /// The contract rejects the source.
    #[error("source `{source_name}` cannot be used: it must be 1 to 255 bytes, not blank, and without NUL")]
    Source {
        /// Source that was given.
        source_name: String,
    },
    /// Twins with the same id need two topics.
    #[error("the trap same_id needs at least 2 topics, and there is 1: add topics, or leave the trap out")]
    OneTopic,
    /// The template makes no payload.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Ids of this form cannot hold what the plan asks for.
    #[error("ids of the form {id} {reason}")]
    Ids {
        /// Form that was given.
        id: IdSpec,
        /// Reason, with the remedy.
        reason: &'static str,
    },
    /// A value of the scenario's own cannot be drawn.
    #[error("{0}")]
    Values(String),
    /// Two topics are equal.
    #[error("topic `{topic}` is listed twice: leave one out")]
    RepeatedTopic {
        /// Topic that was given.
        topic: String,
    },
}
