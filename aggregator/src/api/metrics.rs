//! `GET /metrics`: what this process has done and what it does, in Prometheus' text format.
//!
//! What only a look can tell is looked at when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, TEXT_FORMAT, TextEncoder};
use tokio::time::timeout;

use crate::api::app::App;
use crate::api::error::Unauthorized;
use crate::metrics::Metrics;

/// A scrape must not wait for a database that is away; what it would tell is left out then.
const DATABASE_LIMIT: Duration = Duration::from_secs(1);
/// The route of a request that none was found for: what strangers try must not become as many series.
const NO_ROUTE: &str = "none";

/// Counts the answer to each request.
pub(crate) async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics.answered(route, response.status().as_str());
    response
}

/// What this process has done and does, in Prometheus' text format
#[utoipa::path(
    get,
    path = "/metrics",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "Counters, histograms and gauges; those of the inbox only while the database answers",
         body = String, content_type = "text/plain"),
        Unauthorized,
    )
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> ([(HeaderName, &'static str); 1], String) {
    let mut families = app.metrics.gather();
    let (requests, bytes) = app.ingest.depth();
    families.extend(gauge("onceproof_queue_requests", "Requests that wait for a writer.", requests as i64));
    families.extend(gauge(
        "onceproof_queue_bytes",
        "Memory of the requests that wait or are being stored.",
        bytes as i64,
    ));
    families.extend(gauge(
        "onceproof_arriving_bytes",
        "Memory of bodies that arrive, but for the first of each.",
        app.intake.taken() as i64,
    ));
    families.extend(gauge("onceproof_open_connections", "Connections of clients.", app.room.open().into()));
    // The reader logs nothing: `/health` is there to say that the database is away.
    if let Ok(Ok(waiting)) = timeout(DATABASE_LIMIT, app.store.pending()).await {
        let processing = app.inbox.processing(waiting);
        families.extend(gauge(
            "onceproof_inbox_pending_events",
            "Events in the inbox that no worker of this process has in hand, whoever put them there.",
            waiting - processing,
        ));
        families.extend(gauge(
            "onceproof_inbox_processing_events",
            "Events in the inbox that workers of this process have in hand.",
            processing,
        ));
    }
    let text = TextEncoder::new().encode_to_string(&families).expect("every family has a value");
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], text)
}

/// A value that was looked up for one answer.
fn gauge(name: &str, help: &str, value: i64) -> Vec<MetricFamily> {
    let gauge = IntGauge::new(name, help).expect("each name follows Prometheus' rules");
    gauge.set(value);
    gauge.collect()
}
