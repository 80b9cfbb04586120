//! SQLite: many rows a statement, many statements a transaction, with the aggregator's own
//! settings.

use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use xtask::bench::rows::Row;

use super::statements::writer_options;
use super::{Commit, Measured};

/// Table with the aggregator's key and no other index.
const TABLE: &str = "
    CREATE TABLE events (
        topic     TEXT NOT NULL,
        event_id  TEXT NOT NULL,
        timestamp TEXT NOT NULL,
        source    TEXT NOT NULL,
        payload   TEXT NOT NULL,
        UNIQUE (topic, event_id)
    ) STRICT";

const ROWS_A_STATEMENT: usize = 100;
const ROWS_A_TRANSACTION: usize = 10_000;

/// Limit of a statement; nobody else writes.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn insert(url: &str, commit: Commit, rows: &[Row]) -> Result<Measured> {
    let mut connection = options(url)?.connect().await?;
    sqlx::query(TABLE).execute(&mut connection).await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await?;
    let start = Instant::now();
    match commit {
        Commit::Bulk => bulk(&mut connection, rows).await?,
        // Without BEGIN each statement is a transaction.
        Commit::Single => statements(&mut connection, rows, 1).await?,
    }
    let elapsed = start.elapsed();
    connection.close().await?;
    Ok(Measured { elapsed, version: format!("SQLite {version}") })
}

pub(crate) fn options(url: &str) -> Result<SqliteConnectOptions> {
    Ok(writer_options(&SqliteConnectOptions::from_str(url)?, STATEMENT_TIMEOUT))
}

async fn bulk(connection: &mut SqliteConnection, rows: &[Row]) -> Result<()> {
    for rows in rows.chunks(ROWS_A_TRANSACTION) {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        statements(connection, rows, ROWS_A_STATEMENT).await?;
        sqlx::query("COMMIT").execute(&mut *connection).await?;
    }
    Ok(())
}

async fn statements(connection: &mut SqliteConnection, rows: &[Row], rows_a_statement: usize) -> Result<()> {
    for rows in rows.chunks(rows_a_statement) {
        let values = vec!["(?, ?, ?, ?, ?)"; rows.len()].join(", ");
        let statement = format!("INSERT INTO events VALUES {values} ON CONFLICT DO NOTHING");
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for row in rows {
            query = query
                .bind(row.topic)
                .bind(&row.event_id)
                .bind(&row.timestamp)
                .bind(row.source)
                .bind(&row.payload);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
