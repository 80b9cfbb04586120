//! Response to a request of a probe, and the facts in it that can differ between responses.

use std::collections::BTreeMap;

use serde_json::Value;
use truth::target::secrets::masked_beginning;

use super::json::{escaped, scalar};

/// Header fields that differ between any two responses, or say nothing of an event.
const IDLE: [&str; 14] = [
    "date",
    "content-length",
    "server",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "vary",
    "content-type",
    "etag",
    "age",
    "via",
    "x-powered-by",
    "cache-control",
    "alt-svc",
];

/// Most characters of a body that are shown.
const SHOWN: usize = 160;

/// Response to a request of a probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Header fields, by their names in small letters.
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
    /// Body as JSON; lines of JSON are a list.
    pub(super) json: Option<Value>,
    /// True if the body is lines of JSON.
    pub(super) is_lines: bool,
    /// URL of its `Link` to a next page.
    pub(super) next: Option<String>,
}

impl Response {
    /// Reads a body.
    pub(super) fn of(status: u16, headers: Vec<(String, String)>, body: &[u8], next: Option<String>) -> Self {
        let text = String::from_utf8_lossy(body).into_owned();
        let whole: Option<Value> = serde_json::from_str(&text).ok();
        let lines = || {
            let stream = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            stream.collect::<Result<Vec<Value>, _>>().ok().filter(|values| values.len() > 1).map(Value::Array)
        };
        let is_lines = whole.is_none() && lines().is_some();
        let json = if is_lines { lines() } else { whole };
        Self { status, headers, text, json, is_lines, next }
    }

    /// True if its status is a success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Status and body in one line, shortened, without secrets.
    pub(super) fn in_one_line(&self) -> String {
        let text: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = text.chars().take(SHOWN).collect();
        let rest = if shown.len() < text.len() { "…" } else { "" };
        format!("{} {}{rest}", self.status, masked_beginning(&shown)).trim_end().to_owned()
    }

    /// Value of a header field.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Facts by their places, as the rules of a scenario name them: `status`, `header:NAME`, a JSON
    /// pointer, or `body` for a text.
    pub(super) fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::from([("status".to_owned(), self.status.to_string())]);
        let headers = self.headers.iter().filter(|(name, _)| !IDLE.contains(&name.as_str()));
        facts.extend(headers.map(|(name, value)| (format!("header:{name}"), value.clone())));
        match &self.json {
            Some(value) => leaves(value, String::new(), &mut facts),
            None => {
                facts.insert("body".to_owned(), self.text.trim().to_owned());
            }
        }
        facts
    }
}

/// Adds the scalars of a value by their JSON pointers.
pub(super) fn leaves(value: &Value, at: String, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| leaves(member, format!("{at}/{}", escaped(name)), found));
        }
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(nth, element)| leaves(element, format!("{at}/{nth}"), found));
        }
        leaf => {
            found.insert(at, scalar(leaf).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_named_as_rules_name_them() {
        let headers = vec![("date".to_owned(), "now".to_owned()), ("x-new".to_owned(), "1".to_owned())];
        let response = Response::of(201, headers, br#"{"a":[{"b/c":7}],"d":null}"#, None);
        let expected = [("status", "201"), ("header:x-new", "1"), ("/a/0/b~1c", "7"), ("/d", "null")];
        let expected = expected.map(|(place, value)| (place.to_owned(), value.to_owned()));
        assert_eq!(response.facts(), expected.into());
        let text = Response::of(200, Vec::new(), b" ok\n", None);
        assert_eq!(text.facts()["body"], "ok");
        let lines = Response::of(200, Vec::new(), b"{\"a\":1}\n{\"a\":2}\n", None);
        assert!(lines.is_lines && lines.facts()["/1/a"] == "2");
    }
}
