//! Reads a target back, judges it against the ground truth of a run, and says PASS, FAIL, UNKNOWN or VOID.
//!
//! Observing and judging are apart: [`observe`] reads the target and writes files, [`judge`] is a pure function of a
//! run folder's files. So a verdict can be had again, offline, from what a CI run left behind.

pub mod cli;
pub mod observe;
mod print;
pub mod probe;
pub mod resend;
mod run;

pub use cli::{Cli, Options};
pub use run::run;

/// Does what the command line asks for, and tells the exit code.
pub async fn start(cli: Cli) -> u8 {
    match cli.command {
        Some(cli::Command::Probe(options)) => probe::run(&options).await,
        None => run(cli.options).await,
    }
}
