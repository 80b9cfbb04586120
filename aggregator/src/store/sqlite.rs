//! SQLite: one file, one writer, a pool of readers.

mod file;
mod reading;
mod statements;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Sqlite as Database};
use tokio::sync::Mutex;

use self::file::{DatabaseFile, lock_folder};
use self::reading::{COUNTS, PAGE, PAGE_OF_TOPIC, ROWS, ROWS_OF_TOPIC};
pub(super) use self::statements::FULL_GROUP;
use self::statements::{BEGIN, END, Inserts, insert_statement, writer_options};
use super::counts::{CountColumns, Counts, MAX_TOPICS};
use super::fate::{ACQUIRE_TIMEOUT, Drained, OpenError, PART_BYTES, READERS, WriteError};
use super::group::{Group, Row};
use super::migrations;
use super::page::{Page, PageRequest, PageRow, Place, PlacedRow, placed};
use super::url::DatabaseUrl;
use crate::event::{Batch, Event};

const ACCEPTED: &str =
    "UPDATE counters SET received = received + ?1, pending = pending + ?1; COMMIT; SELECT 0";
const IS_FILLED: &str = "SELECT EXISTS (SELECT 1 FROM inbox)";
/// Events that a worker takes in its turn: the oldest ?1, as their number, first id and last id.
const TAKEN: &str = "SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0)
                     FROM (SELECT id FROM inbox ORDER BY id LIMIT ?1)";
/// Stores the first event of each new key. Places follow the order of arrival. The rows come sorted
/// by key, so that the next row is mostly on the index page of the last one.
const DRAIN: &str = "
    INSERT INTO processed_events (seq, topic, event_id, timestamp, source, payload, processed_at_ms)
    SELECT ?1 + id, topic, event_id, timestamp, source, payload, ?3
    FROM inbox WHERE id <= ?2 ORDER BY topic, event_id, id
    ON CONFLICT (topic, event_id) DO NOTHING";
/// ?1 is the last id, ?2 the number taken and ?3 the number inserted.
const DRAINED: &str = "
    DELETE FROM inbox WHERE id <= ?1;
    UPDATE counters SET unique_processed = unique_processed + ?3, duplicate_dropped = duplicate_dropped + ?2 - ?3,
                        pending = pending - ?2;
    COMMIT;
    SELECT 0";
/// A transaction that changes nothing, and fails on a read-only database.
const PROVE_WRITABLE: &str = "BEGIN IMMEDIATE; UPDATE counters SET received = received; COMMIT";
const PENDING: &str = "SELECT pending FROM stats";
const PING: &str = "SELECT only_row FROM counters";

/// Size at which the write-ahead log is emptied. SQLite alone starts it anew only at a moment
/// without a reader, which may never come.
const LOG_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// Milliseconds that emptying the log waits for readers; writers wait meanwhile.
const LOG_WAIT_MS: u32 = 500;
/// Pause after an attempt that readers have foiled.
const LOG_PAUSE: Duration = Duration::from_secs(5);
const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// A query that owns its parameters.
type BoundQuery = Query<'static, Database, SqliteArguments>;

/// Row behind a commit. No place is 0.
const COMMITTED: i64 = 0;

/// The readers, and the connection of all writers and workers.
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    /// A connection that listings cannot keep busy.
    probe: SqlitePool,
    session: Session,
}

/// A way to store events.
#[derive(Debug)]
pub(crate) struct Writer {
    session: Session,
    inserts: Inserts,
    /// Inserts into the inbox.
    accepts: Inserts,
    log: LogTurn,
}

/// A way to empty the inbox.
#[derive(Debug)]
pub(crate) struct Worker {
    session: Session,
    log: LogTurn,
}

/// Time of the next attempt to empty the log.
#[derive(Debug)]
struct LogTurn {
    not_before: Instant,
}

/// The connection of all writers and workers of this process, who take turns. With one connection
/// each they would poll for each other's lock, and every commit would empty the page caches of all
/// the others.
#[derive(Debug, Clone)]
struct Session {
    options: SqliteConnectOptions,
    connection: Arc<Mutex<Option<SqliteConnection>>>,
    file: Arc<DatabaseFile>,
    log_limit_bytes: u64,
    busy_timeout: Duration,
}

