//! Settings: each is a flag and an environment variable, with a default that works.

pub mod environment;
mod host;
pub mod reference;
mod token;

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::http::StatusCode;
use clap::{Parser, Subcommand, ValueEnum};

pub use self::host::Host;
pub use self::token::{Token, TokenError};
use crate::connections::Limits;
use crate::store::DatabaseUrl;

const MIB: usize = 1024 * 1024;

/// The reference target of Onceproof: an HTTP service that stores each event exactly once
///
/// POST /publish takes events, GET /events lists them, GET /stats counts them, and GET /health
/// checks the database. GET /live and GET /ready are for orchestrators. An event's key is (topic,
/// event_id). An event whose key is stored already is counted as a duplicate and dropped.
///
/// Exit codes: 0 after SIGTERM or SIGINT, 1 if the service cannot start or go on, 2 for a wrong
/// setting.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "aggregator",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Settings {
    /// Something else than serving
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Ask the service at this URL, or at LISTEN, whether it is ready, and exit with 0 or 1
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    pub check_ready: Option<String>,

    /// Address and port to listen on; port 0 takes a free port, which the log names
    #[arg(long, env = "LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub listen: ListenAddress,

    /// Names under which browsers may reach the service, beside localhost and loopback addresses if
    /// it listens on the loopback, and beside its own name if a page sends events without a token
    #[arg(long, env = "ALLOWED_HOSTS", value_name = "HOST,...", value_delimiter = ',')]
    pub allowed_hosts: Vec<Host>,

    /// Database: `sqlite:FILE`, created if absent, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`
    // The environment's value is hidden from --help: it may hold a password.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite:onceproof.db",
        hide_env_values = true
    )]
    pub database_url: DatabaseUrl,

    /// Token that clients send as `Authorization: Bearer TOKEN`; without it no token is needed.
    /// /health, /live, /ready, the page and /openapi.json never need one. Two tokens, a line each, are
    /// both valid
    #[arg(
        long,
        env = "AUTH_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        conflicts_with = "auth_token_file"
    )]
    pub auth_token: Option<Token>,

    /// File with the token, or with two. Other users of the machine can see arguments, but not this
    /// file
    #[arg(long, env = "AUTH_TOKEN_FILE", value_name = "FILE", value_parser = Token::from_file)]
    pub auth_token_file: Option<Token>,

    /// Time of the response: `committed`, once the events are stored and durable, or `queued`, once
    /// they are durable in an inbox from which workers store them
    #[arg(long, env = "ACK", value_name = "MODE", default_value = "committed")]
    pub ack: Ack,

    /// Status of the response to invalid events: 422, or 400 for clients that expect it
    #[arg(long, env = "INVALID_STATUS", value_name = "STATUS", default_value = "422")]
    pub invalid_status: InvalidStatus,

    /// Largest number of events in one request; a larger request gets 413
    // Together with the events that wait beside it, a batch must fit the 65,536 places of a block
    // (see `store::postgres`).
    #[arg(long, env = "MAX_BATCH", value_name = "EVENTS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub max_batch: u32,

    /// Largest body of a request, in MiB; a larger one gets 413
    #[arg(long, env = "BODY_LIMIT_MIB", value_name = "MIB", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..=256))]
    pub body_limit_mib: u32,

    /// Largest number of requests that wait for the database; further ones get 503
    #[arg(long, env = "QUEUE_REQUESTS", value_name = "REQUESTS", default_value_t = 4096,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub queue_requests: u32,

    /// Memory for waiting requests, in MiB, and as much again for bodies that arrive; further
    /// requests get 503
    #[arg(long, env = "QUEUE_MIB", value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub queue_mib: u32,

    /// Memory for responses that clients have not taken yet, in MiB; further large ones get 503
    #[arg(long, env = "RESPONSES_MIB", value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..=4_095))]
    pub responses_mib: u32,

    /// Connections that write at the same time (PostgreSQL; SQLite has one writer)
    #[arg(long, env = "WRITERS", value_name = "CONNECTIONS", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub writers: u32,

    /// Workers that empty the inbox at the same time (PostgreSQL; SQLite has one)
    #[arg(long, env = "WORKERS", value_name = "WORKERS", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: u32,

    /// Largest number of events that a worker takes at a time
    // With one more, they must fit the 65,536 places of a block (see `store::postgres`).
    #[arg(long, env = "WORKER_BATCH_SIZE", value_name = "EVENTS", default_value_t = 2_000,
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub worker_batch_size: u32,

    /// Number of events that fill the inbox; while it is full, requests get 503. The number is read
    /// once a second
    #[arg(long, env = "INBOX_EVENTS", value_name = "EVENTS", default_value_t = 10_000_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub inbox_events: u32,

    /// Milliseconds until an idle worker looks into the inbox
    #[arg(long, env = "POLL_INTERVAL_MS", value_name = "MS", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub poll_interval_ms: u32,

    /// Seconds until the database ends a worker's transaction, so that other workers get its events
    /// (PostgreSQL)
    #[arg(long, env = "STUCK_PROCESSING_SEC", value_name = "SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub stuck_processing_sec: u32,

    /// Largest number of client connections; further ones wait until others end
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// Seconds for a request's head to arrive, added to IDLE_TIMEOUT_SEC; after both the connection
    /// is closed
    #[arg(long, env = "HEADER_TIMEOUT_SEC", value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub header_timeout_sec: u32,

    /// Seconds after which a connection is closed because the client sends no further request, or
    /// reads nothing of a response
    #[arg(long, env = "IDLE_TIMEOUT_SEC", value_name = "SECONDS", default_value_t = 75,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub idle_timeout_sec: u32,

    /// Seconds for a request's body to arrive; a slower one gets 408
    #[arg(long, env = "BODY_TIMEOUT_SEC", value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub body_timeout_sec: u32,

    /// Seconds that a request may wait for its turn, and seconds that one statement may take
    #[arg(long, env = "STORE_TIMEOUT_SEC", value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub store_timeout_sec: u32,

    /// Seconds that the start waits for a database that is not there yet (PostgreSQL)
    #[arg(long, env = "DATABASE_WAIT_SEC", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(..=86_400))]
    pub database_wait_sec: u32,

    /// Format of the log: `text` for people, or `json`, one object a line
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Seconds for requests in progress to end after SIGTERM
    #[arg(long, env = "DRAIN_TIMEOUT_SEC", value_name = "SECONDS", default_value_t = 10)]
    pub drain_timeout_sec: u32,

    /// Lines for the log about what the environment sets
    #[arg(skip)]
    pub environment: Vec<String>,
}

