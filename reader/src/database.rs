//! Database behind a target, read with the scenario's query: a second view of what was stored, and
//! the only one if the target does not list everything.

use std::fmt;
use std::future::poll_fn;
use std::str::FromStr;
use std::time::Duration;

use futures_core::stream::BoxStream;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Executor, TypeInfo, ValueRef};
use thiserror::Error;
use tokio::time::timeout;
use truth::duration;
use truth::observed::rows::{Row, RowTally};
use truth::target::{DATABASE_URL_FORM, Database, DatabaseKind, without_password};

/// Longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time from one row to the next. The first may come only after a large table was sorted.
const ROW_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time to close the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Rows that PostgreSQL is asked for at a time.
const FETCHED: u64 = 10_000;

/// Taker of rows.
pub type Take<'a> = &'a mut (dyn FnMut(&Row) + Send);

/// Reader of one database. It cannot write.
#[derive(Clone)]
pub struct DatabaseReader {
    store: Store,
    query: String,
    /// URL without its password.
    shown_url: String,
}

#[derive(Clone)]
enum Store {
    Postgres(PgConnectOptions),
    Sqlite(SqliteConnectOptions),
}

impl fmt::Debug for DatabaseReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DatabaseReader").field("url", &self.shown_url).finish_non_exhaustive()
    }
}

/// Reason why no database can be read.
#[derive(Debug, Error)]
pub enum DatabaseUrlError {
    /// A URL was given, but no query.
    #[error("--database needs a query: add [database] with url and query to the scenario")]
    NoQuery,
    /// Not a URL of a database. The message does not repeat it: it may hold a password.
    #[error("the URL of --database is not one of a database; {DATABASE_URL_FORM}")]
    Url,
}

/// Reason why a database could not be read.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The connection failed.
    #[error("cannot connect to {url}{}: {reason}", password_hint(url))]
    Connect {
        /// URL of the database, without its password.
        url: String,
        /// Cause, whose text holds its own causes.
        reason: sqlx::Error,
    },
    /// The query failed.
    #[error("database.query failed at {url}: {reason}")]
    Query {
        /// URL of the database, without its password.
        url: String,
        /// Cause, whose text holds its own causes.
        reason: sqlx::Error,
    },
    /// The next row, or the connection, took too long.
    #[error("{url} did not answer for {}; is a table locked, or the server overloaded?", duration::format(*.after))]
    Silent {
        /// URL of the database, without its password.
        url: String,
        /// Time that was waited.
        after: Duration,
    },
    /// Reading all rows took too long.
    #[error("{url} was not read to the end within {}; limit database.query to the rows of this run", duration::format(*.after))]
    Endless {
        /// URL of the database, without its password.
        url: String,
        /// Time that was spent.
        after: Duration,
    },
    /// The rows are not events.
    #[error("database.query does not return events: {reason}")]
    Shape {
        /// Part that is missing or wrong.
        reason: String,
    },
}

fn password_hint(url: &str) -> &'static str {
    match DatabaseKind::of(url) {
        Some(DatabaseKind::Postgres) => " (a password is read from PGPASSWORD, ~/.pgpass or --database)",
        Some(DatabaseKind::Sqlite) | None => "",
    }
}

impl DatabaseReader {
    /// Makes a reader of a scenario's database, if it has one. A given `url` replaces that of the
    /// scenario.
    pub fn new(database: Option<&Database>, url: Option<&str>) -> Result<Option<Self>, DatabaseUrlError> {
        let Some(database) = database else {
            return if url.is_some() { Err(DatabaseUrlError::NoQuery) } else { Ok(None) };
        };
        let url = url.unwrap_or(&database.url);
        let refuse = |_| DatabaseUrlError::Url;
        let store = match DatabaseKind::of(url).ok_or(DatabaseUrlError::Url)? {
            DatabaseKind::Postgres => {
                Store::Postgres(PgConnectOptions::from_str(url).map_err(refuse)?.disable_statement_logging())
            }
            DatabaseKind::Sqlite => {
                let options = SqliteConnectOptions::from_str(url).map_err(refuse)?;
                Store::Sqlite(options.read_only(true).disable_statement_logging())
            }
        };
        let shown_url = without_password(url).ok_or(DatabaseUrlError::Url)?;
        Ok(Some(Self { store, query: database.query.clone(), shown_url }))
    }

