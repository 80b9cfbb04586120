//! Shape of the rows in a page of a listing, found by the events that were sent.

use serde_json::Value;
use truth::observed::rows::equal_payload;
use truth::observed::rows::moment::is_moment_to;
use truth::scenario::promises::PayloadEquality;

use super::json::{elements_at, escaped, find_lists, scalar};
use super::response::Response;

/// Event that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) topic: String,
    /// Source; empty if none was sent.
    pub(super) source: String,
    /// True if the timestamp was sent.
    pub(super) has_time: bool,
    pub(super) timestamp_ms: i64,
    /// Precision of the timestamp that was sent, in milliseconds.
    pub(super) precision_ms: u32,
    /// Payload; empty if none was sent.
    pub(super) payload: String,
}

/// Shape of a page, as far as the events of the probe show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// JSON pointer of the list of rows.
    pub(super) rows: String,
    /// Place of the id in a row: a name, or a pointer. So are the others.
    pub(super) event_id: String,
    pub(super) topic: Option<String>,
    pub(super) source: Option<String>,
    pub(super) timestamp: Option<String>,
    pub(super) payload: Option<String>,
    /// True if the payload has members that were not sent.
    pub(super) has_more: bool,
    /// True if the page is lines of JSON.
    pub(super) is_lines: bool,
    /// Ids of all rows, in the order of the page.
    pub(super) ids: Vec<String>,
    /// List of the row that holds the time of the event; none if no list does.
    pub(super) times: Option<Times>,
}

/// List of a row that holds the time of its event. A store may add to it with each repeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Times {
    /// JSON pointer into the row.
    pub(super) list: String,
    /// True if it holds that time several times: each repeat has added to it.
    pub(super) has_copies: bool,
}

impl Shape {
    /// Returns the shape of a page that shows this event.
    pub(super) fn of(page: &Response, event: &Sent) -> Option<Self> {
        let body = page.json.as_ref().filter(|_| page.is_success())?;
        let mut lists = Vec::new();
        find_lists(body, "", &mut lists);
        lists.into_iter().find_map(|rows| {
            let list = elements_at(body, &rows);
            list.iter().find_map(|row| {
                let id = leaf(row, &|value| scalar(value).as_deref() == Some(event.id.as_str()))?;
                Some(Self { is_lines: page.is_lines, ..Self::of_row(&rows, &list, row, &id, event) })
            })
        })
    }

    /// Returns the ids of a page of this shape.
    pub(super) fn ids_in(&self, page: &Response) -> Vec<String> {
        let rows = page.json.as_ref().map(|body| elements_at(body, &self.rows));
        rows.unwrap_or_default().into_iter().filter_map(|row| value_at(row, &self.event_id)).collect()
    }

    /// True if the list of rows has a place that names the topic.
    pub(super) fn is_under(&self, topic: &str) -> bool {
        !topic.is_empty() && self.rows.split('/').any(|step| step == escaped(topic))
    }

    /// Returns the list of the row that repeats have added to; none if none is seen to.
    pub(super) fn copies(&self) -> Option<&str> {
        self.times.as_ref().filter(|times| times.has_copies).map(|times| times.list.as_str())
    }

    /// Place of the list whose elements are the stored events.
    pub(super) fn place_of_rows(&self) -> String {
        self.copies().map_or_else(|| self.rows.clone(), |list| self.rows_in(list))
    }

    /// Place of a list that each row has.
    pub(super) fn rows_in(&self, list: &str) -> String {
        match self.is_lines && self.rows.is_empty() {
            true => list.to_owned(),
            false => format!("{}/*{list}", self.rows),
        }
    }

    /// Place of a field as seen from a stored event; none if it is in a list beside the events.
    pub(super) fn seen_from_event(&self, place: &str) -> Option<String> {
        match self.copies() {
            None => Some(place.to_owned()),
            Some(_) if is_in_list(place) => None,
            Some(_) => Some(match place.strip_prefix('/') {
                Some(pointer) => format!("../{pointer}"),
                None => format!("../{}", escaped(place)),
            }),
        }
    }

