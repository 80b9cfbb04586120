//! Texts, names and places of TOML.

use toml::{Table, Value};
use truth::printable::{printable, printable_json};

/// Returns a basic string of TOML: it has all escapes of JSON.
pub(super) fn quoted(text: &str) -> String {
    printable_json(&serde_json::Value::from(text).to_string()).into_owned()
}

/// Returns a string of TOML, in single quotes if the text has double ones.
pub(super) fn literal(text: &str) -> String {
    let is_plain = |one: char| !one.is_control() && printable(&one.to_string()) == one.to_string();
    let has_lines = text.contains('\n');
    let is_usable = text.chars().all(|one| one == '\n' || is_plain(one));
    match (text.contains(['"', '\\']) && is_usable, has_lines) {
        (true, false) if !text.contains('\'') => format!("'{text}'"),
        (true, true) if !text.contains("'''") && !text.ends_with('\'') => format!("'''\n{text}'''"),
        _ => quoted(text),
    }
}

/// Returns the name of a key, in quotes if it needs them.
pub(super) fn key(name: &str) -> String {
    let is_bare = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// Returns the text of a value, if the scenario that was given has one there.
pub(super) fn text_at<'t>(table: &'t Table, path: &str) -> Option<&'t str> {
    let mut steps = path.split('.');
    let first = table.get(steps.next()?)?;
    steps.try_fold(first, |at: &Value, step| at.get(step))?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_so_that_toml_reads_them_again() {
        for text in [
            "plain",
            "a\"b",
            "{\"a\":1}\n{\"b\":2}",
            "it's \"x\"",
            "back\\slash",
            "\u{7}\"",
            "'''\"\n'''",
            "a'\"\n'",
        ] {
            let table: Table = format!("key = {}", literal(text)).parse().unwrap();
            assert_eq!(text_at(&table, "key"), Some(text), "{}", literal(text));
        }
        assert_eq!((key("x-id"), key("a b")), ("x-id".to_owned(), "\"a b\"".to_owned()));
    }
}
