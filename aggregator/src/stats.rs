//! `GET /stats`: the counters and the topics, of one snapshot.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sqlx::FromRow;

use crate::App;
use crate::error::ApiError;

/// What the database has counted. In every snapshot received is the sum of the other three.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    received: i64,
    unique_processed: i64,
    duplicate_dropped: i64,
    pending: i64,
    topics: Vec<String>,
}

/// The counters beside one topic, or beside none.
#[derive(Debug, FromRow)]
pub(crate) struct CountRow(i64, i64, i64, i64, Option<String>);

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    received: i64,
    unique_processed: i64,
    duplicate_dropped: i64,
    topics: Vec<String>,
    /// Seconds since this process began to serve.
    uptime: f64,
    queue: QueueStats,
    /// Another process has another one, on the same database too.
    instance_id: String,
}

/// What was accepted and is not stored yet; nothing, as long as an answer waits for the commit.
#[derive(Debug, Serialize)]
struct QueueStats {
    pending: i64,
    processing: i64,
}

pub(crate) async fn stats(State(app): State<Arc<App>>) -> Result<Json<Stats>, ApiError> {
    let counts = app.store.counts().await?;
    // What a worker stores is not taken away before it is stored: to others it waits.
    let processing = app.inbox.processing(counts.pending);
    Ok(Json(Stats {
        received: counts.received,
        unique_processed: counts.unique_processed,
        duplicate_dropped: counts.duplicate_dropped,
        topics: counts.topics,
        uptime: app.started.elapsed().as_secs_f64(),
        queue: QueueStats { pending: counts.pending - processing, processing },
        instance_id: app.instance_id.clone(),
    }))
}

impl Counts {
    /// Events that were accepted and are not stored yet.
    pub(crate) fn pending(&self) -> i64 {
        self.pending
    }

    /// Takes the counters from any row and a topic from each.
    pub(crate) fn from_rows(rows: Vec<CountRow>) -> Self {
        let mut counts = Self::default();
        for CountRow(received, unique_processed, duplicate_dropped, pending, topic) in rows {
            counts = Self { received, unique_processed, duplicate_dropped, pending, ..counts };
            counts.topics.extend(topic);
        }
        counts.topics.sort_unstable();
        counts
    }
}
