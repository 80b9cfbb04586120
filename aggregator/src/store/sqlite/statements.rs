//! The transaction that stores events: its statements, how much each takes, and the settings of the connection that runs it.
//!
//! The yardstick of `cargo xtask bench ingest` runs them without HTTP. It includes this file (`xtask/examples/yardstick`), so
//! that it always sends what is sent here; so nothing else of ours is named in it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// One writer's page traffic is the bound here, so a transaction takes nearly all that waits.
pub(crate) const FULL_GROUP: usize = 10_000;

/// Rows of one INSERT at most: a hundred spread the cost of a statement.
const ROWS_PER_INSERT: usize = 100;
/// Rows of one query at most, in several INSERTs. Each query saved is a round trip to the connection's thread, which has nothing
/// to do meanwhile.
const ROWS_PER_QUERY: usize = 1_000;
/// A prepared query for every number of rows of one INSERT and for the most rows of one query, and room for the others.
const CACHED_STATEMENTS: usize = ROWS_PER_INSERT + 28;

/// IMMEDIATE waits for another writer here; a transaction that becomes one later fails without waiting.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE; SELECT coalesce(max(seq), 0) FROM processed_events";
/// Ends the transaction, in one round trip: tells where the rows stand that are new since ?1, counted from there, and counts
/// them and ?2 received. The 0 behind the commit proves that it was reached: should the connection's thread break off, the rows
/// before it look like all there are.
pub(crate) const END: &str = "
    SELECT seq - ?1 FROM processed_events WHERE seq > ?1;
    UPDATE counters SET received = received + ?2, unique_processed = unique_processed + inserted,
                        duplicate_dropped = duplicate_dropped + ?2 - inserted
    FROM (SELECT count(*) AS inserted FROM processed_events WHERE seq > ?1);
    COMMIT;
    SELECT 0";

/// The queries that insert any number of rows. Their texts are made once.
#[derive(Debug)]
pub(crate) struct Inserts {
    /// The INSERT of one row, of two, and so on.
    few: Vec<Arc<str>>,
    /// As many rows as a query has.
    many: Arc<str>,
}

impl Inserts {
    pub(crate) fn new(insert: fn(usize) -> String) -> Self {
        let few: Vec<Arc<str>> = (1..=ROWS_PER_INSERT).map(|rows| insert(rows).into()).collect();
        let many = vec![insert(ROWS_PER_INSERT); ROWS_PER_QUERY / ROWS_PER_INSERT].join("; ").into();
        Self { few, many }
    }

    /// The queries that insert these rows, each with those that it takes.
    pub(crate) fn queries<'a, T>(&'a self, rows: &'a [T]) -> impl Iterator<Item = (&'a Arc<str>, &'a [T])> {
        let full = rows.chunks_exact(ROWS_PER_QUERY);
        let rest = full.remainder().chunks(ROWS_PER_INSERT);
        full.map(|rows| (&self.many, rows)).chain(rest.map(|rows| (&self.few[rows.len() - 1], rows)))
    }
}

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
