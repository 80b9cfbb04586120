//! Errors of the demo.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;
use truth::exit;

/// Reasons for a demo without a verdict.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    #[error("cannot {action}")]
    System { action: &'static str, source: io::Error },
    #[error("cannot {action} {}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot make a folder in {}; TMPDIR names another place", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("no free port was found on 127.0.0.1 in {tries} tries")]
    NoPort { tries: u16 },
    #[error("the load ended without a verdict ({status}); its messages are above")]
    Load { status: ExitStatus },
    #[error("the run folder {} cannot be read: {why}", path.display())]
    NoRun { path: PathBuf, why: String },
    #[error("interrupted; nothing was left running")]
    Interrupted,
}

impl DemoError {
    /// Returns the program's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Load { status } => status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .filter(|code| *code != exit::OK)
                .unwrap_or(exit::USAGE),
            Self::Interrupted => exit::INTERRUPTED,
            _ => exit::USAGE,
        }
    }
}
