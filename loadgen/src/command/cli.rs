//! Command line. A flag outranks the environment, the environment outranks the scenario file, and
//! the file outranks the defaults.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;
use reader::environment;
use reader::invocation::{Program as Called, called};
use reader::looking::Looking;
use reader::reach::Reach;
use truth::exit;
use truth::plan::shard::Shard;
use truth::scenario::Stage;
use truth::scenario::rate::Rate;

use super::values::{parse_count, parse_duration, parse_seed, parse_shard, parse_time};

/// Headings of the long help.
const LOAD: &str = "Load";
const IDENTITY: &str = "Identity and shards";
const REQUESTS: &str = "Requests and connections";
const END: &str = "Thresholds and the end of the run";
const RESULTS: &str = "Results";

/// Sends events with an exact share of duplicates to an HTTP target, and records every attempt in a
/// ledger.
///
/// `verify` reads the ledger and the target, and proves that each event is stored exactly once, or
/// shows one that is not.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "loadgen",
    version,
    after_help = after_help(),
    after_long_help = after_long_help(),
    args_override_self = true,
    args_conflicts_with_subcommands = true
)]
pub struct Program {
    /// Load to send, if there is no subcommand.
    #[command(flatten)]
    pub load: Cli,

    /// Subcommand.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Values that came from the environment.
    #[arg(skip)]
    pub from_environment: Vec<String>,
}

/// Subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Load any URL with one request, the same every time: no events, nothing to verify
    #[command(args_override_self = true, after_help = http_after_help(), after_long_help = http_after_help())]
    Http(Box<Http>),
    /// Check scenario files, and print how much each of them sends
    Check {
        /// Scenario files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print what a run would send: number of events, copies of each key, size of the ledger, first
    /// requests
    #[command(args_override_self = true)]
    Plan {
        /// Load of the plan.
        #[command(flatten)]
        load: Box<Cli>,

        /// Number of requests to print
        #[arg(long, value_name = "N", default_value_t = 1, help_heading = RESULTS)]
        requests: u32,
    },
    /// Print the ledger of a run as JSON lines, one for each try of a request
    History {
        /// Print a line for each key instead: topic, id, and the strongest outcome of its attempts
        #[arg(long)]
        keys: bool,

        /// Folder of the run, or a folder of runs for its newest one
        #[arg(value_name = "RUN", default_value = "results")]
        run: PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// Shell
        shell: Shell,
    },
    /// Print the reference of all flags, or of all scenario keys, as Markdown
    #[command(hide = true)]
    Reference {
        /// Print the keys of scenario files instead of the flags
        #[arg(long)]
        scenario: bool,
    },
}

/// Flags of a load of events.
#[derive(Clone, Debug, Parser)]
pub struct Cli {
    /// Shape of the load.
    #[command(flatten)]
    pub shape: Shape,

    /// Share of the events that repeat an earlier event: 0.3 or 30% [default: 0.3]
    #[arg(long, env = "DUP_RATE", value_name = "SHARE", help_heading = LOAD)]
    pub dup: Option<String>,

    /// URL of the target, with or without its publish path [default: http://127.0.0.1:8080]
    #[arg(long, env = "TARGET_URL", value_name = "URL", hide_env_values = true, help_heading = LOAD)]
    pub target: Option<String>,

    /// Events in a request [default: 100]
    #[arg(long, env = "BATCH_SIZE", value_name = "N", help_heading = LOAD)]
    pub batch: Option<u32>,

    /// Topics of the events, or their number [default: auth,payment,orders]
    #[arg(long, env = "TOPICS", value_delimiter = ',', value_name = "A,B", help_heading = LOAD)]
    pub topics: Option<Vec<String>>,

    /// Scenario file in TOML; flags and environment variables outrank it
    #[arg(long, value_name = "FILE", help_heading = LOAD)]
    pub scenario: Option<PathBuf>,

    /// Do not keep the first and the last requests of a run apart from the others. Without the
    /// flag, a run of 40 requests or more that sends a count, and not at a rate or for a duration,
    /// waits for its first requests, and before its last, for at most 2 s each: they let `verify`
    /// tell a lost event from a listing that shows only some
    #[arg(long, help_heading = LOAD)]
    pub no_bookends: bool,

