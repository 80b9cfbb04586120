//! Values of a path, a query, a header field, a form, a JSON text and a text of any form.

use std::ops::Range;

use percent_encoding::percent_decode_str;

use super::super::class::Class;
use super::super::json::{Kind, Spot, spots, unquoted};
use super::super::names::{id_score, payload_score, topic_score};
use super::super::unescaped::Unescaped;

/// Weight of a name from which on a value is a candidate for the id.
const ID: u32 = 40;

/// Value in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) span: Range<usize>,
    pub(super) name: String,
    pub(super) place: String,
    pub(super) value: String,
    pub(super) kind: Kind,
    /// True if it stands in JSON that a text holds.
    pub(super) is_nested: bool,
}

fn text(span: Range<usize>, name: &str, place: String, value: String) -> Found {
    Found { span, name: name.to_owned(), place, value, kind: Kind::Text, is_nested: false }
}

impl Found {
    /// Returns the same value of a text that begins at this place of a larger one.
    fn moved(self, start: usize) -> Self {
        Self { span: self.span.start + start..self.span.end + start, ..self }
    }

    /// True if nobody would take it for anything but the id of its event.
    fn is_id(&self) -> bool {
        let class = Class::of(&self.value);
        self.kind == Kind::Text && class.is_unique() && id_score(&self.name, class) > ID
    }
}

/// Values of the JSON that a text holds, if one of them is the id of its event. `place` is that of the
/// text.
fn nested(read: &Unescaped, place: &str) -> Vec<Found> {
    if !read.text.starts_with(['{', '[']) {
        return Vec::new();
    }
    let inner = values(&read.text, 0, true, &|_, _| Vec::new());
    if !inner.iter().any(Found::is_id) {
        return Vec::new();
    }
    let outer = |found: Found| Found {
        span: read.span(&found.span),
        place: format!("{place}{}", found.place.trim_start_matches("body ")),
        is_nested: true,
        ..found
    };
    inner.into_iter().map(outer).collect()
}

/// Weight of the best id in the JSON that a text holds; 0 if it holds none.
pub(super) fn nested_id_score(inner: &str) -> u32 {
    let found = nested(&Unescaped::of_json(inner), "");
    found.iter().map(|found| id_score(&found.name, Class::of(&found.value))).max().unwrap_or(0)
}

/// Segments of a path; each is named by the one before it.
pub(super) fn of_path(path: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut name = "";
    for segment in path.split('/') {
        if !name.is_empty() && !segment.is_empty() {
            found.push(text(at..at + segment.len(), name, format!("path {name}"), percent(segment)));
        }
        at += segment.len() + 1;
        name = segment;
    }
    found
}

/// Values of a query.
pub(super) fn of_query(query: &str) -> Vec<Found> {
    pairs(query, "query")
}

/// Values of a form.
pub(super) fn of_form(form: &str) -> Vec<Found> {
    pairs(form, "body")
}

/// Value of a header field, without quotes around it.
pub(super) fn of_header(name: &str, value: &str) -> Vec<Found> {
    let is_quoted = value.len() > 2 && value.starts_with('"') && value.ends_with('"');
    let span = if is_quoted { 1..value.len() - 1 } else { 0..value.len() };
    if span.is_empty() {
        return Vec::new();
    }
    vec![text(span.clone(), name, format!("header {name}"), value[span].to_owned())]
}

fn pairs(text_of: &str, part: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    for pair in text_of.split('&') {
        if let Some((name, value)) = pair.split_once('=').filter(|(_, value)| !value.is_empty()) {
            let start = at + name.len() + 1;
            let name = percent(name);
            let last = name.trim_end_matches(']').rsplit(['[', '.']).next().unwrap_or_default().to_owned();
            let place = format!("{part} {name}");
            let inner = Unescaped::of_form(value).map(|read| nested(&read, &place)).unwrap_or_default();
            if inner.is_empty() {
                found.push(text(start..start + value.len(), &last, place, percent(value)));
            }
            found.extend(inner.into_iter().map(|one| one.moved(start)));
        }
        at += pair.len() + 1;
    }
    found
}

