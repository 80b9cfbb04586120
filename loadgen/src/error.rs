//! Errors that keep a run from beginning, or stop it, and their exit codes.

use std::path::Path;
use std::time::Duration;

use reader::client::{ClientError, HeaderError, ReadError};
use reader::console::Unprinted;
use reader::database::DatabaseError;
use reader::process::ProcessError;
use reader::reach::SecretError;
use reader::trust::TrustError;
use thiserror::Error;
use truth::chain::chain;
use truth::exit;
use truth::files::FolderError;
use truth::plan::PlanError;
use truth::printable::printable;
use truth::record::ledger::LedgerError;
use truth::scenario::ScenarioError;
use truth::target::TargetError;
use truth::target::secrets::masked;

/// Error that keeps a run from beginning, or stops it.
#[derive(Debug, Error)]
pub enum Failure {
    /// The command line or the environment contradicts itself.
    #[error("{0}")]
    Usage(String),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The scenario's numbers make no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The target's description cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// A header cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The client for reading the target cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The certificates to trust cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The run folder cannot be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The operating system refused something that every run needs.
    #[error("cannot {action}")]
    System {
        /// Action that failed.
        action: &'static str,
        /// Cause.
        source: std::io::Error,
    },
    /// An address for onlookers cannot be bound.
    #[error(
        "cannot listen on {address} for {flag}: {reason}; name an address of this machine and a free \
         port, such as 127.0.0.1:9090"
    )]
    Listen {
        /// Address that was given.
        address: String,
        /// Flag that gave it.
        flag: &'static str,
        /// Cause.
        reason: std::io::Error,
    },
    /// The target does not accept connections.
    #[error(
        "cannot reach {url}{}: {reason}; {hint}",
        waited(.wait)
    )]
    Unreachable {
        /// Base URL of the target.
        url: String,
        /// Error instead of a connection, with the addresses tried.
        reason: String,
        /// Remedy.
        hint: &'static str,
        /// Time that the target was waited for.
        wait: Duration,
    },
    /// The target reports that it is not ready.
    #[error(
        "{url} was not ready within {}: {reason}; see the target's log, or give it more time with --wait",
        truth::duration::format(*.wait)
    )]
    NotReady {
        /// URL of the health check.
        url: String,
        /// Response of the health check.
        reason: String,
        /// Time that the target was waited for.
        wait: Duration,
    },
    /// A request before the run failed.
    #[error("a request of target.before failed, so nothing was sent")]
    Session(#[source] ReadError),
    /// The target's database cannot be read.
    #[error("{0}; nothing was sent")]
    Database(DatabaseError),
    /// The scenario's target did not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The ledger could not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The result could not be printed.
    #[error(transparent)]
    Unprinted(#[from] Unprinted),
}

impl Failure {
    /// Returns the message with all causes. A fault in a scenario's file stands on several lines,
    /// which show its place; any other message is one line.
    pub(crate) fn message(&self) -> String {
        let text = chain(self);
        if matches!(self, Self::Scenario(_)) {
            masked(&text).into_owned()
        } else {
            printable(&text).into_owned()
        }
    }

    /// Returns the same error with the line and column of the scenario's file, if it is about a text
    /// of it.
    pub(crate) fn located(self, file: &Path) -> Self {
        match self {
            Self::Scenario(error) => Self::Scenario(error.located(file)),
            other => other,
        }
    }

    /// Returns the exit code of this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Scenario(_)
            | Self::Plan(_)
            | Self::Mapping(_)
            | Self::Header(_)
            | Self::Client(_)
            | Self::Trust(_)
            | Self::Secret(_)
            | Self::Folder(_)
            | Self::Database(_)
            | Self::Process(
                ProcessError::Taken { .. } | ProcessError::Start { .. } | ProcessError::System { .. },
            )
            | Self::Listen { .. }
            | Self::System { .. } => exit::USAGE,
            Self::Session(error) if !error.is_unreachable() => exit::USAGE,
            Self::Session(_) => exit::UNREACHABLE,
            Self::Unreachable { .. } | Self::NotReady { .. } | Self::Process(_) => exit::UNREACHABLE,
            Self::Ledger(_) | Self::Unprinted(_) => exit::NOT_WRITTEN,
        }
    }
}

fn waited(wait: &Duration) -> String {
    if wait.is_zero() { String::new() } else { format!(" within {}", truth::duration::format(*wait)) }
}
