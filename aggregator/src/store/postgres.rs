//! PostgreSQL: several connections that write, each statement its own transaction, and a pool of
//! readers.

mod statements;

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPool, PgPoolOptions, PgSeverity};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use self::statements::{
    ACCEPT, COUNTS, DRAIN, FOLD, PAGE, PAGE_OF_TOPIC, PENDING, ROWS, ROWS_OF_TOPIC, STORE,
};
use super::counts::{CountColumns, Counts, MAX_TOPICS};
use super::fate::{ACQUIRE_TIMEOUT, CONNECT_TIMEOUT, Drained, OpenError, PART_BYTES, READERS, WriteError};
use super::group::Group;
use super::migrations;
use super::page::{Page, PageRequest, PageRow, Place, PlacedRow, placed};
use super::url::DatabaseUrl;
use crate::event::Batch;

/// One to two thousand rows a statement on several connections are the fastest. Further events
/// serve the next writer. With the largest batch on top, a group stays within the 65,536 places of
/// a block.
pub(super) const FULL_GROUP: usize = 2_000;

/// A connection that rested this long is pinged before a commit. A dead socket that a ping finds
/// carried no commit, and is replaced unnoticed.
const RESTED: Duration = Duration::from_secs(1);
/// Time that the client waits beyond the server's limit: if the server ends the statement, its fate
/// is known.
const GRACE: Duration = Duration::from_secs(5);
/// Statements of one writer between two foldings of the counters.
const FOLD_EVERY: u32 = 1_000;

/// The readers, and the options for writers to connect.
#[derive(Debug, Clone)]
pub(super) struct Postgres {
    readers: PgPool,
    /// A connection that listings cannot keep busy.
    probe: PgPool,
    options: PgConnectOptions,
    statement_timeout: Duration,
}

/// One connection that stores events.
#[derive(Debug)]
pub(crate) struct Writer {
    options: PgConnectOptions,
    statement_timeout: Duration,
    connection: Option<PgConnection>,
    last_used: Instant,
    statements_until_fold: u32,
}

impl Postgres {
    pub(super) async fn open(
        options: &PgConnectOptions,
        url: &DatabaseUrl,
        statement_timeout: Duration,
    ) -> Result<Self, OpenError> {
        let options = options.clone().application_name("onceproof aggregator").disable_statement_logging();
        let mut connection = connect(&options).await.map_err(|reason| OpenError::Connect {
            url: url.to_string(),
            advice: "is PostgreSQL running there, and does DATABASE_URL name the right user and database?",
            reason,
        })?;
        prepare(&mut connection, url).await?;
        if let Err(error) = connection.close().await {
            tracing::debug!(%error, "the first connection did not close cleanly");
        }
        let readers = pool(READERS, reader_session(statement_timeout), &options);
        let probe = pool(1, writer_session(statement_timeout), &options);
        Ok(Self { readers, probe, options, statement_timeout })
    }

    pub(super) fn writer(&self) -> Writer {
        Writer {
            options: self.options.clone(),
            statement_timeout: self.statement_timeout,
            connection: None,
            last_used: Instant::now(),
            statements_until_fold: FOLD_EVERY,
        }
    }

    pub(super) fn worker(&self, lease: Duration) -> Worker {
        Worker { options: self.options.clone(), lease, connection: None }
    }

    pub(super) async fn counts(&self, topics_after: &str) -> Result<Counts, sqlx::Error> {
        let counts = sqlx::query_as(COUNTS).bind(topics_after).bind(MAX_TOPICS);
        let columns: CountColumns<Vec<String>> = counts.fetch_one(&self.readers).await?;
        Ok(Counts::new(columns, |topics| topics))
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
        sqlx::query("SELECT 1").fetch_one(&self.probe).await.map(drop)
    }

    pub(super) async fn prove_writable(&self) -> Result<(), sqlx::Error> {
        sqlx::query(FOLD).execute(&self.probe).await.map(drop)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.probe.close().await;
    }
}

/// One connection that empties the inbox.
#[derive(Debug)]
pub(crate) struct Worker {
    options: PgConnectOptions,
    lease: Duration,
    connection: Option<PgConnection>,
}

impl Worker {
    pub(super) async fn drain(&mut self, most: u32) -> Result<Drained, WriteError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(WriteError::Unavailable)?,
        };
        let draining = sqlx::query_as(DRAIN).bind(i64::from(most)).fetch_one(&mut connection);
        let drained = timeout(self.lease + GRACE, draining).await.unwrap_or_else(|_| Err(timed_out()));
        let (taken, inserted): (i64, i64) = drained.map_err(outcome)?;
        self.connection = Some(connection);
        Ok(Drained { taken: count(taken), inserted: count(inserted) })
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = connect(&self.options).await?;
        let session = worker_session(self.lease);
        sqlx::raw_sql(AssertSqlSafe(session)).execute(&mut connection).await?;
        Ok(connection)
    }

    pub(super) async fn close(self) {
        close(self.connection).await;
    }
}

