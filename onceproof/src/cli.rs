//! Command line of `onceproof`, as far as it is not that of another program.

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use reader::invocation::Program;
use reader::{environment, flags};

use crate::{demo, doctor};

/// Proves that an event-ingestion endpoint stores every event exactly once, or shows an event that
/// it lost, stored twice or changed.
///
/// `onceproof load` sends a known set of events and keeps a ledger of every attempt. `onceproof
/// verify` reads the endpoint back and judges it by the ledger. `onceproof aggregator` is a target
/// that gets it right. The program acts as `loadgen`, `verify` or `aggregator` if it is started
/// under that name.
#[derive(Debug, Parser)]
#[command(name = "onceproof", version, after_help = "Begin with `onceproof demo`.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const DEMO_EXIT_CODES: &str = "\
Exit codes: those of the verdict (0 PASS, 1 FAIL, 3 UNKNOWN, 4 VOID, which is also that of a run too \
short for a kill). Without a verdict: that of the load, 2 if a file or a process cannot be used, 130 if \
interrupted.";

const DOCTOR_EXIT_CODES: &str = "Exit codes: 0, or 1 if there is a warning and --strict is given.";

/// Commands beside the other programs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a target, kill it midway, start it again, and judge it: PASS in seconds, or FAIL with
    /// --broken
    #[command(display_order = 4, after_long_help = DEMO_EXIT_CODES)]
    Demo(demo::Settings),
    /// Look for what on this machine would spoil a run or a measurement, and say what to do
    #[command(display_order = 5, after_long_help = DOCTOR_EXIT_CODES)]
    Doctor(doctor::Settings),
    /// Print a completion script for a shell
    #[command(display_order = 6)]
    Completions {
        /// Shell
        shell: Shell,
    },
    /// Print the reference of the flags of `demo` and `doctor` as Markdown
    #[command(hide = true)]
    Reference,
    /// Write the man pages and the completion scripts of all programs into a folder
    #[command(hide = true)]
    Files {
        /// Folder
        folder: PathBuf,
    },
    /// Serve a target with one defect
    #[command(hide = true)]
    Mutant(mutants::Settings),
}

impl Cli {
    /// Parses the arguments of this process. Exits if they are wrong, or ask for help.
    #[must_use]
    pub fn from_arguments() -> Self {
        let parsed = environment::parse(whole());
        Self::from_arg_matches(&parsed.matches).unwrap_or_else(|error| error.exit())
    }
}

/// Returns the command lines of the other programs, each under its own name.
pub(crate) fn programs() -> [(Program, clap::Command); 3] {
    [
        (Program::Loadgen, loadgen::Program::described()),
        (Program::Verify, verify::Cli::described()),
        (Program::Aggregator, aggregator::Settings::command()),
    ]
}

/// Returns the command line with all programs as subcommands, for help, man pages and completions.
/// Calls of those never come here: each program parses its own.
pub(crate) fn whole() -> clap::Command {
    let order = |(place, (program, command)): (usize, (Program, clap::Command))| {
        command.name(program.subcommand()).display_order(place)
    };
    Cli::command().subcommands(programs().into_iter().enumerate().map(order))
}

/// Returns the completion script of `onceproof`.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole(), "onceproof", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Returns the page of the flags that are this program's alone.
pub(crate) fn reference() -> String {
    flags::page(&Cli::command())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        whole().debug_assert();
    }

    #[test]
    fn the_help_lists_the_programs_first_and_hides_what_is_for_ourselves() {
        let help = whole().render_help().to_string();
        let shown: Vec<&str> =
            help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
        let expected = ["load", "verify", "aggregator", "demo", "doctor", "completions", "help"];
        assert_eq!(shown[..expected.len()], expected, "{help}");
        assert!(!help.contains("mutant"), "{help}");
    }
}
