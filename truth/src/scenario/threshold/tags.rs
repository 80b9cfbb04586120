//! Tags of thresholds in k6's words: `{status:503,topic:orders}` selects some of a metric's
//! samples.

use super::metric::Metric;

/// Tags that a sample must have, all of them, to be selected.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tags {
    /// Status of the response; 0 without one.
    pub status: Option<u16>,
    /// Fate of the request or event.
    pub outcome: Option<Fate>,
    /// Topic of the event, or of at least one event of the request.
    pub topic: Option<String>,
    /// Name of the executor that sent it, where there are several.
    pub executor: Option<String>,
}

/// Fate of a request or an event. New and duplicate are acknowledged too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Acknowledged.
    Acked,
    /// Reported as new; for a request, all its events.
    New,
    /// Reported as duplicate; for a request, all its events.
    Duplicate,
    /// Rejected by the target.
    Rejected,
    /// No response that reports a fate.
    Unknown,
}

const FATES: [(&str, Fate); 5] = [
    ("acked", Fate::Acked),
    ("new", Fate::New),
    ("duplicate", Fate::Duplicate),
    ("rejected", Fate::Rejected),
    ("unknown", Fate::Unknown),
];

impl Tags {
    /// True if there is no tag, so that all samples are selected.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Parses the text between the braces after a metric.
    pub(super) fn parse(text: &str, name: &str, metric: Metric) -> Result<Self, String> {
        let mut tags = Self::default();
        let known = metric.tags();
        for tag in text.split(',') {
            let Some((key, value)) = tag.split_once(':') else {
                return Err(format!("`{}` is not a tag: write it as {{status:503}}", tag.trim()));
            };
            let key = key.trim();
            let value = value.trim();
            if !known.contains(&key) {
                return Err(match known {
                    [] => format!("{name} has no tags"),
                    known => format!("{name} has no tag `{key}`; its tags are {}", known.join(", ")),
                });
            }
            let is_repeated = match key {
                "status" => tags.status.replace(status(value)?).is_some(),
                "outcome" => tags.outcome.replace(fate(value)?).is_some(),
                "executor" => tags.executor.replace(value.to_owned()).is_some(),
                _ => tags.topic.replace(value.to_owned()).is_some(),
            };
            if is_repeated {
                return Err(format!("the tag {key} is given twice: write one threshold for each value"));
            }
        }
        Ok(tags)
    }
}

impl Metric {
    /// Returns the tags that samples of this metric have.
    fn tags(self) -> &'static [&'static str] {
        match self {
            Self::HttpReqDuration
            | Self::ResponseTime
            | Self::Lateness
            | Self::HttpReqs
            | Self::Events
            | Self::DataSent
            | Self::DataReceived => &["status", "outcome", "topic", "executor"],
            // The value of this metric is the outcome.
            Self::HttpReqFailed => &["status", "topic", "executor"],
            // A request that never began has no response, and lateness tells about late ones.
            Self::DroppedIterations | Self::LateIterations => &[],
        }
    }
}

fn status(text: &str) -> Result<u16, String> {
    let status = text.parse().ok().filter(|status| matches!(status, 0 | 100..=999));
    status.ok_or_else(|| format!("`{text}` is not a status: write it as 503, or as 0 for no response"))
}

fn fate(text: &str) -> Result<Fate, String> {
    let found = FATES.iter().find(|(name, _)| *name == text);
    let names = FATES.map(|(name, _)| name).join(", ");
    found
        .map(|(_, fate)| *fate)
        .ok_or_else(|| format!("`{text}` is not an outcome: the outcomes are {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, metric: Metric) -> Result<Tags, String> {
        Tags::parse(text, "it", metric)
    }

    #[test]
    fn tags_are_read_in_any_order() {
        let topic = Some("a:b".to_owned());
        let executor = Some("burst".to_owned());
        let tags = Tags { status: Some(503), outcome: Some(Fate::Rejected), topic, executor };
        let text = "status:503,outcome:rejected,topic:a:b,executor:burst";
        assert_eq!(parse(text, Metric::HttpReqs).unwrap(), tags);
        let text = " executor:burst ,topic: a:b, outcome :rejected, status:503 ";
        assert_eq!(parse(text, Metric::Events).unwrap(), tags);
        assert_eq!(parse("status:0", Metric::HttpReqFailed).unwrap().status, Some(0));
        assert!(!tags.is_empty() && Tags::default().is_empty());
        for (name, fate) in FATES {
            assert_eq!(parse(&format!("outcome:{name}"), Metric::Lateness).unwrap().outcome, Some(fate));
        }
    }

    #[test]
    fn what_is_no_tag_here_is_refused_with_what_would_be() {
        for (text, metric, part) in [
            ("", Metric::HttpReqs, "{status:503}"),
            ("status", Metric::HttpReqs, "{status:503}"),
            ("status:", Metric::HttpReqs, "0 for no response"),
            ("status:many", Metric::HttpReqs, "0 for no response"),
            ("status:99", Metric::HttpReqs, "0 for no response"),
            ("outcome:lost", Metric::Events, "acked, new, duplicate, rejected, unknown"),
            (
                "method:GET",
                Metric::HttpReqDuration,
                "it has no tag `method`; its tags are status, outcome, topic, executor",
            ),
            (
                "outcome:acked",
                Metric::HttpReqFailed,
                "it has no tag `outcome`; its tags are status, topic, executor",
            ),
            ("status:503", Metric::DroppedIterations, "it has no tags"),
            ("status:503,status:500", Metric::HttpReqs, "status is given twice"),
            ("topic:a,topic:a", Metric::HttpReqs, "topic is given twice"),
        ] {
            let error = parse(text, metric).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