impl Writer {
    pub(super) async fn write(&mut self, group: &Group<'_>) -> Result<Vec<usize>, WriteError> {
        let rows = group.rows();
        let places = sqlx::query_scalar(STORE)
            .bind(rows.iter().map(|row| row.event.topic).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.event.event_id).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.event.timestamp).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.event.source).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.event.payload).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| place(row.position)).collect::<Vec<_>>())
            .bind(i64::from(place(group.len())));
        let places: Vec<i32> = self.commit(async |connection| places.fetch_one(connection).await).await?;
        Ok(places.into_iter().map(position).collect())
    }

    pub(super) async fn accept(&mut self, batches: &[&Batch]) -> Result<(), WriteError> {
        let events: Vec<_> = batches.iter().flat_map(|batch| batch.events()).collect();
        let accepted = sqlx::query(ACCEPT)
            .bind(events.iter().map(|event| event.topic).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.event_id).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.timestamp).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.source).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.payload).collect::<Vec<_>>())
            .bind(i64::from(place(events.len())));
        self.commit(async |connection| accepted.execute(connection).await.map(drop)).await
    }

    /// Runs a statement that is a transaction.
    async fn commit<T>(
        &mut self,
        statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, WriteError> {
        let mut connection = self.ready().await.map_err(WriteError::Unavailable)?;
        let limit = self.statement_timeout + GRACE;
        let stored = timeout(limit, statement(&mut connection)).await.unwrap_or_else(|_| Err(timed_out()));
        self.last_used = Instant::now();
        let result = stored.map_err(outcome);
        // After a refusal or an abort the session goes on. After all else its state is unknown, or
        // its server has become a read-only replica: the next group takes a new connection.
        if matches!(result, Ok(_) | Err(WriteError::Refused(_) | WriteError::Aborted(_))) {
            self.connection = Some(connection);
        }
        result
    }

    /// Returns a connection that is fit for a commit.
    async fn ready(&mut self) -> Result<PgConnection, sqlx::Error> {
        if let Some(mut connection) = self.connection.take() {
            let is_fresh = self.last_used.elapsed() < RESTED;
            if is_fresh || matches!(timeout(CONNECT_TIMEOUT, connection.ping()).await, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
        let mut connection = connect(&self.options).await?;
        let session = writer_session(self.statement_timeout);
        sqlx::raw_sql(AssertSqlSafe(session)).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Folds the counters now and then, after the responses are out.
    pub(super) async fn tidy(&mut self) {
        self.statements_until_fold -= 1;
        if self.statements_until_fold > 0 {
            return;
        }
        self.statements_until_fold = FOLD_EVERY;
        if let Some(mut connection) = self.connection.take() {
            match timeout(self.statement_timeout + GRACE, sqlx::query(FOLD).execute(&mut connection)).await {
                Ok(Ok(_)) => self.connection = Some(connection),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot fold the counters; their sums are still right");
                }
                Err(_) => tracing::warn!("folding the counters timed out; their sums are still right"),
            }
        }
    }

    pub(super) async fn close(self) {
        close(self.connection).await;
    }
}

/// Makes a pool whose connections begin with these settings.
fn pool(size: u32, session: String, options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            let session = session.clone();
            Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(session)).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(options.clone())
}

async fn close(connection: Option<PgConnection>) {
    if let Some(connection) = connection
        && let Err(error) = connection.close().await
    {
        tracing::debug!(%error, "a connection did not close cleanly");
    }
}

fn count(number: i64) -> usize {
    usize::try_from(number).expect("a count is never negative")
}

fn place(position: usize) -> i32 {
    i32::try_from(position).expect("a group has at most 65,536 events")
}

fn position(place: i32) -> usize {
    usize::try_from(place).expect("sixteen bits are never negative")
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Checks, migrates and writes. Several aggregators may start at once: the migration holds an
/// advisory lock.
async fn prepare(connection: &mut PgConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    let unwritable = |reason| OpenError::Write { url: url.to_string(), reason };
    let encoding: String =
        sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut *connection).await.map_err(unwritable)?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { url: url.to_string(), encoding });
    }
    migrations::postgres()
        .run(&mut *connection)
        .await
        .map_err(|reason| OpenError::Migrate { url: url.to_string(), reason })?;
    sqlx::query(FOLD).execute(connection).await.map(drop).map_err(unwritable)
}

/// Session settings that a writer relies on, whatever the database's defaults are: a known abort
/// instead of a statement that hangs, a wait for a rival key instead of 40001, and a commit that is
/// durable when its result arrives.
fn writer_session(statement_timeout: Duration) -> String {
    format!(
        "SET statement_timeout = {};
         SET default_transaction_isolation = 'read committed';
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        statement_timeout.as_millis()
    )
}

/// The planner may plan with an empty inbox, and use the plan when the inbox holds millions of
/// rows. It must not read all of them to find the few it needs.
fn worker_session(lease: Duration) -> String {
    format!("{}; SET enable_seqscan = off", writer_session(lease))
}

/// Pages come in the order of an index. On a table without statistics the planner would rather sort
/// a whole topic for each of its pages.
fn reader_session(statement_timeout: Duration) -> String {
    format!(
        "SET statement_timeout = {};
         SET default_transaction_read_only = on;
         SET enable_sort = off",
        statement_timeout.as_millis()
    )
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

/// Classifies an error of the storing statement by the fate of its commit. A server that reports an
/// error of severity ERROR has rolled the statement back and goes on. FATAL ends the session,
/// possibly after the commit. A broken connection says nothing at all.
fn outcome(error: sqlx::Error) -> WriteError {
    let reported = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let rolled_back = reported.filter(|reported| reported.severity() == PgSeverity::Error);
    rolled_back.map_or(WriteError::Unknown as fn(_) -> _, |reported| meaning(reported.code()))(error)
}

/// Classifies an error that has rolled the statement back.
fn meaning(sqlstate: &str) -> fn(sqlx::Error) -> WriteError {
    match sqlstate {
        // Serialization failure and deadlock.
        "40001" | "40P01" => WriteError::Aborted,
        // A read-only replica, and a lock that was not free.
        "25006" | "55P03" => WriteError::Unavailable,
        // No resources, such as a full disk; an operator's intervention, such as a timeout; a
        // system error.
        code if ["53", "57", "58"].iter().any(|class| code.starts_with(class)) => WriteError::Unavailable,
        _ => WriteError::Refused,
    }
}
