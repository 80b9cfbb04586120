//! Yardsticks of `cargo xtask bench ingest`: events like loadgen's, into an empty table with the
//! same key, by the database's own inserts.
//!
//! This is an example because examples may use sqlx, which the developer commands do without, and
//! because it has to be built in release as the aggregator is. It prints `<events> <seconds>
//! <database and version>`.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use xtask::bench::rows::{Row, rows};

mod postgres;
mod same;
mod sqlite;
/// Statements of the aggregator.
#[path = "../../../aggregator/src/store/sqlite/statements.rs"]
mod statements;

/// Settings of an insert.
#[derive(Debug, Parser)]
struct Settings {
    /// An empty database
    url: String,
    /// Kind of inserts
    mode: Mode,
    /// Number of events
    events: u64,
    /// Connections that insert at the same time
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Rows of a transaction of the aggregator's statements
    #[arg(long, default_value_t = statements::FULL_GROUP)]
    rows_a_transaction: usize,
    /// Percentage of events that repeat an earlier one
    #[arg(long)]
    repeats_percent: u64,
}

/// Kinds of inserts.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Plain inserts, with the number of rows a commit that serves the database best.
    Bulk,
    /// The statements of the aggregator, into its tables; on SQLite.
    Same,
    /// Plain inserts of one row a commit.
    Single,
}

/// Size of a commit of plain inserts.
#[derive(Clone, Copy, Debug)]
enum Commit {
    /// The number of rows that serves the database best.
    Bulk,
    /// One row.
    Single,
}

/// Time of the inserts, without making the rows and the table.
struct Measured {
    elapsed: Duration,
    version: String,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let rows = rows(settings.events, settings.repeats_percent);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        match settings.mode {
            Mode::Bulk => plain(&settings, Commit::Bulk, rows).await,
            Mode::Same => same::insert(&settings.url, &rows, settings.rows_a_transaction).await,
            Mode::Single => plain(&settings, Commit::Single, rows).await,
        }
    })?;
    println!("{} {:.6} {}", settings.events, measured.elapsed.as_secs_f64(), measured.version);
    Ok(())
}

async fn plain(settings: &Settings, commit: Commit, rows: Vec<Row>) -> Result<Measured> {
    let url = settings.url.as_str();
    match url.split(':').next() {
        Some("postgres") => postgres::insert(url, commit, settings.connections, rows).await,
        Some("sqlite") => sqlite::insert(url, commit, &rows).await,
        _ => bail!("neither a postgres: nor a sqlite: URL: {url}"),
    }
}
