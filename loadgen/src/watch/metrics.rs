//! `--prometheus-addr`: the run's metrics in Prometheus' text format, while the run lasts, and
//! for as long after its end as `--prometheus-linger` says.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use hdrhistogram::Histogram;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::notice::Notices;
use super::view::{Glance, View};
use crate::error::Failure;

const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Server of the metrics; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Metrics {
    server: JoinHandle<()>,
    shared: Arc<Shared>,
}

/// State that the server shares with the run.
#[derive(Debug)]
struct Shared {
    view: Arc<View>,
    /// Told of each page that says that the run has ended.
    scraped: Notify,
    /// Told when no further request is to be taken.
    closing: Notify,
}

/// Opens the listener, before anything is sent.
pub(crate) async fn listen(address: &str, flag: &'static str) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|reason| Failure::Listen { address: address.to_owned(), flag, reason })
}

impl Metrics {
    /// Serves the metrics, and prints their URL.
    pub(crate) fn serve(listener: TcpListener, view: Arc<View>, notices: Notices) -> Self {
        if let Ok(address) = listener.local_addr() {
            notices.say(&format!("metrics at http://{address}/metrics"));
        }
        let shared = Arc::new(Shared { view, scraped: Notify::new(), closing: Notify::new() });
        let app = Router::new().route("/metrics", get(answer)).with_state(Arc::clone(&shared));
        let closing = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, app);
            let closed = async move { closing.closing.notified().await };
            if let Err(error) = serving.with_graceful_shutdown(closed).await {
                notices.warn(&format!("the metrics are served no longer: {error}"));
            }
        });
        Self { server, shared }
    }

    /// Serves on until a page of the ended run is out, at most for this time. One that was asked for
    /// before counts, too.
    pub(crate) async fn linger(mut self, longest: Duration) {
        let scraped = async {
            self.shared.scraped.notified().await;
            self.shared.closing.notify_one();
            // A server that broke was reported.
            drop((&mut self.server).await);
        };
        drop(timeout(longest, scraped).await);
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let view = &shared.view;
    let now = view.glance();
    if now.is_over {
        shared.scraped.notify_one();
    }
    ([(CONTENT_TYPE, FORMAT)], text(&now, view.planned))
}

fn text(now: &Glance, planned: Option<u64>) -> String {
    let counts = &now.tally.counts;
    let latencies = &now.tally.latencies;
    let mut out = Text::default();
    out.family("attempts_total", "counter", "Attempts that have ended, by outcome.");
    // All of them come from one moment, so that they add up.
    for (outcome, count) in [
        ("acked", counts.acked),
        ("rejected", counts.rejected),
        ("unknown", counts.unknown),
        ("unclear", counts.unclear),
    ] {
        out.sample("attempts_total", &format!("{{outcome=\"{outcome}\"}}"), count as f64);
    }
    for Metric { name, kind, help, count } in metrics(now, planned) {
        out.family(name, kind, help);
        out.sample(name, "", count as f64);
    }
    out.family("http_responses_total", "counter", "Responses, by status.");
    for (status, count) in &counts.statuses {
        out.sample("http_responses_total", &format!("{{status=\"{status}\"}}"), *count as f64);
    }
    out.family("own_limits_total", "counter", "Connections that this machine could not open, by error.");
    for (error, count) in now.shortages.by_error() {
        out.sample("own_limits_total", &format!("{{error=\"{error}\"}}"), count as f64);
    }
    let help = "Time from the first byte sent to the whole response.";
    out.summary("http_req_duration_seconds", help, &latencies.service);
    out.summary(
        "response_time_seconds",
        "Time from the planned instant to the whole response.",
        &latencies.response,
    );
    if let Some(counters) = &now.counters {
        out.family("target_count", "gauge", "Counters of the target, as it last reported them.");
        for (counter, count) in [
            ("received", counters.received),
            ("unique", counters.unique),
            ("duplicates", counters.duplicates),
        ] {
            if let Some(count) = count {
                out.sample("target_count", &format!("{{counter=\"{counter}\"}}"), count as f64);
            }
        }
    }
    out.0
}

