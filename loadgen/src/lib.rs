//! Load generator: sends events with an exact share of duplicates to an HTTP target, and records
//! every attempt in a ledger.
//!
//! The content of the load is a pure function of the plan ([`truth::plan`]). Lanes send it over
//! connections of their own, because a verdict needs to know of each attempt whether a byte left.
//! The outcome of each attempt goes to the ledger ([`truth::record::ledger`]), and `verify` judges
//! the target by it.

mod command;
mod connection;
mod error;
mod executor;
mod lane;
mod meter;
mod result;
mod run;
mod summary;
mod watch;

pub use command::cli::{Cli, Command, Program};
pub use error::Failure;

use std::io::Write;

use command::cli::Shape;
use command::settings::Settings;
use command::{history, reference, show};
use truth::chain::chain;
use truth::exit;
use watch::notice::Notices;

/// Runs the program, and returns its exit code.
pub fn run(program: Program) -> u8 {
    match program.command {
        None => load(notices(&program.load.shape), || Settings::resolve(program.load)),
        Some(Command::Http(http)) => load(notices(&http.shape), || Settings::resolve_http(*http)),
        Some(Command::Check { files }) => show::check(&files),
        Some(Command::Plan { load, requests }) => plan(*load, requests),
        Some(Command::History { run }) => match history::print(&run) {
            Ok(()) => exit::OK,
            Err(failure) => {
                Notices::new(false).error(&chain(&failure));
                failure.exit_code()
            }
        },
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Program::described(), "loadgen", &mut std::io::stdout());
            exit::OK
        }
        Some(Command::Reference { scenario }) => {
            let page =
                if scenario { reference::scenario() } else { reader::flags::page(&Program::described()) };
            print(&page);
            exit::OK
        }
    }
}

/// Prints a text. A reader that has gone away, as `head` does, is no error.
fn print(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

fn plan(cli: Cli, requests: u32) -> u8 {
    match Settings::resolve(cli) {
        Ok(settings) => {
            print(&show::plan(&settings.load, requests));
            exit::OK
        }
        Err(failure) => {
            Notices::new(false).error(&chain(&failure));
            failure.exit_code()
        }
    }
}

fn notices(shape: &Shape) -> Notices {
    let color = !shape.no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Notices::new(color).quiet(shape.quiet)
}

fn load(notices: Notices, resolve: impl FnOnce() -> Result<Settings, Failure>) -> u8 {
    let started = resolve().and_then(|settings| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Failure::System { action: "start the event loop", source })?;
        let ended = runtime.block_on(run::run(settings, notices));
        // Not waited for: a second interrupt ends the program at once.
        runtime.shutdown_background();
        ended
    });
    started.unwrap_or_else(|failure| {
        notices.error(&chain(&failure));
        failure.exit_code()
    })
}
