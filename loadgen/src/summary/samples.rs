//! Samples of a run, or of what bears some tags in it, and their form as a metric of their own.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;
use truth::scenario::Demand;
use truth::scenario::threshold::{Metric, Tags};

use crate::meter::Tally;
use crate::meter::latency::{Latencies, Quantiles};
use crate::meter::selection::Selected;

/// Samples that a metric may ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Samples<'a> {
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) events: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    of: Source<'a>,
}

/// Source of the times.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Run(&'a Latencies),
    Selection(&'a Selected),
}

/// Metric of what bears some tags, in the form of its kind.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Submetric {
    /// Time; `null` without a sample.
    Trend(Option<Quantiles>),
    /// Number of requests, events or bytes.
    Counter {
        count: u64,
        /// Number per second of the run.
        per_s: f64,
    },
    /// Share of the requests that were not acknowledged.
    Rate { failed: u64, requests: u64 },
}

impl<'a> Samples<'a> {
    /// Returns the samples that bear these tags; none before a lane has reported them.
    pub(super) fn of(tally: &'a Tally, tags: &Tags) -> Option<Self> {
        if tags.is_empty() {
            return Some(Self {
                requests: tally.counts.requests_sent,
                failed: tally.counts.requests_failed,
                events: tally.counts.attempted(),
                sent_bytes: tally.counts.sent_bytes,
                received_bytes: tally.counts.received_bytes,
                of: Source::Run(&tally.latencies),
            });
        }
        let selected = tally.selected.iter().find(|selected| selected.is_of(tags))?;
        Some(Self {
            requests: selected.requests,
            failed: selected.failed,
            events: selected.events,
            sent_bytes: selected.sent_bytes,
            received_bytes: selected.received_bytes,
            of: Source::Selection(selected),
        })
    }

    /// Returns the times of this metric, in microseconds.
    pub(super) fn trend(&self, metric: Metric) -> Option<&'a Histogram<u64>> {
        match (self.of, metric) {
            (Source::Selection(selected), metric) => selected.trend(metric),
            (Source::Run(latencies), Metric::HttpReqDuration) => Some(&latencies.service),
            (Source::Run(latencies), Metric::ResponseTime) => Some(&latencies.response),
            (Source::Run(latencies), Metric::Lateness) => Some(&latencies.lateness),
            (Source::Run(_), _) => None,
        }
    }

    /// Returns the share of the requests that was not acknowledged; none without a request.
    pub(super) fn failed_share(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }

    /// True if the tags ask for something that some response does not say.
    pub(super) fn is_unreported(&self, metric: Metric) -> bool {
        match self.of {
            Source::Run(_) => false,
            Source::Selection(selected) if metric == Metric::Events => selected.has_unreported_events,
            Source::Selection(selected) => selected.has_unreported_requests,
        }
    }
}

impl Submetric {
    /// Returns all metrics with tags that thresholds name, by name.
    pub(super) fn all_of(demands: &[Demand], tally: &Tally, duration_s: f64) -> BTreeMap<String, Self> {
        // A scenario was checked when it was read.
        let thresholds = demands.iter().filter_map(|demand| demand.parse().ok());
        let tagged = thresholds.filter(|threshold| !threshold.tags.is_empty());
        let shown = tagged.filter_map(|threshold| {
            let samples = Samples::of(tally, &threshold.tags)?;
            let shown = Self::of(&samples, threshold.metric, duration_s)?;
            Some((threshold.metric_name().to_owned(), shown))
        });
        shown.collect()
    }

    fn of(samples: &Samples<'_>, metric: Metric, duration_s: f64) -> Option<Self> {
        let count = match metric {
            Metric::HttpReqDuration | Metric::ResponseTime | Metric::Lateness => {
                return Some(Self::Trend(Quantiles::of(samples.trend(metric)?)));
            }
            Metric::HttpReqFailed => {
                return Some(Self::Rate { failed: samples.failed, requests: samples.requests });
            }
            Metric::HttpReqs => samples.requests,
            Metric::Events => samples.events,
            Metric::DataSent => samples.sent_bytes,
            Metric::DataReceived => samples.received_bytes,
            // These metrics have no tags.
            Metric::DroppedIterations | Metric::LateIterations => return None,
        };
        let per_s = if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        Some(Self::Counter { count, per_s })
    }
}
