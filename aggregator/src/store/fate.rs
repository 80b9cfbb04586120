//! Fates of the start and of a write, and the limits that both backends share.

use std::time::Duration;

use thiserror::Error;

/// Limit on a reader's wait for a connection: a health check must be able to report a failure soon.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Limit on the first connection at the start.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Number of connections that read.
pub(super) const READERS: u32 = 4;
/// A page ends early once its rows reach this size. 10,000 rows may hold 32 MiB each.
pub(super) const PAGE_BYTES: i64 = 32 * 1024 * 1024;
/// Rows are read in parts of about this size, and the next part when the client has taken the last.
pub(super) const PART_BYTES: i64 = 1024 * 1024;

/// Events that a worker has taken from the inbox, and how many of them were new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Drained {
    pub(crate) taken: usize,
    pub(crate) inserted: usize,
}

/// Reasons for the database to be unusable from the start.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No connection, or no answer.
    #[error("cannot open the database {url}: {reason}; {advice}")]
    Connect {
        /// Without its password.
        url: String,
        advice: &'static str,
        reason: sqlx::Error,
    },
    /// The tables could not be created or updated.
    #[error("cannot prepare the tables of the database {url}: {reason}; may this user create tables there?")]
    Migrate {
        /// Without its password.
        url: String,
        reason: sqlx::migrate::MigrateError,
    },
    /// The database answers but takes no writes.
    #[error(
        "cannot write to the database {url}: {reason}; is it read-only, or is this user not allowed to write?"
    )]
    Write {
        /// Without its password.
        url: String,
        reason: sqlx::Error,
    },
    /// The database would not keep every text as it was sent.
    #[error("the database {url} has the encoding {encoding}, expected UTF8; create it with ENCODING 'UTF8'")]
    Encoding {
        /// Without its password.
        url: String,
        encoding: String,
    },
}

/// Reasons for a group of batches not to be stored, by what is known of its fate.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// Nothing was committed. The database is down, busy or full, and may be back later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Nothing was committed. The database aborted the transaction in favour of another, and a
    /// retry may succeed.
    #[error("the transaction was aborted in favour of another")]
    Aborted(#[source] sqlx::Error),
    /// Nothing was committed. The database rejects something in the group.
    #[error("the database rejects the events")]
    Refused(#[source] sqlx::Error),
    /// The commit was sent, and its result did not arrive.
    #[error("the outcome of a commit is unknown")]
    Unknown(#[source] sqlx::Error),
}

impl OpenError {
    /// True if a retry may succeed soon: nothing listens yet, or the server is starting, stopping
    /// or full.
    pub(super) fn may_pass(&self) -> bool {
        let Self::Connect { reason, .. } = self else { return false };
        match reason.as_database_error() {
            Some(answer) => answer.code().is_some_and(|code| ["57P03", "57P01", "53300"].contains(&&*code)),
            None => matches!(reason, sqlx::Error::Io(_)),
        }
    }
}

impl WriteError {
    /// The driver's error.
    pub(crate) fn source(&self) -> &sqlx::Error {
        let (Self::Unavailable(source)
        | Self::Aborted(source)
        | Self::Refused(source)
        | Self::Unknown(source)) = self;
        source
    }
}
