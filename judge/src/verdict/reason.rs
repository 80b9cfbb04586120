//! Reasons: why a verdict is no PASS.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::check_id::CheckId;
use super::decision::Verdict;
use super::doubt::Doubt;
use super::premise::Ground;
use crate::numbers::{counted, grouped};

/// Cause of a verdict. [`fmt::Display`] writes the sentence of reports and files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Reason {
    /// A check failed.
    Failed {
        /// Name of the check.
        check: CheckId,
        /// Its summary.
        summary: String,
    },
    /// A check is undecided.
    Open {
        /// Name of the check.
        check: CheckId,
        /// Its summary.
        summary: String,
        /// Premises of its faults that do not hold, what the run contradicts first.
        open: Vec<Ground>,
    },
    /// The evidence as a whole is not enough.
    Doubt(Doubt),
    /// The judge did not see a defect that it had planted itself.
    Blind {
        /// Name of the defect.
        defect: String,
    },
    /// No defect could be planted.
    NoSelfTest(Unproven),
    /// No attempt was acknowledged.
    NothingAcknowledged,
    /// The target offers nothing to read.
    NothingToRead,
    /// Rows with the run's ids were there before the run.
    IdsUsed {
        /// Number of rows.
        rows: u64,
    },
    /// A planned fault did not happen.
    FaultMissed {
        /// Fault as planned: `kill at 30%`.
        planned: String,
        /// Cause on record; none if nothing is on record.
        cause: Option<String>,
    },
    /// A kind of repeat was planned, and none was observed.
    NoneObserved {
        /// Kind of repeat.
        kind: String,
        /// Number planned.
        planned: u64,
    },
    /// The ledger cannot be judged.
    LedgerUnread {
        /// Error of the reader.
        reason: String,
    },
    /// The attempts of the shown keys cannot be read.
    HistoriesUnread {
        /// Error of the reader.
        reason: String,
    },
    /// Sentence of a saved verdict; the file does not keep its kind.
    Saved(String),
}

/// Reason why no defect could be planted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Unproven {
    /// No round has an acknowledged request with a key of its own.
    #[error("no request with new keys was acknowledged")]
    NothingAnswered,
    /// The checks that defects are planted for were not made.
    #[error("none of the checks that it proves could be made")]
    NothingChecked,
    /// No key of the last answered round is without a fault of its own.
    #[error("no key of the last answered round was acknowledged, and stored, as it should be")]
    NoSoundKey,
}

impl Reason {
    /// Verdict of a run for which there is no graver reason.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Failed { .. } => Verdict::Fail,
            Self::Open { .. }
            | Self::Doubt(_)
            | Self::Blind { .. }
            | Self::NoSelfTest(_)
            | Self::LedgerUnread { .. }
            | Self::HistoriesUnread { .. }
            | Self::Saved(_) => Verdict::Unknown,
            Self::NothingAcknowledged
            | Self::NothingToRead
            | Self::IdsUsed { .. }
            | Self::FaultMissed { .. }
            | Self::NoneObserved { .. } => Verdict::Void,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { check, summary } => write!(out, "{check}: {summary}"),
            Self::Open { check, summary, open } => {
                write!(out, "{check}: {summary}")?;
                open.iter().try_for_each(|open| write!(out, "; it is not certain that {open}"))
            }
            Self::Doubt(doubt) => doubt.fmt(out),
            Self::Blind { defect } => {
                write!(out, "self-test failed: a planted {defect} was not found; do not trust this verdict")
            }
            Self::NoSelfTest(because) => write!(out, "self-test skipped: {because}"),
            Self::NothingAcknowledged => {
                out.write_str("nothing was acknowledged, so nothing can have been lost")
            }
            Self::NothingToRead => out.write_str("the target offers neither a listing nor a unique count"),
            Self::IdsUsed { rows } => write!(
                out,
                "{} listed before the run: this --run-id was sent before; send again without --run-id",
                counted(*rows, "row with an id of this run was", "rows with ids of this run were")
            ),
            Self::FaultMissed { planned, cause } => {
                let cause = cause.as_deref().unwrap_or("there is no record of it");
                write!(out, "the planned fault had no effect: {planned}: {cause}")
            }
            Self::NoneObserved { kind, planned } => {
                write!(out, "{} {kind} were planned and none was observed", grouped(*planned))
            }
            Self::LedgerUnread { reason } => write!(out, "the ledger cannot be judged: {reason}"),
            Self::HistoriesUnread { reason } => {
                write!(out, "the attempts of the shown keys cannot be read: {reason}")
            }
            Self::Saved(sentence) => out.write_str(sentence),
        }
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.to_string()
    }
}

impl From<String> for Reason {
    fn from(sentence: String) -> Self {
        Self::Saved(sentence)
    }
}
