//! Errors of a target, apart from its defect.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Reasons for a target not to start, or to end.
#[derive(Debug, Error)]
pub enum MutantError {
    /// The file that outlives the process, or the one beside it.
    #[error("cannot {action} {}", path.display())]
    File {
        /// Use of the file: open, read, cut, write.
        action: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Reason of the system.
        source: io::Error,
    },
    /// The file that outlives the process holds what no target wrote.
    #[error("cannot understand {}", path.display())]
    Record {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: serde_json::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Address.
        address: SocketAddr,
        /// Reason of the system.
        source: io::Error,
    },
    /// The server ended by itself.
    #[error("the server ended")]
    Ended {
        /// Reason of the system.
        source: io::Error,
    },
}

impl MutantError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    pub(crate) fn record(path: &Path) -> impl Fn(serde_json::Error) -> Self {
        move |source| Self::Record { path: path.to_owned(), source }
    }
}