impl Sqlite {
    pub(super) async fn open(
        options: &SqliteConnectOptions,
        url: &DatabaseUrl,
        statement_timeout: Duration,
    ) -> Result<Self, OpenError> {
        let options = writer_options(options, statement_timeout);
        let _lock = lock_folder(options.get_filename(), statement_timeout).await;
        let cannot_connect = |reason| OpenError::Connect {
            url: url.to_string(),
            advice: "is the file an SQLite database, does its folder exist, and is this user allowed to write there?",
            reason,
        };
        let mut connection = options.connect().await.map_err(cannot_connect)?;
        migrations::sqlite()
            .run(&mut connection)
            .await
            .map_err(|reason| OpenError::Migrate { url: url.to_string(), reason })?;
        sqlx::raw_sql(PROVE_WRITABLE)
            .execute(&mut connection)
            .await
            .map_err(|reason| OpenError::Write { url: url.to_string(), reason })?;
        let file = DatabaseFile::of(options.get_filename()).map_err(|error| cannot_connect(error.into()))?;
        // From here on a missing file is a fault, and no reason to make an empty one.
        let options = options.create_if_missing(false);
        let pool = |size: u32, options| {
            let pool = SqlitePoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT);
            pool.connect_lazy_with(options)
        };
        let readers = pool(READERS, reader_options(&options));
        let probe = pool(1, options.clone().pragma("cache_size", "-1024"));
        let session = Session {
            options,
            connection: Arc::new(Mutex::new(Some(connection))),
            file: Arc::new(file),
            log_limit_bytes: LOG_LIMIT_BYTES,
            busy_timeout: statement_timeout,
        };
        Ok(Self { readers, probe, session })
    }

    /// Returns the readers, if the file is still there.
    fn readers(&self) -> Result<&SqlitePool, sqlx::Error> {
        self.session.file.check().map(|()| &self.readers)
    }

    pub(super) fn writer(&self) -> Writer {
        Writer {
            session: self.session.clone(),
            inserts: Inserts::new(insert_statement),
            accepts: Inserts::new(accept_statement),
            log: LogTurn::new(),
        }
    }

    pub(super) fn worker(&self) -> Worker {
        Worker { session: self.session.clone(), log: LogTurn::new() }
    }

    pub(super) async fn counts(&self, topics_after: &str) -> Result<Counts, sqlx::Error> {
        let counts = sqlx::query_as(COUNTS).bind(topics_after).bind(MAX_TOPICS);
        let columns: CountColumns<String> = counts.fetch_one(self.readers()?).await?;
        Ok(Counts::new(columns, |topics| serde_json::from_str(&topics).unwrap_or_default()))
    }

    pub(super) async fn pending(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(PENDING).fetch_one(self.readers()?).await
    }

    pub(super) async fn page(&self, request: &PageRequest) -> Result<Page, sqlx::Error> {
        let statement = if request.topic.is_some() { PAGE_OF_TOPIC } else { PAGE };
        let rows: Vec<PlacedRow> = sqlx::query_as(statement)
            .bind(request.topic.as_deref())
            .bind(request.before())
            .bind(request.rows_to_read())
            .bind(PART_BYTES)
            .fetch_all(self.readers()?)
            .await?;
        Ok(Page::from_rows(rows, request))
    }

    pub(super) async fn rows(
        &self,
        topic: Option<&str>,
        places: &[Place],
    ) -> Result<Vec<PageRow>, sqlx::Error> {
        let statement = if topic.is_some() { ROWS_OF_TOPIC } else { ROWS };
        let seq = |place: Option<&Place>| place.map_or(0, |place| place.seq);
        let rows = sqlx::query_as(statement).bind(topic).bind(seq(places.last())).bind(seq(places.first()));
        Ok(placed(rows.fetch_all(self.readers()?).await?, places))
    }

    pub(super) async fn ping(&self) -> Result<(), sqlx::Error> {
        self.session.file.check()?;
        sqlx::query(PING).fetch_one(&self.probe).await.map(drop)
    }

    pub(super) async fn prove_writable(&self) -> Result<(), sqlx::Error> {
        self.session.file.check()?;
        sqlx::raw_sql(PROVE_WRITABLE).execute(&self.probe).await.map(drop)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.probe.close().await;
    }
}

