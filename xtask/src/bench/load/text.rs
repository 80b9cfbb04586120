//! Requests that a scenario describes as text, and not in the short form.

/// Kinds of such requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// An action and a document for each of 100 events, line by line.
    Bulk,
    /// Ten events as the entries of a form.
    Form,
    /// One event, with a signature of the body in a header.
    Signed,
}

impl Text {
    pub(super) const ALL: [Self; 3] = [Self::Bulk, Self::Form, Self::Signed];

    /// Returns the number of events in a request.
    pub(super) fn batch(self) -> u32 {
        match self {
            Self::Bulk => 100,
            Self::Form => 10,
            Self::Signed => 1,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bulk => "a `_bulk` of 100 events as lines",
            Self::Form => "a form of 10 events",
            Self::Signed => "a signed body of one event",
        }
    }

    /// Returns the table of the scenario.
    pub(super) fn scenario(self) -> &'static str {
        match self {
            Self::Bulk => {
                r#"[target.publish]
path = "/_bulk"
headers = { content-type = "application/x-ndjson" }
body = "{{events}}\n"
separator = "\n"
event = """
{"create":{"_index":"{{topic}}","_id":"{{event_id}}"}}
{"@timestamp":"{{timestamp}}","topic":"{{topic}}","event_id":"{{event_id}}","payload":{{payload}}}"""
"#
            }
            Self::Form => {
                r#"[target.publish]
path = "/queue"
headers = { content-type = "application/x-www-form-urlencoded" }
body = "Action=SendMessageBatch&{{events}}"
separator = "&"
event = "Entry.{{place1}}.Id={{event_id}}&Entry.{{place1}}.MessageBody={{payload}}"
"#
            }
            Self::Signed => {
                r#"[target.publish]
path = "/hooks"
headers = { webhook-id = "{{event_id}}", webhook-timestamp = "{{now.epoch_s}}", webhook-signature = "v1,{{signature}}" }
body = '{"type":"{{topic}}","id":"{{event_id}}","timestamp":"{{timestamp}}","data":{{payload}}}'
sign = { algorithm = "hmac-sha256", secret = "of the bench", over = "{{event_id}}.{{now.epoch_s}}.{{body}}", as = "base64" }
"#
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_scenario_that_names_its_events() {
        for text in Text::ALL {
            let scenario = text.scenario();
            assert!(scenario.starts_with("[target.publish]\n"), "{}", text.name());
            assert!(scenario.contains("{{event_id}}"), "{}", text.name());
        }
    }
}
