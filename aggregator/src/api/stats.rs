//! `GET /stats`: the counters and the topics, of one snapshot.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::app::App;
use crate::api::error::{ApiError, Forbidden, Unauthorized, Unavailable};
use crate::api::query::Parameters;

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
    /// Topics of stored events, sorted: the first 1,000, or those after `topics_after`.
    #[schema(max_items = 1_000)]
    topics: Vec<String>,
    /// Number of all topics.
    #[schema(minimum = 0)]
    topics_total: i64,
    /// Seconds since this process began to serve.
    #[schema(minimum = 0)]
    uptime: f64,
    /// The same, under the name that other services of this contract give it.
    #[schema(minimum = 0)]
    uptime_seconds: f64,
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
    params(("topics_after" = Option<String>, Query, nullable = false,
            description = "Topic after which the list of topics begins")),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The counters", body = Stats),
        Unauthorized,
        Forbidden,
        Unavailable,
    )
)]
pub(crate) async fn stats(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, ApiError> {
    let parameters = Parameters::of(&uri);
    let topics_after = parameters.text("topics_after").unwrap_or_default();
    // No stored topic holds a NUL, and PostgreSQL would refuse the parameter.
    let topics_after = topics_after.split('\0').next().unwrap_or_default();
    let counts = app.store.counts(topics_after).await?;
    // A worker removes events from the inbox in the transaction that stores them: until then they
    // count as pending.
    let processing = app.inbox.processing(counts.pending);
    let uptime = app.started.elapsed().as_secs_f64();
    app.outgoing.json(&Stats {
        received: counts.received,
        unique_processed: counts.unique_processed,
        duplicate_dropped: counts.duplicate_dropped,
        topics: counts.topics,
        topics_total: counts.topics_total,
        uptime,
        uptime_seconds: uptime,
        queue: QueueStats { pending: counts.pending - processing, processing },
        instance_id: app.instance_id.clone(),
    })
}
