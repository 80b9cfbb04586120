//! Reasons why a target could not be read.

use std::time::Duration;

use thiserror::Error;

use super::passage::PassageError;

/// Nature of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// The same read would probably fail again.
    Definite,
    /// The response broke off, or did not come in time.
    Cut,
    /// The target asks for time, or is not there at present.
    Passing,
}

/// Reason why the target could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The scenario names no path for it.
    #[error("the scenario sets no target.{what}.path, so the target cannot be read there")]
    NotOffered {
        /// `stats` or `listing`.
        what: &'static str,
    },
    /// No connection could be made.
    #[error("cannot connect to {url}: {reason}")]
    Connect {
        /// URL of the request.
        url: String,
        /// Innermost cause, such as `Connection refused`.
        reason: String,
    },
    /// No response, or one that broke off.
    #[error("cannot read {url}")]
    Http {
        /// URL of the request.
        url: String,
        /// Cause.
        source: reqwest::Error,
    },
    /// The same on a connection that a `Passage` opened.
    #[error("cannot read {url}")]
    Passage {
        /// URL of the request.
        url: String,
        /// Cause.
        source: PassageError,
    },
    /// A response whose status is not a success.
    #[error("{url} answered with status {status}, expected 2xx{}", hint(*status, *access))]
    Status {
        /// URL of the request.
        url: String,
        /// Status of the response.
        status: u16,
        /// Origin of the request's secrets.
        access: Access,
        /// Pause that the response asks for.
        retry_after: Option<Duration>,
    },
    /// A request that cannot be written.
    #[error("the request {request} cannot be written: {reason}")]
    Unfilled {
        /// Its path, as the scenario writes it.
        request: String,
        /// Reason.
        reason: String,
    },
    /// A response that does not have the form that the scenario describes.
    #[error("the response of {url} does not fit the scenario's [target]: {reason}")]
    Shape {
        /// URL of the request.
        url: String,
        /// Part that is missing or wrong.
        reason: String,
    },
}

/// Origin of the secrets of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// The command line, if anything.
    CommandLine,
    /// The scenario: a variable, or what an earlier response held.
    Scenario,
    /// Nothing. The request goes to another host than the target's, and headers of the command line
    /// do not.
    Nothing,
}

/// Hint for a status that asks for authorisation.
fn hint(status: u16, access: Access) -> &'static str {
    match (status, access) {
        (401 | 403, Access::CommandLine) => {
            "; no file keeps secrets: give them again with -H, --bearer-file or --basic-file"
        }
        (401 | 403, Access::Scenario) => {
            "; the scenario writes this request's secret: check the variable or the login that it comes from"
        }
        (401 | 403, Access::Nothing) => {
            "; headers of the command line stay with the target's own host: write one with {{env:NAME}} into the \
             headers of this request"
        }
        _ => "",
    }
}

impl ReadError {
    /// True if no connection could be made.
    pub fn is_unreachable(&self) -> bool {
        self.unreachable_url().is_some()
    }

    /// URL of a host that could not be connected to.
    pub fn unreachable_url(&self) -> Option<&str> {
        match self {
            Self::Connect { url, .. } => Some(url),
            Self::Passage { url, source } if source.is_connect() => Some(url),
            Self::NotOffered { .. }
            | Self::Unfilled { .. }
            | Self::Http { .. }
            | Self::Passage { .. }
            | Self::Status { .. }
            | Self::Shape { .. } => None,
        }
    }

    /// Returns the pause that the target asks for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::NotOffered { .. }
            | Self::Unfilled { .. }
            | Self::Connect { .. }
            | Self::Http { .. }
            | Self::Passage { .. }
            | Self::Shape { .. } => None,
        }
    }

    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Status { status: 429 | 502..=504, .. } | Self::Connect { .. } => Failure::Passing,
            Self::Passage { source, .. } if source.is_connect() => Failure::Passing,
            Self::Http { .. } | Self::Passage { .. } => Failure::Cut,
            Self::NotOffered { .. } | Self::Unfilled { .. } | Self::Status { .. } | Self::Shape { .. } => {
                Failure::Definite
            }
        }
    }
}
