//! What was measured, held against the thresholds.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;
use truth::scenario::Demand;
use truth::threshold::{Aggregate, EventKind, Metric, Threshold};

use super::punctuality::Punctuality;
use crate::meter::Tally;

/// One threshold, looked at.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub(crate) struct Judged {
    /// As it was written.
    pub(crate) threshold: String,
    /// What was measured; `null` without a sample.
    pub(crate) value: Option<f64>,
    /// Whether that is as demanded. What was not measured is not.
    pub(crate) ok: bool,
    /// Why it could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_evaluated: Option<String>,
}

/// What thresholds are held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) tally: &'a Tally,
    /// From the first send to the last answer.
    pub(crate) duration_s: f64,
    pub(super) punctuality: Option<&'a Punctuality>,
}

impl<'a> Measured<'a> {
    /// What is known while a run goes on.
    pub(crate) fn so_far(tally: &'a Tally) -> Self {
        Self { tally, duration_s: duration_s(tally), punctuality: None }
    }

    /// Holds all thresholds against it.
    pub(crate) fn judge(&self, demands: &[Demand]) -> Vec<Judged> {
        // A scenario was checked when it was read.
        demands.iter().filter_map(|demand| Some(self.judge_one(&demand.parse().ok()?))).collect()
    }

    /// Whether one is broken for certain.
    pub(crate) fn breaks(&self, demand: &Demand) -> bool {
        let judged = demand.parse().ok().map(|threshold| self.judge_one(&threshold));
        judged.is_some_and(|judged| judged.value.is_some() && !judged.ok)
    }

    fn judge_one(&self, threshold: &Threshold) -> Judged {
        let value = self.value(threshold);
        let is_timed = matches!(threshold.metric, Metric::HttpReqDuration | Metric::ResponseTime);
        let was_held = self.punctuality.is_none_or(|punctuality| punctuality.held);
        let not_evaluated = match value {
            None => Some("no sample".to_owned()),
            Some(_) if is_timed && !was_held => Some("the rate was not held".to_owned()),
            Some(_) => None,
        };
        let ok = not_evaluated.is_none() && value.is_some_and(|value| threshold.holds(value));
        Judged { threshold: threshold.to_string(), value, ok, not_evaluated }
    }

    fn value(&self, threshold: &Threshold) -> Option<f64> {
        let (tally, latencies) = (self.tally, &self.tally.latencies);
        let count = match threshold.metric {
            Metric::HttpReqDuration => return trend(&latencies.service, threshold.aggregate),
            Metric::ResponseTime => return trend(&latencies.response, threshold.aggregate),
            Metric::Lateness => return trend(&latencies.lateness, threshold.aggregate),
            Metric::HttpReqFailed => {
                let sent = Some(tally.requests_sent).filter(|sent| *sent > 0)?;
                return Some(tally.requests_failed as f64 / sent as f64);
            }
            Metric::HttpReqs(None) => tally.requests_sent,
            Metric::HttpReqs(Some(status)) => tally.statuses.get(&status).copied().unwrap_or(0),
            Metric::Events(None) => tally.acked + tally.rejected + tally.unknown,
            Metric::Events(Some(EventKind::Acked)) => tally.acked,
            Metric::Events(Some(EventKind::Rejected)) => tally.rejected,
            Metric::Events(Some(EventKind::Unknown)) => tally.unknown,
            Metric::DroppedIterations => self.punctuality?.dropped_iterations,
            Metric::LateIterations => self.punctuality?.late_iterations,
            Metric::DataSent => tally.sent_bytes,
            Metric::DataReceived => tally.received_bytes,
        };
        // Nothing sent is no measurement, however few failures it holds.
        let count = Some(count as f64).filter(|_| tally.requests_sent > 0)?;
        match threshold.aggregate {
            Aggregate::Rate => (self.duration_s > 0.0).then(|| count / self.duration_s),
            _ => Some(count),
        }
    }
}

