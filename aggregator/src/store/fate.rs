//! Ways in which a statement or the start can end, and the limits that both backends share.

use std::time::Duration;

use thiserror::Error;

/// How long a reader waits for a connection: a health check must be able to say "no" soon.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the first connection at the start may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that read.
pub(super) const READERS: u32 = 4;
/// A page ends early where its payloads reach this size, whatever its limit: 10,000 rows may hold 32 MiB each.
pub(super) const PAGE_PAYLOAD_BYTES: i64 = 32 * 1024 * 1024;

/// What a worker has taken out of the inbox, and how much of it was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Drained {
    pub(crate) taken: usize,
    pub(crate) inserted: usize,
}

/// Why the database cannot be used from the start.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No connection, or no answer.
    #[error("cannot open the database {url}: {reason}; {advice}")]
    Connect {
        /// The database, without its password.
        url: String,
        /// What to look at.
        advice: &'static str,
        /// What the driver says.
        reason: sqlx::Error,
    },
    /// The tables could not be made or brought up to date.
    #[error("cannot prepare the tables of the database {url}: {reason}; may this user create tables there?")]
    Migrate {
        /// The database, without its password.
        url: String,
        /// What the driver says.
        reason: sqlx::migrate::MigrateError,
    },
    /// It answers but takes no writes.
    #[error("cannot write to the database {url}: {reason}; is it read-only, or may this user not write?")]
    Write {
        /// The database, without its password.
        url: String,
        /// What the driver says.
        reason: sqlx::Error,
    },
    /// It would not keep every text as it was sent.
    #[error("the database {url} has the encoding {encoding}; make one with ENCODING 'UTF8'")]
    Encoding {
        /// The database, without its password.
        url: String,
        /// What the server says.
        encoding: String,
    },
}

/// Why a group of batches was not stored, by what is known of its fate.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// Nothing was committed; the database is away, busy or full, and may be back later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Nothing was committed: the database ended the transaction for another's sake, and it may be tried again.
    #[error("the transaction was ended in favour of another")]
    Aborted(#[source] sqlx::Error),
    /// Nothing was committed: the database refuses something in the group.
    #[error("the database refuses the events")]
    Refused(#[source] sqlx::Error),
    /// The commit was sent and its answer did not arrive.
    #[error("the outcome of a commit is unknown")]
    Unknown(#[source] sqlx::Error),
}

impl OpenError {
    /// Whether it may be otherwise soon: nobody listens yet, or who does is starting, stopping or full.
    pub(super) fn may_pass(&self) -> bool {
        let Self::Connect { reason, .. } = self else { return false };
        match reason.as_database_error() {
            Some(answer) => answer.code().is_some_and(|code| ["57P03", "57P01", "53300"].contains(&&*code)),
            None => matches!(reason, sqlx::Error::Io(_)),
        }
    }
}

impl WriteError {
    /// What the driver says.
    pub(crate) fn source(&self) -> &sqlx::Error {
        let (Self::Unavailable(source)
        | Self::Aborted(source)
        | Self::Refused(source)
        | Self::Unknown(source)) = self;
        source
    }
}
