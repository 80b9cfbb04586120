//! PostgreSQL: arrays, unnested by the server.

use std::time::Instant;

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use xtask::bench::rows::Row;

use super::{Measured, Mode};

/// The key as the aggregator has it, and nothing else that costs.
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

/// More rows a statement gain little.
const ROWS_A_STATEMENT: usize = 2_000;

pub(crate) async fn insert(url: &str, mode: Mode, rows: &[Row]) -> Result<Measured> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(TABLE).execute(&mut connection).await?;
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
    let start = Instant::now();
    match mode {
        Mode::Bulk => bulk(&mut connection, rows).await?,
        Mode::Single => single(&mut connection, rows).await?,
    }
    let elapsed = start.elapsed();
    connection.close().await?;
    let number = version.split(' ').next().unwrap_or_default();
    Ok(Measured { elapsed, version: format!("PostgreSQL {number}") })
}

async fn bulk(connection: &mut PgConnection, rows: &[Row]) -> Result<()> {
    for rows in rows.chunks(ROWS_A_STATEMENT) {
        sqlx::query(BULK)
            .bind(rows.iter().map(|row| row.topic).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.event_id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.timestamp.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.payload.as_str()).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
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
