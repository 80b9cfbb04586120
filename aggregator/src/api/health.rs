//! `GET /health`, `/live` and `/ready`: the database, the process, and whether the service is fit for
//! requests. No listing can delay them: they have a connection of their own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::app::App;
use crate::api::error::Forbidden;

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
        Forbidden,
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

/// Result of the check for an orchestrator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fitness {
    ok: bool,
    status: Fit,
}

/// The result in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
enum Fit {
    #[serde(rename = "alive")]
    Alive,
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "draining")]
    Draining,
    #[serde(rename = "database unavailable")]
    DatabaseUnavailable,
    #[serde(rename = "last write failed")]
    LastWriteFailed,
}

/// Shows that the process answers, whatever the database does
#[utoipa::path(
    get,
    path = "/live",
    responses((status = 200, description = "The process answers", body = Fitness), Forbidden)
)]
pub(crate) async fn live() -> Json<Fitness> {
    Json(Fitness { ok: true, status: Fit::Alive })
}

/// Checks whether the service is fit for requests: not stopping, and the database takes writes
#[utoipa::path(
    get,
    path = "/ready",
    responses(
        (status = 200, description = "The service is fit for requests", body = Fitness),
        Forbidden,
        (status = 503, description = "It is stopping, the database does not answer, or the last write failed",
         body = Fitness),
    )
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Fitness>) {
    match fitness(&app).await {
        Fit::Ready => (StatusCode::OK, Json(Fitness { ok: true, status: Fit::Ready })),
        status => {
            tracing::warn!("not ready: {status:?}");
            (StatusCode::SERVICE_UNAVAILABLE, Json(Fitness { ok: false, status }))
        }
    }
}

async fn fitness(app: &App) -> Fit {
    if app.is_draining.load(Ordering::Relaxed) {
        return Fit::Draining;
    }
    if !matches!(timeout(LIMIT, app.store.ping()).await, Ok(Ok(()))) {
        return Fit::DatabaseUnavailable;
    }
    if !app.last_write.has_failed() {
        return Fit::Ready;
    }
    // While the service is not ready nobody sends it events, so no write would show that it is again.
    match timeout(LIMIT, app.store.prove_writable()).await {
        Ok(Ok(())) => {
            app.last_write.set(false);
            Fit::Ready
        }
        Ok(Err(_)) | Err(_) => Fit::LastWriteFailed,
    }
}

fn unhealthy(reason: &str) -> (StatusCode, Json<Health>) {
    tracing::warn!("not healthy: {reason}");
    (StatusCode::SERVICE_UNAVAILABLE, Json(Health { ok: false, status: Condition::DatabaseUnavailable }))
}