/// From the first send to the last answer.
pub(super) fn duration_s(tally: &Tally) -> f64 {
    tally.last_end_ns.saturating_sub(tally.first_start_ns) as f64 / 1e9
}

/// A length of time in milliseconds, or how many there are.
fn trend(histogram: &Histogram<u64>, aggregate: Aggregate) -> Option<f64> {
    if histogram.is_empty() {
        return None;
    }
    let micros = match aggregate {
        Aggregate::Avg => histogram.mean(),
        Aggregate::Min => histogram.min() as f64,
        Aggregate::Max => histogram.max() as f64,
        Aggregate::Percentile(percent) => histogram.value_at_percentile(percent) as f64,
        Aggregate::Count => return Some(histogram.len() as f64),
        Aggregate::Rate => return None,
    };
    Some(micros / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(text: &str) -> Demand {
        Demand {
            threshold: text.to_owned(),
            abort_on_fail: false,
            delay_abort_eval: std::time::Duration::ZERO,
        }
    }

    fn tally() -> Tally {
        let mut tally = Tally { first_start_ns: 1, last_end_ns: 2_000_000_001, ..Tally::default() };
        for ms in 1..=100_u64 {
            tally.latencies.record(0, 0, ms * 1_000_000);
        }
        (tally.requests_sent, tally.requests_failed, tally.acked) = (100, 3, 970);
        tally.statuses.insert(503, 3);
        tally
    }

    #[test]
    fn each_metric_is_what_it_says() {
        let tally = tally();
        let measured = Measured::so_far(&tally);
        for (text, value, ok) in [
            ("http_req_duration: p(95)<95.2", 95.0, true),
            ("http_req_duration: max<100", 100.0, false),
            ("response_time: count==100", 100.0, true),
            ("http_req_failed: rate<0.03", 0.03, false),
            ("http_reqs: rate>=50", 50.0, true),
            ("http_reqs{status:503}: count==3", 3.0, true),
            ("http_reqs{status:500}: count==0", 0.0, true),
            ("events{outcome:acked}: count==970", 970.0, true),
        ] {
            let judged = &measured.judge(&[demand(text)])[0];
            let off = (judged.value.unwrap() / value - 1.0).abs();
            assert!(off < 0.002 || judged.value == Some(value), "{text}: {judged:?}");
            assert_eq!((judged.ok, &judged.not_evaluated), (ok, &None), "{text}: {judged:?}");
            assert_eq!(measured.breaks(&demand(text)), !ok);
        }
    }

    #[test]
    fn no_sample_is_not_a_pass() {
        let nothing = Tally::default();
        let measured = Measured::so_far(&nothing);
        for text in [
            "http_req_duration: p(95)<500",
            "http_req_failed: rate<0.01",
            "http_reqs{status:500}: count==0",
            "dropped_iterations: count==0",
        ] {
            let judged = &measured.judge(&[demand(text)])[0];
            assert_eq!((judged.ok, judged.not_evaluated.as_deref()), (false, Some("no sample")), "{text}");
            assert!(!measured.breaks(&demand(text)), "nothing is certain yet");
        }
    }

    #[test]
    fn latencies_of_a_rate_that_was_not_held_are_not_evaluated() {
        let tally = tally();
        let punctuality = Punctuality {
            held: false,
            dropped_iterations: 7,
            late_iterations: 0,
            lateness: None,
            generator_lag: None,
        };
        let measured = Measured { punctuality: Some(&punctuality), ..Measured::so_far(&tally) };
        let judged = &measured.judge(&[demand("response_time: p(95)<500")])[0];
        assert_eq!((judged.ok, judged.not_evaluated.as_deref()), (false, Some("the rate was not held")));
        assert!(!measured.judge(&[demand("dropped_iterations: count==0")])[0].ok);
        assert!(measured.judge(&[demand("http_req_failed: rate<0.5")])[0].ok);
    }
}