/// Time of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ack {
    /// Once the events are stored and durable.
    Committed,
    /// Once they are durable in the inbox. Workers store them afterwards.
    Queued,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One object a line.
    Json,
}

/// Status of the response to invalid events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InvalidStatus {
    /// 422 Unprocessable Content.
    #[value(name = "422")]
    UnprocessableContent,
    /// 400 Bad Request.
    #[value(name = "400")]
    BadRequest,
}

impl From<InvalidStatus> for StatusCode {
    fn from(status: InvalidStatus) -> Self {
        match status {
            InvalidStatus::UnprocessableContent => Self::UNPROCESSABLE_ENTITY,
            InvalidStatus::BadRequest => Self::BAD_REQUEST,
        }
    }
}

/// A host and a port; the host may be a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(String);

impl ListenAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_host_and_port = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok()
        });
        if is_host_and_port || text.parse::<SocketAddr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a host and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080")
        }
    }
}

/// Things that the program does besides serving.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Print all settings as Markdown
    #[command(hide = true)]
    Reference,
}

impl Settings {
    /// Largest number of events in one request.
    pub fn max_events(&self) -> usize {
        self.max_batch as usize
    }

    pub fn body_limit_bytes(&self) -> usize {
        self.body_limit_mib as usize * MIB
    }

