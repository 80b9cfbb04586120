//! Reasons why there is no scenario.

use std::path::PathBuf;

use reader::client::ClientError;
use reader::reach::SecretError;
use thiserror::Error;
use truth::exit;
use truth::files::FolderError;
use truth::scenario::ScenarioError;
use truth::target::TargetError;
use truth::target::secrets::MissingVariable;

use super::asking::Stop;
use super::given::GivenError;
use super::unmet::Unmet;

/// Reason why there is no scenario.
#[derive(Debug, Error)]
pub(super) enum ProbeError {
    /// The URL cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The target cannot be reached as it is described.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A secret of the request or the scenario is missing.
    #[error("a secret is missing: set it with `export`, and run the probe again")]
    Variable(#[from] MissingVariable),
    /// The request cannot be used.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// The host of the request is a variable.
    #[error("the host of the request is the variable {variable}: write the host in its place")]
    HostVariable {
        /// Name of the variable.
        variable: String,
    },
    /// The scenario that was given cannot be used.
    #[error("the scenario to complete is not TOML: {0}")]
    Half(String),
    /// The same, by its meaning.
    #[error(transparent)]
    Scenario(ScenarioError),
    /// Nothing names the target.
    #[error("nothing names the target: give a URL, --from, or target.url in the scenario")]
    NoTarget,
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file exists.
    #[error("{} exists already; remove it, or name another file with --out", path.display())]
    Exists {
        /// File.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The target is not this machine, and nobody said that events may be sent to it.
    #[error("{url} is not this machine: nothing was sent; add --yes to send what stands above")]
    NotLocal {
        /// Base URL of the target.
        url: String,
    },
    /// The target cannot be reached.
    #[error("cannot reach {url}, so nothing was sent: {reason}; is the target running?")]
    Unreachable {
        /// URL of the target.
        url: String,
        /// Cause.
        reason: String,
    },
    /// Nothing more is sent.
    #[error(transparent)]
    Stopped(Stop),
    /// No request with an event was accepted.
    #[error(
        "no way to publish an event was found: {tried}; give a request that works with --from, or \
         describe the target in a copy of scenarios/default.toml"
    )]
    NoWayIn {
        /// First requests with their responses.
        tried: String,
    },
    /// No value of the request can be an id.
    #[error(
        "no value of the request looks like the id of its event, so events could not be told apart; give a \
         request with an id in it"
    )]
    NoId,
    /// The scenario is not valid.
    #[error("the result is not a valid scenario: {reason}; nothing was written")]
    Unusable {
        /// Cause.
        reason: String,
    },
}

impl From<Unmet> for ProbeError {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Stopped(stop) => Self::from(stop),
            Unmet::Refused(tried) => Self::NoWayIn { tried },
            Unmet::Unmade(reason) => Self::Unusable { reason },
        }
    }
}

impl From<Stop> for ProbeError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Unreachable { url } => Self::Unreachable { url, reason: "no connection".to_owned() },
            stop => Self::Stopped(stop),
        }
    }
}

impl ProbeError {
    /// Exit code of a probe that ends so.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::NoWayIn { .. } | Self::Unusable { .. } | Self::Stopped(_) | Self::NoId => exit::INCOMPLETE,
            Self::Unreachable { .. } => exit::UNREACHABLE,
            _ => exit::USAGE,
        }
    }
}