    fn of_row(rows: &str, list: &[&Value], row: &Value, id: &str, event: &Sent) -> Self {
        let place_of = |sent: &str| leaf(row, &|value| !sent.is_empty() && value.as_str() == Some(sent));
        let is_time = |value: &Value| {
            let text = scalar(value).filter(|_| event.has_time);
            text.is_some_and(|text| is_moment_to(&text, event.timestamp_ms, event.precision_ms) == Some(true))
        };
        let kept = |equality| {
            move |value: &Value| {
                !event.payload.is_empty() && equal_payload(equality, &event.payload, &value.to_string())
            }
        };
        let same = leaf(row, &kept(PayloadEquality::Json));
        let more = || leaf(row, &kept(PayloadEquality::Contains));
        let has_more = same.is_none() && more().is_some();
        let time = leaf(row, &is_time);
        let times = time.as_deref().filter(|at| row.is_object() && is_in_list(at)).and_then(|at| {
            let (list, _) = at.rsplit_once('/')?;
            let all = row.pointer(list)?.as_array()?;
            Some(Times { list: list.to_owned(), has_copies: all.len() > 1 && all.iter().all(is_time) })
        });
        Self {
            rows: rows.to_owned(),
            event_id: named(id),
            topic: place_of(&event.topic).map(|at| named(&at)),
            source: place_of(&event.source).map(|at| named(&at)),
            timestamp: time.map(|at| named(&at)),
            payload: same.or_else(more).map(|at| named(&at)),
            has_more,
            is_lines: false,
            ids: list.iter().filter_map(|row| value_at(row, id)).collect(),
            times,
        }
    }
}

/// Returns the place of a payload that was sent within a larger one that is shown.
pub(super) fn place_within(shown: &str, sent: &str) -> Option<String> {
    let shown: Value = serde_json::from_str(shown).ok()?;
    leaf(&shown, &|value| equal_payload(PayloadEquality::Json, sent, &value.to_string()))
}

/// True if a place of a row is an element of a list in it, such as `/tags/1`.
pub(super) fn is_in_list(place: &str) -> bool {
    let is_number = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    place.split('/').skip(2).any(is_number)
}

/// Returns a scalar of a row. A pointer that goes on below a text reads it as JSON.
pub(super) fn value_at(row: &Value, place: &str) -> Option<String> {
    let place = if place.starts_with('/') { place.to_owned() } else { format!("/{}", escaped(place)) };
    if let Some(value) = row.pointer(&place) {
        return scalar(value);
    }
    let (text, at) = place.match_indices('/').skip(1).find_map(|(at, _)| {
        let text = row.pointer(&place[..at])?.as_str()?;
        Some((text, at))
    })?;
    let inner: Value = serde_json::from_str(text).ok()?;
    inner.pointer(&place[at..]).and_then(scalar)
}

/// Returns the pointer of a value that fits, at any depth of objects, lists of values, rows of
/// columns, and texts that hold JSON.
fn leaf(row: &Value, fits: &dyn Fn(&Value) -> bool) -> Option<String> {
    fn find(value: &Value, at: &str, fits: &dyn Fn(&Value) -> bool) -> Option<String> {
        if !at.is_empty() && fits(value) {
            return Some(at.to_owned());
        }
        let is_value = |one: &Value| !one.is_object() && !one.is_array();
        match value {
            Value::Object(members) => members
                .iter()
                .find_map(|(name, member)| find(member, &format!("{at}/{}", escaped(name)), fits)),
            Value::Array(columns) if at.is_empty() || columns.iter().all(is_value) => {
                let mut columns = columns.iter().enumerate();
                columns.find_map(|(nth, column)| find(column, &format!("{at}/{nth}"), fits))
            }
            Value::String(text) if text.starts_with('{') => {
                find(&serde_json::from_str(text).ok()?, at, &|value| {
                    serde_json::to_string(value).is_ok_and(|whole| whole != *text) && fits(value)
                })
            }
            _ => None,
        }
    }
    find(row, "", fits)
}

