//! Attempt on a connection: whether a byte of the request left, and why no response came.

use std::io;

use thiserror::Error;

use super::http1::malformed::Malformed;

/// Room for one read, in bytes: a response with a result for each event of an ordinary batch fits.
pub(crate) const READ_BYTES: usize = 8 << 10;

/// Outcome of the first write of a request.
#[derive(Debug)]
pub(crate) enum Begun {
    /// The kernel took at least one byte: whatever follows, this is an attempt.
    Sent,
    /// The kernel took no byte, and the connection may still take some.
    Blocked,
    /// The kernel took no byte and never will.
    Dead,
}

/// Reason why an attempt has no response.
#[derive(Debug, Error)]
pub(crate) enum Lost {
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("no whole response within the timeout")]
    TimedOut,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Lost {
    /// Name of the reason in `summary.json`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::TimedOut => "timed-out",
            Self::Malformed(malformed) => malformed.name(),
            Self::Broken(error) => match error.kind() {
                io::ErrorKind::ConnectionReset => "connection-reset",
                io::ErrorKind::BrokenPipe => "broken-pipe",
                io::ErrorKind::UnexpectedEof => "unexpected-eof",
                _ => "connection-error",
            },
        }
    }
}
