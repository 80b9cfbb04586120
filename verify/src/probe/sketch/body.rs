//! Body of a request: what is one event in it, and what stands around the events.

use std::ops::Range;

use super::super::json::{Kind, Spot, spots, values};
use super::super::names::{id_score, plain};
use super::cut::Cut;
use super::leaves::{Found, nested_id_score, of_form, of_json, of_words};
use super::numbered::numbered;
use crate::probe::class::Class;

/// Names of lists of events.
const LISTS: [&str; 10] =
    ["events", "batch", "records", "messages", "entries", "items", "data", "logs", "points", "rows"];

/// Weight of a name from which on a value may be the id of an event.
const CANDIDATE: u32 = 40;

/// Weight of a name that hardly anything but the id of an event has.
const STRONG: u32 = 80;

/// Actions of the lines that stand before a document.
const ACTIONS: [&str; 4] = ["create", "index", "update", "delete"];

/// Cuts a body.
pub(super) fn cut(body: &str, content_type: &str) -> Cut {
    let parts = values(body).unwrap_or_default();
    let is_json = parts.iter().all(|part| body[part.clone()].starts_with(['{', '[']));
    match parts.as_slice() {
        [] => whole(body, content_type),
        _ if !is_json => whole(body, content_type),
        [one] => of_one(body, one.clone(), content_type),
        many => of_many(body, many),
    }
}

/// A body that is no JSON: one event.
fn whole(body: &str, content_type: &str) -> Cut {
    let is_form = content_type.contains("form-urlencoded");
    if let Some(cut) = numbered(body).filter(|_| is_form) {
        return cut;
    }
    let lines: Vec<&str> = body.trim_end().lines().collect();
    if !is_form && lines.len() > 1 && lines.iter().all(|line| !of_words(line).is_empty()) {
        let event = 0..lines[0].len();
        let found = of_words(lines[0]);
        let (before, after) = (Vec::new(), Vec::new());
        return Cut {
            event,
            end: body.trim_end().len(),
            separator: Some("\n".to_owned()),
            before,
            found,
            after,
        };
    }
    let found = if is_form { of_form(body) } else { of_words(body) };
    Cut {
        event: 0..body.len(),
        end: body.len(),
        separator: None,
        before: Vec::new(),
        found,
        after: Vec::new(),
    }
}

/// One JSON value: an event, or a list of events somewhere in it.
fn of_one(body: &str, part: Range<usize>, content_type: &str) -> Cut {
    let text = &body[part.clone()];
    let all = spots(text).unwrap_or_default();
    let Some(list) = list_of(text, &all) else {
        // An object of a kind that is written line by line can be followed by others.
        let separator = content_type.contains("ndjson").then(|| "\n".to_owned());
        let found = of_json(text, 0, true);
        return Cut {
            event: part.clone(),
            end: part.end,
            separator,
            before: Vec::new(),
            found,
            after: Vec::new(),
        };
    };
    let is_element = |spot: &&Spot| is_child(&list.pointer, &spot.pointer);
    let elements: Vec<&Spot> = all.iter().filter(is_element).collect();
    let place = |spot: &Spot| spot.span.start + part.start..spot.span.end + part.start;
    let event = elements.first().map_or(place(list), |first| place(first));
    let end = elements.last().map_or(event.end, |last| place(last).end);
    let own = |spot: &Found, from: usize, to: usize| spot.span.start >= from && spot.span.end <= to;
    let around = of_json(text, part.start, false);
    let before = around.iter().filter(|found| own(found, 0, event.start)).cloned().collect();
    let shift = |found: &Found| Found { span: found.span.start - end..found.span.end - end, ..found.clone() };
    let after = around.iter().filter(|found| own(found, end, body.len())).map(shift).collect();
    let found = of_json(&body[event.clone()], 0, true);
    Cut { event, end, separator: Some(",".to_owned()), before, found, after }
}

