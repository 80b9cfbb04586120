//! Program that reads a target back, judges it against the ground truth of a run, and says PASS,
//! FAIL, UNKNOWN or VOID.
//!
//! Observing and judging are separate: [`observe`] reads the target and writes files, [`judge`] is
//! a pure function of the files in a run folder. So a verdict can be had again, offline, from what
//! a CI run left behind.
//!
//! The arrows between the modules. Each uses only those to the left of it:
//!
//! ```text
//! verify:   { observe, resend, probe } < cli < { run, reference } < explain < lib < main
//! observe:  wanted < waits < { counters, progress, history, sight } < lister < observer < observe
//! resend:   sender < resend
//! run:      { commands, opened } < { error, outputs, sentinels } < offline < run
//! explain:  curl < explain
//! probe:    class < names < { given, json, response } < { secret, sketch } < roles < request
//! probe:    response < sight < { findings, rules } < draft < { rows, publish }
//! probe:    asking < { counters, listing } < { looking, exchange, deep } < meet < assumed
//! probe:    input < context < acknowledged < session < probe
//! given:    shell < { curl, har, http_file } < given
//! sketch:   leaves < body < sketch
//! rules:    { counts, entries, whole } < rules
//! listing:  question < paging < listing
//! ```
//!
//! Only `observe`, `resend` and `probe` touch a network, and always through `reader`.

pub mod cli;
mod explain;
pub mod observe;
pub mod probe;
mod reference;
pub mod resend;
mod run;

pub use cli::{Cli, Options};
use reader::console::{self, print_result, say};
use reader::environment;
use reader::invocation::{Program, called};
pub use report::html::FILE as REPORT;
pub use run::{VerifyError, run, verdict};
use tracing_subscriber::EnvFilter;
use truth::exit;

/// Runs the program by the arguments of this process, and returns its exit code.
pub fn main() -> u8 {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(environment::variable("RUST_LOG").unwrap_or_default()))
        .with_writer(console::log)
        .init();
    let cli = Cli::from_arguments();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(start(cli)),
        Err(error) => {
            say(&format!("{}: cannot start a runtime: {error}", called(Program::Verify)));
            exit::USAGE
        }
    }
}

/// Does what the command line asks for, and returns the exit code.
pub async fn start(cli: Cli) -> u8 {
    if !cli.from_environment.is_empty() {
        let notes = cli.options.notes();
        notes.say(&format!("note: {} from the environment", cli.from_environment.join(", ")));
    }
    match cli.command {
        Some(cli::Command::Probe(options)) => probe::run(&options).await,
        Some(cli::Command::Explain(options)) => explain::run(&options),
        Some(cli::Command::Reference(page)) => print_result(&reference::page(&page), exit::OK),
        None => run(cli.options).await,
    }
}
