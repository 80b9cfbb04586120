//! Outcome of a run that began: its exit code, and the line that says why it did not send its plan.

use truth::chain::chain;
use truth::exit;
use truth::record::ending::Ending;

use crate::result::RunResult;
use crate::summary::Summary;
use crate::watch::notice::Notices;

/// Outcome of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The run sent what it was to send.
    Sent,
    /// A threshold failed, or was not measured.
    Threshold,
    /// No attempt was acknowledged.
    NoAck,
    /// A count of events was to be sent, and some were not.
    Unsent,
    Interrupted,
    /// The ledger is not whole.
    NotWritten,
}

impl Outcome {
    /// Returns the outcome of a run that came to its end. Of several reasons the gravest counts.
    pub(super) fn of(result: &RunResult, summary: &Summary, notices: Notices) -> Self {
        if let Some(failure) = &result.ledger_failure {
            notices
                .error(&format!("{}; the run was stopped; `verify` can judge what it sent", chain(failure)));
            return Self::NotWritten;
        }
        match result.ending {
            Ending::Interrupted | Ending::Aborted => Self::Interrupted,
            Ending::LaneLost => Self::NotWritten,
            // That was asked for, and leaves attempts behind.
            Ending::Threshold => Self::Threshold,
            Ending::Complete | Ending::OutOfPatience if summary.unsent().is_some() => Self::Unsent,
            Ending::Complete | Ending::OutOfPatience if !summary.has_ack() => Self::NoAck,
            Ending::Complete | Ending::OutOfPatience if summary.holds() => Self::Sent,
            Ending::Complete | Ending::OutOfPatience => Self::Threshold,
        }
    }

    /// Returns the exit code of a run that is not judged.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Sent => exit::OK,
            Self::Threshold => exit::THRESHOLD,
            Self::NoAck => exit::NO_ACK,
            Self::Unsent => exit::UNSENT,
            Self::Interrupted => exit::INTERRUPTED,
            Self::NotWritten => exit::NOT_WRITTEN,
        }
    }

    /// True if `--verify` judges the run.
    pub(super) fn is_judged(self) -> bool {
        match self {
            Self::Sent | Self::Threshold | Self::NoAck | Self::Unsent => true,
            Self::Interrupted | Self::NotWritten => false,
        }
    }

    /// Returns the exit code of a run with this verdict.
    pub(super) fn code_with(self, verdict: u8) -> u8 {
        match (self, verdict) {
            (Self::Threshold, exit::OK) => exit::THRESHOLD,
            // That the target broke its word outweighs that it was not tried with all of the plan.
            (Self::Unsent, exit::FAIL | exit::INTERRUPTED) => verdict,
            (Self::Unsent, _) => exit::UNSENT,
            _ => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fail_outweighs_a_plan_that_was_not_sent() {
        for verdict in [exit::OK, exit::USAGE, exit::UNKNOWN, exit::VOID, exit::UNREACHABLE] {
            assert_eq!(Outcome::Unsent.code_with(verdict), exit::UNSENT);
            let of_threshold = if verdict == exit::OK { exit::THRESHOLD } else { verdict };
            assert_eq!(Outcome::Threshold.code_with(verdict), of_threshold);
            assert_eq!(Outcome::NoAck.code_with(verdict), verdict);
        }
        for outcome in [Outcome::Unsent, Outcome::Threshold, Outcome::Sent] {
            assert_eq!(outcome.code_with(exit::FAIL), exit::FAIL);
        }
    }
}
