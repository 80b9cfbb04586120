//! One program that holds all: `load`, `verify` and `aggregator` are subcommands, `demo` shows them
//! at work, and `doctor` looks for what would spoil a run on this machine.
//!
//! Nothing depends on this crate. It knows how the other programs are started and what they leave
//! behind, and nothing of how they work. The arrows between its modules:
//!
//! ```text
//! { bound, demo, doctor, files } < cli < lib < main
//! ```

#![allow(missing_docs, reason = "only this crate's own program and tests read it")]

pub mod bound;
mod cli;
pub mod demo;
pub mod doctor;
mod files;

pub use cli::Cli;

use cli::Command;
use reader::console::{print_result, say};
use truth::chain::chain;
use truth::exit;

/// Runs a command that is not one of the other programs, and returns its exit code.
#[must_use]
pub fn run(cli: Cli) -> u8 {
    match cli.command {
        Command::Demo(settings) => demo::run(&settings),
        Command::Doctor(settings) => doctor::run(&settings),
        Command::Completions { shell } => print_result(&cli::completions(shell), exit::OK),
        Command::Reference => print_result(&cli::reference(), exit::OK),
        Command::Files { folder } => match files::write(&folder) {
            Ok(()) => exit::OK,
            Err(error) => {
                say(&format!("onceproof files: {}", chain(&error)));
                exit::USAGE
            }
        },
        Command::Mutant(settings) => mutant(settings),
    }
}

/// Serves a broken target, for `onceproof demo --broken`.
fn mutant(settings: mutants::Settings) -> u8 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let served = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(mutants::serve(settings)).map_err(|error| chain(&error)));
    match served {
        Ok(()) => exit::OK,
        Err(reason) => {
            say(&format!("onceproof mutant: {reason}"));
            exit::FAIL
        }
    }
}
