//! The command line. What is not given there is taken from the environment, then from the scenario file, then from
//! the defaults.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;
use truth::plan::shard::Shard;
use truth::scenario::Stage;
use truth::scenario::rate::Rate;
use verify::reach::Reach;

/// Sends events to an HTTP target with an exact share of duplicates, and keeps a ledger of every attempt, so that
/// `verify` can prove that each event was stored once, or show one that was not.
#[derive(Clone, Debug, Parser)]
#[command(version, after_help = AFTER_HELP, args_override_self = true, args_conflicts_with_subcommands = true)]
pub struct Program {
    /// A load, if there is no command.
    #[command(flatten)]
    pub load: Cli,

    /// What else can be done.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done beside sending a load.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Load any URL with one request, the same every time, as other load tools do: no events, nothing to verify
    #[command(args_override_self = true)]
    Http(Box<Http>),
    /// Say of scenario files whether they can be run, and what they would send
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Show what would be sent: how much, how often each key, how large the ledger becomes, and the first requests
    #[command(args_override_self = true)]
    Plan {
        /// The load that would be sent.
        #[command(flatten)]
        load: Box<Cli>,

        /// How many requests to show
        #[arg(long, value_name = "N", default_value_t = 1)]
        requests: u32,
    },
    /// Print the ledger of a run as JSON lines, one for each try of a request
    History {
        /// The run's folder, or the folder of runs, for the newest
        #[arg(value_name = "RUN", default_value = "results")]
        run: PathBuf,
    },
    /// Print a script that completes command lines
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// What a load of events takes.
#[derive(Clone, Debug, Parser)]
pub struct Cli {
    /// Share of them that repeats an earlier event, exactly: 0.3 or 30% [default: 0.3]
    #[arg(long, env = "DUP_RATE", value_name = "SHARE", hide_env_values = true)]
    pub dup: Option<String>,

    /// Where the target listens, with or without its publish path [default: http://127.0.0.1:8080]
    #[arg(long, env = "TARGET_URL", value_name = "URL", hide_env_values = true)]
    pub target: Option<String>,

    /// Events in a request [default: 100]
    #[arg(long, env = "BATCH_SIZE", value_name = "N", hide_env_values = true)]
    pub batch: Option<u32>,

    /// Topics that the events are spread over, or how many there are to be [default: auth,payment,orders]
    #[arg(long, env = "TOPICS", value_delimiter = ',', value_name = "A,B", hide_env_values = true)]
    pub topics: Option<Vec<String>>,

    /// Fixes which requests carry which events, to replay a run [default: random, and printed]
    #[arg(long)]
    pub seed: Option<u32>,

    /// Fixes the events' ids (and the seed, unless given), so that shards send parts of one run; a run id is sent once
    #[arg(long, value_name = "TEXT")]
    pub run_id: Option<String>,

    /// A scenario file in TOML; flags and environment outrank it
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Judge the target after the load; the exit code is then the verdict's
    #[arg(long)]
    pub verify: bool,

    /// Ask this database instead of the one of the scenario's `[database]`; a password in it is written nowhere
    #[arg(long, env = "TARGET_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,

    /// Send one part of the run, as 1/4; needs the same --run-id for all parts
    #[arg(long, env = "SHARD", value_name = "I/N", value_parser = parse_shard, hide_env_values = true)]
    pub shard: Option<Shard>,

    /// How many parts there are; with JOB_COMPLETION_INDEX this stands for --shard in a Kubernetes Indexed Job
    #[arg(long, env = "SHARDS", hide = true)]
    pub shards: Option<u32>,

    /// Which of them this is, counted from 0
    #[arg(long, env = "JOB_COMPLETION_INDEX", hide = true)]
    pub job_completion_index: Option<u32>,

    /// How it is sent.
    #[command(flatten)]
    pub shape: Shape,
}

/// What a load of one request takes.
#[derive(Clone, Debug, Args)]
pub struct Http {
    /// Where the request goes
    #[arg(value_name = "URL")]
    pub url: String,

    /// Its method [default: GET, or POST with a body]
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub method: Option<String>,

    /// Its body, which is kept in run.json
    #[arg(short = 'd', long, value_name = "TEXT")]
    pub body: Option<String>,

    /// The file that holds its body
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    pub body_file: Option<PathBuf>,

    /// Of a load of events; known here so that it is not passed over in silence
    #[arg(long, env = "SHARD", hide = true, value_name = "I/N", value_parser = parse_shard)]
    pub shard: Option<Shard>,

    /// The same
    #[arg(long, env = "SHARDS", hide = true)]
    pub shards: Option<u32>,

    /// How it is sent: --count and --rate count requests, and without --count and --duration there are 200 of them
    #[command(flatten)]
    pub shape: Shape,
}

/// How a load is sent, whatever it is made of.
#[derive(Clone, Debug, Args)]
pub struct Shape {
    /// Events to send, repeats included, over all shards; 20k and 1m are understood [default: 20000; requests with `http`: 200]
    #[arg(short = 'n', long, display_order = 0, env = "COUNT", value_parser = parse_count, hide_env_values = true)]
    pub count: Option<u64>,

    /// Connections, each with at most one request under way [default: 50]
    #[arg(short, long, alias = "vus", env = "CONCURRENCY", value_name = "N", hide_env_values = true)]
    pub concurrency: Option<u32>,

    /// Threads that share the connections [default: half the cores, and no more than leave each eight connections]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub lanes: Option<u16>,

