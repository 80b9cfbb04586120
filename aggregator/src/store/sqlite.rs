//! SQLite: one file, one writer, a pool of readers.

mod statements;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Sqlite as Database};
use tokio::sync::Mutex;

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

/// Finds the topics by leaping from one to the next in the key's index: as many steps as there are
/// topics, for any number of events. The counters stand beside them, so that all is one statement
/// and one snapshot. ?1 is the topic after which the list begins, ?2 its length.
const COUNTS: &str = "
    WITH RECURSIVE topics (topic) AS (
        SELECT min(topic) FROM processed_events
        UNION ALL
        SELECT (SELECT min(topic) FROM processed_events WHERE topic > topics.topic) FROM topics WHERE topic IS NOT NULL
    ), listed (topic, number) AS (
        SELECT min(topic), 1 FROM processed_events WHERE topic > ?1
        UNION ALL
        SELECT (SELECT min(topic) FROM processed_events WHERE topic > listed.topic), number + 1
        FROM listed WHERE topic IS NOT NULL AND number < ?2
    )
    SELECT received, unique_processed, duplicate_dropped, pending, (SELECT count(topic) FROM topics),
           (SELECT json_group_array(topic) FROM listed WHERE topic IS NOT NULL)
    FROM stats";

/// A page: ?1 is the topic, ?2 the cursor, ?3 the rows, ?4 the bytes beyond which rows have no
/// content. A character of a name may need six bytes in a response. Contents are joined, because the
/// window's rows are copied.
macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT place.seq, size,
                    CASE WHEN before < ?4 THEN event.topic END, CASE WHEN before < ?4 THEN event_id END,
                    CASE WHEN before < ?4 THEN timestamp END, CASE WHEN before < ?4 THEN source END,
                    CASE WHEN before < ?4 THEN payload END, processed_at_ms
             FROM (SELECT seq, size, sum(size) OVER (ORDER BY seq DESC) - size AS before
                   FROM (SELECT seq, octet_length(payload) + 200 + 6 *
                                (octet_length(topic) + octet_length(event_id) + octet_length(source)) AS size
                         FROM processed_events WHERE ",
            $condition,
            " ORDER BY seq DESC LIMIT ?3)) AS place
             CROSS JOIN processed_events AS event ON event.seq = place.seq
             ORDER BY place.seq DESC"
        )
    };
}
const PAGE: &str = page!("?1 IS NULL AND seq < ?2");
const PAGE_OF_TOPIC: &str = page!("topic = ?1 AND seq < ?2");

/// A part of a page: ?1 is the topic, ?2 the oldest place and ?3 the newest.
macro_rules! rows {
    ($condition:literal) => {
        concat!(
            "SELECT seq, topic, event_id, timestamp, source, payload, processed_at_ms FROM processed_events
             WHERE ",
            $condition,
            " AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC"
        )
    };
}
const ROWS: &str = rows!("?1 IS NULL");
const ROWS_OF_TOPIC: &str = rows!("topic = ?1");

/// A query that owns its parameters.
type BoundQuery = Query<'static, Database, SqliteArguments>;

/// Row behind a commit. No place is 0.
const COMMITTED: i64 = 0;

/// The readers, and the connection of all writers and workers.
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    session: Session,
}

/// A way to store events.
#[derive(Debug)]
pub(crate) struct Writer {
    session: Session,
    inserts: Inserts,
    /// Inserts into the inbox.
    accepts: Inserts,
}

/// A way to empty the inbox.
#[derive(Debug)]
pub(crate) struct Worker {
    session: Session,
}

/// The connection of all writers and workers of this process, who take turns. With one connection
/// each they would poll for each other's lock, and every commit would empty the page caches of all
/// the others.
#[derive(Debug, Clone)]
struct Session {
    options: SqliteConnectOptions,
    connection: Arc<Mutex<Option<SqliteConnection>>>,
}

impl Sqlite {
    pub(super) async fn open(
        options: &SqliteConnectOptions,
        url: &DatabaseUrl,
        statement_timeout: Duration,
    ) -> Result<Self, OpenError> {
        let options = writer_options(options, statement_timeout);
        let mut connection = options.connect().await.map_err(|reason| OpenError::Connect {
            url: url.to_string(),
            advice: "is the file an SQLite database, does its folder exist, and is this user allowed to write there?",
            reason,
        })?;
        migrations::sqlite()
            .run(&mut connection)
            .await
            .map_err(|reason| OpenError::Migrate { url: url.to_string(), reason })?;
        sqlx::raw_sql(PROVE_WRITABLE)
            .execute(&mut connection)
            .await
            .map_err(|reason| OpenError::Write { url: url.to_string(), reason })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(reader_options(&options));
        Ok(Self { readers, session: Session { options, connection: Arc::default() } })
    }

    pub(super) fn writer(&self) -> Writer {
        Writer {
            session: self.session.clone(),
            inserts: Inserts::new(insert_statement),
            accepts: Inserts::new(accept_statement),
        }
    }

    pub(super) fn worker(&self) -> Worker {
        Worker { session: self.session.clone() }
    }

    pub(super) async fn counts(&self, topics_after: &str) -> Result<Counts, sqlx::Error> {
        let counts = sqlx::query_as(COUNTS).bind(topics_after).bind(MAX_TOPICS);
        let columns: CountColumns<String> = counts.fetch_one(&self.readers).await?;
        Ok(Counts::new(columns, |topics| serde_json::from_str(&topics).unwrap_or_default()))
    }

    pub(super) async fn pending(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(PENDING).fetch_one(&self.readers).await
    }

    pub(super) async fn page(&self, request: &PageRequest) -> Result<Page, sqlx::Error> {
        let statement = if request.topic.is_some() { PAGE_OF_TOPIC } else { PAGE };
        let rows: Vec<PlacedRow> = sqlx::query_as(statement)
            .bind(request.topic.as_deref())
            .bind(request.before())
            .bind(request.rows_to_read())
            .bind(PART_BYTES)
            .fetch_all(&self.readers)
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
        Ok(placed(rows.fetch_all(&self.readers).await?, places))
    }

    pub(super) async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query(PING).fetch_one(&self.readers).await.map(drop)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
    }
}

impl Session {
    /// Runs `work` with the connection when it is free.
    async fn with_connection<T>(
        &self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let mut place = self.connection.lock().await;
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(WriteError::Unavailable)?,
        };
        let result = work(&mut connection).await;
        if result.is_ok() {
            *place = Some(connection);
        } else {
            // An error may leave a transaction open, which ends with the connection.
            close(connection).await;
        }
        result
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

    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

impl Worker {
    pub(super) async fn drain(&mut self, most: u32) -> Result<Drained, WriteError> {
        self.session.with_connection(async |connection| drain(connection, most).await).await
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }
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
}
