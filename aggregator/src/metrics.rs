//! `GET /metrics`: what this process has done and what it does, in Prometheus' text format.
//!
//! Whoever stores counts once for each statement, and a handler once for each request: nothing here is paid for each event.
//! What only a look can tell is looked at when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TEXT_FORMAT,
    TextEncoder,
};
use tokio::time::timeout;

use crate::App;
use crate::error::Unauthorized;
use crate::store::WriteError;

/// A scrape must not wait for a database that is away; what it would tell is left out then.
const DATABASE_LIMIT: Duration = Duration::from_secs(1);
/// From a commit on a fast disk to one that is about to be given up.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a lone event to the most that a statement may hold.
const EVENTS: [f64; 11] = [1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 50_000.0];
/// The route of a request that none was found for: what strangers try must not become as many series.
const NO_ROUTE: &str = "none";

/// What a statement is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Stores events and answers what became of them.
    Store,
    /// Puts events into the inbox.
    Accept,
    /// Stores what waits in the inbox.
    Drain,
}

/// What this process counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    received: IntCounter,
    inserted: IntCounter,
    duplicates: IntCounter,
    statement_events: HistogramVec,
    commit_seconds: HistogramVec,
    failures: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let metrics = Self {
            requests: counters(
                "onceproof_http_requests_total",
                "Requests that were answered, by route and status.",
                &["route", "status"],
            ),
            received: counter(
                "onceproof_events_received_total",
                "Events that are durable because of this process: stored, dropped as duplicates, or in the inbox.",
            ),
            inserted: counter("onceproof_events_inserted_total", "Events that this process has stored."),
            duplicates: counter(
                "onceproof_events_duplicate_total",
                "Events that this process has dropped because their key was stored already.",
            ),
            statement_events: histograms(
                "onceproof_statement_events",
                "Events of one statement, by what it is for.",
                &EVENTS,
            ),
            commit_seconds: histograms(
                "onceproof_commit_seconds",
                "Time from a statement to its commit, by what it is for.",
                &SECONDS,
            ),
            failures: counters(
                "onceproof_write_failures_total",
                "Statements that failed, by what is known of their fate.",
                &["kind"],
            ),
            registry,
        };
        let register = |collector: Box<dyn Collector>| {
            metrics.registry.register(collector).expect("each name is registered once");
        };
        register(Box::new(metrics.requests.clone()));
        register(Box::new(metrics.received.clone()));
        register(Box::new(metrics.inserted.clone()));
        register(Box::new(metrics.duplicates.clone()));
        register(Box::new(metrics.statement_events.clone()));
        register(Box::new(metrics.commit_seconds.clone()));
        register(Box::new(metrics.failures.clone()));
        // Rates need a beginning: a series that appears with its first failure hides it.
        for kind in ["unavailable", "aborted", "refused", "unknown"] {
            metrics.failures.with_label_values(&[kind]);
        }
        metrics
    }

    /// A statement has stored, or moved, so many events.
    pub(crate) fn committed(&self, work: Work, events: usize, took: Duration) {
        self.statement_events.with_label_values(&[work.word()]).observe(events as f64);
        self.commit_seconds.with_label_values(&[work.word()]).observe(took.as_secs_f64());
    }

    /// Events were taken from clients and are durable.
    pub(crate) fn received(&self, events: usize) {
        self.received.inc_by(events as u64);
    }

    /// So many events have become rows, or duplicates.
    pub(crate) fn stored(&self, inserted: usize, duplicates: usize) {
        self.inserted.inc_by(inserted as u64);
        self.duplicates.inc_by(duplicates as u64);
    }

    /// A statement has failed.
    pub(crate) fn failed(&self, error: &WriteError) {
        let kind = match error {
            WriteError::Unavailable(_) => "unavailable",
            WriteError::Aborted(_) => "aborted",
            WriteError::Refused(_) => "refused",
            WriteError::Unknown(_) => "unknown",
        };
        self.failures.with_label_values(&[kind]).inc();
    }
}

impl Work {
    fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Accept => "accept",
            Self::Drain => "drain",
        }
    }
}

/// Counts the answer to each request.
pub(crate) async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics.requests.with_label_values(&[route, response.status().as_str()]).inc();
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
    let mut families = app.metrics.registry.gather();
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

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect(VALID)
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect(VALID)
}

fn histograms(name: &str, help: &str, buckets: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    HistogramVec::new(options, &["work"]).expect(VALID)
}

/// A value that was looked up for one answer.
fn gauge(name: &str, help: &str, value: i64) -> Vec<prometheus::proto::MetricFamily> {
    let gauge = IntGauge::new(name, help).expect(VALID);
    gauge.set(value);
    gauge.collect()
}

const VALID: &str = "names and labels are constants that follow Prometheus' rules";