    /// Seed of the plan: the same seed puts the same events into the same requests [default:
    /// random, and printed]
    #[arg(long, value_parser = parse_seed, help_heading = IDENTITY)]
    pub seed: Option<u32>,

    /// Name of the run, which fixes the ids of the events, and the seed unless --seed is given. A
    /// target takes a run id once. Shards of one run share it
    #[arg(long, value_name = "TEXT", help_heading = IDENTITY)]
    pub run_id: Option<String>,

    /// Shard to send, such as 1/4 for the first of four; all shards need the same --run-id
    #[arg(long, env = "SHARD", value_name = "I/N", value_parser = parse_shard, help_heading = IDENTITY)]
    pub shard: Option<Shard>,

    /// Number of shards; with JOB_COMPLETION_INDEX it replaces --shard in a Kubernetes Indexed Job
    #[arg(long, env = "SHARDS", hide = true, help_heading = IDENTITY)]
    pub shards: Option<u32>,

    /// Number of this shard, counted from 0
    #[arg(long, env = "JOB_COMPLETION_INDEX", hide = true, help_heading = IDENTITY)]
    pub job_completion_index: Option<u32>,

    /// Judge the target after the load, and exit with the verdict's code
    #[arg(long, help_heading = RESULTS)]
    pub verify: bool,

    /// Open the page of the verdict, `report.html` in the run folder; without a display its path is
    /// printed
    #[arg(long, requires = "verify", help_heading = RESULTS)]
    pub open: bool,

    /// Address that serves a page of the run while it goes on, with charts that move
    #[arg(long, value_name = "HOST:PORT", help_heading = RESULTS)]
    pub live: Option<String>,

    /// Database to read instead of the one in the scenario's `[database]`; its password is written
    /// to no file
    #[arg(
        long,
        env = "TARGET_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = RESULTS
    )]
    pub database: Option<String>,

    /// Flags that say for how long --verify looks at the target.
    #[command(flatten)]
    pub looking: Looking,
}

/// Flags of a load of one request.
#[derive(Clone, Debug, Args)]
pub struct Http {
    /// URL to request
    #[arg(value_name = "URL")]
    pub url: String,

    /// Method [default: GET, or POST with a body]
    #[arg(short = 'X', long, value_name = "METHOD", help_heading = REQUESTS)]
    pub method: Option<String>,

    /// Body, sent byte for byte: a text, @FILE, or @- for standard input. run.json keeps a text of
    /// up to 4096 bytes, else length and SHA-256
    #[arg(short = 'd', long, value_name = "TEXT", help_heading = REQUESTS)]
    pub body: Option<String>,

    /// File that holds the body, like -d @FILE
    #[arg(long, value_name = "FILE", conflicts_with = "body", help_heading = REQUESTS)]
    pub body_file: Option<PathBuf>,

    /// Shard of a load of events, known here so that it is refused instead of ignored
    #[arg(long, env = "SHARD", hide = true, value_name = "I/N", value_parser = parse_shard)]
    pub shard: Option<Shard>,

    /// Number of shards of a load of events, known here so that it is refused instead of ignored
    #[arg(long, env = "SHARDS", hide = true)]
    pub shards: Option<u32>,

    /// Shape of the load.
    #[command(flatten)]
    pub shape: Shape,
}

/// Flags that shape a load, of events or of one request.
#[derive(Clone, Debug, Args)]
pub struct Shape {
    /// Events to send over all shards, repeats included; 20k and 1m are understood [default: 20000;
    /// with `http`, 200 requests]
    #[arg(short = 'n', long, env = "COUNT", value_parser = parse_count, help_heading = LOAD)]
    pub count: Option<u64>,

