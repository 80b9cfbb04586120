//! Thresholds in k6's words: `http_req_duration: p(95)<500`, `http_req_failed{topic:orders}:
//! rate<0.01`.

mod metric;
mod tags;

pub use metric::Metric;
pub use tags::{Fate, Tags};

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A demand on a metric of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// Metric.
    pub metric: Metric,
    /// Tags that select some of its samples.
    pub tags: Tags,
    /// Aggregate of the samples.
    pub aggregate: Aggregate,
    /// Comparison of the aggregate with the limit.
    pub comparison: Comparison,
    /// Limit: milliseconds, a share of 1, or a count.
    pub limit: f64,
    text: String,
}

/// Aggregate of a metric's samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Aggregate {
    /// Mean.
    Avg,
    /// Minimum.
    Min,
    /// Maximum.
    Max,
    /// Percentile: this many per cent of the samples are at most the value.
    Percentile(f64),
    /// Number of samples.
    Count,
    /// Number of samples a second; for a metric of yes or no, the share of yes.
    Rate,
}

/// Comparison of a value with a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Other,
}

/// Error of a text that is not a threshold.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("threshold `{text}` cannot be read: {reason}; write it as 'http_req_duration: p(95)<500'")]
pub struct ThresholdError {
    text: String,
    reason: String,
}

const METRICS: [(&str, Metric); 10] = [
    ("http_req_duration", Metric::HttpReqDuration),
    ("response_time", Metric::ResponseTime),
    ("lateness", Metric::Lateness),
    ("http_req_failed", Metric::HttpReqFailed),
    ("http_reqs", Metric::HttpReqs),
    ("events", Metric::Events),
    ("dropped_iterations", Metric::DroppedIterations),
    ("late_iterations", Metric::LateIterations),
    ("data_sent", Metric::DataSent),
    ("data_received", Metric::DataReceived),
];

/// Comparisons, the longest first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::Other),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Threshold {
    /// Returns the metric with its tags, as they were written.
    pub fn metric_name(&self) -> &str {
        split(&self.text).map_or(&*self.text, |(metric, _)| metric)
    }

    /// True if a value meets the demand.
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Equal => value == self.limit,
            Comparison::Other => value != self.limit,
        }
    }
}

/// Parses a metric, with or without tags in braces.
fn metric_and_tags(text: &str) -> Result<(Metric, Tags), String> {
    let (name, tags) = match text.split_once('{') {
        None => (text, None),
        Some((name, tags)) => (name.trim(), Some(tags)),
    };
    let metric = METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric);
    let names = METRICS.map(|(name, _)| name).join(", ");
    let metric = metric.ok_or_else(|| format!("`{name}` is not one of {names}"))?;
    let Some(tags) = tags else { return Ok((metric, Tags::default())) };
    let Some(tags) = tags.strip_suffix('}') else {
        return Err(format!("the tags of {name} are not closed: write them as {name}{{status:503}}"));
    };
    Ok((metric, Tags::parse(tags, name, metric)?))
}

/// Splits a threshold into the metric and the demand. Text in braces is skipped, because a topic
/// may hold a colon.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let braced = text.rfind('}').map_or(0, |end| end + 1);
    let colon = braced + text[braced..].find(':')?;
    Some((text[..colon].trim(), text[colon + 1..].trim()))
}

impl Aggregate {
    fn parse(text: &str) -> Option<Self> {
        let percent = text.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
        if let Some(percent) = percent {
            let percent = percent.trim().parse().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
            return Some(Self::Percentile(percent));
        }
        match text {
            "avg" => Some(Self::Avg),
            "min" => Some(Self::Min),
            "max" => Some(Self::Max),
            "med" => Some(Self::Percentile(50.0)),
            "count" => Some(Self::Count),
            "rate" => Some(Self::Rate),
            _ => None,
        }
    }

