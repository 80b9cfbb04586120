//! `GET /stats`: the counters and the topics, of one snapshot.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::app::App;
use crate::api::error::{ApiError, Unauthorized, Unavailable};

/// Counters of the database. `received` is the sum of `unique_processed`, `duplicate_dropped` and
/// the events in the queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stats {
    /// Events accepted, duplicates included.
    #[schema(minimum = 0)]
    received: i64,
    /// Events stored.
    #[schema(minimum = 0)]
    unique_processed: i64,
    /// Duplicates dropped.
    #[schema(minimum = 0)]
    duplicate_dropped: i64,
    /// Topics of stored events, sorted.
    topics: Vec<String>,
    /// Seconds since this process began to serve.
    #[schema(minimum = 0)]
    uptime: f64,
    queue: QueueStats,
    /// Name of this process. Another process has another one, on the same database too.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    instance_id: String,
}

/// Events accepted and not stored yet. Both are 0 unless ACK is queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueueStats {
    #[schema(minimum = 0)]
    pending: i64,
    #[schema(minimum = 0)]
    processing: i64,
}

/// Returns the counters and the topics, of one snapshot
#[utoipa::path(
    get,
    path = "/stats",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The counters", body = Stats),
        Unauthorized,
        Unavailable,
    )
)]
pub(crate) async fn stats(State(app): State<Arc<App>>) -> Result<Json<Stats>, ApiError> {
    let counts = app.store.counts().await?;
    // A worker removes events from the inbox in the transaction that stores them: until then they
    // count as pending.
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