/// Metric without labels.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    count: u64,
}

/// Returns the metrics without labels; `planned` and `due` are left out where nothing is planned.
fn metrics(now: &Glance, planned: Option<u64>) -> Vec<Metric> {
    let counts = &now.tally.counts;
    let gauge = |name, help, count: Option<u64>| Some(Metric { name, kind: "gauge", help, count: count? });
    let counter = |name, help, count| Some(Metric { name, kind: "counter", help, count });
    let connections = counts.connections;
    let all = [
        gauge("run_ended", "1 once the run has ended, 0 before.", Some(u64::from(now.is_over))),
        gauge("planned_attempts", "Attempts that the run will make.", planned),
        gauge("due_attempts", "Attempts that are due by now.", now.due),
        counter("started_attempts_total", "Attempts that have begun.", now.started),
        counter("told_new_total", "Attempts that the target reported as new.", now.reported.new),
        counter(
            "told_duplicate_total",
            "Attempts that the target reported as duplicates.",
            now.reported.duplicate,
        ),
        counter("http_reqs_total", "Requests that were sent, retries included.", counts.requests_sent),
        counter("http_reqs_failed_total", "Requests that were not acknowledged.", counts.requests_failed),
        counter("retries_total", "Requests that were retries.", counts.retries),
        counter("sent_bytes_total", "Bytes of requests, heads included.", counts.sent_bytes),
        counter("received_bytes_total", "Bytes of responses, heads included.", counts.received_bytes),
        counter("connections_opened_total", "Connections that were opened.", connections.opened),
        counter("connections_broken_total", "Connections that broke.", connections.broken),
    ];
    all.into_iter().flatten().collect()
}

/// Text in Prometheus' format, in the making.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(self.0, "# HELP onceproof_{name} {help}\n# TYPE onceproof_{name} {kind}")
            .expect("a String takes all that is written");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        writeln!(self.0, "onceproof_{name}{labels} {value}").expect("a String takes all that is written");
    }

    fn summary(&mut self, name: &str, help: &str, micros: &Histogram<u64>) {
        self.family(name, "summary", help);
        if !micros.is_empty() {
            for quantile in [0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
                let seconds = micros.value_at_quantile(quantile) as f64 / 1e6;
                self.sample(name, &format!("{{quantile=\"{quantile}\"}}"), seconds);
            }
        }
        self.sample(&format!("{name}_sum"), "", micros.mean() * micros.len() as f64 / 1e6);
        self.sample(&format!("{name}_count"), "", micros.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Tally;
    use crate::meter::counts::Counts;

    #[test]
    fn each_family_is_named_once_and_each_sample_belongs_to_one() {
        let counts = Counts { acked: 7, requests_sent: 8, ..Counts::default() };
        let mut tally = Tally { counts, ..Tally::default() };
        tally.counts.statuses.insert(200, 8);
        tally.latencies.record(0, 1_000_000, 3_000_000);
        let page = text(&Glance { tally, due: Some(9), ..Glance::default() }, Some(10));
        let families: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let mut distinct = families.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), families.len());
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let name = name.trim_end_matches("_sum").trim_end_matches("_count");
            let is_of_family = families.iter().any(|family| *family == name || line.starts_with(family));
            assert!(is_of_family, "{line}");
        }
        for line in [
            "onceproof_attempts_total{outcome=\"acked\"} 7",
            "onceproof_run_ended 0",
            "onceproof_planned_attempts 10",
            "onceproof_due_attempts 9",
            "onceproof_http_responses_total{status=\"200\"} 8",
            "onceproof_own_limits_total{error=\"EMFILE\"} 0",
            "onceproof_http_req_duration_seconds_count 1",
        ] {
            assert!(page.lines().any(|other| other == line), "{line}: {page}");
        }
        let endless = text(&Glance::default(), None);
        assert!(!endless.contains("planned_attempts") && !endless.contains("quantile"), "{endless}");
    }
}