    /// Connections, each with at most one request in flight [default: 50]
    #[arg(
        short,
        long,
        alias = "vus",
        env = "CONCURRENCY",
        value_name = "N",
        help_heading = LOAD
    )]
    pub concurrency: Option<u32>,

    /// Rate to send at, whether responses come or not: 1000 events a second, 10k, 90/m, or 500req/s
    #[arg(long, env = "RATE", value_name = "RATE", help_heading = LOAD)]
    pub rate: Option<Rate>,

    /// Time to send for, at a rate or as fast as responses come; with --count, the run ends at
    /// whichever comes first
    #[arg(
        long,
        env = "DURATION",
        value_name = "DUR",
        value_parser = parse_duration,
        help_heading = LOAD
    )]
    pub duration: Option<Duration>,

    /// Stage that changes the load steadily: 30s:100 takes 30 s to reach 100 connections,
    /// 30s:1000/s a rate of 1000 events a second. May be repeated. The first stage begins at
    /// --concurrency or --rate
    #[arg(long = "stage", value_name = "DUR:RATE", help_heading = LOAD)]
    pub stages: Vec<Stage>,

    /// Time for the target to warm up. Its requests are recorded and judged, but count in no rate,
    /// latency or threshold
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = LOAD)]
    pub warm_up: Option<Duration>,

    /// Time to wait for, so that shards begin together: 2026-01-31T12:00:00Z
    #[arg(
        long,
        env = "START_AT",
        value_name = "TIME",
        value_parser = parse_time,
        help_heading = IDENTITY
    )]
    pub start_at: Option<Timestamp>,

    /// Threads that share the connections [default: half the cores, with at least eight connections
    /// each]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024),
        help_heading = REQUESTS
    )]
    pub lanes: Option<u16>,

    /// Compress bodies, with 'Content-Encoding: gzip'
    #[arg(long, help_heading = REQUESTS)]
    pub gzip: bool,

    /// Requests after which a connection is closed: 1 is without keep-alive [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = REQUESTS)]
    pub requests_per_connection: Option<u32>,

    /// Connect over IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6", help_heading = REQUESTS)]
    pub ipv4: bool,

    /// Connect over IPv6 only
    #[arg(short = '6', long, help_heading = REQUESTS)]
    pub ipv6: bool,

    /// Timeout of a request, from its first byte to the whole response [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = REQUESTS)]
    pub timeout: Option<Duration>,

    /// Timeout of the first byte of a response [default: --timeout]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = REQUESTS)]
    pub first_byte_timeout: Option<Duration>,

    /// Timeout of connecting, TLS included
    #[arg(
        long,
        value_name = "DUR",
        value_parser = parse_duration,
        default_value = "5s",
        help_heading = REQUESTS
    )]
    pub connect_timeout: Duration,

    /// Retries of a request after status 503 or 429 or without a response; each is an attempt of
    /// its own [default: 0]
    #[arg(long, value_name = "N", help_heading = REQUESTS)]
    pub retries: Option<u32>,

    /// Send a 'traceparent' header with each request, computed from the plan; findings of `verify`
    /// name it
    #[arg(long, help_heading = REQUESTS)]
    pub trace: bool,

    /// Time to wait until the target is healthy, before anything is sent
    #[arg(
        long,
        value_name = "DUR",
        value_parser = parse_duration,
        default_value = "0",
        help_heading = REQUESTS
    )]
    pub wait: Duration,

    /// Threshold in k6's syntax: 'http_req_duration: p(95)<500'; may be repeated
    #[arg(long = "threshold", value_name = "TEXT", help_heading = END)]
    pub thresholds: Vec<String>,

    /// End the run as soon as a threshold of --threshold fails, but not before DELAY after the
    /// start
    #[arg(
        long,
        value_name = "DELAY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        value_parser = parse_duration,
        help_heading = END
    )]
    pub abort_on_fail: Option<Duration>,

    /// Time to wait for requests in flight when the duration is over, or at Ctrl-C [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = END)]
    pub graceful_stop: Option<Duration>,

    /// Time without any response after which the run ends [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = END)]
    pub patience: Option<Duration>,

    /// Folder in which the run's folder is made
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = RESULTS)]
    pub out: PathBuf,

    /// Address that serves the run's metrics for Prometheus, at /metrics, while the run goes on
    #[arg(long, value_name = "HOST:PORT", help_heading = RESULTS)]
    pub prometheus_addr: Option<String>,

    /// Longest time for which the metrics are served after the end of the run, so that they are
    /// scraped once more: the program waits for one scrape, or for this time
    #[arg(
        long,
        value_name = "DUR",
        value_parser = parse_duration,
        default_value = "0",
        requires = "prometheus_addr",
        help_heading = RESULTS
    )]
    pub prometheus_linger: Duration,

    /// File for the summary in the format of k6's --summary-export
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    pub summary_export: Option<PathBuf>,

    /// Print the summary as JSON, as in summary.json, and nothing else on standard output
    #[arg(long, help_heading = RESULTS)]
    pub json: bool,

    /// Print no progress and no notes; warnings, errors and the summary are printed
    #[arg(short, long, help_heading = RESULTS)]
    pub quiet: bool,

    /// Print plain text on a terminal, too; a NO_COLOR that is not empty does the same
    #[arg(long, help_heading = RESULTS)]
    pub no_color: bool,

    /// Flags that say how the target is reached.
    #[command(flatten)]
    pub reach: Reach,
}

