//! `GET /health`: whether the database answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::app::App;

/// A database that needs longer is as good as away; whoever asks has a limit of their own, often a second or two more.
const LIMIT: Duration = Duration::from_secs(2);

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    ok: bool,
    status: Condition,
}

/// The same in words.
#[derive(Debug, Serialize, ToSchema)]
enum Condition {
    #[serde(rename = "healthy")]
    Healthy,
    #[serde(rename = "database unavailable")]
    DatabaseUnavailable,
}

/// Whether the database answers
#[utoipa::path(
    get,
    path = "/health",
    responses(
        (status = 200, description = "The database answers", body = Health),
        (status = 503, description = "It does not", body = Health),
    )
)]
pub(crate) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    match timeout(LIMIT, app.store.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, Json(Health { ok: true, status: Condition::Healthy })),
        Ok(Err(error)) => unhealthy(&error.to_string()),
        Err(_) => unhealthy("the database does not answer"),
    }
}

fn unhealthy(reason: &str) -> (StatusCode, Json<Health>) {
    tracing::warn!("not healthy: {reason}");
    (StatusCode::SERVICE_UNAVAILABLE, Json(Health { ok: false, status: Condition::DatabaseUnavailable }))
}
