//! Shape of the rows in a page of a listing, found by the events that were sent.

use serde_json::Value;
use truth::observed::rows::equal_payload;
use truth::observed::rows::moment::is_moment;
use truth::scenario::promises::{PayloadEquality, TimestampEquality};

use super::answers::{escaped, find_lists};
use super::asking::{Response, SOURCE, Sent, TIMESTAMP, TIMESTAMP_MS};

/// Shape of a page, as far as the events of the probe show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// JSON pointer of the list of rows.
    pub(super) rows: String,
    /// Place of the id in a row: a name, or a pointer.
    pub(super) event_id: String,
    pub(super) topic: Option<String>,
    pub(super) source: Option<String>,
    pub(super) timestamp: Option<Shown<TimestampEquality>>,
    pub(super) payload: Option<Shown<PayloadEquality>>,
    /// Ids of all rows, in the order of the page.
    pub(super) ids: Vec<String>,
}

/// Value that rows show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Shown<T> {
    /// Place in a row: a name, or a pointer.
    pub(super) at: String,
    /// Likeness to the value that was sent.
    pub(super) kept: T,
}

impl Shape {
    /// Returns the shape of a page that shows this event.
    pub(super) fn of(page: &Response, event: &Sent, topic: &str) -> Option<Self> {
        let body = page.json.as_ref().filter(|_| page.is_success())?;
        let mut lists = Vec::new();
        find_lists(body, "", &mut lists);
        lists.into_iter().find_map(|rows| {
            let list = body.pointer(&rows)?.as_array()?;
            list.iter().find_map(|row| {
                let id = leaf(row, |value| value.as_str() == Some(event.id.as_str()))?;
                Some(Self::of_row(page, &rows, list, row, &id, event, topic))
            })
        })
    }

    /// True if the list of rows has a place that names the topic.
    pub(super) fn is_under(&self, topic: &str) -> bool {
        self.rows.split('/').any(|step| step == escaped(topic))
    }

    fn of_row(
        page: &Response,
        rows: &str,
        list: &[Value],
        row: &Value,
        id: &str,
        event: &Sent,
        topic: &str,
    ) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_moment = |value: &Value| {
            (value.is_string() || value.is_number()) && is_moment(&text(value), TIMESTAMP_MS) == Some(true)
        };
        let exact = leaf(row, |value| value.as_str() == Some(TIMESTAMP))
            .map(|at| Shown { at: named(&at), kept: TimestampEquality::Exact });
        let instant = || Some(Shown { at: named(&leaf(row, is_moment)?), kept: TimestampEquality::Instant });
        let kept = |value: &Value| equal_payload(PayloadEquality::Json, &event.payload, &value.to_string());
        let is_exact = page.text.contains(&event.payload);
        let spelt = if is_exact { PayloadEquality::Exact } else { PayloadEquality::Json };
        let id_of = |row: &Value| row.pointer(id).map(text);
        Self {
            rows: rows.to_owned(),
            event_id: named(id),
            topic: leaf(row, |value| value.as_str() == Some(topic)).map(|at| named(&at)),
            source: leaf(row, |value| value.as_str() == Some(SOURCE)).map(|at| named(&at)),
            timestamp: exact.or_else(instant),
            payload: leaf(row, kept).map(|at| Shown { at: named(&at), kept: spelt }),
            ids: list.iter().filter_map(id_of).collect(),
        }
    }
}

/// Returns the pointer of a value that fits, at any depth of objects.
fn leaf(row: &Value, fits: impl Fn(&Value) -> bool + Copy) -> Option<String> {
    fn find(value: &Value, at: &str, fits: impl Fn(&Value) -> bool + Copy) -> Option<String> {
        if !at.is_empty() && fits(value) {
            return Some(at.to_owned());
        }
        let members = value.as_object()?;
        members.iter().find_map(|(name, member)| find(member, &format!("{at}/{}", escaped(name)), fits))
    }
    find(row, "", fits)
}

/// Returns a pointer of one step as the plain name that it stands for.
fn named(pointer: &str) -> String {
    match pointer[1..].contains('/') {
        true => pointer.to_owned(),
        false => pointer[1..].replace("~1", "/").replace("~0", "~"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Response {
        Response { status: 200, text: text.to_owned(), json: serde_json::from_str(text).ok(), next: None }
    }

    fn shown<T>(at: &str, kept: T) -> Option<Shown<T>> {
        Some(Shown { at: at.to_owned(), kept })
    }

    #[test]
    fn our_rows_show_what_the_fields_are_called_and_what_became_of_them() {
        let event = Sent { id: "id-1".to_owned(), payload: r#"{"z":1.50,"n":1,"a":"probe"}"#.to_owned() };
        let text = r#"{"data":{"items":[{"key":"other"},{"key":"id-1","meta":{"stream":"t","from":"verify-probe"},
            "ts":1735689600250,"body":"{\"a\": \"probe\", \"n\": 1, \"z\": 1.50}"}]}}"#;
        let shape = Shape::of(&page(text), &event, "t").unwrap();
        assert_eq!((shape.rows.as_str(), shape.event_id.as_str()), ("/data/items", "key"));
        assert_eq!(
            (shape.topic.as_deref(), shape.source.as_deref()),
            (Some("/meta/stream"), Some("/meta/from"))
        );
        assert_eq!(shape.timestamp, shown("ts", TimestampEquality::Instant));
        assert_eq!(shape.payload, shown("body", PayloadEquality::Json));
        assert_eq!(shape.ids, ["other", "id-1"]);
        let kept =
            format!(r#"[{{"event_id":"id-1","timestamp":"{TIMESTAMP}","payload":{}}}]"#, event.payload);
        let shape = Shape::of(&page(&kept), &event, "t").unwrap();
        assert_eq!((shape.rows.as_str(), shape.topic), ("", None));
        assert_eq!(shape.payload, shown("payload", PayloadEquality::Exact));
        let through_float = kept.replace("1.50", "1.5");
        let shape = Shape::of(&page(&through_float), &event, "t").unwrap();
        assert_eq!(shape.payload, shown("payload", PayloadEquality::Json));
        let by_topic = format!(r#"{{"topics":{{"a/b":{kept}}}}}"#);
        let shape = Shape::of(&page(&by_topic), &event, "a/b").unwrap();
        assert_eq!((shape.is_under("a/b"), shape.is_under("a")), (true, false), "{}", shape.rows);
        for changed in [
            kept.replace("1.50", "1.6"),
            kept.replace("probe", "Probe"),
            kept.replace(r#""n":1"#, r#""n":1.1"#),
            kept.replace(r#""z":1.50,"#, ""),
        ] {
            assert_eq!(Shape::of(&page(&changed), &event, "t").unwrap().payload, None, "{changed}");
        }
    }
}
