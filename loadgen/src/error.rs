//! Why a run cannot begin, or had to stop, and the exit code that says so.

use std::time::Duration;

use reader::client::{ClientError, HeaderError};
use reader::database::DatabaseError;
use reader::process::ProcessError;
use reader::reach::SecretError;
use reader::trust::TrustError;
use thiserror::Error;
use truth::exit;
use truth::files::FolderError;
use truth::plan::PlanError;
use truth::record::ledger::LedgerError;
use truth::scenario::ScenarioError;
use truth::target::TargetError;

/// Why a run cannot begin, or had to stop.
#[derive(Debug, Error)]
pub enum Failure {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The numbers make no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The target's description cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// A header cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The target cannot be asked as it is described.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody can be trusted as it says.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A secret is not to be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The run folder cannot be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The operating system refused something that every run needs.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody can ask for the metrics.
    #[error(
        "cannot listen on {address} for --prometheus-addr; name an address of this machine and a port that is free"
    )]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The target does not accept connections.
    #[error(
        "cannot reach {url}{}: {reason}; {hint}",
        waited(.wait)
    )]
    Unreachable {
        /// The target's base URL.
        url: String,
        /// What came instead of a connection, with the addresses tried.
        reason: String,
        /// The way out.
        hint: &'static str,
        /// How long it was waited for.
        wait: Duration,
    },
    /// The target says that it is not ready.
    #[error("{url} was not ready within {}: {reason}; look at the target's log, or give it more time with --wait", truth::duration::format(*.wait))]
    NotReady {
        /// The health check's URL.
        url: String,
        /// What it answered.
        reason: String,
        /// How long it was waited for.
        wait: Duration,
    },
    /// The target's database cannot be read.
    #[error("{0}; nothing was sent")]
    Database(DatabaseError),
    /// The scenario's target did not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The record of what was sent could not be kept.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Failure {
    /// The exit code that says this.
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
            Self::Unreachable { .. } | Self::NotReady { .. } | Self::Process(_) => exit::UNREACHABLE,
            Self::Ledger(_) => exit::NOT_WRITTEN,
        }
    }
}

fn waited(wait: &Duration) -> String {
    if wait.is_zero() { String::new() } else { format!(" within {}", truth::duration::format(*wait)) }
}
