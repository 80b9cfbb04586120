//! SQLite file behind the store: it outlives the process, and `[database]` of a scenario reads it.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::value::RawValue;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{Connection, Row, SqliteConnection};

use crate::counters::Counters;
use crate::event::Event;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, topic TEXT, event_id TEXT, timestamp TEXT, source TEXT, payload TEXT
);
CREATE TABLE IF NOT EXISTS counters (
    id INTEGER PRIMARY KEY, received INTEGER, unique_events INTEGER, duplicates INTEGER, first_start_ms INTEGER
);
CREATE TABLE IF NOT EXISTS queue (seq INTEGER PRIMARY KEY, body TEXT, claimed_ms INTEGER);
";

/// Row of the table of events.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) seq: u64,
    pub(crate) event: Event,
}

/// Request that waits in the queue.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) seq: u64,
    pub(crate) events: Vec<Event>,
    /// Moment at which a consumer claimed it, in milliseconds since 1970.
    pub(crate) claimed_ms: Option<u64>,
}

/// Content of the file.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) rows: Vec<StoredRow>,
    pub(crate) counters: Counters,
    pub(crate) queue: Vec<Waiting>,
    /// Moment of the first start on this file, in milliseconds since 1970.
    pub(crate) first_start_ms: u64,
}

/// Changes that become durable together.
#[derive(Debug, Default)]
pub(crate) struct Change<'a> {
    pub(crate) insert: &'a [StoredRow],
    /// Rows whose event is another from now on.
    pub(crate) replace: &'a [StoredRow],
    pub(crate) delete: Option<u64>,
    pub(crate) enqueue: Option<&'a Waiting>,
    pub(crate) dequeue: Option<u64>,
    pub(crate) counters: Counters,
}

/// Open file.
#[derive(Debug)]
pub(crate) struct Disk(SqliteConnection);

impl Disk {
    /// Opens the file, or makes it, and reads it.
    pub(crate) async fn open(path: &Path, now_ms: u64) -> Result<(Self, Kept)> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // SIGKILL leaves what was written; only the machine's end would not.
            .synchronous(SqliteSynchronous::Off);
        let connection = SqliteConnection::connect_with(&options).await;
        let mut disk = Self(connection.with_context(|| format!("cannot open {}", path.display()))?);
        sqlx::raw_sql(SCHEMA).execute(&mut disk.0).await?;
        sqlx::query("INSERT OR IGNORE INTO counters VALUES (1, 0, 0, 0, ?)")
            .bind(signed(now_ms))
            .execute(&mut disk.0)
            .await?;
        let kept = disk.read().await?;
        Ok((disk, kept))
    }

    async fn read(&mut self) -> Result<Kept> {
        let rows = sqlx::query("SELECT * FROM events ORDER BY seq").fetch_all(&mut self.0).await?;
        let queue = sqlx::query("SELECT * FROM queue ORDER BY seq").fetch_all(&mut self.0).await?;
        let counters = sqlx::query("SELECT * FROM counters").fetch_one(&mut self.0).await?;
        Ok(Kept {
            rows: rows.iter().map(StoredRow::read).collect::<Result<_>>()?,
            queue: queue.iter().map(Waiting::read).collect::<Result<_>>()?,
            counters: Counters {
                received: number(&counters, "received")?,
                unique: number(&counters, "unique_events")?,
                duplicates: number(&counters, "duplicates")?,
            },
            first_start_ms: number(&counters, "first_start_ms")?,
        })
    }

    /// Makes changes durable, all or none.
    pub(crate) async fn commit(&mut self, change: Change<'_>) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        for row in change.insert.iter().chain(change.replace) {
            let event = &row.event;
            sqlx::query("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)")
                .bind(signed(row.seq))
                .bind(&event.topic)
                .bind(&event.event_id)
                .bind(&event.timestamp)
                .bind(&event.source)
                .bind(event.payload.get())
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(seq) = change.delete {
            sqlx::query("DELETE FROM events WHERE seq = ?")
                .bind(signed(seq))
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(waiting) = change.enqueue {
            sqlx::query("INSERT OR REPLACE INTO queue VALUES (?, ?, ?)")
                .bind(signed(waiting.seq))
                .bind(serde_json::to_string(&waiting.events)?)
                .bind(waiting.claimed_ms.map(signed))
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(seq) = change.dequeue {
            sqlx::query("DELETE FROM queue WHERE seq = ?")
                .bind(signed(seq))
                .execute(&mut *transaction)
                .await?;
        }
        let counters = change.counters;
        sqlx::query("UPDATE counters SET received = ?, unique_events = ?, duplicates = ?")
            .bind(signed(counters.received))
            .bind(signed(counters.unique))
            .bind(signed(counters.duplicates))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

impl StoredRow {
    fn read(row: &SqliteRow) -> Result<Self> {
        let event = Event {
            topic: row.try_get("topic")?,
            event_id: row.try_get("event_id")?,
            timestamp: row.try_get("timestamp")?,
            source: row.try_get("source")?,
            payload: RawValue::from_string(row.try_get("payload")?)?,
        };
        Ok(Self { seq: number(row, "seq")?, event })
    }
}

impl Waiting {
    fn read(row: &SqliteRow) -> Result<Self> {
        let body: String = row.try_get("body")?;
        let claimed_ms: Option<i64> = row.try_get("claimed_ms")?;
        Ok(Self {
            seq: number(row, "seq")?,
            events: serde_json::from_str(&body)?,
            claimed_ms: claimed_ms.map(u64::try_from).transpose()?,
        })
    }
}

fn number(row: &SqliteRow, column: &str) -> Result<u64> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?)?)
}

/// SQLite has signed numbers only.
fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("no number here is near 2^63")
}
