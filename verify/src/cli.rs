//! Command line of `verify`.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use reader::console::Notes;
use reader::environment;
use reader::invocation::{Program, called};
use reader::looking::Looking;
use reader::reach::Reach;
use truth::exit;
use truth::scenario::share::Share;

use crate::probe::ProbeOptions;

/// Headings of the long help.
const SUBJECT: &str = "Run and target";
const READING: &str = "Reading the target";
const SENDING: &str = "Sending again";
const RESULTS: &str = "Results";

/// Reads a target back, compares it with what loadgen sent, and says whether each event is stored
/// exactly once.
///
/// The verdict is PASS, FAIL, UNKNOWN or VOID. It is printed, kept in the run folder as
/// `verdict.json`, `junit.xml` and `report.html`, and is the exit code.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "verify",
    version,
    after_help = after_help(),
    after_long_help = after_long_help(),
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// Subcommand.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of a judgement, if there is no subcommand.
    #[command(flatten)]
    pub options: Options,
    /// Values that came from the environment.
    #[arg(skip)]
    pub from_environment: Vec<String>,
}

/// Subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Send some events to an unknown target, and write a scenario that describes it
    Probe(Box<ProbeOptions>),
    /// Tell the story of a key from the run folder: what was sent, answered and seen of it, with its
    /// requests for curl
    Explain(ExplainOptions),
    /// Print the reference of all flags, of all checks or of the exit codes, as Markdown
    #[command(hide = true)]
    Reference(Page),
}

/// Flags of `verify explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainOptions {
    /// Key to explain, as topic/id, as an id, or by its number in the plan; then the run folders.
    /// With --finding only run folders. Without any, the newest run in --out
    #[arg(value_name = "KEY [RUN]")]
    pub words: Vec<String>,

    /// Explain this finding of the report, from 1
    #[arg(long, value_name = "N")]
    pub finding: Option<usize>,

    /// Show each request whole, however long it is
    #[arg(long)]
    pub whole: bool,

    /// Folder that holds the run folders
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub out: PathBuf,
}

/// Page of the reference to print; without a flag, the page of all flags.
#[derive(Clone, Debug, Args)]
pub struct Page {
    /// Print the checks
    #[arg(long)]
    pub checks: bool,

    /// Print the exit codes of all programs
    #[arg(long, conflicts_with = "checks")]
    pub exit_codes: bool,
}

/// Flags of a judgement.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Run folders of one run, such as its shards; without any, the newest run in --out
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Target to read instead of the one that the run was sent to
    #[arg(long, env = "TARGET_URL", value_name = "URL", hide_env_values = true, help_heading = SUBJECT)]
    pub target: Option<String>,

    /// Database to read instead of the one in the scenario's `[database]`; its password is written
    /// to no file
    #[arg(
        long,
        env = "TARGET_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = SUBJECT
    )]
    pub database: Option<String>,

    /// Do what the run folder of another user or machine names: start the program of
    /// `[target.process]`, ask the query of `[database]`, send secrets and events to its target, and
    /// send requests that hold environment variables or are no GET. Read them in run.json first
    #[arg(long, conflicts_with = "offline", help_heading = SUBJECT)]
    pub run_commands: bool,

    /// Folder that holds the run folders
    #[arg(long, default_value = "results", value_name = "DIR", help_heading = SUBJECT)]
    pub out: PathBuf,

    /// Judge the newest observation in the run folder again, and do not read the target
    #[arg(long, help_heading = READING)]
    pub offline: bool,

    /// Send again the unlisted keys whose attempts are all unknown, then read the target once more:
    /// fewer keys stay undecided
    #[arg(long, conflicts_with = "offline", help_heading = SENDING)]
    pub resolve: bool,

    /// Send this share of the acknowledged keys again (all of them without a value), then read the
    /// target once more: it must deduplicate each of them
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        conflicts_with = "offline",
        help_heading = SENDING
    )]
    pub replay: Option<Share>,

    /// Send at least 24 events of the run's own if acknowledged keys are absent and the verdict is
    /// UNKNOWN, then read the target once more: they show how soon, and how far, the target lists
    /// what it acknowledged. If an empty listing shows none of them, they are sent twice. Nothing is
    /// sent over a FAIL
    #[arg(long, conflicts_with = "offline", help_heading = SENDING)]
    pub sentinels: bool,
    /// Flags that say for how long the target is looked at.
    #[command(flatten)]
    pub looking: Looking,

    /// Print all premises with their standing in this run, below the report
    #[arg(long, help_heading = RESULTS)]
    pub premises: bool,

    /// Print no progress and no notes; warnings, errors and the report are printed
    #[arg(short, long, help_heading = RESULTS)]
    pub quiet: bool,

    /// Write the judgement as a page to this file, too; the run folder has it as `report.html`
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    pub report: Option<PathBuf>,

    /// Format of standard output
    #[arg(long, value_enum, default_value = "text", help_heading = RESULTS)]
    pub format: Format,

    /// Flags that say how the target is reached.
    #[command(flatten)]
    pub reach: Reach,
}

