//! The transaction that stores events: its statements, how many rows each takes, and the settings
//! of its connection.
//!
//! The yardstick of `cargo xtask bench ingest` (`xtask/examples/yardstick`) includes this file and
//! runs its statements without HTTP. So this file names no other module of this crate.

use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// The page traffic of one writer is the bound here, so a transaction takes nearly all that waits.
pub(crate) const FULL_GROUP: usize = 10_000;

/// Most rows in one INSERT: a hundred spread the cost of a statement.
const ROWS_PER_INSERT: usize = 100;
/// Most rows in one query, in several INSERTs. Each query saved is a round trip to the
/// connection's thread, which is idle meanwhile.
const ROWS_PER_QUERY: usize = 1_000;
/// A prepared query for every number of rows of one INSERT and for the most rows of one query, and
/// room for the others.
const CACHED_STATEMENTS: usize = ROWS_PER_INSERT + 28;

/// IMMEDIATE waits for another writer here. A transaction that begins to write later would fail
/// without waiting.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE; SELECT coalesce(max(seq), 0) FROM processed_events";
/// Ends the transaction, in one round trip. Returns the places of the rows that are new since ?1,
/// counted from there, and counts them and ?2 received. The 0 behind the commit proves that the
/// commit was reached: if the connection's thread breaks off, the rows before it look complete.
pub(crate) const END: &str = "
    SELECT seq - ?1 FROM processed_events WHERE seq > ?1;
    UPDATE counters SET received = received + ?2, unique_processed = unique_processed + inserted,
                        duplicate_dropped = duplicate_dropped + ?2 - inserted
    FROM (SELECT count(*) AS inserted FROM processed_events WHERE seq > ?1);
    COMMIT;
    SELECT 0";

/// Queries that insert any number of rows. Their texts are made once.
#[derive(Debug)]
pub(crate) struct Inserts {
    /// The INSERT of one row, of two, and so on.
    few: Vec<Arc<str>>,
    /// The INSERTs of as many rows as a query takes.
    many: Arc<str>,
}

impl Inserts {
    pub(crate) fn new(insert: fn(usize) -> String) -> Self {
        let few: Vec<Arc<str>> = (1..=ROWS_PER_INSERT).map(|rows| insert(rows).into()).collect();
        let many = vec![insert(ROWS_PER_INSERT); ROWS_PER_QUERY / ROWS_PER_INSERT].join("; ").into();
        Self { few, many }
    }

    /// Returns the queries that insert these rows, each with its rows.
    pub(crate) fn queries<'a, T>(&'a self, rows: &'a [T]) -> impl Iterator<Item = (&'a Arc<str>, &'a [T])> {
        let full = rows.chunks_exact(ROWS_PER_QUERY);
        let rest = full.remainder().chunks(ROWS_PER_INSERT);
        full.map(|rows| (&self.many, rows)).chain(rest.map(|rows| (&self.few[rows.len() - 1], rows)))
    }
}

/// `ON CONFLICT DO NOTHING` and not `OR IGNORE`, which would also treat a row that breaks another
/// constraint as a duplicate.
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
        // FULL syncs the log at each commit, so that a stored event outlives a power cut. NORMAL
        // does not.
        .synchronous(SqliteSynchronous::Full)
        .page_size(8192)
        // A rare checkpoint writes each page once for many commits: 16,000 pages are 125 MiB of
        // log.
        .pragma("wal_autocheckpoint", "16000")
        // A log that has been larger is cut to this when it begins anew.
        .pragma("journal_size_limit", "134217728")
        // 256 MiB hold the index of some millions of keys. Negative means KiB.
        .pragma("cache_size", "-262144")
        // Otherwise every statement that can be undone writes a journal to a file.
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(CACHED_STATEMENTS)
        .disable_statement_logging()
}
