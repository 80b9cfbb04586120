//! Wishes of a run folder: the program of `[target.process]`, the query of `[database]`, requests
//! that may do more than read, and the target, to which secrets and events go.
//!
//! Run folders are handed around, and a folder of somebody else is data: what it names is done only
//! for this user's own folders, or if he says so. Without that, the target that it names is read,
//! and gets nothing.

use std::borrow::Cow;
use std::path::PathBuf;

use judge::evidence::Run;
use reader::origin;
use thiserror::Error;
use truth::scenario::Scenario;
use truth::target::{Connect, Database, Process, Target, Template};

use crate::cli::Options;

/// Refusal to do what a run folder of somebody else names.
#[derive(Debug, Error)]
#[error(
    "{} is not marked as written by your own loadgen on this machine, and its run.json has verify {command}; {remedy} \
     with --run-commands",
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

/// Permits to take secrets and events to the target of a run, or refuses it. Whoever names the
/// target, and the ways of connecting to it, knows where they go.
pub(super) fn permit_sending(options: &Options, run: &Run, target: &Target) -> Result<(), ForeignCommand> {
    let mut taken = options.reach.secrets(&target.connect);
    taken.extend(options.sends().then(|| "events".to_owned()));
    let mut named = Connect { http2: target.connect.http2, ..Connect::default() };
    options.reach.outrank(&mut named);
    let has_named_ways = named == target.connect;
    let is_named = options.target.is_some() && has_named_ways && target.publish.url.is_none();
    if taken.is_empty() || is_named {
        return Ok(());
    }
    let (ways, remedy) = match has_named_ways {
        true => ("", "name the target with --target, or let verify do so"),
        false => (
            ", in the ways of its [target.connect]",
            "name the target with --target and those ways with flags, or let verify do so",
        ),
    };
    permit(options, run, || ForeignCommand {
        path: run.folder.path().to_path_buf(),
        command: format!("send {} to {}{ways}", taken.join(", "), target.url),
        remedy,
    })
}

/// Permits to make the requests that a run folder describes, or refuses it if one of them may do
/// more than read: it has an environment variable of this user in it, or is no GET.
pub(super) fn permit_requests(options: &Options, run: &Run) -> Result<(), ForeignCommand> {
    let Scenario { target, events, .. } = &run.manifest.scenario;
    let sent: Vec<&str> = if options.sends() {
        let templates = target.publish_templates().into_iter().map(|(_, template)| template);
        templates.flat_map(Template::variables).chain(events.values.variables()).collect()
    } else {
        Vec::new()
    };
    let mut variables = target.read_templates().flat_map(Template::variables).chain(sent);
    let variable = variables
        .next()
        .map(|variable| format!("send the environment variable {variable} to {}", target.url));
    let no_get = target.reads().into_iter().find(|request| request.method != "GET").map(|request| {
        let base = request.url.unwrap_or(&target.url);
        format!("send {} {base}{}", request.method, request.path.as_str())
    });
    let Some(command) = variable.or(no_get) else { return Ok(()) };
    permit(options, run, || ForeignCommand {
        path: run.folder.path().to_path_buf(),
        command,
        remedy: "judge what was observed with --offline, or let verify send it",
    })
}

fn permit(
    options: &Options,
    run: &Run,
    refusal: impl FnOnce() -> ForeignCommand,
) -> Result<(), ForeignCommand> {
    if options.run_commands || origin::is_own(&run.folder) { Ok(()) } else { Err(refusal()) }
}

/// Returns the command that sends the load again, or nothing if it is more than words for `loadgen` or
/// the demo: people run it as it is printed, and somebody else may have written it. `loadgen` is the name by
/// which its reader calls that. Shards are sent side by side: the command is the same for each, but for its
/// number.
pub(super) fn rerun(text: &str, shards: u32, loadgen: &str) -> String {
    let words = shlex::split(text).unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_quoted = shlex::try_join(words.iter().copied()).is_ok_and(|quoted| quoted == text);
    let command = match words.as_slice() {
        ["loadgen", rest @ ..] if is_quoted => [loadgen.to_owned()].into_iter().chain(of_each(rest, shards)),
        ["onceproof", "demo", ..] if is_quoted => return text.to_owned(),
        _ => return String::new(),
    };
    let command = command.collect::<Vec<_>>().join(" ");
    match words.contains(&"--shard") {
        true => format!("for i in $(seq {shards}); do {command} & done; wait"),
        false => command,
    }
}

/// Quotes the words of a command, with a variable for the number of the shard.
fn of_each(words: &[&str], shards: u32) -> Vec<String> {
    let before = std::iter::once(&"").chain(words);
    let shown = |(before, word): (&&str, &&str)| match *before {
        "--shard" => format!("$i/{shards}"),
        _ => quoted(word).into_owned(),
    };
    before.zip(words).map(shown).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_for_loadgen_are_a_command_to_run_again() {
        for text in [
            "loadgen --count 7 --seed 3",
            "loadgen --scenario 'my own.toml' --topics 'a,b'",
            "onceproof demo --broken x --seed 3",
        ] {
            assert_eq!(rerun(text, 1, "loadgen"), text);
        }
        for text in [
            "",
            "curl evil.example",
            "onceproof completions demo",
            "loadgen --count 7; curl evil.example",
            "loadgen --count $(id)",
            "loadgen --count 7 # 'and so on",
            "loadgen --count 7\nid",
            "loadgen --count 'unended",
        ] {
            assert_eq!(rerun(text, 1, "loadgen"), "", "{text}");
        }
    }

    #[test]
    fn all_shards_are_sent_again_by_one_command() {
        let all = "for i in $(seq 3); do loadgen --run-id 'night 7' --shard $i/3 --seed 5 & done; wait";
        assert_eq!(rerun("loadgen --run-id 'night 7' --shard 2/3 --seed 5", 3, "loadgen"), all);
        assert_eq!(rerun("loadgen --shard 2/3; id", 3, "loadgen"), "");
    }

    #[test]
    fn a_reader_who_has_the_one_program_alone_gets_its_name() {
        assert_eq!(rerun("loadgen --seed 5", 1, "onceproof load"), "onceproof load --seed 5");
    }
}
