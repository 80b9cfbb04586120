//! Commands that a run folder names: the program of `[target.process]`, and the query of
//! `[database]`.
//!
//! Run folders are handed around, and a folder of somebody else is data: what it names is done only
//! for this user's own folders, or if he says so.

use std::borrow::Cow;
use std::path::PathBuf;

use judge::evidence::Run;
use reader::origin;
use thiserror::Error;
use truth::target::{Database, Process};

use crate::cli::Options;

/// Refusal to do what a run folder of somebody else names.
#[derive(Debug, Error)]
#[error(
    "{} was not written by your own loadgen on this machine, and its run.json has verify {command}; {remedy} with \
     --run-commands",
    path.display()
)]
pub struct ForeignCommand {
    /// Run folder.
    path: PathBuf,
    /// Command, with what it is for.
    command: String,
    /// Ways on, up to the last word before the flag that permits it.
    remedy: &'static str,
}

/// Permits to start the program of a run's target, or refuses it.
pub(super) fn permit_process(options: &Options, run: &Run, process: &Process) -> Result<(), ForeignCommand> {
    permit(options, run, || ForeignCommand {
        path: run.folder.path().to_path_buf(),
        command: format!("start the target: {}", line(process)),
        remedy: "start the target yourself, name another one with --target, or let verify start this one",
    })
}

/// Permits to ask the query of a run's database, if there is one, or refuses it.
pub(super) fn permit_query(options: &Options, run: &Run) -> Result<(), ForeignCommand> {
    let Some(Database { url, query }) = &run.manifest.scenario.database else { return Ok(()) };
    let url = options.database.as_deref().map_or(&**url, |_| "the database of --database");
    permit(options, run, || ForeignCommand {
        path: run.folder.path().to_path_buf(),
        command: format!("query {url}: {query}"),
        remedy: "judge what was observed with --offline, or let verify query it",
    })
}

fn permit(
    options: &Options,
    run: &Run,
    refusal: impl FnOnce() -> ForeignCommand,
) -> Result<(), ForeignCommand> {
    if options.run_commands || origin::is_own(&run.folder) { Ok(()) } else { Err(refusal()) }
}

/// Returns the command of a process as a shell would take it.
pub(super) fn line(process: &Process) -> String {
    let folder = process.folder.to_string_lossy();
    let change = if folder.is_empty() { String::new() } else { format!("cd {} && ", quoted(&folder)) };
    let variables = process.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
    let words: Vec<String> =
        variables.chain(process.command.iter().map(|word| quoted(word).into_owned())).collect();
    change + &words.join(" ")
}

/// Quotes a word for a shell. None can hold a NUL.
fn quoted(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or_else(|_| Cow::Owned(format!("{word:?}")))
}