/// Returns a pointer of one step as the plain name that it stands for.
fn named(pointer: &str) -> String {
    let name = &pointer[1..];
    let is_column = name.bytes().all(|byte| byte.is_ascii_digit());
    match name.contains('/') || is_column {
        true => pointer.to_owned(),
        false => name.replace("~1", "/").replace("~0", "~"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2025-01-01T00:00:00.250Z";

    fn page(text: &str) -> Response {
        Response::of(200, Vec::new(), text.as_bytes(), None)
    }

    fn event() -> Sent {
        Sent {
            id: "id-1".to_owned(),
            topic: "t".to_owned(),
            source: "loadgen".to_owned(),
            has_time: true,
            timestamp_ms: 1_735_689_600_250,
            precision_ms: 1,
            payload: r#"{"z":1.50,"n":1,"a":"probe"}"#.to_owned(),
        }
    }

    #[test]
    fn our_rows_show_what_the_fields_are_called_and_what_became_of_them() {
        let text = r#"{"data":{"items":[{"key":"other"},{"key":"id-1","meta":{"stream":"t","from":"loadgen"},
            "ts":1735689600250,"body":"{\"a\": \"probe\", \"n\": 1, \"z\": 1.50}"}]}}"#;
        let shape = Shape::of(&page(text), &event()).unwrap();
        assert_eq!((shape.rows.as_str(), shape.event_id.as_str()), ("/data/items", "key"));
        assert_eq!(
            (shape.topic.as_deref(), shape.source.as_deref()),
            (Some("/meta/stream"), Some("/meta/from"))
        );
        assert_eq!((shape.timestamp.as_deref(), shape.payload.as_deref()), (Some("ts"), Some("body")));
        assert_eq!(shape.ids, ["other", "id-1"]);
        let kept = format!(r#"[{{"event_id":"id-1","timestamp":"{TIME}","payload":{}}}]"#, event().payload);
        let shape = Shape::of(&page(&kept), &event()).unwrap();
        assert_eq!((shape.rows.as_str(), shape.topic, shape.payload.as_deref()), ("", None, Some("payload")));
        let by_topic = format!(r#"{{"topics":{{"t":{kept}}}}}"#);
        let shape = Shape::of(&page(&by_topic), &event()).unwrap();
        assert_eq!((shape.is_under("t"), shape.is_under("a")), (true, false), "{}", shape.rows);
        let more = kept.replace(r#""n":1"#, r#""n":1,"added":true"#);
        let shape = Shape::of(&page(&more), &event()).unwrap();
        assert_eq!((shape.payload.as_deref(), shape.has_more), (Some("payload"), true));
        for changed in
            [kept.replace("1.50", "1.6"), kept.replace("probe", "Probe"), kept.replace(r#""z":1.50,"#, "")]
        {
            assert_eq!(Shape::of(&page(&changed), &event()).unwrap().payload, None, "{changed}");
        }
    }

    #[test]
    fn a_payload_is_found_within_a_larger_one() {
        let sent = event().payload;
        let inner = serde_json::json!({"id": "x", "data": sent}).to_string();
        let text = Value::from(inner.clone()).to_string();
        for shown in [inner, text] {
            assert_eq!(place_within(&shown, &sent).as_deref(), Some("/data"), "{shown}");
        }
        assert_eq!(place_within(r#"{"data":1}"#, &sent), None);
    }

    #[test]
    fn columns_and_lines_are_rows_too() {
        let columns = Shape::of(&page(r#"{"results":[["id-1","t"]]}"#), &event()).unwrap();
        assert_eq!((columns.event_id.as_str(), columns.topic.as_deref()), ("/0", Some("/1")));
        let within = Shape::of(&page(r#"[{"n":1,"ids":["x","id-1"]}]"#), &event()).unwrap();
        assert_eq!((within.event_id.as_str(), within.ids.as_slice()), ("/ids/1", &["id-1".to_owned()][..]));
        let streams =
            r#"{"result":[{"of":"a","values":[["1735689600250000000","{\"id\":\"id-1\",\"of\":\"t\"}"]]}]}"#;
        let nested = Shape::of(&page(streams), &event()).unwrap();
        assert_eq!((nested.rows.as_str(), nested.event_id.as_str()), ("/result/*/values", "/1/id"));
        assert_eq!((nested.topic.as_deref(), nested.timestamp.as_deref()), (Some("/1/of"), Some("/0")));
        assert_eq!(nested.ids, ["id-1"]);
        let lines = Shape::of(&page("{\"id\":\"x\"}\n{\"id\":\"id-1\"}\n"), &event()).unwrap();
        assert_eq!((lines.is_lines, lines.event_id.as_str(), lines.rows.as_str()), (true, "id", ""));
    }

    #[test]
    fn a_list_of_a_row_that_repeats_have_added_to_is_the_list_of_events() {
        let line = |times: &str| {
            let row = format!(r#"{{"metric":{{"of":"t","id":"id-1"}},"values":[7,7],"times":[{times}]}}"#);
            Shape::of(&page(&format!("{{\"metric\":{{}}}}\n{row}\n")), &event()).unwrap()
        };
        let copies = line("1735689600250,1735689600250");
        assert_eq!(copies.place_of_rows(), "/times");
        assert_eq!(copies.seen_from_event(&copies.event_id).as_deref(), Some("../metric/id"));
        assert_eq!(copies.seen_from_event(copies.timestamp.as_ref().unwrap()), None);
        let within = Shape { is_lines: false, rows: "/data".to_owned(), ..copies };
        assert_eq!(within.place_of_rows(), "/data/*/times");
        for open in ["1735689600250", "1735689600250,1"] {
            let open = line(open);
            assert_eq!((open.place_of_rows().as_str(), open.copies()), ("", None));
            assert_eq!(open.times.unwrap().list, "/times", "whether it grows is not known");
        }
        let columns = Shape::of(&page(r#"{"values":[["1735689600250","id-1"]]}"#), &event()).unwrap();
        assert_eq!(columns.times, None, "the columns of a row are its fields");
    }
}
