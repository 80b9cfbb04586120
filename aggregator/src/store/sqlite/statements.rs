//! The transaction that stores events: its statements, how much each takes, and the settings of the connection that runs it.
//!
//! The yardstick of `cargo xtask bench ingest` runs them without HTTP. It includes this file (`xtask/examples/yardstick`), so
//! that it always sends what is sent here; so nothing else of ours is named in it.

use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// One writer's page traffic is the bound here, so a transaction takes nearly all that waits.
pub(crate) const FULL_GROUP: usize = 10_000;

/// Rows of one INSERT at most: a hundred spread the cost of a statement.
pub(crate) const MAX_ROWS_PER_INSERT: usize = 100;
/// A prepared INSERT for every number of rows, and room for the other statements: each statement saved is a round trip
/// to the connection's thread, which is what a small transaction costs.
const CACHED_STATEMENTS: usize = MAX_ROWS_PER_INSERT + 28;

/// IMMEDIATE waits for another writer here; a transaction that becomes one later fails without waiting.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE; SELECT coalesce(max(seq), 0) FROM processed_events";
/// Where the rows stand that are new since then, counted from there.
pub(crate) const INSERTED: &str = "SELECT seq - ?1 FROM processed_events WHERE seq > ?1";
pub(crate) const COUNT: &str = "UPDATE counters SET received = received + ?1, unique_processed = unique_processed + ?2, \
                                duplicate_dropped = duplicate_dropped + ?1 - ?2";
pub(crate) const COMMIT: &str = "COMMIT";

/// `ON CONFLICT DO NOTHING` and not `OR IGNORE`, which would also pass a row that breaks another constraint for a
/// duplicate.
pub(crate) fn insert_statement(rows: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO processed_events (seq, topic, event_id, timestamp, source, payload, processed_at_ms) \
         VALUES {values} ON CONFLICT (topic, event_id) DO NOTHING"
    )
}

pub(crate) fn writer_options(
    options: &SqliteConnectOptions,
    statement_timeout: Duration,
) -> SqliteConnectOptions {
    options
        .clone()
        .create_if_missing(true)
        .busy_timeout(statement_timeout)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL syncs the log at each commit: an answer outlives a power cut. NORMAL would not promise that.
        .synchronous(SqliteSynchronous::Full)
        .page_size(8192)
        // Checkpoints that come seldom write each page once for many commits: 16,000 pages are 125 MiB of log.
        .pragma("wal_autocheckpoint", "16000")
        // 256 MiB hold the index of some millions of keys; negative means KiB.
        .pragma("cache_size", "-262144")
        // Else every statement that may be undone writes a journal to a file.
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(CACHED_STATEMENTS)
        .disable_statement_logging()
}
