//! The yardsticks of `cargo xtask bench ingest`: events like loadgen's, into an empty table with the same key, by the
//! database's own inserts.
//!
//! An example because examples may use sqlx, which the developer commands do without, and because it has to be built
//! in release as the aggregator is. It says `<events> <seconds> <database and version>`.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use xtask::bench::rows::rows;

mod postgres;
mod same;
mod sqlite;

/// What to insert, and where.
#[derive(Debug, Parser)]
struct Settings {
    /// An empty database
    url: String,
    /// How many rows a commit stores
    mode: Mode,
    /// How many events
    events: u64,
    /// Connections that insert at the same time
    #[arg(long)]
    connections: usize,
    /// Out of a hundred events so many repeat an earlier one
    #[arg(long)]
    repeats_percent: u64,
}

/// What a commit stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// As many rows as serve the database best.
    Bulk,
    /// As many, by the statements of the aggregator and into its tables.
    Same,
    /// One row.
    Single,
}

/// How long the inserts took, without making the rows and the table.
struct Measured {
    elapsed: Duration,
    version: String,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let rows = rows(settings.events, settings.repeats_percent);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (url, mode) = (settings.url.as_str(), settings.mode);
    let measured = runtime.block_on(async {
        match (url.split(':').next(), mode) {
            (Some("postgres"), Mode::Bulk | Mode::Single) => {
                postgres::insert(url, mode, settings.connections, rows).await
            }
            (Some("sqlite"), Mode::Same) => same::insert(url, &rows).await,
            (Some("sqlite"), _) => sqlite::insert(url, mode, &rows).await,
            _ => bail!("no such insert, or neither a postgres: nor a sqlite: URL: {url}"),
        }
    })?;
    println!("{} {:.6} {}", settings.events, measured.elapsed.as_secs_f64(), measured.version);
    Ok(())
}
