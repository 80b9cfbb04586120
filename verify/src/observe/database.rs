//! The database behind a target, asked by the scenario's one query: a second way to what was stored, and the only one
//! where the target does not show it all.

use std::fmt;
use std::future::poll_fn;
use std::str::FromStr;
use std::time::Duration;

use futures_core::stream::BoxStream;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Executor, ValueRef};
use thiserror::Error;
use tokio::time::timeout;
use truth::mapping::{Database, DatabaseKind, without_password};

use crate::rows::{Row, RowTally};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the query may take from one row to the next: the first comes after a sort of a large table, perhaps.
const ROW_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads one database, and cannot write to it.
#[derive(Clone)]
pub struct DatabaseReader {
    store: Store,
    query: String,
    /// The URL, without a password.
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

/// Why there is no database to read.
#[derive(Debug, Error)]
pub enum DatabaseUrlError {
    /// Somebody says where it is, and nobody what to ask.
    #[error(
        "--database says where the database is, but not what to ask it: give the scenario a [database] with url and query"
    )]
    NoQuery,
    /// Not a URL of a database. It is not repeated: a password may stand in it.
    #[error("the URL of the database cannot be used; write it as postgres://user@host/name or sqlite:path")]
    Url,
}

/// Why a database could not be read.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// No connection.
    #[error(
        "cannot connect to {url} (a password is taken from PGPASSWORD, ~/.pgpass or --database): {reason}"
    )]
    Connect {
        /// Which database.
        url: String,
        /// Why; it tells its own causes.
        reason: sqlx::Error,
    },
    /// The query was refused, or broke off.
    #[error("database.query cannot be read from {url}: {reason}")]
    Query {
        /// Which database.
        url: String,
        /// Why; it tells its own causes.
        reason: sqlx::Error,
    },
    /// It takes too long.
    #[error("{url} was silent for {} s; is something locked?", after.as_secs())]
    Silent {
        /// Which database.
        url: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The query yields something else than events.
    #[error("database.query does not yield events: {reason}")]
    Shape {
        /// What is missing or wrong.
        reason: String,
    },
}

impl DatabaseReader {
    /// A reader of a scenario's database, if it has one; `url` says where it is instead.
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

    /// Reads all rows, one at a time.
    pub async fn rows_into(&self, tally: &mut RowTally<'_>) -> Result<(), DatabaseError> {
        let query = sqlx::raw_sql(AssertSqlSafe(self.query.clone()));
        match &self.store {
            Store::Postgres(options) => {
                let mut connection = self.connect(options.connect()).await?;
                let begun = connection.execute("BEGIN READ ONLY").await;
                begun.map_err(|reason| self.broken(reason))?;
                self.take(query.fetch(&mut connection), postgres_text, tally).await?;
                // What was read was read, whatever becomes of the connection.
                connection.close().await.ok();
            }
            Store::Sqlite(options) => {
                let mut connection = self.connect(options.connect()).await?;
                self.take(query.fetch(&mut connection), sqlite_text, tally).await?;
                connection.close().await.ok();
            }
        }
        Ok(())
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

    async fn take<R: sqlx::Row>(
        &self,
        mut rows: BoxStream<'_, Result<R, sqlx::Error>>,
        text: fn(&R, usize) -> Result<Option<String>, sqlx::Error>,
        tally: &mut RowTally<'_>,
    ) -> Result<(), DatabaseError> {
        let mut columns = None;
        loop {
            let next = timeout(ROW_TIMEOUT, poll_fn(|context| rows.as_mut().poll_next(context))).await;
            let silent = |_| DatabaseError::Silent { url: self.shown_url.clone(), after: ROW_TIMEOUT };
            let Some(row) = next.map_err(silent)? else { return Ok(()) };
            let row = row.map_err(|reason| self.broken(reason))?;
            let columns = match &mut columns {
                Some(columns) => &*columns,
                none => none.insert(Columns::of(&row)?),
            };
            let text = |column| text(&row, column).map_err(|reason| self.broken(reason));
            tally.take(&columns.event(text)?);
        }
    }

    fn broken(&self, reason: sqlx::Error) -> DatabaseError {
        DatabaseError::Query { url: self.shown_url.clone(), reason }
    }
}

/// Where the parts of an event stand in a row.
struct Columns {
    topic: usize,
    event_id: usize,
    timestamp: Option<usize>,
    source: Option<usize>,
    payload: Option<usize>,
}

impl Columns {
    fn of<R: sqlx::Row>(row: &R) -> Result<Self, DatabaseError> {
        const NAMES: [&str; 5] = ["topic", "event_id", "timestamp", "source", "payload"];
        let shape = |reason: String| DatabaseError::Shape { reason };
        let mut places = [None; NAMES.len()];
        for (place, column) in row.columns().iter().enumerate() {
            let known = NAMES.iter().position(|name| *name == column.name());
            let known = known.ok_or_else(|| {
                shape(format!(
                    "its column `{}` is none of {}; rename it with AS, or leave it out",
                    column.name(),
                    NAMES.join(", ")
                ))
            })?;
            places[known] = Some(place);
        }
        let [topic, event_id, timestamp, source, payload] = places;
        let needed = |place: Option<usize>, name: &str| {
            place.ok_or_else(|| shape(format!("it has no column `{name}`; name one so with AS {name}")))
        };
        Ok(Self {
            topic: needed(topic, "topic")?,
            event_id: needed(event_id, "event_id")?,
            timestamp,
            source,
            payload,
        })
    }

    fn event(
        &self,
        text: impl Fn(usize) -> Result<Option<String>, DatabaseError>,
    ) -> Result<Row, DatabaseError> {
        let key = |column: usize, name: &str| {
            text(column)?.ok_or_else(|| DatabaseError::Shape {
                reason: format!("a row has no {name}; leave such rows out with WHERE {name} IS NOT NULL"),
            })
        };
        // What is not there is not what was sent.
        let content = |column: Option<usize>| match column {
            Some(column) => text(column).map(|text| Some(text.unwrap_or_else(|| "null".to_owned()))),
            None => Ok(None),
        };
        Ok(Row {
            topic: key(self.topic, "topic")?,
            event_id: key(self.event_id, "event_id")?,
            timestamp: content(self.timestamp)?,
            source: content(self.source)?,
            payload: content(self.payload)?,
        })
    }
}

/// Any type as PostgreSQL writes it: the answers of the simple query protocol are text.
fn postgres_text(row: &PgRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    let value = sqlx::Row::try_get_raw(row, column)?;
    if value.is_null() {
        return Ok(None);
    }
    value.as_str().map(|text| Some(text.to_owned())).map_err(sqlx::Error::Decode)
}

/// Any type as SQLite writes it.
fn sqlite_text(row: &SqliteRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    sqlx::Row::try_get_unchecked(row, column)
}