/// Returns the list whose elements look like events.
fn list_of<'s>(text: &str, all: &'s [Spot]) -> Option<&'s Spot> {
    let first_of = |list: &Spot| {
        let place = format!("{}/0", list.pointer);
        all.iter().find(|spot| spot.pointer == place).map(|spot| spot.kind)
    };
    let can_hold_events = |list: &&Spot| {
        let depth = list.pointer.matches('/').count();
        list.kind == Kind::List
            && match first_of(list) {
                Some(Kind::Object) => depth <= 2,
                // An event can be a row of columns.
                Some(Kind::List) => depth <= 3,
                _ => false,
            }
    };
    let id_in = |is_of: &dyn Fn(&Spot) -> bool| {
        let leaves = all.iter().filter(|spot| matches!(spot.kind, Kind::Text | Kind::Scalar) && is_of(spot));
        let score = |spot: &Spot| {
            let name = spot.pointer.rsplit('/').next().unwrap_or_default();
            let own = &text[spot.span.clone()];
            let within = if spot.kind == Kind::Text { nested_id_score(own) } else { 0 };
            within.max(id_score(name, Class::of(own)))
        };
        leaves.map(score).max().unwrap_or(0)
    };
    // Zero if the list is part of an event, such as the items of an order.
    let weight = |list: &&Spot| {
        if list.pointer.is_empty() && first_of(list) == Some(Kind::Object) {
            return u32::MAX;
        }
        let is_named = LISTS.contains(&plain(list.pointer.rsplit('/').next().unwrap_or_default()).as_str());
        let below = format!("{}/", list.pointer);
        let inner = id_in(&|spot| spot.pointer.starts_with(&below));
        let outer = id_in(&|spot| !spot.pointer.starts_with(&below));
        let is_events =
            if is_named { inner > outer || outer < CANDIDATE } else { inner > outer && inner >= STRONG };
        u32::from(is_events) * (inner + u32::from(is_named) * 100)
    };
    // Of lists within each other, the inner one has the events.
    all.iter().filter(can_hold_events).filter(|list| weight(list) > 0).max_by_key(weight)
}

fn is_child(parent: &str, pointer: &str) -> bool {
    let step = pointer.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
    step.is_some_and(|step| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()))
}

/// JSON values one after the other: each is an event, or an action and its document are one.
fn of_many(body: &str, parts: &[Range<usize>]) -> Cut {
    let unit = if is_action(&body[parts[0].clone()]) { 2.min(parts.len()) } else { 1 };
    let last = &parts[unit - 1];
    let event = parts[0].start..last.end;
    let separator = match parts.get(unit) {
        Some(next) => body[last.end..next.start].to_owned(),
        None => "\n".to_owned(),
    };
    let in_event = |part: &Range<usize>| of_json(&body[part.clone()], part.start - event.start, true);
    let found = parts[..unit].iter().flat_map(in_event).collect();
    let end = parts.last().map_or(event.end, |last| last.end);
    Cut {
        event: event.clone(),
        end,
        separator: Some(separator),
        before: Vec::new(),
        found,
        after: Vec::new(),
    }
}

/// True if a line says what to do with the next one.
fn is_action(line: &str) -> bool {
    let members: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(line).ok();
    members.is_some_and(|members| {
        members.len() == 1
            && members.iter().all(|(name, of)| ACTIONS.contains(&name.as_str()) && of.is_object())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_of(body: &str) -> (String, Option<String>, String) {
        let cut = cut(body, "application/json");
        (body[cut.event].to_owned(), cut.separator, body[cut.end..].to_owned())
    }

    #[test]
    fn an_event_is_found_in_each_kind_of_body() {
        let comma = Some(",".to_owned());
        for (body, event, separator, after) in [
            (r#"[{"id":1},{"id":2}]"#, r#"{"id":1}"#, comma.clone(), "]"),
            (
                r#"{"batch":[ {"messageId":"a"} ],"n":1}"#,
                r#"{"messageId":"a"}"#,
                comma.clone(),
                r#" ],"n":1}"#,
            ),
            (r#"{"id":"a","items":[{"sku":1}]}"#, r#"{"id":"a","items":[{"sku":1}]}"#, None, ""),
            (r#"{"records":[{"key":"k","value":{"id":1}}]}"#, r#"{"key":"k","value":{"id":1}}"#, comma, "]}"),
            ("{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}", Some("\n".to_owned()), "\n"),
            ("{\"a\":1}{\"a\":2}", "{\"a\":1}", Some(String::new()), ""),
            ("{\"create\":{}}\n{\"a\":2}\n", "{\"create\":{}}\n{\"a\":2}", Some("\n".to_owned()), "\n"),
            ("a=1&b=2", "a=1&b=2", None, ""),
            ("a,id=1 v=2\na,id=2 v=3\n", "a,id=1 v=2", Some("\n".to_owned()), "\n"),
            (
                r#"{"s":[{"of":{"a":"b"},"v":[["1","{\"id\":\"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"}"],["2","{}"]]}]}"#,
                r#"["1","{\"id\":\"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"}"]"#,
                Some(",".to_owned()),
                "]}]}",
            ),
            ("", "", None, ""),
        ] {
            assert_eq!(event_of(body), (event.to_owned(), separator, after.to_owned()), "{body}");
        }
    }
}
