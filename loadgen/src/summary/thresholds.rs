//! Thresholds, and the measurements that they are checked against.

use hdrhistogram::Histogram;
use truth::record::ending::CheckedThreshold;
use truth::scenario::Demand;
use truth::scenario::threshold::{Aggregate, Metric, Threshold};

use super::punctuality::Punctuality;
use super::samples::Samples;
use crate::meter::Tally;
use crate::meter::counts::Counts;

/// Measurements that thresholds are checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) tally: &'a Tally,
    /// Time from the first byte sent to the last response.
    pub(crate) duration_s: f64,
    pub(super) punctuality: Option<&'a Punctuality>,
}

impl<'a> Measured<'a> {
    /// Returns the measurements of a run that goes on.
    pub(crate) fn so_far(tally: &'a Tally) -> Self {
        Self { tally, duration_s: duration_s(&tally.counts), punctuality: None }
    }

    /// Checks all thresholds.
    pub(crate) fn judge(&self, demands: &[Demand]) -> Vec<CheckedThreshold> {
        // A scenario was checked when it was read.
        demands.iter().filter_map(|demand| Some(self.judge_one(&demand.parse().ok()?))).collect()
    }

    /// True if the threshold is certainly broken.
    pub(crate) fn breaks(&self, demand: &Demand) -> bool {
        let judged = demand.parse().ok().map(|threshold| self.judge_one(&threshold));
        judged.is_some_and(|judged| judged.not_evaluated.is_none() && !judged.ok)
    }

    fn judge_one(&self, threshold: &Threshold) -> CheckedThreshold {
        let samples = Samples::of(self.tally, &threshold.tags);
        let value = samples.as_ref().and_then(|samples| self.value(threshold, samples));
        let is_unreported = samples.is_some_and(|samples| samples.is_unreported(threshold.metric));
        let is_timed = matches!(threshold.metric, Metric::HttpReqDuration | Metric::ResponseTime);
        let was_held = self.punctuality.is_none_or(|punctuality| punctuality.held);
        let not_evaluated = match value {
            None => Some("no sample".to_owned()),
            Some(_) if is_unreported => Some("some responses do not say which events were new".to_owned()),
            Some(_) if is_timed && !was_held => Some("the rate was not held".to_owned()),
            Some(_) => None,
        };
        let ok = not_evaluated.is_none() && value.is_some_and(|value| threshold.holds(value));
        CheckedThreshold { threshold: threshold.to_string(), value, ok, not_evaluated }
    }

    fn value(&self, threshold: &Threshold, samples: &Samples<'_>) -> Option<f64> {
        let count = match threshold.metric {
            Metric::HttpReqDuration | Metric::ResponseTime | Metric::Lateness => {
                return trend(samples.trend(threshold.metric)?, threshold.aggregate);
            }
            Metric::HttpReqFailed => return samples.failed_share(),
            Metric::DroppedIterations => self.punctuality?.dropped_iterations,
            Metric::LateIterations => self.punctuality?.late_iterations,
            Metric::HttpReqs => samples.requests,
            Metric::Events => samples.events,
            Metric::DataSent => samples.sent_bytes,
            Metric::DataReceived => samples.received_bytes,
        };
        // Without a request there is no measurement, however few failures there are.
        let count = Some(count as f64).filter(|_| self.tally.counts.requests_sent > 0)?;
        match threshold.aggregate {
            Aggregate::Rate => (self.duration_s > 0.0).then(|| count / self.duration_s),
            _ => Some(count),
        }
    }
}

/// Returns the time from the first byte sent to the last response.
pub(super) fn duration_s(counts: &Counts) -> f64 {
    counts.last_end_ns.saturating_sub(counts.first_start_ns) as f64 / 1e9
}