impl LogTurn {
    fn new() -> Self {
        Self { not_before: Instant::now() }
    }
}

impl Session {
    /// Runs `work` with the connection when it is free.
    async fn with_connection<T>(
        &self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let mut place = self.connection.lock().await;
        self.file.check().map_err(WriteError::Unavailable)?;
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(WriteError::Unavailable)?,
        };
        let result = work(&mut connection).await;
        // Nobody may be told that events are stored in a file that nobody finds.
        let result = result.and_then(|done| match self.file.check() {
            Ok(()) => Ok(done),
            Err(error) => Err(WriteError::Unknown(error)),
        });
        if result.is_ok() {
            *place = Some(connection);
        } else {
            // An error may leave a transaction open, which ends with the connection.
            close(connection).await;
        }
        result
    }

    /// Empties the log if it has grown beyond its limit. No request may wait for this.
    async fn tidy(&self, turn: &mut LogTurn) {
        if self.file.log_bytes() <= self.log_limit_bytes || Instant::now() < turn.not_before {
            return;
        }
        let mut place = self.connection.lock().await;
        let Some(mut connection) = place.take() else { return };
        match empty_log(&mut connection, self.busy_timeout).await {
            Ok(true) => *place = Some(connection),
            Ok(false) => {
                tracing::debug!("readers are in the way of emptying the database's log");
                turn.not_before = Instant::now() + LOG_PAUSE;
                *place = Some(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot empty the database's log");
                turn.not_before = Instant::now() + LOG_PAUSE;
                close(connection).await;
            }
        }
    }

    /// Closes the connection. A later write opens it again.
    async fn close(self) {
        if let Some(connection) = self.connection.lock().await.take() {
            close(connection).await;
        }
    }
}

impl Writer {
    pub(super) async fn write(&mut self, group: &Group<'_>) -> Result<Vec<usize>, WriteError> {
        let inserts = &self.inserts;
        self.session.with_connection(async |connection| store(connection, group, inserts).await).await
    }

    pub(super) async fn accept(&mut self, batches: &[&Batch]) -> Result<(), WriteError> {
        let accepts = &self.accepts;
        self.session.with_connection(async |connection| accept(connection, batches, accepts).await).await
    }

