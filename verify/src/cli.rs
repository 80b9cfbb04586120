//! The command line of `verify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use reader::reach::Reach;
use truth::duration;
use truth::scenario::share::Share;

use crate::probe::ProbeOptions;

/// Reads a target back, compares it with what loadgen sent, and says whether every event is stored exactly once.
///
/// Exit codes: 0 PASS, 1 FAIL, 2 usage or configuration, 3 UNKNOWN, 4 VOID, 5 target unreachable, 130 interrupted.
#[derive(Clone, Debug, Parser)]
#[command(name = "verify", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Something else than judging a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to judge a run.
    #[command(flatten)]
    pub options: Options,
}

/// What `verify` does besides.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Meet an unknown target: send it a handful of events, and write the scenario that fits what it answered
    Probe(ProbeOptions),
}

/// How a run is judged.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Run folders, all of one run; without any, the newest in --out.
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Read this target instead of the one that the run was sent to.
    #[arg(long, env = "TARGET_URL", value_name = "URL")]
    pub target: Option<String>,

    /// Ask this database instead of the one of the scenario's `[database]`; a password in it is written nowhere.
    #[arg(long, env = "TARGET_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,

    /// Where runs are.
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub out: PathBuf,

    /// Do not read the target: judge the newest observation in the run folder again.
    #[arg(long)]
    pub offline: bool,

    /// Send the keys whose fate is unknown again, if they are not listed, and look once more: this leaves less in doubt.
    #[arg(long, conflicts_with = "offline")]
    pub resolve: bool,

    /// Send this share of the acknowledged keys again and look once more: all of them must be known.
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        conflicts_with = "offline"
    )]
    pub replay: Option<Share>,

    /// How long the target may take to come to rest, and to show what it acknowledged.
    #[arg(long, default_value = "10s", value_parser = duration::parse, value_name = "DURATION")]
    pub settle: Duration,

    /// What stands on standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,

    /// How the target is reached, where the run's scenario does not say it.
    #[command(flatten)]
    pub reach: Reach,
}

/// What stands on standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// The report for people.
    Text,
    /// `verdict.json`.
    Json,
}

impl Options {
    /// What `loadgen --verify` asks for: this run, just sent.
    pub fn for_run(run: PathBuf, target: String, database: Option<String>, reach: Reach) -> Self {
        Self {
            runs: vec![run],
            target: Some(target),
            database,
            out: PathBuf::from("results"),
            offline: false,
            resolve: false,
            replay: None,
            settle: Duration::from_secs(10),
            format: Format::Text,
            reach,
        }
    }
}