fn percent(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Values of a JSON text that begins at this place of a larger one. An object that looks like a
/// payload, and holds no id, is one value. A text of an event that holds JSON with the id is many.
pub(super) fn of_json(json: &str, start: usize, is_event: bool) -> Vec<Found> {
    let within = |inner: &str, place: &str| match is_event {
        true => nested(&Unescaped::of_json(inner), place),
        false => Vec::new(),
    };
    values(json, start, is_event, &within)
}

/// Values of a JSON text. `within` finds those of a text in it, by what stands within its quotes and
/// its place.
fn values(json: &str, start: usize, is_event: bool, within: &dyn Fn(&str, &str) -> Vec<Found>) -> Vec<Found> {
    let all = spots(json).unwrap_or_default();
    let payload = if is_event { payload_of(json, &all) } else { None };
    let is_within = |spot: &Spot| {
        payload
            .is_some_and(|payload| payload.span.start < spot.span.start && spot.span.end <= payload.span.end)
    };
    let mut found = Vec::new();
    for spot in &all {
        let own = &json[spot.span.clone()];
        let is_payload = payload.is_some_and(|payload| std::ptr::eq(payload, spot));
        let is_leaf = match spot.kind {
            Kind::Text => !own.is_empty(),
            Kind::Scalar => own.starts_with(|first: char| first.is_ascii_digit()),
            Kind::Object | Kind::List | Kind::Place => false,
        };
        if !is_payload && (!is_leaf || is_within(spot)) {
            continue;
        }
        let place = format!("body {}", spot.pointer);
        let inner = if spot.kind == Kind::Text { within(own, &place) } else { Vec::new() };
        if !inner.is_empty() {
            found.extend(inner.into_iter().map(|one| one.moved(spot.span.start + start)));
            continue;
        }
        found.push(Found {
            span: spot.span.start + start..spot.span.end + start,
            name: name_of(&spot.pointer).to_owned(),
            place,
            value: if spot.kind == Kind::Text { unquoted(own) } else { own.to_owned() },
            kind: spot.kind,
            is_nested: false,
        });
    }
    found
}

/// Returns the object that looks most like a payload, by its name, or else the largest one. It holds
/// neither the id of its event nor, without such a name, its time or its topic.
fn payload_of<'s>(json: &str, all: &'s [Spot]) -> Option<&'s Spot> {
    let values = |object: &Spot| {
        let span = object.span.clone();
        let is_within = move |spot: &&Spot| spot.span.start > span.start && spot.span.end <= span.end;
        all.iter().filter(|spot| matches!(spot.kind, Kind::Text | Kind::Scalar)).filter(is_within)
    };
    let class = |spot: &Spot| Class::of(&json[spot.span.clone()]);
    let is_id = |spot: &Spot| class(spot).is_unique() && id_score(name_of(&spot.pointer), class(spot)) > ID;
    let is_time = |spot: &Spot| matches!(class(spot), Class::Time(_));
    let is_topic = |spot: &Spot| spot.kind == Kind::Text && topic_score(name_of(&spot.pointer)) > 0;
    let holds = |object: &Spot, is: &dyn Fn(&Spot) -> bool| values(object).any(is);
    let objects = || all.iter().filter(|spot| spot.kind == Kind::Object && !spot.pointer.is_empty());
    let score = |object: &Spot| payload_score(name_of(&object.pointer));
    let named = objects().filter(|object| score(object) > 0 && !holds(object, &is_id));
    // An object that holds the time of its event as well may be the event itself.
    let named = named.max_by_key(|object| (!holds(object, &is_time), score(object)));
    let is_candidate = |spot: &Spot| id_score(name_of(&spot.pointer), class(spot)) >= ID;
    let is_other = |spot: &Spot| is_candidate(spot) || is_time(spot) || is_topic(spot);
    let free = objects().filter(|object| values(object).next().is_some() && !holds(object, &is_other));
    named.or_else(|| free.max_by_key(|object| object.span.len()))
}

