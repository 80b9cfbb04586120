//! SQLite by the aggregator's own statements, into the tables that it has made, with places,
//! counters and both indexes, and without HTTP, JSON and responses.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use xtask::bench::rows::Row;

use super::statements::{BEGIN, END, FULL_GROUP, Inserts, insert_statement};
use super::{Measured, sqlite};

const _: () = assert!(FULL_GROUP == 10_000, "xtask/src/bench/ingest/yardstick.rs measures a full group");

pub(crate) async fn insert(url: &str, rows: &[Row], rows_a_transaction: usize) -> Result<Measured> {
    ensure!(
        url.starts_with("sqlite:"),
        "the aggregator's statements are here for SQLite alone, and not for {url}"
    );
    let mut connection = sqlite::options(url)?.connect().await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await?;
    let inserts = Inserts::new(insert_statement);
    let start = Instant::now();
    for rows in rows.chunks(rows_a_transaction) {
        transaction(&mut connection, rows, &inserts).await?;
    }
    let elapsed = start.elapsed();
    let received: i64 = sqlx::query_scalar("SELECT received FROM stats").fetch_one(&mut connection).await?;
    ensure!(usize::try_from(received)? == rows.len(), "of {} rows {received} were counted", rows.len());
    connection.close().await?;
    Ok(Measured { elapsed, version: format!("SQLite {version}") })
}

async fn transaction(connection: &mut SqliteConnection, rows: &[Row], inserts: &Inserts) -> Result<()> {
    let last_seq: i64 = sqlx::query_scalar(BEGIN).fetch_one(&mut *connection).await?;
    let now_ms = Timestamp::now().as_millisecond();
    let mut places: Vec<(i64, &Row)> = (last_seq + 1..).zip(rows).collect();
    places.sort_unstable_by_key(|(place, row)| (row.event_id.as_str(), row.topic, *place));
    places.dedup_by_key(|(_, row)| (row.event_id.as_str(), row.topic));
    for (text, places) in inserts.queries(&places) {
        query(connection, text, places, now_ms).await?;
    }
    let end = sqlx::query_scalar(END).bind(last_seq).bind(i64::try_from(rows.len())?);
    let _inserted: Vec<i64> = end.fetch_all(connection).await?;
    Ok(())
}

async fn query(
    connection: &mut SqliteConnection,
    text: &Arc<str>,
    places: &[(i64, &Row)],
    now_ms: i64,
) -> Result<()> {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(text)));
    for (place, row) in places {
        query = query
            .bind(*place)
            .bind(row.topic)
            .bind(&row.event_id)
            .bind(&row.timestamp)
            .bind(row.source)
            .bind(&row.payload)
            .bind(now_ms);
    }
    query.execute(connection).await?;
    Ok(())
}
