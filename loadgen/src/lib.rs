//! Load generator: sends events with an exact share of duplicates to an HTTP target, and records
//! every attempt in a ledger.
//!
//! The content of the load is a pure function of the plan ([`truth::plan`]). Lanes send it over
//! connections of their own, because a verdict needs to know of each attempt whether a byte left.
//! The outcome of each attempt goes to the ledger ([`truth::record::ledger`]), and `verify` judges
//! the target by it.

mod beside;
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
pub use command::rerun::RERUN;
pub use error::Failure;

use command::cli::Shape;
use command::settings::Settings;
use command::{history, reference, show, warnings};
use reader::console::{self, print_result};
use reader::environment;
use tracing_subscriber::EnvFilter;
use truth::exit;
use watch::notice::Notices;

/// Runs the program by the arguments of this process, and returns its exit code.
pub fn main() -> u8 {
    let filter = environment::variable("RUST_LOG").unwrap_or_else(|| "warn".to_owned());
    let filter = EnvFilter::new(filter);
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(console::log).init();
    run(Program::from_arguments())
}

/// Runs the program, and returns its exit code.
pub fn run(program: Program) -> u8 {
    let taken = program.from_environment;
    match program.command {
        None => load(notices(&program.load.shape), &taken, || Settings::resolve(program.load)),
        Some(Command::Http(http)) => load(notices(&http.shape), &taken, || Settings::resolve_http(*http)),
        Some(Command::Check { files }) => show::check(&files),
        Some(Command::Plan { load, requests }) => plan(*load, requests, &taken),
        Some(Command::History { run, keys }) => match history::print(&run, keys) {
            Ok(()) => exit::OK,
            Err(failure) => failed(&failure),
        },
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Program::described(), "loadgen", &mut script);
            print_result(&String::from_utf8_lossy(&script), exit::OK)
        }
        Some(Command::Reference { scenario }) => {
            let page =
                if scenario { reference::scenario() } else { reader::flags::page(&Program::described()) };
            print_result(&page, exit::OK)
        }
    }
}

fn plan(cli: Cli, requests: u32, from_environment: &[String]) -> u8 {
    match Settings::resolve(cli) {
        Ok(settings) => {
            let notices = Notices::new(false);
            tell(from_environment, notices);
            let found = warnings::secrets_in_clear(&settings.load.scenario);
            found.iter().for_each(|warning| notices.warn(warning));
            show::plan(&settings, requests)
                .map_or_else(|failure| failed(&failure), |text| print_result(&text, exit::OK))
        }
        Err(failure) => failed(&failure),
    }
}

fn notices(shape: &Shape) -> Notices {
    let color = !shape.no_color && environment::variable("NO_COLOR").is_none();
    Notices::new(color).quiet(shape.quiet)
}

fn failed(failure: &Failure) -> u8 {
    if !matches!(failure, Failure::Unprinted(error) if error.is_unread()) {
        Notices::new(false).failure(&failure.message());
    }
    failure.exit_code()
}

/// Tells which values come from the environment: its names are used by other tools, too.
fn tell(from_environment: &[String], notices: Notices) {
    if !from_environment.is_empty() {
        notices.note(&format!("{} from the environment", from_environment.join(", ")));
    }
}

fn load(
    notices: Notices,
    from_environment: &[String],
    resolve: impl FnOnce() -> Result<Settings, Failure>,
) -> u8 {
    let started = resolve().and_then(|settings| {
        tell(from_environment, notices);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Failure::System { action: "start the event loop", source })?;
        let ended = runtime.block_on(run::run(settings, notices));
        // Not waited for: a second interrupt ends the program at once.
        runtime.shutdown_background();
        ended
    });
    started.unwrap_or_else(|failure| {
        notices.failure(&failure.message());
        failure.exit_code()
    })
}