/// Formats of standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// Report for people
    Text,
    /// Contents of `verdict.json`
    Json,
    /// Summary to post as a comment: at most 64 kB
    Markdown,
}

/// Settings in the short help of a judgement.
const SHORT_HELP: [&str; 13] = [
    "runs",
    "target",
    "database",
    "out",
    "offline",
    "settle",
    "resolve",
    "replay",
    "report",
    "format",
    "headers",
    "bearer_file",
    "insecure",
];

/// Settings in the short help of `verify probe`.
const PROBE_SHORT_HELP: [&str; 10] =
    ["url", "from", "scenario", "listing", "stats", "deep", "yes", "out", "headers", "insecure"];

fn after_help() -> String {
    format!("`{} --help` shows all settings and the exit codes.\n\n{}", called(Program::Verify), example())
}

fn example() -> String {
    format!("Example: {} --count 20000 --dup 0.3 && {}", called(Program::Loadgen), called(Program::Verify))
}

fn after_long_help() -> String {
    format!(
        "Times are written as 500ms, 30s or 5m.\n\n\
         Exit codes:\n{}\n{}",
        exit::help(|meaning| meaning.verify),
        example()
    )
}

impl Cli {
    /// Returns the command line as clap knows it, with a short help of the most used settings.
    pub fn described() -> clap::Command {
        let hide = |command: clap::Command, shown: &'static [&str]| {
            command.mut_args(move |arg| {
                let is_hidden = !shown.iter().any(|id| arg.get_id() == *id);
                arg.hide_short_help(is_hidden)
            })
        };
        hide(Self::command(), &SHORT_HELP).mut_subcommand("probe", |probe| hide(probe, &PROBE_SHORT_HELP))
    }

    /// Parses the arguments of this process. Exits if they are wrong, or ask for help.
    pub fn from_arguments() -> Self {
        let parsed = environment::parse(Self::described());
        let cli = Self::from_arg_matches(&parsed.matches).unwrap_or_else(|error| error.exit());
        Self { from_environment: parsed.from_environment, ..cli }
    }
}

impl Options {
    /// True if events are sent again, or sentinels.
    pub(crate) fn sends(&self) -> bool {
        self.resolve || self.replay.is_some() || self.sentinels
    }

    /// Returns the printer of notes.
    pub(crate) fn notes(&self) -> Notes {
        Notes::new(self.quiet)
    }

    /// Returns what `verify explain` asks for: to judge runs again from their folders alone.
    pub(crate) fn offline(runs: Vec<PathBuf>, out: PathBuf) -> Self {
        let blank =
            Self::for_run(PathBuf::new(), String::new(), None, Reach::default(), Looking::default(), false);
        Self { runs, target: None, out, run_commands: false, offline: true, ..blank }
    }

    /// Returns what `loadgen --verify` asks for: to judge the run that it has just sent. With
    /// `sentinels`, they are sent if a finding hangs on them.
    pub fn for_run(
        run: PathBuf,
        target: String,
        database: Option<String>,
        reach: Reach,
        looking: Looking,
        sentinels: bool,
    ) -> Self {
        Self {
            runs: vec![run],
            target: Some(target),
            database,
            out: PathBuf::from("results"),
            // They are those of the scenario that was run just now.
            run_commands: true,
            offline: false,
            resolve: false,
            replay: None,
            sentinels,
            premises: false,
            quiet: false,
            looking,
            report: None,
            format: Format::Text,
            reach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::described().debug_assert();
    }

    #[test]
    fn the_short_help_has_a_dozen_settings_and_the_long_one_all_with_the_exit_codes() {
        let short = Cli::described().render_help().to_string();
        let long = Cli::described().render_long_help().to_string();
        assert!(!short.contains("--unix-socket") && long.contains("--unix-socket"), "{short}");
        for text in
            ["\nSending again:\n", "\nReaching the target:\n", "\n  130  interrupted\n", "--replay[=<SHARE>]"]
        {
            assert!(long.contains(text), "{text}: {long}");
        }
        assert!(!long.contains("reference"), "a hidden command: {long}");
    }
}
