//! `GET /health`: checks the database.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::app::App;

/// Limit on the database's answer. Health checkers have timeouts of their own, often a second or
/// two more.
const LIMIT: Duration = Duration::from_secs(2);

/// Result of the health check.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    ok: bool,
    status: Condition,
}

/// The result in words.
#[derive(Debug, Serialize, ToSchema)]
enum Condition {
    #[serde(rename = "healthy")]
    Healthy,
    #[serde(rename = "database unavailable")]
    DatabaseUnavailable,
}

/// Checks the database
#[utoipa::path(
    get,
    path = "/health",
    responses(
        (status = 200, description = "The database answers", body = Health),
        (status = 503, description = "The database does not answer", body = Health),
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
