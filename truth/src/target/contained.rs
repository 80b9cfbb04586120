//! Contents of an event that the requests of a target carry.

use super::Target;
use super::template::{Fit, Hole, HoleName, TimeForm};

/// Contents of an event that requests carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contained {
    /// Form of the timestamp; none if it is not sent.
    pub timestamp: Option<SentTime>,
    /// True if the source is sent.
    pub source: bool,
    /// True if the payload is sent.
    pub payload: bool,
    /// True if it is sent as text: inside a JSON string, or in a body that is not JSON.
    pub payload_is_text: bool,
}

/// Form of the timestamps that are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentTime {
    /// Coarsest precision, in milliseconds.
    pub precision_ms: u32,
    /// True if the form is RFC 3339.
    pub is_rfc3339: bool,
}

impl Target {
    /// Contents of an event that the requests carry. A field without a name is not sent.
    pub fn contained(&self) -> Contained {
        if self.starts_from_nothing() {
            return self.contained_by_text();
        }
        let is_sent = |name: &String| !name.is_empty();
        Contained {
            timestamp: is_sent(&self.fields.timestamp)
                .then_some(SentTime { precision_ms: 1, is_rfc3339: true }),
            source: is_sent(&self.fields.source),
            payload: is_sent(&self.fields.payload),
            payload_is_text: false,
        }
    }

    /// Contents that the holes of the requests ask for.
    fn contained_by_text(&self) -> Contained {
        let templates = self.publish_templates();
        let all = || templates.iter().flat_map(|(_, template)| template.holes());
        let holes: Vec<&HoleName> = all().map(|hole| &hole.name).collect();
        let is_json = Fit::of_content_type(&self.content_type()) == Fit::Json;
        let is_text = |hole: &Hole| hole.is_quoted || !hole.filters.is_empty() || !is_json;
        let forms = holes.iter().filter_map(|name| match name {
            HoleName::Timestamp(form) => Some(*form),
            _ => None,
        });
        let forms: Vec<TimeForm> = forms.collect();
        let timestamp = forms.iter().map(|form| form.precision_ms()).max().map(|precision_ms| SentTime {
            precision_ms,
            is_rfc3339: forms.iter().all(|form| *form == TimeForm::Rfc3339),
        });
        Contained {
            timestamp,
            source: holes.contains(&&HoleName::Source),
            payload: holes.contains(&&HoleName::Payload),
            payload_is_text: all().any(|hole| hole.name == HoleName::Payload && is_text(hole)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contained(event: &str) -> Contained {
        let text = format!("publish = {{ path = \"/\", body = \"[{{{{events}}}}]\", event = '{event}' }}");
        toml::from_str::<Target>(&text).unwrap().contained()
    }

    #[test]
    fn the_coarsest_timestamp_of_the_requests_counts() {
        let timestamp = |event: &str| contained(event).timestamp;
        assert_eq!(timestamp("{{event_id}}"), None);
        let sent = |precision_ms, is_rfc3339| Some(SentTime { precision_ms, is_rfc3339 });
        assert_eq!(timestamp("{{timestamp}}"), sent(1, true));
        assert_eq!(timestamp("{{timestamp.epoch_ns}}"), sent(1, false));
        assert_eq!(timestamp("{{timestamp}} {{timestamp.epoch_s}}"), sent(1_000, false));
        assert_eq!(timestamp("{{timestamp.date}}"), sent(86_400_000, false));
    }

    #[test]
    fn a_payload_within_quotes_or_outside_json_is_sent_as_text() {
        assert!(!contained("{{event_id}} {{payload}}").payload_is_text);
        assert!(contained("{\"p\":\"{{payload}}\"}").payload_is_text);
        assert!(contained("{\"p\":{{payload | json}}}").payload_is_text);
        let form = "publish = { path = \"/\", headers = { content-type = \"application/x-www-form-urlencoded\" }, \
                    body = \"p={{payload}}\" }";
        assert!(toml::from_str::<Target>(form).unwrap().contained().payload_is_text);
    }

    #[test]
    fn what_no_hole_asks_for_is_not_sent() {
        let only_ids = Contained { timestamp: None, source: false, payload: false, payload_is_text: false };
        assert_eq!(contained("{{event_id}} {{data}}"), only_ids);
        let both = Contained { source: true, payload: true, ..only_ids };
        assert_eq!(contained("{{event_id}} {{source}} {{payload}}"), both);
        let short = Target::default().contained();
        assert_eq!(short.timestamp, Some(SentTime { precision_ms: 1, is_rfc3339: true }));
        assert!(short.source && short.payload);
    }
}