    /// Reads all rows, one at a time, in at most the time `within`. Returns true if the database is
    /// a replica, which may lag behind its primary.
    pub async fn rows_into(&self, tally: &mut RowTally<'_>, within: Duration) -> Result<bool, DatabaseError> {
        self.each_row(within, &mut |row| tally.take(row)).await
    }

    /// Reads the same, and hands each row on.
    pub async fn each_row(&self, within: Duration, take: Take<'_>) -> Result<bool, DatabaseError> {
        let reading = Box::pin(async {
            match &self.store {
                Store::Postgres(options) => self.read_postgres(options, take, u64::MAX).await,
                Store::Sqlite(options) => self.read_sqlite(options, take, u64::MAX).await.map(|()| false),
            }
        });
        let endless = |_| Err(DatabaseError::Endless { url: self.shown_url.clone(), after: within });
        timeout(within, reading).await.unwrap_or_else(endless)
    }

    /// Reads one row, if there is one, to see that the query works.
    pub async fn first_row_into(&self, tally: &mut RowTally<'_>) -> Result<(), DatabaseError> {
        let take: Take<'_> = &mut |row| tally.take(row);
        match &self.store {
            Store::Postgres(options) => self.read_postgres(options, take, 1).await.map(drop),
            Store::Sqlite(options) => self.read_sqlite(options, take, 1).await,
        }
    }

    /// Reads through a cursor, in a transaction that cannot write. The cursor is declared as a
    /// prepared statement, which the server limits to one statement: with two, the first could end
    /// the transaction.
    async fn read_postgres(
        &self,
        options: &PgConnectOptions,
        take: Take<'_>,
        most: u64,
    ) -> Result<bool, DatabaseError> {
        let mut connection = self.connect(options.connect()).await?;
        // A database that speaks PostgreSQL's protocol but lacks this function has no such
        // replicas.
        let asked = connection.fetch_optional(sqlx::raw_sql("SELECT pg_is_in_recovery()"));
        let answer = self.in_time(asked).await?.ok().flatten();
        let is_replica =
            answer.is_some_and(|row| matches!(postgres_text(&row, 0), Ok(Some(text)) if text == "t"));
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL cursor_tuple_fraction = 1",
            ROW_TIMEOUT.as_millis()
        );
        let declare = format!("DECLARE stored NO SCROLL CURSOR FOR {}", self.query);
        let declare = sqlx::query(AssertSqlSafe(declare)).persistent(false);
        let opened = async {
            connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
            connection.execute(declare).await
        };
        self.in_time(opened).await?.map_err(|reason| self.broken(reason))?;
        let fetch = format!("FETCH {} FROM stored", most.min(FETCHED));
        let mut left = most;
        while left > 0 {
            let rows = sqlx::raw_sql(AssertSqlSafe(fetch.clone())).fetch(&mut connection);
            match self.take(rows, postgres_text, &mut *take, left).await? {
                0 => break,
                taken => left -= taken,
            }
        }
        self.leave(connection).await;
        Ok(is_replica)
    }

    /// Reads from a file that is opened read-only.
    async fn read_sqlite(
        &self,
        options: &SqliteConnectOptions,
        take: Take<'_>,
        most: u64,
    ) -> Result<(), DatabaseError> {
        let mut connection = self.connect(options.connect()).await?;
        let query = sqlx::raw_sql(AssertSqlSafe(self.query.clone()));
        self.take(query.fetch(&mut connection), sqlite_text, take, most).await?;
        self.leave(connection).await;
        Ok(())
    }

    /// Closes the connection. A failure changes nothing about the rows that were read.
    async fn leave(&self, connection: impl Connection) {
        timeout(CLOSE_TIMEOUT, connection.close()).await.ok();
    }

    async fn in_time<T>(&self, doing: impl Future<Output = T>) -> Result<T, DatabaseError> {
        let silent = |_| DatabaseError::Silent { url: self.shown_url.clone(), after: ROW_TIMEOUT };
        timeout(ROW_TIMEOUT, doing).await.map_err(silent)
    }

    async fn connect<C>(
        &self,
        connecting: impl Future<Output = Result<C, sqlx::Error>>,
    ) -> Result<C, DatabaseError> {
        let url = || self.shown_url.clone();
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(|reason| DatabaseError::Connect { url: url(), reason }),
            Err(_) => Err(DatabaseError::Silent { url: url(), after: CONNECT_TIMEOUT }),
        }
    }

    /// Takes at most `most` rows, and returns their number.
    async fn take<R: sqlx::Row>(
        &self,
        mut rows: BoxStream<'_, Result<R, sqlx::Error>>,
        text: fn(&R, usize) -> Result<Option<String>, sqlx::Error>,
        take: Take<'_>,
        most: u64,
    ) -> Result<u64, DatabaseError> {
        let mut taken = 0;
        while taken < most
            && let Some(row) = self.in_time(poll_fn(|context| rows.as_mut().poll_next(context))).await?
        {
            let row = row.map_err(|reason| self.broken(reason))?;
            let text = |column| text(&row, column).map_err(|reason| self.broken(reason));
            // With several statements, each has columns of its own.
            take(&Columns::of(&row)?.event(text)?);
            taken += 1;
        }
        Ok(taken)
    }

    fn broken(&self, reason: sqlx::Error) -> DatabaseError {
        DatabaseError::Query { url: self.shown_url.clone(), reason }
    }
}