/// Settings in the short help of a load of events.
const SHORT_HELP: [&str; 12] = [
    "count",
    "concurrency",
    "rate",
    "duration",
    "dup",
    "target",
    "batch",
    "topics",
    "scenario",
    "seed",
    "verify",
    "thresholds",
];

/// Settings in the short help of `loadgen http`.
const HTTP_SHORT_HELP: [&str; 9] =
    ["url", "method", "body", "headers", "count", "concurrency", "rate", "duration", "thresholds"];

fn after_help() -> String {
    format!("`{} --help` shows all settings.\n\n{}", called(Called::Loadgen), example())
}

fn example() -> String {
    format!("Example: {} --count 20000 --dup 0.3 && {}", called(Called::Loadgen), called(Called::Verify))
}

fn after_long_help() -> String {
    format!(
        "Times are written as 500ms, 30s or 5m.\n\n\
         Exit codes:\n{}\
         With --verify, the verdict's code: 0 PASS, 1 FAIL, 3 UNKNOWN, 4 VOID.\n\n{}",
        exit::help(|meaning| meaning.loadgen),
        example()
    )
}

fn http_after_help() -> String {
    format!(
        "--count and --rate count requests. Without --count and --duration, 200 requests are sent.\n\n\
         Example: {} http http://127.0.0.1:8080/health --count 1000",
        called(Called::Loadgen)
    )
}

impl Program {
    /// Returns the command line as clap knows it, with a short help of the most used settings.
    pub fn described() -> clap::Command {
        let hide = |command: clap::Command, shown: &[&str]| {
            let shown: Vec<String> = shown.iter().map(|id| (*id).to_owned()).collect();
            command.mut_args(move |arg| {
                let is_hidden = !shown.iter().any(|id| arg.get_id() == id.as_str());
                arg.hide_short_help(is_hidden)
            })
        };
        let looking = ["settle", "max_wait", "watch"];
        let command = looking
            .iter()
            .fold(Self::command(), |command, id| command.mut_arg(id, |flag| flag.requires("verify")))
            // The report of --verify is for people.
            .mut_arg("json", |flag| flag.conflicts_with("verify"));
        hide(command, &SHORT_HELP)
            .mut_subcommand("http", |http| hide(http, &HTTP_SHORT_HELP))
            .mut_subcommand("plan", |plan| hide(plan, &[&SHORT_HELP[..], &["requests"]].concat()))
    }

    /// Parses the arguments of this process. Exits if they are wrong, or ask for help.
    pub fn from_arguments() -> Self {
        let parsed = environment::parse(Self::described());
        let program = Self::from_arg_matches(&parsed.matches).unwrap_or_else(|error| error.exit());
        Self { from_environment: parsed.from_environment, ..program }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Program::described().debug_assert();
    }

    #[test]
    fn the_short_help_has_the_settings_that_matter_and_the_long_help_has_all() {
        let mut program = Program::described();
        for id in SHORT_HELP {
            assert!(program.get_arguments().any(|argument| argument.get_id() == id), "{id}");
        }
        let http = program.find_subcommand("http").unwrap();
        for id in HTTP_SHORT_HELP {
            assert!(http.get_arguments().any(|argument| argument.get_id() == id), "{id}");
        }
        let short = program.render_help().to_string();
        let flags = short.lines().filter(|line| line.trim_start().starts_with('-'));
        assert_eq!(flags.count(), SHORT_HELP.len() + 2, "with --help and --version: {short}");
        let long = program.render_long_help().to_string();
        assert!(long.contains("--lanes") && long.contains("Exit codes:"), "{long}");
    }
}
