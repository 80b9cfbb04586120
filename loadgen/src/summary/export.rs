//! `--summary-export`: the file that k6 writes under this option, for tools that read it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use truth::scenario::threshold::split;

use super::Summary;
use super::samples::Submetric;
use crate::meter::latency::Quantiles;

/// Returns the whole file.
pub(super) fn of(summary: &Summary) -> Value {
    let requests = summary.requests_measured();
    let bytes = summary.bytes_measured();
    let rate = |count: u64| if summary.duration_s > 0.0 { count as f64 / summary.duration_s } else { 0.0 };
    let counter = |count: u64| json!({ "count": count, "rate": rate(count) });
    let connections = summary.connections_used;
    let mut metrics: BTreeMap<&str, Value> = BTreeMap::from([
        ("http_reqs", counter(requests.sent)),
        ("http_req_failed", failed(requests.failed, requests.sent)),
        ("iterations", counter(requests.sent - requests.retries)),
        ("data_sent", counter(bytes.sent)),
        ("data_received", counter(bytes.received)),
        ("vus", json!({ "value": connections, "min": 0, "max": connections })),
        ("vus_max", json!({ "value": connections, "min": connections, "max": connections })),
    ]);
    let trends = [
        ("http_req_duration", summary.service_time),
        ("response_time", summary.response_time),
        ("http_req_connecting", summary.parts.connecting),
        ("http_req_tls_handshaking", summary.parts.tls_handshaking),
        ("http_req_waiting", summary.parts.waiting),
        ("http_req_receiving", summary.parts.receiving),
        ("lateness", summary.schedule.and_then(|schedule| schedule.lateness)),
    ];
    metrics.extend(trends.into_iter().filter_map(|(name, quantiles)| Some((name, trend(&quantiles?)))));
    if let Some(schedule) = &summary.schedule {
        metrics.insert("dropped_iterations", counter(schedule.dropped_iterations));
    }
    for (name, submetric) in &summary.submetrics {
        metrics.insert(
            name,
            match submetric {
                Submetric::Trend(quantiles) => quantiles.as_ref().map_or_else(|| json!({}), trend),
                Submetric::Counter { count, .. } => counter(*count),
                Submetric::Rate { failed: count, requests } => failed(*count, *requests),
            },
        );
    }
    for judged in &summary.thresholds {
        let Some((metric, demand)) = split(&judged.threshold) else { continue };
        let metric = metrics.entry(metric).or_insert_with(|| Value::Object(Map::new()));
        // As in k6: true if the threshold was crossed.
        metric["thresholds"][demand] = Value::Bool(!judged.ok);
    }
    let group = json!({ "name": "", "path": "", "id": "d41d8cd98f00b204e9800998ecf8427e", "groups": {}, "checks": {} });
    json!({ "root_group": group, "metrics": metrics })
}

/// Returns the rate of failures. k6 counts what is true as a pass, and here a failure is true.
fn failed(failed: u64, requests: u64) -> Value {
    let share = failed as f64 / requests.max(1) as f64;
    json!({ "passes": failed, "fails": requests - failed, "value": share })
}

fn trend(all: &Quantiles) -> Value {
    json!({
        "avg": all.avg_ms, "min": all.min_ms, "med": all.p50_ms, "max": all.max_ms,
        "p(90)": all.p90_ms, "p(95)": all.p95_ms, "p(99)": all.p99_ms,
    })
}