/// Names of the columns of an event.
const NAMES: [&str; 5] = ["topic", "event_id", "timestamp", "source", "payload"];

/// Places of the parts of an event in a row, in the order of `NAMES`.
struct Columns([Option<Place>; NAMES.len()]);

#[derive(Clone, Copy)]
struct Place {
    column: usize,
    /// True if the column is JSON, where a text is in quotes.
    is_json: bool,
}

impl Columns {
    fn of<R: sqlx::Row>(row: &R) -> Result<Self, DatabaseError> {
        let shape = |reason: String| DatabaseError::Shape { reason };
        let mut places = [None; NAMES.len()];
        for (nth, column) in row.columns().iter().enumerate() {
            let known = NAMES.iter().position(|name| *name == column.name());
            let known = known.ok_or_else(|| {
                shape(format!(
                    "its column `{}` is unknown, expected {}; rename it with AS, or leave it out",
                    column.name(),
                    NAMES.join(", ")
                ))
            })?;
            places[known] =
                Some(Place { column: nth, is_json: matches!(column.type_info().name(), "JSON" | "JSONB") });
        }
        let missing = NAMES.iter().zip(places).take(2).find(|(_, place)| place.is_none());
        match missing {
            Some((name, _)) => Err(shape(format!("it has no column `{name}`; name one with AS {name}"))),
            None => Ok(Self(places)),
        }
    }

    fn event(
        &self,
        text: impl Fn(usize) -> Result<Option<String>, DatabaseError>,
    ) -> Result<Row, DatabaseError> {
        let raw = |place: Place| text(place.column);
        let plain = |place: Place| {
            let unquoted = |text: String| serde_json::from_str(&text).unwrap_or(text);
            Ok(raw(place)?.map(|text| if place.is_json { unquoted(text) } else { text }))
        };
        let [topic, event_id, timestamp, source, payload] = self.0;
        let key = |place: Option<Place>, name: &str| {
            place.map(plain).transpose()?.flatten().ok_or_else(|| DatabaseError::Shape {
                reason: format!("a row has no {name}; skip such rows with WHERE {name} IS NOT NULL"),
            })
        };
        let content = |place: Option<Place>| Ok(place.map(plain).transpose()?.flatten());
        Ok(Row {
            topic: key(topic, NAMES[0])?,
            event_id: key(event_id, NAMES[1])?,
            timestamp: content(timestamp)?,
            source: content(source)?,
            payload: payload.map(raw).transpose()?.flatten(),
        })
    }
}

/// Returns a value of any type as PostgreSQL writes it: the simple query protocol answers in text.
/// The padding of CHAR and the hexadecimal digits of BYTEA are undone.
fn postgres_text(row: &PgRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    let value = sqlx::Row::try_get_raw(row, column)?;
    if value.is_null() {
        return Ok(None);
    }
    let text = value.as_str().map_err(sqlx::Error::Decode)?;
    Ok(Some(match value.type_info().name() {
        "CHAR" => text.trim_end_matches(' ').to_owned(),
        "BYTEA" => text.strip_prefix("\\x").and_then(from_hex).unwrap_or_else(|| text.to_owned()),
        _ => text.to_owned(),
    }))
}

/// Returns the text whose bytes these digits are.
fn from_hex(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

/// Returns a value of any type as SQLite writes it.
fn sqlite_text(row: &SqliteRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    sqlx::Row::try_get_unchecked(row, column)
}
