//! Errors of scenarios that cannot be used.

use thiserror::Error;

use super::executor::written::ExecutorError;
use super::place::TextFault;
use super::share::ShareError;
use crate::plan::PlanError;
use crate::plan::values::rows::RowsError;

/// Error of a scenario that cannot be used.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read scenario {path}")]
    Read {
        /// File.
        path: String,
        /// Cause.
        source: std::io::Error,
    },
    /// The file of the payload cannot be read.
    #[error("cannot read the payload's file {path}")]
    Payload {
        /// Cause.
        path: String,
        /// File.
        source: std::io::Error,
    },
    /// A file of values cannot be read.
    #[error(transparent)]
    Values(#[from] RowsError),
    /// The duplicate share cannot be read.
    #[error("the duplicate share {0}")]
    Share(ShareError),
    /// The keys of an executor do not make one.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The numbers do not make a plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A setting is out of range, or contradicts another.
    #[error("{0}")]
    Setting(String),
    /// A text of the target cannot be used.
    #[error(transparent)]
    Text(#[from] TextFault),
    /// A key of a file cannot be used, or the file is not TOML.
    #[error("{path}, line {line}, column {column}: {reason}")]
    Located {
        /// File.
        path: String,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// Reason.
        reason: String,
    },
}

impl ScenarioError {
    /// True if the message names the scenario's file.
    pub fn names_its_file(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Located { .. })
    }
}