    fn fits(self, metric: Metric) -> bool {
        match self {
            Self::Count => metric != Metric::HttpReqFailed,
            Self::Rate => !metric.is_trend(),
            Self::Avg | Self::Min | Self::Max | Self::Percentile(_) => metric.is_trend(),
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let refuse = |reason: String| ThresholdError { text: text.to_owned(), reason };
        let (metric, demand) = split(text).ok_or_else(|| refuse("it has no metric".to_owned()))?;
        let (metric, tags) = metric_and_tags(metric).map_err(refuse)?;
        let found = COMPARISONS.iter().find_map(|(sign, comparison)| {
            let (left, right) = demand.split_once(sign)?;
            Some((left.trim(), *comparison, right.trim()))
        });
        let (left, comparison, right) = found.ok_or_else(|| refuse("it has no comparison".to_owned()))?;
        let aggregate = Aggregate::parse(left).filter(|aggregate| aggregate.fits(metric));
        let aggregate = aggregate.ok_or_else(|| {
            let fitting = match metric {
                metric if metric.is_trend() => "avg, min, med, max, p(N) and count",
                Metric::HttpReqFailed => "rate",
                _ => "count and rate",
            };
            refuse(format!("`{left}` is not an aggregate of this metric, which has {fitting}"))
        })?;
        let limit: f64 = right.parse().map_err(|_| refuse(format!("`{right}` is not a number")))?;
        if !limit.is_finite() {
            return Err(refuse(format!("`{right}` is not a number")));
        }
        Ok(Self { metric, tags, aggregate, comparison, limit, text: text.trim().to_owned() })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_read_as_k6_writes_them() {
        for (text, metric, aggregate, comparison, limit) in [
            (
                "http_req_duration: p(95)<500",
                Metric::HttpReqDuration,
                Aggregate::Percentile(95.0),
                Comparison::Below,
                500.0,
            ),
            (
                "response_time:p(99.9) <= 1.5",
                Metric::ResponseTime,
                Aggregate::Percentile(99.9),
                Comparison::AtMost,
                1.5,
            ),
            ("http_req_failed: rate<0.01", Metric::HttpReqFailed, Aggregate::Rate, Comparison::Below, 0.01),
            (
                "dropped_iterations: count==0",
                Metric::DroppedIterations,
                Aggregate::Count,
                Comparison::Equal,
                0.0,
            ),
            ("http_reqs{status:503}: count < 3", Metric::HttpReqs, Aggregate::Count, Comparison::Below, 3.0),
            ("events{outcome:unknown}: count != 1", Metric::Events, Aggregate::Count, Comparison::Other, 1.0),
            ("events: rate>=1000", Metric::Events, Aggregate::Rate, Comparison::AtLeast, 1000.0),
            ("lateness: med > 0", Metric::Lateness, Aggregate::Percentile(50.0), Comparison::Above, 0.0),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!(
                (threshold.metric, threshold.aggregate, threshold.comparison, threshold.limit),
                (metric, aggregate, comparison, limit),
                "{text}"
            );
            assert_eq!(threshold.to_string(), text);
        }
    }

    #[test]
    fn tags_stand_in_braces_behind_a_metric() {
        for (text, name, metric) in [
            (
                "http_req_duration{status:200}: p(95)<500",
                "http_req_duration{status:200}",
                Metric::HttpReqDuration,
            ),
            (" events { topic:a:b } :count < 3 ", "events { topic:a:b }", Metric::Events),
            ("http_reqs: count<3", "http_reqs", Metric::HttpReqs),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!((threshold.metric, threshold.metric_name()), (metric, name), "{text}");
            assert_eq!(threshold.tags.is_empty(), !text.contains('{'), "{text}");
        }
        let threshold: Threshold = "http_reqs{status:503,topic:a}: count==0".parse().unwrap();
        let tags = Tags { status: Some(503), outcome: None, topic: Some("a".to_owned()), executor: None };
        assert_eq!(threshold.tags, tags);
    }

    #[test]
    fn what_is_no_threshold_is_refused_with_what_would_be() {
        for (text, part) in [
            ("p(95)<500", "has no metric"),
            ("http_req_durations: p(95)<500", "http_req_duration, response_time"),
            ("http_req_duration: p(95)", "has no comparison"),
            ("http_req_duration: rate<1", "p(N)"),
            ("http_req_failed: count<1", "of this metric, which has rate;"),
            ("events: p(95)<1", "count and rate"),
            ("http_req_duration: p(101)<1", "is not an aggregate of this metric"),
            ("http_req_duration: p(95)<fast", "not a number"),
            ("http_req_duration: p(95)<inf", "not a number"),
            ("http_req_duration{method:GET}: p(95)<1", "status, outcome, topic"),
            ("http_reqs{status:many}: count<1", "`many` is not a status"),
            ("http_reqs{status:503: count<1", "http_reqs{status:503}"),
            ("http_reqs{status:503}", "has no metric"),
            ("http_reqs{}: count<1", "{status:503}"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_value_is_held_against_the_limit() {
        let holds = |text: &str, value: f64| text.parse::<Threshold>().unwrap().holds(value);
        for (sign, at, below, above) in [
            ("<", false, true, false),
            ("<=", true, true, false),
            (">", false, false, true),
            (">=", true, false, true),
            ("==", true, false, false),
            ("!=", false, true, true),
        ] {
            let text = format!("events: count{sign}5");
            assert_eq!(
                (holds(&text, 5.0), holds(&text, 4.0), holds(&text, 6.0)),
                (at, below, above),
                "{sign}"
            );
        }
    }
}
