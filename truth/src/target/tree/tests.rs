//! Tests of reading in one pass, compared with a walk over whole documents.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::*;

/// Generates JSON as text: names that come twice, texts that hold JSON, and wrong ends.
fn json() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "0",
        "-1.5e3",
        "\"x\"",
        "null",
        "true",
        "[]",
        "{}",
        "\"{\\\"a\\\":[1,{\\\"b\\\":2}]}\"",
        "\"[7]\"",
        "\"\\\"[7]\\\"\"",
        "\"{\\\"a\\\":1\"",
    ]);
    let name = select(vec!["a", "b", "0", "1", "m/n", "m~n", "\\u0061", ""]);
    let value = leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, move |inner| {
        let member = (name.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\" : {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}\n}}", members.join(","))),
        ]
    });
    (value, select(vec!["", "", "", "", " \n", " x", "}"])).prop_map(|(value, end)| format!("{value}{end}"))
}

fn pointers() -> impl Strategy<Value = Vec<String>> {
    let known = [
        "", "/", "/a", "/b", "/0", "/a/b", "/b/a", "/a/0", "/0/a", "/1/1", "/m~1n", "/m~0n/a", "/a/1/b",
        "/00", "/a/a/a",
    ];
    prop::collection::vec(select(known.map(str::to_owned).to_vec()), 1..6)
}

/// Finds a value in the whole document, and in the documents that its texts hold.
fn by_document(value: &Value, pointer: &[String]) -> Option<Value> {
    let Some((token, rest)) = pointer.split_first() else { return Some(value.clone()) };
    match value {
        Value::Object(members) => by_document(members.get(token)?, rest),
        Value::Array(elements) => {
            let index: usize = token.parse().ok().filter(|index: &usize| index.to_string() == *token)?;
            by_document(elements.get(index)?, rest)
        }
        Value::String(text) => by_document(&serde_json::from_str(text).ok()?, pointer),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(unescaped).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn reading_in_passing_finds_what_the_whole_document_holds(body in json(), pointers in pointers()) {
        let mut tree = Node::default();
        for (number, pointer) in pointers.iter().enumerate() {
            tree.at(pointer).note(Slot::Value(number));
        }
        let found = Found::in_one(&body, &tree, pointers.len(), 0);
        let document = serde_json::from_str::<Value>(&body).ok();
        prop_assert_eq!(found.is_some(), document.is_some(), "{}", body);
        let (Some(found), Some(document)) = (found, document) else { return Ok(()) };
        for (number, pointer) in pointers.iter().enumerate() {
            let value = found.value(number).map(|json| serde_json::from_str::<Value>(json).unwrap());
            prop_assert_eq!(value, by_document(&document, &tokens(pointer)), "{} of {}", pointer, body);
        }
    }

    #[test]
    fn lines_are_read_as_the_list_that_they_make(values in prop::collection::vec(json(), 0..4)) {
        let mut tree = Node::default();
        tree.at("/*").make_entry();
        tree.at("/*/a").note(Slot::Part(EntryPart::Word));
        let lines = Found::in_lines(&values.join("\n"), &tree, 0, 9)
            .map(|found| found.entries().map(<[Entry<'_>]>::len));
        let list = Found::in_one(&format!("[{}]", values.join(",")), &tree, 0, 9)
            .map(|found| found.entries().map(<[Entry<'_>]>::len));
        let is_sound = values.iter().all(|value| serde_json::from_str::<Value>(value).is_ok());
        if is_sound {
            prop_assert_eq!(list, Some(Some(values.len())));
            prop_assert_eq!(lines, list);
        }
    }
}
