//! PostgreSQL: arrays that the server unnests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use xtask::bench::rows::Row;

use super::{Commit, Measured};

/// Table with the aggregator's key and no other index.
const TABLE: &str = r#"
    CREATE TABLE events (
        topic     text COLLATE "C" NOT NULL,
        event_id  text COLLATE "C" NOT NULL,
        timestamp text NOT NULL,
        source    text NOT NULL,
        payload   text NOT NULL,
        UNIQUE (topic, event_id)
    )"#;

const BULK: &str = "
    INSERT INTO events
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    ON CONFLICT DO NOTHING";

const SINGLE: &str = "INSERT INTO events VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";

/// Rows of a statement; more of them gain little.
const ROWS_A_STATEMENT: usize = 2_000;

/// Shares the rows between connections, a statement's worth at a time. Each share is in the order
/// of the key: otherwise connections that repeat each other's keys could deadlock.
pub(crate) async fn insert(
    url: &str,
    commit: Commit,
    connections: usize,
    mut rows: Vec<Row>,
) -> Result<Measured> {
    let mut first = PgConnection::connect(url).await?;
    sqlx::query(TABLE).execute(&mut first).await?;
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut first).await?;
    if connections > 1 {
        for rows in rows.chunks_mut(ROWS_A_STATEMENT) {
            rows.sort_by(|one, other| (one.topic, &one.event_id).cmp(&(other.topic, &other.event_id)));
        }
    }
    let mut all = vec![first];
    while all.len() < connections {
        all.push(PgConnection::connect(url).await?);
    }
    let rows = Arc::new(rows);
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut inserting = JoinSet::new();
    for connection in all {
        inserting.spawn(share(connection, commit, Arc::clone(&rows), Arc::clone(&next)));
    }
    while let Some(ended) = inserting.join_next().await {
        ended??;
    }
    let elapsed = start.elapsed();
    let number = version.split(' ').next().unwrap_or_default();
    Ok(Measured { elapsed, version: format!("PostgreSQL {number}") })
}

/// Inserts the shares that no other connection has taken yet.
async fn share(
    mut connection: PgConnection,
    commit: Commit,
    rows: Arc<Vec<Row>>,
    next: Arc<AtomicUsize>,
) -> Result<()> {
    while let Some(rows) = rows.chunks(ROWS_A_STATEMENT).nth(next.fetch_add(1, Ordering::Relaxed)) {
        match commit {
            Commit::Single => single(&mut connection, rows).await?,
            Commit::Bulk => bulk(&mut connection, rows).await?,
        }
    }
    Ok(())
}

async fn bulk(connection: &mut PgConnection, rows: &[Row]) -> Result<()> {
    sqlx::query(BULK)
        .bind(rows.iter().map(|row| row.topic).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.event_id.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.timestamp.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.payload.as_str()).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    Ok(())
}

async fn single(connection: &mut PgConnection, rows: &[Row]) -> Result<()> {
    for row in rows {
        sqlx::query(SINGLE)
            .bind(row.topic)
            .bind(&row.event_id)
            .bind(&row.timestamp)
            .bind(row.source)
            .bind(&row.payload)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
