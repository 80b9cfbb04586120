//! `GET /metrics`: counters, histograms and gauges of this process, in Prometheus' text format.
//!
//! Gauges are read when they are asked for.

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
use crate::api::error::{Forbidden, Unauthorized};
use crate::metrics::Metrics;

/// Limit on the database's answer. Without one the inbox's gauges are left out.
const DATABASE_LIMIT: Duration = Duration::from_secs(1);
/// Route of a request that matches none: paths that strangers try must not become series.
const NO_ROUTE: &str = "none";

/// Counts the response to each request.
pub(crate) async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics.responded(route, response.status().as_str());
    response
}

/// Returns counters, histograms and gauges of this process, in Prometheus' text format
#[utoipa::path(
    get,
    path = "/metrics",
    security((), ("bearer" = [])),
    responses(
        (status = 200,
         description = "Counters, histograms and gauges. The inbox's are left out if the database does not answer",
         body = String, content_type = "text/plain"),
        Unauthorized,
        Forbidden,
    )
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> ([(HeaderName, &'static str); 1], String) {
    let mut families = app.metrics.gather();
    let (requests, bytes) = app.ingest.depth();
    families.extend(gauge("onceproof_queue_requests", "Requests that wait for a writer.", requests as i64));
    families.extend(gauge(
        "onceproof_queue_bytes",
        "Memory of the requests that wait or are being stored, in bytes.",
        bytes as i64,
    ));
    families.extend(gauge(
        "onceproof_arriving_bytes",
        "Memory of bodies that arrive, in bytes; the first 16 KiB of each are not counted.",
        app.intake.taken() as i64,
    ));
    families.extend(gauge(
        "onceproof_outgoing_bytes",
        "Memory of responses on their way, in bytes; the first 16 KiB of each are not counted.",
        app.outgoing.taken() as i64,
    ));
    families.extend(gauge(
        "onceproof_open_connections",
        "Open connections of clients.",
        app.room.open().into(),
    ));
    // A failure is not logged: `/health` reports it.
    if let Ok(Ok(waiting)) = timeout(DATABASE_LIMIT, app.store.pending()).await {
        let processing = app.inbox.processing(waiting);
        families.extend(gauge(
            "onceproof_inbox_pending_events",
            "Events in the inbox of the database that no worker of this process is storing.",
            waiting - processing,
        ));
        families.extend(gauge(
            "onceproof_inbox_processing_events",
            "Events in the inbox of the database that workers of this process are storing.",
            processing,
        ));
    }
    let text = TextEncoder::new().encode_to_string(&families).expect("every family has a value");
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], text)
}

/// Makes a gauge for one response.
fn gauge(name: &str, help: &str, value: i64) -> Vec<MetricFamily> {
    let gauge = IntGauge::new(name, help).expect("each name follows Prometheus' rules");
    gauge.set(value);
    gauge.collect()
}