/// Returns a time in milliseconds, or the number of samples.
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
    use truth::plan::event::Events;
    use truth::scenario::Scenario;
    use truth::target::answer::{Answer, Outcome};

    use super::*;
    use crate::meter::selection::{Ended, Selected, Selection};

    fn demand(text: &str) -> Demand {
        Demand {
            threshold: text.to_owned(),
            abort_on_fail: false,
            delay_abort_eval: std::time::Duration::ZERO,
        }
    }

    fn tally() -> Tally {
        let counts = Counts {
            first_start_ns: 1,
            last_end_ns: 2_000_000_001,
            requests_sent: 100,
            requests_failed: 3,
            acked: 970,
            ..Counts::default()
        };
        let mut tally = Tally { counts, ..Tally::default() };
        for ms in 1..=100_u64 {
            tally.latencies.record(0, 0, ms * 1_000_000);
        }
        tally
    }

    /// Returns the same with three of the requests refused after 7 ms, under the tags of these
    /// thresholds.
    fn tally_of(demands: &[Demand]) -> Tally {
        let plan = Scenario::default().plan(1, 1).unwrap();
        let selections = Selection::all_of(demands, &plan.topics, None);
        let mut tally = Tally { selected: selections.iter().map(Selected::new).collect(), ..tally() };
        for (status, outcome, ms) in [(200, Outcome::Acked, 90), (503, Outcome::Rejected, 7)] {
            let ended = Ended {
                ordinals: &[1],
                status,
                answer: &Answer::bare(outcome),
                sent_bytes: 0,
                received_bytes: 0,
                t_planned: 1,
                t_start: 1,
                t_end: Some(1 + ms * 1_000_000),
                is_paced: false,
            };
            (0..3).for_each(|_| tally.select(&ended, &Events::new(&plan)));
        }
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
            ("events: count==970", 970.0, true),
        ] {
            let judged = &measured.judge(&[demand(text)])[0];
            let off = (judged.value.unwrap() / value - 1.0).abs();
            assert!(off < 0.002 || judged.value == Some(value), "{text}: {judged:?}");
            assert_eq!((judged.ok, &judged.not_evaluated), (ok, &None), "{text}: {judged:?}");
            assert_eq!(measured.breaks(&demand(text)), !ok);
        }
    }

    #[test]
    fn a_metric_with_tags_is_of_what_bears_them() {
        for (text, value, ok) in [
            ("http_req_duration{status:503}: p(95)<8", 7.0, true),
            ("response_time{ status:200 }: p(95)<8", 90.0, false),
            ("http_reqs{status:503}: count==3", 3.0, true),
            ("http_reqs{status:503}: rate==1.5", 1.5, true),
            ("http_reqs{status:500}: count==0", 0.0, true),
            ("http_req_failed{status:503}: rate<1", 1.0, false),
            ("events{outcome:acked}: count==3", 3.0, true),
        ] {
            let tally = tally_of(&[demand(text)]);
            let measured = Measured::so_far(&tally);
            let judged = &measured.judge(&[demand(text)])[0];
            assert!((judged.value.unwrap() - value).abs() < value * 0.002 + 1e-9, "{text}: {judged:?}");
            assert_eq!((judged.ok, &judged.not_evaluated), (ok, &None), "{text}: {judged:?}");
            assert_eq!(measured.breaks(&demand(text)), !ok);
        }
    }

    #[test]
    fn what_no_request_bears_is_no_sample_and_what_answers_do_not_tell_is_not_evaluated() {
        for (text, why) in [
            ("http_req_duration{status:500}: p(95)<8", "no sample"),
            ("http_req_failed{status:500}: rate<1", "no sample"),
            ("lateness{status:503}: max<8", "no sample"),
            ("events{outcome:duplicate}: count==0", "some responses do not say which events were new"),
            ("http_reqs{outcome:new}: count>0", "some responses do not say which events were new"),
        ] {
            let tally = tally_of(&[demand(text)]);
            let measured = Measured::so_far(&tally);
            let judged = &measured.judge(&[demand(text)])[0];
            assert_eq!((judged.ok, judged.not_evaluated.as_deref()), (false, Some(why)), "{text}");
            assert!(!measured.breaks(&demand(text)), "nothing is certain yet");
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
