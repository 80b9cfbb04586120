//! Errors of the demo.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;
use truth::exit;

/// Remedy for a run of too few requests: the kill hurt none of them, or all.
const SHORT: &str = "the run is too short for a kill; try a larger --count or a smaller --batch";

/// Reasons for a demo without a verdict.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    #[error("cannot {action}")]
    System { action: &'static str, source: io::Error },
    #[error("cannot {action} {}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot make a folder in {}; --out or TMPDIR names another place", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot ask http://{address}{path}")]
    Request { address: std::net::SocketAddr, path: &'static str, source: io::Error },
    #[error("http://{address}{path} returned {found:?}, expected {expected}")]
    Response { address: std::net::SocketAddr, path: &'static str, found: String, expected: &'static str },
    #[error("the target ended by itself ({status}): {log}")]
    TargetEnded { status: ExitStatus, log: String },
    #[error("the target did not respond within {limit_s} s of its start: {log}")]
    Silent { limit_s: u64, log: String },
    #[error("no free port was found on 127.0.0.1 in {tries} tries")]
    NoPort { tries: u16 },
    #[error("the load ended with {status}, expected exit code 0; its messages are above")]
    Load { status: ExitStatus },
    #[error("the kill left the load without an acknowledged attempt; {SHORT}")]
    NothingAcknowledged,
    #[error("the load ended before {threshold} events were received: {SHORT}")]
    Late { threshold: u64 },
    #[error("no connection broke: {SHORT}")]
    NothingBroke,
    #[error("the load left no run folder of seed {seed} in {}", path.display())]
    NoRun { seed: u32, path: PathBuf },
    #[error("{} has no number `{name}`", path.display())]
    NoNumber { path: PathBuf, name: &'static str },
    #[error("verify was ended by a signal ({status})")]
    Verify { status: ExitStatus },
    #[error("interrupted; nothing was left running")]
    Interrupted,
}

impl DemoError {
    /// Returns the error of a load that ended so, without success.
    pub(crate) fn of_load(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) if code == i32::from(exit::NO_ACK) => Self::NothingAcknowledged,
            _ => Self::Load { status },
        }
    }

    /// Returns the program's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Late { .. } | Self::NothingBroke | Self::NothingAcknowledged => exit::VOID,
            Self::Interrupted => exit::INTERRUPTED,
            Self::TargetEnded { .. } | Self::Silent { .. } => exit::UNREACHABLE,
            _ => exit::USAGE,
        }
    }
}