    pub(super) async fn tidy(&mut self) {
        self.session.tidy(&mut self.log).await;
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

impl Worker {
    pub(super) async fn drain(&mut self, most: u32) -> Result<Drained, WriteError> {
        let drained = self.session.with_connection(async |connection| drain(connection, most).await).await;
        self.session.tidy(&mut self.log).await;
        drained
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// Writes the log into the database and empties it, which needs a moment without readers. Returns
/// false if readers did not leave one.
async fn empty_log(connection: &mut SqliteConnection, busy_timeout: Duration) -> Result<bool, sqlx::Error> {
    set_busy_timeout(connection, LOG_WAIT_MS.into()).await?;
    let (is_busy, _pages, _written): (i64, i64, i64) =
        sqlx::query_as(EMPTY_LOG).fetch_one(&mut *connection).await?;
    set_busy_timeout(connection, busy_timeout.as_millis()).await?;
    Ok(is_busy == 0)
}

async fn set_busy_timeout(connection: &mut SqliteConnection, ms: u128) -> Result<(), sqlx::Error> {
    let pragma = format!("PRAGMA busy_timeout = {ms}");
    sqlx::raw_sql(AssertSqlSafe(pragma)).execute(connection).await.map(drop)
}

async fn store(
    connection: &mut SqliteConnection,
    group: &Group<'_>,
    inserts: &Inserts,
) -> Result<Vec<usize>, WriteError> {
    let last_seq = begin(connection).await?;
    let now_ms = Timestamp::now().as_millisecond();
    let queries = inserts.queries(group.rows());
    execute(connection, queries.map(|(text, rows)| insert(text, rows, last_seq, now_ms))).await?;
    let end = sqlx::query_scalar(END).bind(last_seq).bind(signed(group.len()));
    let mut places: Vec<i64> = end.fetch_all(connection).await.map_err(not_ended)?;
    if places.pop() != Some(COMMITTED) {
        return Err(WriteError::Unknown(sqlx::Error::WorkerCrashed));
    }
    Ok(places.into_iter().map(position).collect())
}

async fn accept(
    connection: &mut SqliteConnection,
    batches: &[&Batch],
    accepts: &Inserts,
) -> Result<(), WriteError> {
    begin(connection).await?;
    let events: Vec<_> = batches.iter().flat_map(|batch| batch.events()).collect();
    execute(connection, accepts.queries(&events).map(|(text, events)| put_in(text, events))).await?;
    end(connection, sqlx::query(ACCEPTED).bind(signed(events.len()))).await
}

async fn drain(connection: &mut SqliteConnection, most: u32) -> Result<Drained, WriteError> {
    // Read without a transaction: an empty inbox is in no other program's way.
    let is_filled = sqlx::query_scalar(IS_FILLED).fetch_one(&mut *connection).await;
    if !is_filled.map_err(not_committed)? {
        return Ok(Drained::default());
    }
    let last_seq = begin(connection).await?;
    let taken = sqlx::query_as(TAKEN).bind(most).fetch_one(&mut *connection).await;
    // If another program has emptied the inbox meanwhile, nothing is taken and nothing counted.
    let (taken, first, last): (i64, i64, i64) = taken.map_err(not_committed)?;
    // The first event takes the next place.
    let drained = sqlx::query(DRAIN)
        .bind(last_seq + 1 - first)
        .bind(last)
        .bind(Timestamp::now().as_millisecond())
        .execute(&mut *connection)
        .await
        .map_err(not_committed)?;
    let inserted = i64::try_from(drained.rows_affected()).expect("no more rows than were taken");
    end(connection, sqlx::query(DRAINED).bind(last).bind(taken).bind(inserted)).await?;
    let count = |number: i64| usize::try_from(number).expect("a count is never negative");
    Ok(Drained { taken: count(taken), inserted: count(inserted) })
}

/// Begins a transaction and returns the last place in use.
async fn begin(connection: &mut SqliteConnection) -> Result<i64, WriteError> {
    sqlx::query_scalar(BEGIN).fetch_one(connection).await.map_err(not_committed)
}

/// Ends a transaction by a query whose only row stands behind the commit. Without that row the
/// commit's fate is unknown.
async fn end(connection: &mut SqliteConnection, query: BoundQuery) -> Result<(), WriteError> {
    query.fetch_one(connection).await.map(drop).map_err(not_ended)
}

/// Runs queries one after the other. The next one is made while the connection's thread runs the
/// one before.
async fn execute(
    connection: &mut SqliteConnection,
    mut queries: impl Iterator<Item = BoundQuery>,
) -> Result<(), WriteError> {
    let mut next = queries.next();
    while let Some(query) = next {
        let (executed, following) =
            tokio::join!(biased; query.execute(&mut *connection), async { queries.next() });
        executed.map_err(not_committed)?;
        next = following;
    }
    Ok(())
}

fn insert(text: &Arc<str>, rows: &[Row<'_>], last_seq: i64, now_ms: i64) -> BoundQuery {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(text)));
    for Row { position, event } in rows {
        // Places follow the requests' order and not the sorted rows', so that a listing shows
        // events in the order of arrival.
        query = query
            .bind(last_seq + 1 + signed(*position))
            .bind(event.topic)
            .bind(event.event_id)
            .bind(event.timestamp)
            .bind(event.source)
            .bind(event.payload)
            .bind(now_ms);
    }
    query
}

fn put_in(text: &Arc<str>, events: &[Event<'_>]) -> BoundQuery {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(text)));
    for event in events {
        query = query
            .bind(event.topic)
            .bind(event.event_id)
            .bind(event.timestamp)
            .bind(event.source)
            .bind(event.payload);
    }
    query
}

fn accept_statement(rows: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?)"; rows].join(", ");
    format!("INSERT INTO inbox (topic, event_id, timestamp, source, payload) VALUES {values}")
}

/// The first place after `last_seq` is the group's position 0.
fn position(place: i64) -> usize {
    usize::try_from(place - 1).expect("only places above the last are selected")
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("a group has far fewer events than 2^63")
}

fn reader_options(options: &SqliteConnectOptions) -> SqliteConnectOptions {
    options.clone().pragma("cache_size", "-16384").pragma("query_only", "ON")
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the database connection did not close cleanly");
    }
}

/// Classifies an error before the commit.
fn not_committed(error: sqlx::Error) -> WriteError {
    if is_refusal(code(&error)) { WriteError::Refused(error) } else { WriteError::Unavailable(error) }
}

/// Classifies an error of the query that ends in the commit. The commit's last write to the log is
/// the mark that makes it count: if a write fails, the mark is not there. After any other error the
/// fate is unknown; a failed sync is one of them.
fn not_ended(error: sqlx::Error) -> WriteError {
    fate(code(&error))(error)
}

fn fate(code: Option<i32>) -> fn(sqlx::Error) -> WriteError {
    const BUSY: i32 = 5;
    const FULL: i32 = 13;
    const IOERR_WRITE: i32 = 10 | (3 << 8);
    match code {
        _ if is_refusal(code) => WriteError::Refused,
        Some(BUSY | FULL | IOERR_WRITE) => WriteError::Unavailable,
        _ => WriteError::Unknown,
    }
}

/// True if the database would reject the same statement again.
fn is_refusal(code: Option<i32>) -> bool {
    const ERROR: i32 = 1;
    const TOO_BIG: i32 = 18;
    const CONSTRAINT: i32 = 19;
    const MISMATCH: i32 = 20;
    // The primary code is the low byte of the extended one.
    matches!(code.map(|code| code & 0xff), Some(ERROR | TOO_BIG | CONSTRAINT | MISMATCH))
}

/// SQLite's extended result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_that_failed_proves_that_a_commit_did() {
        let of = |code| fate(code)(sqlx::Error::WorkerCrashed);
        // A full disk, a failed write, a lock; then a failed sync, other disk errors, a broken
        // file, no answer.
        assert!([13, 778, 5].iter().all(|code| matches!(of(Some(*code)), WriteError::Unavailable(_))));
        let unknown = [Some(1034), Some(10), Some(4874), Some(11), None];
        assert!(unknown.iter().all(|code| matches!(of(*code), WriteError::Unknown(_))));
        // A trigger, and a row that breaks a constraint.
        assert!([1811, 19, 1].iter().all(|code| matches!(of(Some(*code)), WriteError::Refused(_))));
    }

    fn batch(name: &str) -> Batch {
        let payload = "x".repeat(3_000_000);
        let event = format!(
            r#"{{"topic":"t","event_id":"{name}","timestamp":"2025-01-01","source":"test","payload":{{"x":"{payload}"}}}}"#
        );
        Batch::parse(event.into(), 1).unwrap()
    }

    #[tokio::test]
    async fn the_log_is_emptied_beyond_its_limit_once_readers_let_it() {
        let folder = tempfile::tempdir().unwrap();
        let url: DatabaseUrl = format!("sqlite:{}/events.db", folder.path().display()).parse().unwrap();
        let DatabaseUrl::Sqlite(options) = &url else { unreachable!("it begins with sqlite") };
        let mut store = Sqlite::open(options, &url, Duration::from_secs(10)).await.unwrap();
        store.session.log_limit_bytes = 1_000_000;
        let mut writer = store.writer();
        let log_bytes = || store.session.file.log_bytes();

        writer.write(&Group::new([&batch("1")])).await.unwrap();
        assert!(log_bytes() > 3_000_000);
        writer.tidy().await;
        assert_eq!(log_bytes(), 0);

        let mut reader = store.readers.begin().await.unwrap();
        sqlx::query(PING).fetch_one(&mut *reader).await.unwrap();
        writer.write(&Group::new([&batch("2")])).await.unwrap();
        writer.tidy().await;
        assert!(log_bytes() > 3_000_000, "a snapshot needs the log");
        assert!(writer.log.not_before > Instant::now(), "writers do not wait for it every time");
        reader.rollback().await.unwrap();
        writer.log.not_before = Instant::now();
        writer.write(&Group::new([&batch("3")])).await.unwrap();
        writer.tidy().await;
        assert_eq!(log_bytes(), 0);
        assert_eq!(store.counts("").await.unwrap().unique_processed, 3);
    }
}
