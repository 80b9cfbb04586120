//! Places of the values of a JSON text, so that one of them can be replaced and all else stays as it
//! was written.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use serde_json::value::RawValue;

/// Most levels of a text that are searched.
const DEEPEST: usize = 16;

/// Value of a JSON text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spot {
    /// JSON pointer.
    pub(super) pointer: String,
    /// Place in the text, in bytes. Of a text it is what stands within the quotes.
    pub(super) span: Range<usize>,
    /// Kind of the value.
    pub(super) kind: Kind,
}

/// Kind of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Text in quotes.
    Text,
    /// Number, boolean or null.
    Scalar,
    /// Object.
    Object,
    /// List.
    List,
    /// Number of an event in its request, in the name of a parameter.
    Place,
}

/// Returns all values of a text, in their order; none if it is not one JSON value.
pub(super) fn spots(text: &str) -> Option<Vec<Spot>> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    let mut found = Vec::new();
    walk(text, raw, String::new(), DEEPEST, &mut found);
    found.sort_by_key(|spot| (spot.span.start, spot.pointer.len()));
    Some(found)
}

/// Returns the places of JSON values that stand one after the other; none if the text has anything
/// else.
pub(super) fn values(text: &str) -> Option<Vec<Range<usize>>> {
    let stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    stream.map(|raw| raw.ok().map(|raw| span(text, raw))).collect()
}

fn walk(whole: &str, raw: &RawValue, pointer: String, depth: usize, found: &mut Vec<Spot>) {
    let text = raw.get();
    let mut span = span(whole, raw);
    let kind = match text.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        Some(b'"') => Kind::Text,
        _ => Kind::Scalar,
    };
    if kind == Kind::Text {
        span = span.start + 1..span.end - 1;
    }
    let below: Vec<(String, &RawValue)> = match kind {
        _ if depth == 0 => Vec::new(),
        Kind::Object => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
            members.into_iter().map(|(name, raw)| (escaped(&name), raw)).collect()
        }
        Kind::List => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            elements.into_iter().enumerate().map(|(at, raw)| (at.to_string(), raw)).collect()
        }
        Kind::Text | Kind::Scalar | Kind::Place => Vec::new(),
    };
    for (step, raw) in below {
        walk(whole, raw, format!("{pointer}/{step}"), depth - 1, found);
    }
    found.push(Spot { pointer, span, kind });
}

/// Place of a value that was borrowed from this text.
fn span(whole: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - whole.as_ptr() as usize;
    start..start + raw.get().len()
}

/// Returns a name as a step of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Returns what stands within quotes as text.
pub(super) fn unquoted(inner: &str) -> String {
    serde_json::from_str(&format!("\"{inner}\"")).unwrap_or_else(|_| inner.to_owned())
}

/// Finds the places of all lists, the outer before the inner: `*` stands for each element of a list
/// around one. `/a/*/b` is a list in each object of the list `/a`.
pub(super) fn find_lists(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            if !found.iter().any(|known| known == at) {
                found.push(at.to_owned());
            }
            // The lists that a column of a row holds are values of that row.
            for element in elements.iter().filter(|element| element.is_object()) {
                find_lists(element, &format!("{at}/*"), found);
            }
        }
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| find_lists(member, &format!("{at}/{}", escaped(name)), found));
        }
        _ => {}
    }
}

/// Returns the elements of the lists at a place, in which `*` stands for each element of a list.
pub(super) fn elements_at<'v>(value: &'v Value, place: &str) -> Vec<&'v Value> {
    let lists: Vec<&Value> = match place.split_once("/*") {
        None => value.pointer(place).into_iter().collect(),
        Some((outer, inner)) => {
            let around = value.pointer(outer).and_then(Value::as_array);
            return around.into_iter().flatten().flat_map(|one| elements_at(one, inner)).collect();
        }
    };
    lists.into_iter().filter_map(Value::as_array).flatten().collect()
}

/// Returns a scalar as text; none for an object or a list.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_within_lists_are_found_after_those_around_them() {
        let value = serde_json::json!({"data": [{"of": [[1], [2]]}, {"of": [[3]], "n": 1}], "b": []});
        let mut found = Vec::new();
        find_lists(&value, "", &mut found);
        assert_eq!(found, ["/b", "/data", "/data/*/of"]);
        let shown: Vec<String> = elements_at(&value, "/data/*/of").iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["[1]", "[2]", "[3]"]);
        assert_eq!((elements_at(&value, "/data").len(), elements_at(&value, "/none").len()), (2, 0));
    }

    #[test]
    fn each_value_is_found_where_it_stands() {
        let text = r#" {"a":{"b/c":"x\"y"},"n":[1, true],"a2":""}"#;
        let found: Vec<(String, &str, Kind)> = spots(text)
            .unwrap()
            .into_iter()
            .map(|spot| (spot.pointer, &text[spot.span], spot.kind))
            .collect();
        let expected = [
            ("", text.trim_start(), Kind::Object),
            ("/a", r#"{"b/c":"x\"y"}"#, Kind::Object),
            ("/a/b~1c", r#"x\"y"#, Kind::Text),
            ("/n", "[1, true]", Kind::List),
            ("/n/0", "1", Kind::Scalar),
            ("/n/1", "true", Kind::Scalar),
            ("/a2", "", Kind::Text),
        ];
        let expected: Vec<_> = expected.map(|(at, text, kind)| (at.to_owned(), text, kind)).into();
        assert_eq!(found, expected);
        assert_eq!(unquoted(r#"x\"y"#), "x\"y");
        assert!(spots("{} {}").is_none());
    }

    #[test]
    fn values_one_after_the_other_are_found() {
        let text = "{\"a\":1}\n{\"b\":2}\n";
        let found: Vec<&str> = values(text).unwrap().into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, ["{\"a\":1}", "{\"b\":2}"]);
        assert!(values("a=1&b=2").is_none());
    }
}