    /// Send at this rate, whether answers come or not: 1000 events a second, 10k, 90/m, or 500req/s
    #[arg(long, env = "RATE", value_name = "RATE", hide_env_values = true)]
    pub rate: Option<Rate>,

    /// For how long, at a rate or as fast as answers come; with --count until whichever is reached first
    #[arg(long, env = "DURATION", value_name = "DUR", value_parser = parse_duration, hide_env_values = true)]
    pub duration: Option<Duration>,

    /// Change the number of connections steadily, as 30s:100, how long and up to how many, or the rate, as 30s:1000/s; may
    /// be repeated. --concurrency or --rate is where it begins
    #[arg(long = "stage", value_name = "DUR:RATE")]
    pub stages: Vec<Stage>,

    /// Let the target warm up so long: what is sent by then is on record and judged all the same, but counts in no rate, no
    /// latency and no threshold
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub warm_up: Option<Duration>,

    /// Demand this of the measurements, in k6's words: 'http_req_duration: p(95)<500'; may be repeated
    #[arg(long = "threshold", value_name = "TEXT")]
    pub thresholds: Vec<String>,

    /// End the run as soon as a threshold of --threshold fails, from so long after the start on
    #[arg(long, value_name = "DELAY", num_args = 0..=1, require_equals = true, default_missing_value = "0", value_parser = parse_duration)]
    pub abort_on_fail: Option<Duration>,

    /// Send nothing before this moment, so that shards begin together: 2026-01-31T12:00:00Z
    #[arg(long, env = "START_AT", value_name = "TIME", hide_env_values = true)]
    pub start_at: Option<Timestamp>,

    /// How long requests under way are waited for when the time is over, or at Ctrl-C [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub graceful_stop: Option<Duration>,

    /// Send bodies packed, with 'Content-Encoding: gzip', to a target that unpacks them
    #[arg(long)]
    pub gzip: bool,

    /// Close a connection after so many requests: 1 is without keep-alive [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_connection: Option<u32>,

    /// Connect over IPv4 alone
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// Connect over IPv6 alone
    #[arg(short = '6', long)]
    pub ipv6: bool,

    /// How long a request may take, from its first byte to the whole answer [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// How long the first byte of an answer may take [default: as long as all of it]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub first_byte_timeout: Option<Duration>,

    /// How long connecting may take, TLS included
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "5s")]
    pub connect_timeout: Duration,

    /// End the run when no connection had an answer for so long [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub patience: Option<Duration>,

    /// Further tries of a request after 503, 429 or no answer; each is an attempt of its own [default: 0]
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,

    /// How long to wait for the target to be healthy before anything is sent
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "0")]
    pub wait: Duration,

    /// Where the folder of this run is made
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub out: PathBuf,

    /// Serve the run's figures in Prometheus' format at http://HOST:PORT/metrics while it goes on
    #[arg(long, value_name = "HOST:PORT")]
    pub prometheus_addr: Option<String>,

    /// Write the summary to this file too, as k6's option of this name does
    #[arg(long, value_name = "FILE")]
    pub summary_export: Option<PathBuf>,

    /// Plain text, also on a terminal; so does a NO_COLOR that is not empty
    #[arg(long)]
    pub no_color: bool,

    /// How the target is reached.
    #[command(flatten)]
    pub reach: Reach,
}

const AFTER_HELP: &str = "\
Lengths of time are written 500ms, 30s or 5m.

Exit codes: 0 the load ran (failed requests included), 2 usage or configuration, 3 the ledger or another file could not be written,
4 not one attempt was acknowledged, 5 the target was not reached, 99 a threshold failed, 130 interrupted. With --verify: the verdict's, 0 PASS,
1 FAIL, 3 UNKNOWN, 4 VOID.

Example: loadgen --count 20000 --dup 0.3 && verify";

/// `20000`, `20_000`, `20k`, `1m`, `1.5m`.
fn parse_count(text: &str) -> Result<u64, String> {
    let refuse = || format!("`{text}` is not a count; write it as 20000, 20k or 1m");
    let plain = text.trim().replace('_', "").to_ascii_lowercase();
    let (digits, zeros) = match plain.as_bytes().last() {
        Some(b'k') => (&plain[..plain.len() - 1], 3),
        Some(b'm') => (&plain[..plain.len() - 1], 6),
        Some(b'g') => (&plain[..plain.len() - 1], 9),
        _ => (plain.as_str(), 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > zeros {
        return Err(refuse());
    }
    format!("{whole}{fraction:0<zeros$}").parse().map_err(|_| refuse())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    truth::duration::parse(text).map_err(|error| error.to_string())
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    let refuse = || format!("`{text}` is not a shard; write it as 1/4, the first of four");
    let (index, of) = text.split_once('/').ok_or_else(refuse)?;
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| refuse());
    let shard = Shard { index: number(index)?, of: number(of)? };
    if shard.index == 0 || shard.index > shard.of {
        return Err(refuse());
    }
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn counts_read_as_people_write_them() {
        for (text, count) in [
            ("20000", 20_000),
            ("20_000", 20_000),
            ("20k", 20_000),
            ("1m", 1_000_000),
            ("1.5M", 1_500_000),
            ("0.25k", 250),
        ] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        for text in ["", "k", "-1", "1.5", "1.2345k", "1e6", "20 k", "99999999999999999999"] {
            assert!(parse_count(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!(parse_shard("1/4"), Ok(Shard { index: 1, of: 4 }));
        for text in ["0/4", "5/4", "4", "a/b", "1/0"] {
            assert!(parse_shard(text).is_err(), "{text:?}");
        }
    }
}
