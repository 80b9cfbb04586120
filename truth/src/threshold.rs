//! Thresholds in k6's words: `http_req_duration: p(95)<500`, `http_req_failed: rate<0.01`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A demand on a metric of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// What is measured.
    pub metric: Metric,
    /// What becomes of its samples.
    pub aggregate: Aggregate,
    /// How that compares.
    pub comparison: Comparison,
    /// With what: milliseconds, a share of 1, or a count.
    pub limit: f64,
    text: String,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// From the first byte sent to the whole answer, in milliseconds.
    HttpReqDuration,
    /// From the planned instant to the whole answer, in milliseconds.
    ResponseTime,
    /// From the planned instant to the first byte sent, in milliseconds.
    Lateness,
    /// Whether a request was not acknowledged.
    HttpReqFailed,
    /// Requests, perhaps those of one status alone.
    HttpReqs(Option<u16>),
    /// Events, perhaps those of one outcome alone.
    Events(Option<EventKind>),
    /// Requests that were due and never begun.
    DroppedIterations,
    /// Requests that left late.
    LateIterations,
    /// Bytes of requests.
    DataSent,
    /// Bytes of answers.
    DataReceived,
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// Acknowledged.
    Acked,
    /// Refused.
    Rejected,
    /// No answer that tells.
    Unknown,
}

/// What becomes of a metric's samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Aggregate {
    /// The mean.
    Avg,
    /// The least.
    Min,
    /// The most.
    Max,
    /// So many per cent are at most this.
    Percentile(f64),
    /// How many.
    Count,
    /// How many a second; of a yes or no, which share.
    Rate,
}

/// How a value compares with a limit.
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

/// Why a text is no threshold.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("threshold `{text}` is not understood: {reason}; write it as 'http_req_duration: p(95)<500'")]
pub struct ThresholdError {
    text: String,
    reason: String,
}

/// All metrics without a tag.
const METRICS: [(&str, Metric); 10] = [
    ("http_req_duration", Metric::HttpReqDuration),
    ("response_time", Metric::ResponseTime),
    ("lateness", Metric::Lateness),
    ("http_req_failed", Metric::HttpReqFailed),
    ("http_reqs", Metric::HttpReqs(None)),
    ("events", Metric::Events(None)),
    ("dropped_iterations", Metric::DroppedIterations),
    ("late_iterations", Metric::LateIterations),
    ("data_sent", Metric::DataSent),
    ("data_received", Metric::DataReceived),
];

/// The longest first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::Other),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Threshold {
    /// Whether a value is as demanded.
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

impl Metric {
    /// Whether it is a length of time.
    pub fn is_trend(self) -> bool {
        matches!(self, Self::HttpReqDuration | Self::ResponseTime | Self::Lateness)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (name, tag) = match text.split_once('{') {
            None => (text, None),
            Some((name, tag)) => (name, tag.strip_suffix('}')),
        };
        let metric = METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric);
        let names = METRICS.map(|(name, _)| name).join(", ");
        let metric = metric.ok_or_else(|| format!("`{name}` is none of {names}"))?;
        let Some(tag) = tag else { return Ok(metric) };
        let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
        let tagged = match (metric, key.trim(), value.trim()) {
            (Self::HttpReqs(_), "status", status) => {
                status.parse().ok().map(|status| Self::HttpReqs(Some(status)))
            }
            (Self::Events(_), "outcome", "acked") => Some(Self::Events(Some(EventKind::Acked))),
            (Self::Events(_), "outcome", "rejected") => Some(Self::Events(Some(EventKind::Rejected))),
            (Self::Events(_), "outcome", "unknown") => Some(Self::Events(Some(EventKind::Unknown))),
            _ => None,
        };
        tagged.ok_or_else(|| {
            format!("tags are http_reqs{{status:503}} and events{{outcome:acked}}, rejected or unknown, not `{tag}`")
        })
    }
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
        // A tag holds a colon too; the one between metric and demand is the last.
        let (metric, demand) =
            text.rsplit_once(':').ok_or_else(|| refuse("it names no metric".to_owned()))?;
        let metric = Metric::parse(metric.trim()).map_err(refuse)?;
        let found = COMPARISONS.iter().find_map(|(sign, comparison)| {
            let (left, right) = demand.split_once(sign)?;
            Some((left.trim(), *comparison, right.trim()))
        });
        let (left, comparison, right) = found.ok_or_else(|| refuse("it compares nothing".to_owned()))?;
        let aggregate = Aggregate::parse(left).filter(|aggregate| aggregate.fits(metric));
        let aggregate = aggregate.ok_or_else(|| {
            let fitting = match metric {
                metric if metric.is_trend() => "avg, min, med, max, p(N) and count",
                Metric::HttpReqFailed => "rate",
                _ => "count and rate",
            };
            refuse(format!("`{left}` does not fit, but {fitting} do"))
        })?;
        let limit: f64 = right.parse().map_err(|_| refuse(format!("`{right}` is no number")))?;
        if !limit.is_finite() {
            return Err(refuse(format!("`{right}` is no number")));
        }
        Ok(Self { metric, aggregate, comparison, limit, text: text.trim().to_owned() })
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
            (
                "http_reqs{status:503}: count < 3",
                Metric::HttpReqs(Some(503)),
                Aggregate::Count,
                Comparison::Below,
                3.0,
            ),
            (
                "events{outcome:unknown}: count != 1",
                Metric::Events(Some(EventKind::Unknown)),
                Aggregate::Count,
                Comparison::Other,
                1.0,
            ),
            ("events: rate>=1000", Metric::Events(None), Aggregate::Rate, Comparison::AtLeast, 1000.0),
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
    fn what_is_no_threshold_is_refused_with_what_would_be() {
        for (text, part) in [
            ("p(95)<500", "names no metric"),
            ("http_req_durations: p(95)<500", "http_req_duration, response_time"),
            ("http_req_duration: p(95)", "compares nothing"),
            ("http_req_duration: rate<1", "p(N)"),
            ("http_req_failed: count<1", "but rate do"),
            ("events: p(95)<1", "count and rate"),
            ("http_req_duration: p(101)<1", "does not fit"),
            ("http_req_duration: p(95)<fast", "no number"),
            ("http_req_duration: p(95)<inf", "no number"),
            ("http_req_duration{status:200}: p(95)<1", "http_reqs{status:503}"),
            ("http_reqs{status:many}: count<1", "http_reqs{status:503}"),
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
