//! SQLite by the statements that the aggregator sends (`aggregator/src/store/sqlite.rs`), into the tables that it has made:
//! places, counters and both indexes among them, and no HTTP, JSON and answers.

use std::time::Instant;

use anyhow::{Result, ensure};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use xtask::bench::rows::Row;

use super::{Measured, sqlite};

const BEGIN: &str = "BEGIN IMMEDIATE; SELECT coalesce(max(seq), 0) FROM processed_events";
const INSERTED: &str = "SELECT seq - ?1 FROM processed_events WHERE seq > ?1";
const COUNT: &str = "UPDATE counters SET received = received + ?1, unique_processed = unique_processed + ?2, \
                     duplicate_dropped = duplicate_dropped + ?1 - ?2";

const ROWS_A_STATEMENT: usize = 100;
const ROWS_A_TRANSACTION: usize = 10_000;

pub(crate) async fn insert(url: &str, rows: &[Row]) -> Result<Measured> {
    ensure!(
        url.starts_with("sqlite:"),
        "the aggregator's statements are here for SQLite alone, and not for {url}"
    );
    let mut connection = sqlite::options(url)?.connect().await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await?;
    let start = Instant::now();
    for rows in rows.chunks(ROWS_A_TRANSACTION) {
        transaction(&mut connection, rows).await?;
    }
    let elapsed = start.elapsed();
    let received: i64 = sqlx::query_scalar("SELECT received FROM stats").fetch_one(&mut connection).await?;
    ensure!(usize::try_from(received)? == rows.len(), "of {} rows {received} were counted", rows.len());
    connection.close().await?;
    Ok(Measured { elapsed, version: format!("SQLite {version}") })
}

async fn transaction(connection: &mut SqliteConnection, rows: &[Row]) -> Result<()> {
    let last_seq: i64 = sqlx::query_scalar(BEGIN).fetch_one(&mut *connection).await?;
    let mut places: Vec<(i64, &Row)> = (last_seq + 1..).zip(rows).collect();
    places.sort_unstable_by_key(|(place, row)| (row.topic, row.event_id.as_str(), *place));
    places.dedup_by_key(|(_, row)| (row.topic, row.event_id.as_str()));
    for places in places.chunks(ROWS_A_STATEMENT) {
        statement(connection, places).await?;
    }
    let inserted: Vec<i64> = sqlx::query_scalar(INSERTED).bind(last_seq).fetch_all(&mut *connection).await?;
    sqlx::query(COUNT)
        .bind(i64::try_from(rows.len())?)
        .bind(i64::try_from(inserted.len())?)
        .execute(&mut *connection)
        .await?;
    sqlx::query("COMMIT").execute(connection).await?;
    Ok(())
}

async fn statement(connection: &mut SqliteConnection, places: &[(i64, &Row)]) -> Result<()> {
    let values = vec!["(?, ?, ?, ?, ?, ?, 0)"; places.len()].join(", ");
    let statement = format!(
        "INSERT INTO processed_events (seq, topic, event_id, timestamp, source, payload, processed_at_ms) \
         VALUES {values} ON CONFLICT (topic, event_id) DO NOTHING"
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (place, row) in places {
        query = query
            .bind(*place)
            .bind(row.topic)
            .bind(&row.event_id)
            .bind(&row.timestamp)
            .bind(row.source)
            .bind(&row.payload);
    }
    query.execute(connection).await?;
    Ok(())
}