    /// Memory for waiting requests.
    pub fn queue_bytes(&self) -> usize {
        self.queue_mib as usize * MIB
    }

    /// Memory for bodies that arrive: as much as for the queue, and at least one body.
    pub fn intake_bytes(&self) -> usize {
        self.queue_bytes().max(self.body_limit_bytes())
    }

    /// Memory for responses that clients have not taken yet.
    pub fn responses_bytes(&self) -> usize {
        self.responses_mib as usize * MIB
    }

    /// Token from either setting.
    pub fn token(&self) -> Option<Token> {
        self.auth_token.or(self.auth_token_file)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            head: Duration::from_secs(self.header_timeout_sec.into()),
            idle: Duration::from_secs(self.idle_timeout_sec.into()),
        }
    }

    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_sec.into())
    }

    /// Limit on the wait for a turn, and on one statement.
    pub fn store_timeout(&self) -> Duration {
        Duration::from_secs(self.store_timeout_sec.into())
    }

    /// Pause of one idle worker. All workers together look once in each `POLL_INTERVAL_MS`.
    pub fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms.into()) * self.workers
    }

    /// Limit on a worker's transaction.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.stuck_processing_sec.into())
    }

    pub fn database_wait(&self) -> Duration {
        Duration::from_secs(self.database_wait_sec.into())
    }

    pub fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout_sec.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = Settings::try_parse_from(["aggregator"]).unwrap();
        assert_eq!(settings.max_events(), 10_000);
        assert_eq!(settings.body_limit_bytes(), 32 * 1024 * 1024);
        assert_eq!(settings.ack, Ack::Committed);
        assert_eq!(settings.log_format, LogFormat::Text);
        assert!(settings.token().is_none());
        let limits = settings.limits();
        assert_eq!(
            (settings.max_connections, limits.head.as_secs(), limits.idle.as_secs()),
            (10_000, 10, 75)
        );
        assert_eq!(StatusCode::from(settings.invalid_status), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn a_wrong_setting_is_a_usage_error_that_names_it() {
        for arguments in [
            ["--listen", "8080"],
            ["--listen", ":8080"],
            ["--allowed-hosts", "events.example:8080"],
            ["--allowed-hosts", "https://events.example"],
            ["--listen", "127.0.0.1:99999"],
            ["--ack", "soon"],
            ["--log-format", "xml"],
            ["--workers", "0"],
            ["--worker-batch-size", "0"],
            ["--inbox-events", "0"],
            ["--invalid-status", "404"],
            ["--auth-token", ""],
            ["--auth-token", " "],
            ["--auth-token-file", "/nowhere/token"],
            ["--auth-token-file", "/dev/null"],
            ["--max-connections", "0"],
            ["--header-timeout-sec", "0"],
            ["--idle-timeout-sec", "soon"],
            ["--max-batch", "0"],
            ["--max-batch", "50001"],
            ["--database-url", "mysql://localhost/events"],
            ["--database-url", "sqlite::memory:"],
        ] {
            let error = Settings::try_parse_from(["aggregator"].iter().chain(&arguments)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
            assert!(error.to_string().contains(arguments[0]), "{error}");
        }
    }

    #[test]
    fn a_token_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        let file = ["--auth-token-file", path.to_str().unwrap()];
        let settings = Settings::try_parse_from(["aggregator"].iter().chain(&file)).unwrap();
        assert!(settings.token().is_some());
        assert!(!format!("{settings:?}").contains("s3cret"));

        let both = ["aggregator", "--auth-token", "s3cret"].iter().chain(&file);
        let error = Settings::try_parse_from(both).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--auth-token-file"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn an_address_may_be_a_name_or_of_version_six() {
        for text in ["localhost:8080", "0.0.0.0:0", "[::1]:8080"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().as_str(), text);
        }
    }
}
