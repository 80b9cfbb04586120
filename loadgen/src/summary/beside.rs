//! Requests beside the load, as the summary has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::beside::Measured;
use crate::meter::latency::Quantiles;

/// One kind of requests beside the load. They count in nothing else.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct BesideSummary {
    /// Name in the scenario.
    pub(super) name: String,
    /// Number of connections.
    pub(super) connections: u32,
    /// Requests that were sent.
    pub(super) sent: u64,
    /// Requests without a response below 400.
    pub(super) failed: u64,
    /// Number of responses by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Requests without a usable response.
    pub(super) lost: u64,
    /// Tries to connect that failed.
    pub(super) refused: u64,
    /// Requests a second.
    pub(super) requests_per_s: f64,
    /// Time from the planned instant to the whole response; `null` without a sample.
    pub(super) response_time: Option<Quantiles>,
}

impl BesideSummary {
    pub(super) fn of(measured: &Measured) -> Self {
        Self {
            name: measured.name.clone(),
            connections: measured.connections,
            sent: measured.sent(),
            failed: measured.failed(),
            statuses: measured.statuses.clone(),
            lost: measured.lost,
            refused: measured.refused,
            requests_per_s: measured.per_s(),
            response_time: Quantiles::of(&measured.response),
        }
    }

    /// Returns it in words.
    pub(super) fn text(&self) -> String {
        let statuses = self.statuses.iter().map(|(status, count)| format!("{status}={count}"));
        let lost = (self.lost > 0).then(|| format!("lost={}", self.lost));
        let refused = (self.refused > 0).then(|| format!("refused={}", self.refused));
        let words: Vec<String> = statuses.chain(lost).chain(refused).collect();
        let words = if words.is_empty() { "no response".to_owned() } else { words.join(" ") };
        let time = self.response_time.map_or_else(String::new, |time| {
            let ms = crate::meter::latency::ms;
            format!("  med={} p(99)={}", ms(time.p50_ms), ms(time.p99_ms))
        });
        format!("{} {:.1}/s  {words}{time}", self.sent, self.requests_per_s)
    }
}
