//! Counters and histograms of this process.
//!
//! A writer or worker counts once for each statement, and a handler once for each request. Nothing
//! is counted for each event.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use crate::store::WriteError;

/// From a commit on a fast disk to one that is about to time out.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a single event to the most that a statement may hold.
const EVENTS: [f64; 11] = [1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 50_000.0];
/// Purpose of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Stores events and reports which were new.
    Store,
    /// Puts events into the inbox.
    Accept,
    /// Stores events from the inbox.
    Drain,
}

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
                "HTTP responses, by route and status.",
                &["route", "status"],
            ),
            received: counter(
                "onceproof_events_received_total",
                "Events that this process has received: stored, dropped as duplicates, or in the inbox.",
            ),
            inserted: counter("onceproof_events_inserted_total", "Events that this process has stored."),
            duplicates: counter(
                "onceproof_events_duplicate_total",
                "Events that this process has dropped because their key was stored already.",
            ),
            statement_events: histograms(
                "onceproof_statement_events",
                "Events of one statement, by its purpose.",
                &EVENTS,
            ),
            commit_seconds: histograms(
                "onceproof_commit_seconds",
                "Time from a statement to its commit, by its purpose.",
                &SECONDS,
            ),
            failures: counters(
                "onceproof_write_failures_total",
                "Failed statements, by what is known of their fate.",
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
        // A rate needs a first value: a series that appears with its first failure would hide it.
        for kind in ["unavailable", "aborted", "refused", "unknown"] {
            metrics.failures.with_label_values(&[kind]);
        }
        metrics
    }

    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// Counts a response.
    pub(crate) fn responded(&self, route: &str, status: &str) {
        self.requests.with_label_values(&[route, status]).inc();
    }

    /// Counts a statement that has stored, or moved, this many events.
    pub(crate) fn committed(&self, work: Work, events: usize, took: Duration) {
        self.statement_events.with_label_values(&[work.word()]).observe(events as f64);
        self.commit_seconds.with_label_values(&[work.word()]).observe(took.as_secs_f64());
    }

    /// Counts events that are durable because of this process.
    pub(crate) fn received(&self, events: usize) {
        self.received.inc_by(events as u64);
    }

    /// Counts new rows and duplicates.
    pub(crate) fn stored(&self, inserted: usize, duplicates: usize) {
        self.inserted.inc_by(inserted as u64);
        self.duplicates.inc_by(duplicates as u64);
    }

    /// Counts a statement that failed.
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

const VALID: &str = "names and labels are constants that follow Prometheus' rules";
