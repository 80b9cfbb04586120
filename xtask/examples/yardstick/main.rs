//! The yardstick of `cargo xtask bench ingest`: events like loadgen's, into an empty table with the same key, by the
//! database's own bulk insert on one connection.
//!
//! An example because examples may use sqlx, which the developer commands do without, and because it has to be built
//! in release as the aggregator is. It says `<events> <seconds> <database and version>`.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use xtask::bench::rows::rows;

mod postgres;
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
}

/// How many rows a commit stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// As many as serve the database best.
    Bulk,
    /// One.
    Single,
}

/// How long the inserts took, without making the rows and the table.
struct Measured {
    elapsed: Duration,
    version: String,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let rows = rows(settings.events);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        match settings.url.split(':').next() {
            Some("postgres") => postgres::insert(&settings.url, settings.mode, &rows).await,
            Some("sqlite") => sqlite::insert(&settings.url, settings.mode, &rows).await,
            _ => bail!("neither a postgres: nor a sqlite: URL: {}", settings.url),
        }
    })?;
    println!("{} {:.6} {}", settings.events, measured.elapsed.as_secs_f64(), measured.version);
    Ok(())
}
