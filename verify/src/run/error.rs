//! Reasons why there is no verdict, with their exit codes.

use std::path::PathBuf;

use judge::books::walk::WalkError;
use judge::evidence::EvidenceError;
use reader::client::ClientError;
use reader::database::DatabaseUrlError;
use reader::process::ProcessError;
use reader::reach::SecretError;
use thiserror::Error;
use truth::exit;
use truth::files::FolderError;
use truth::record::ledger::LedgerError;
use truth::target::TargetError;

use super::commands::ForeignCommand;
use crate::resend::ResendError;

/// Remedies for a host that cannot be reached.
const START_TARGET: &str = "start the target, or name another one with --target";
const START_HOST: &str = "start that host, which a `url` under [target] of the run's scenario names";

/// Way to a verdict without the target, where it was looked at before.
const JUDGE_AGAIN: &str = "; --offline judges what was observed before";

/// Reason why there is no verdict.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The run folders cannot be judged.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A folder cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The target's URL cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// The target cannot be reached as it is described.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database cannot be read as it is described.
    #[error(transparent)]
    Database(#[from] DatabaseUrlError),
    /// The target could not be reached.
    #[error(
        "cannot reach {url}, so there is no verdict: {reason}; {}{}",
        if *is_target { START_TARGET } else { START_HOST },
        if *was_observed { JUDGE_AGAIN } else { "" }
    )]
    Unreachable {
        /// URL that was asked.
        url: String,
        /// Cause.
        reason: String,
        /// True if it is at the target's own host.
        is_target: bool,
        /// True if the run was looked at before.
        was_observed: bool,
    },
    /// An attempt to send again could not be recorded.
    #[error("stopped sending again: a request could not be recorded")]
    Resend(#[from] ResendError),
    /// The page would stand in the JSON on standard output.
    #[error(
        "--report {} is standard output, where --format json prints the judgement: name a file for the page",
        path.display()
    )]
    TwoOutputs {
        /// Path that was given.
        path: PathBuf,
    },
    /// The target of the run could not be started again.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The run folder of somebody else names what is not done unasked.
    #[error(transparent)]
    Foreign(#[from] ForeignCommand),
    /// The ledger cannot be read to its end.
    #[error("the ledger cannot be read")]
    Walk(#[from] WalkError),
    /// A closed segment of the ledger is not as it was written.
    #[error(transparent)]
    Altered(#[from] LedgerError),
    /// The run sent no events.
    #[error("{} sent the same request every time, and no events: there is nothing to judge", path.display())]
    NoEvents {
        /// Run folder.
        path: PathBuf,
    },
    /// `--offline` after keys were sent again and the target was not read since.
    #[error("observation {observation} in {} is from before the last keys were sent again; run verify without --offline while the target is up", path.display())]
    NotObservedSince {
        /// Run folder.
        path: PathBuf,
        /// Number of the newest observation.
        observation: u32,
    },
    /// A listing that drains was read before.
    #[error("the listing shows each row once, and observation {observation} in {} took its rows; judge it again with --offline", path.display())]
    Drained {
        /// Run folder.
        path: PathBuf,
        /// Number of the newest observation.
        observation: u32,
    },
    /// A listing that drains, while shards of the run are missing.
    #[error(
        "the listing shows each row once, so one look is for all shards of a run, and {given} of {expected} are here; run verify when all of them are, and name their folders"
    )]
    DrainsForAll {
        /// Number of shards whose folders are here.
        given: usize,
        /// Number of shards of the run.
        expected: u32,
    },
    /// `--offline` without an observation.
    #[error("{} holds no complete observation; run verify without --offline while the target is up", path.display())]
    NothingObserved {
        /// Run folder.
        path: PathBuf,
    },
}

impl VerifyError {
    /// Exit code, as documented.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Evidence(_)
            | Self::Altered(_)
            | Self::Folder(_)
            | Self::Mapping(_)
            | Self::Client(_)
            | Self::Secret(_)
            | Self::Foreign(_)
            | Self::TwoOutputs { .. }
            | Self::Database(_) => exit::USAGE,
            Self::Resend(_) => exit::NOT_WRITTEN,
            Self::Walk(_) => exit::UNKNOWN,
            Self::NothingObserved { .. }
            | Self::NotObservedSince { .. }
            | Self::Drained { .. }
            | Self::DrainsForAll { .. }
            | Self::NoEvents { .. } => exit::VOID,
            Self::Unreachable { .. } | Self::Process(_) => exit::UNREACHABLE,
        }
    }
}
