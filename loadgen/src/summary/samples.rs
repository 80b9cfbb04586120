//! The samples of a run, or of what bears some tags in it, and how they are shown as a metric of their own.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;
use truth::scenario::Demand;
use truth::scenario::threshold::{Metric, Tags};

use crate::meter::Tally;
use crate::meter::latency::{Latencies, Quantiles};
use crate::meter::selection::Selected;

/// What a metric may be asked of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Samples<'a> {
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) events: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    of: Source<'a>,
}

/// Where the lengths of time are.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Run(&'a Latencies),
    Selection(&'a Selected),
}

/// A metric of what bears some tags, in the form of its kind.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Submetric {
    /// A length of time; `null` without a sample.
    Trend(Option<Quantiles>),
    /// A number of requests, events or bytes.
    Counter {
        count: u64,
        /// In a second of the run.
        per_s: f64,
    },
    /// How many of these requests were not acknowledged.
    Rate { failed: u64, requests: u64 },
}

impl<'a> Samples<'a> {
    /// Those that bear these tags; none before a lane told of them.
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

    /// The lengths of time of this metric, in microseconds.
    pub(super) fn trend(&self, metric: Metric) -> Option<&'a Histogram<u64>> {
        match (self.of, metric) {
            (Source::Selection(selected), metric) => selected.trend(metric),
            (Source::Run(latencies), Metric::HttpReqDuration) => Some(&latencies.service),
            (Source::Run(latencies), Metric::ResponseTime) => Some(&latencies.response),
            (Source::Run(latencies), Metric::Lateness) => Some(&latencies.lateness),
            (Source::Run(_), _) => None,
        }
    }

    /// Which share of the requests was not acknowledged; none without a request.
    pub(super) fn failed_share(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }

    /// Whether the tags ask for what some answer did not tell.
    pub(super) fn is_unreported(&self, metric: Metric) -> bool {
        match self.of {
            Source::Run(_) => false,
            Source::Selection(selected) if metric == Metric::Events => selected.has_unreported_events,
            Source::Selection(selected) => selected.has_unreported_requests,
        }
    }
}

impl Submetric {
    /// All that thresholds name, by the name that they use.
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
            // These bear no tags.
            Metric::DroppedIterations | Metric::LateIterations => return None,
        };
        let per_s = if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        Some(Self::Counter { count, per_s })
    }
}