/// Returns the name that a pointer ends with. An element of a list has the name of the list.
fn name_of(pointer: &str) -> &str {
    let is_number = |step: &&str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    pointer.rsplit('/').find(|step| !is_number(step)).unwrap_or_default()
}

/// Words of a text of any form that look like ids or times. Each has the name before its `=`.
pub(super) fn of_words(body: &str) -> Vec<Found> {
    let is_edge = |one: char| one.is_whitespace() || matches!(one, ',' | ';' | '=' | '"' | '|' | '&');
    let mut found = Vec::new();
    let mut at = 0;
    let mut name = String::new();
    for word in body.split_inclusive(is_edge) {
        let bare = word.trim_end_matches(is_edge);
        let class = Class::of(bare);
        let is_named = id_score(&name, class) > ID || topic_score(&name) > 0;
        if !bare.is_empty() && (class.is_unique() || matches!(class, Class::Time(_)) || is_named) {
            found.push(text(at..at + bare.len(), &name, format!("body {name}"), bare.to_owned()));
        }
        name = if word.ends_with('=') { bare.to_owned() } else { String::new() };
        at += word.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line_are_found_by_their_looks_and_names() {
        let line = "events,topic=cpu,id=a1 value=5 1735689600250000000";
        let found: Vec<(String, String)> =
            of_words(line).into_iter().map(|found| (found.name, found.value)).collect();
        let expected = [("topic", "cpu"), ("id", "a1"), ("", "1735689600250000000")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn json_with_the_id_in_a_text_is_many_values() {
        let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let line = format!(r#"{{"topic":"a b","id":"{id}","payload":{{"x":"{{{{"}}}}"#);
        let json = serde_json::json!({"key": id, "body": line, "note": "{\"x\":1}"}).to_string();
        let shown = |text: &str, found: Vec<Found>| -> Vec<(String, String, bool)> {
            let one =
                |found: &Found| (found.place.clone(), text[found.span.clone()].to_owned(), found.is_nested);
            found.iter().map(one).collect()
        };
        let found = shown(&json, of_json(&json, 0, true));
        let place = |place: &str| found.iter().find(|(own, ..)| own == place).cloned();
        assert_eq!(place("body /body/topic").unwrap().1, "a b");
        assert_eq!(place("body /body/payload").unwrap().1, r#"{\"x\":\"{{\"}"#);
        assert!(place("body /body/id").unwrap().2 && place("body /note").is_some(), "{found:?}");
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("Body", &line).finish();
        let found = shown(&form, of_form(&form));
        assert_eq!(found[0], ("body Body/topic".to_owned(), "a+b".to_owned(), true));
        assert_eq!(found[1].1, id);
    }

    #[test]
    fn an_object_of_any_name_may_be_the_payload_if_it_holds_nothing_else() {
        let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        for (members, expected) in [
            (r#""purchase":{"amount":5,"currency":"eur"},"extra":{"a":1}"#, Some("body /purchase")),
            (r#""purchase":{"amount":5,"currency":"eur"},"data":{"a":1}"#, Some("body /data")),
            (r#""of":{"order_id":"u-1"},"when":{"at":"2025-01-01T00:00:00Z"}"#, None),
            (r#""of":{"type":"paid"},"empty":{}"#, None),
        ] {
            let json = format!(r#"{{"id":"{id}",{members}}}"#);
            let objects = of_json(&json, 0, true).into_iter().filter(|found| found.kind == Kind::Object);
            let places: Vec<String> = objects.map(|found| found.place).collect();
            assert_eq!(places, expected.into_iter().collect::<Vec<_>>(), "{json}");
        }
    }

    #[test]
    fn a_list_gives_its_name_to_its_elements() {
        assert_eq!(name_of("/a/ids/0"), "ids");
        assert_eq!(name_of("/0"), "");
    }
}
