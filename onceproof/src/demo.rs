//! `onceproof demo`: all of Onceproof in one command, with a crash in the middle.
//!
//! The demo runs a load of a scenario that it writes, shows what that prints, and reads the folder
//! that it leaves. All processes are this same program. The arrows between its files:
//!
//! ```text
//! error < { child, files, run_folder } < session < demo     { broken, port, scenario } < session
//! ```

use std::path::PathBuf;

use clap::Args;
use reader::console::{print_result, say};
use reader::signals::Signals;
use truth::chain::chain;
use truth::exit;

use broken::{Broken, Choice};
use error::DemoError;
use session::Session;

pub mod broken;
mod child;
mod error;
mod files;
pub mod port;
mod run_folder;
mod scenario;
mod session;

/// Options of the command.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Load a target with this defect in place of the reference target: the verdict is FAIL. `list`
    /// prints the names
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = broken::DEFAULT,
          value_parser = broken::parser())]
    pub(crate) broken: Option<String>,

    /// Events to send, repeats included [default: 20000, or what brings the defect out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Share of the events that repeat an earlier one [default: 0.3]
    #[arg(long, value_name = "SHARE")]
    pub(crate) dup: Option<String>,

    /// Events in a request; smaller requests make a longer run, and more of it overlaps the kill
    /// [default: 20, or what brings the defect out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) batch: Option<u64>,

    /// Kills of the target, spread evenly over the run; a single one comes at 40 % [default: 1, or
    /// what brings the defect out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1000))]
    pub(crate) kills: Option<u64>,

    /// Seed of the plan [default: random]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u32>,

    /// Folder in which the run's folder is made [default: a new folder for temporary files, which
    /// is kept]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Database of the reference target: `sqlite:FILE` or `postgres://...` [default: a fresh SQLite
    /// file]
    #[arg(long, value_name = "URL", conflicts_with = "broken")]
    pub(crate) database_url: Option<String>,

    /// Keep the target's files, and say where they are
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Runs the demo, and returns verify's exit code, or that of an error.
pub(crate) fn run(settings: &Settings) -> u8 {
    let broken = match settings.broken.as_deref().map(broken::chosen) {
        Some(Choice::List) => return print_result(&broken::list(), exit::OK),
        Some(Choice::One(broken)) => Some(broken),
        None => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DemoError::System { action: "start the event loop", source });
    match runtime.and_then(|runtime| runtime.block_on(until_told_to_stop(settings, broken))) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("demo: {}", chain(&error)));
            error.exit_code()
        }
    }
}

/// Runs the demo to its end, or until a signal. All processes end with it.
async fn until_told_to_stop(settings: &Settings, broken: Option<&Broken>) -> Result<u8, DemoError> {
    let mut signals =
        Signals::listen().map_err(|source| DemoError::System { action: "listen for signals", source })?;
    let session = Session::new(settings, broken)?;
    tokio::select! {
        code = session.run() => code,
        () = signals.next() => Err(DemoError::Interrupted),
    }
}
