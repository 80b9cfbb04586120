//! Pointers into JSON texts: JSON pointers (RFC 6901) that may go on inside a string.
//!
//! A target may hold JSON as text. For example, the row `{"body":"{\"id\":7}"}` has the text
//! `{"id":7}` at `/body`, and `/body/id` reads on inside it: 7. Values keep the spelling in which
//! they were written, because some targets promise to keep that.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde_json::value::RawValue;

use super::tree::{Found, Node, Slot, unescaped};

/// Place in a JSON text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pointer {
    /// Number of levels to go up first, as `../` says.
    up: usize,
    steps: Vec<String>,
}

impl Pointer {
    /// Parses a JSON pointer, such as `/hits/0/name`. The error is a sentence without its subject.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') {
            return Ok(Self { up: 0, steps: steps(text) });
        }
        // Dots and brackets are how JSONPath and most languages say it.
        let path = text.trim_start_matches(['$', '.']).replace(['.', '['], "/").replace(']', "");
        Err(format!("\"{text}\" is not a JSON pointer; write it as \"/{path}\""))
    }

    /// Parses the place of a row's field: a name, a JSON pointer into the row, or `../` and a pointer
    /// into what is above the row.
    pub fn of_field(text: &str) -> Self {
        let mut rest = text;
        let mut up = 0;
        while let Some(above) = rest.strip_prefix("../") {
            rest = above;
            up += 1;
        }
        let is_path = rest.starts_with('/') || up > 0;
        let steps = match is_path {
            true => steps(&format!("/{}", rest.trim_start_matches('/'))),
            false => vec![rest.to_owned()],
        };
        Self { up, steps }
    }

    /// Returns the pointer of these names and numbers.
    pub fn of_steps(steps: impl Into<Vec<String>>) -> Self {
        Self { up: 0, steps: steps.into() }
    }

    /// Number of levels above the row at which the pointer begins.
    pub fn up(&self) -> usize {
        self.up
    }

    /// Names and numbers of the pointer, from the outermost.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Returns the raw text at this place; none if there is nothing.
    pub fn find<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let mut pointers = Pointers::default();
        pointers.add(self);
        pointers.find(text)?.pop()?
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&"../".repeat(self.up))?;
        let steps = self.steps.iter().map(|step| step.replace('~', "~0").replace('/', "~1"));
        let steps: Vec<String> = steps.collect();
        match self.up {
            0 => steps.iter().try_for_each(|step| write!(f, "/{step}")),
            _ => f.write_str(&steps.join("/")),
        }
    }
}

fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(unescaped).collect()
}

/// Returns the raw texts of all elements of an array, or of all members of an object; none if the
/// text is neither.
pub fn elements(text: &str) -> Option<Vec<&str>> {
    let text = text.trim_start();
    match text.as_bytes().first()? {
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Some(elements.into_iter().map(RawValue::get).collect())
        }
        b'{' => {
            let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
            Some(members.into_values().map(RawValue::get).collect())
        }
        _ => None,
    }
}

/// Several pointers into one text, which is read once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Pointers {
    tree: Node,
    number: usize,
}

impl Pointers {
    /// Adds a pointer, without the levels that it goes up, and returns its number.
    pub fn add(&mut self, pointer: &Pointer) -> usize {
        let number = self.number;
        self.tree.below(&pointer.steps).note(Slot::Value(number));
        self.number += 1;
        number
    }

    /// Reads a text, and returns the raw text at each pointer; none if it is not JSON.
    pub fn find<'a>(&self, text: &'a str) -> Option<Vec<Option<Cow<'a, str>>>> {
        let mut found = Found::in_one(text, &self.tree, self.number, 0)?;
        Some((0..self.number).map(|number| found.take(number)).collect())
    }
}

/// Returns the value of a JSON string, and anything else as its own text.
pub fn as_text(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pointer: &str, text: &str) -> Option<String> {
        Pointer::parse(pointer).unwrap().find(text).map(Cow::into_owned)
    }

    #[test]
    fn a_pointer_keeps_the_spelling_of_what_it_finds() {
        let text = r#"{"a": [1.0, {"b/c": "x"}], "": 7}"#;
        for (pointer, expected) in [
            ("", Some(text)),
            ("/a/0", Some("1.0")),
            ("/a/1/b~1c", Some("\"x\"")),
            ("/", Some("7")),
            ("/a/2", None),
            ("/a/x", None),
            ("/a/0/b", None),
        ] {
            assert_eq!(found(pointer, text).as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn a_pointer_that_goes_on_below_a_text_reads_it_as_json() {
        let text = r#"{"body":"{\"id\":7,\"p\":\"[true]\"}"}"#;
        assert_eq!(found("/body/id", text).as_deref(), Some("7"));
        assert_eq!(found("/body/p/0", text).as_deref(), Some("true"));
        assert_eq!(found("/body", text).as_deref(), Some(r#""{\"id\":7,\"p\":\"[true]\"}""#));
        assert_eq!(found("/body/other", text), None);
        assert_eq!(found("/body/id", r#"{"body":"no JSON"}"#), None);
    }

    #[test]
    fn a_field_is_named_by_its_name_its_place_or_from_above() {
        let field = |text: &str| {
            let pointer = Pointer::of_field(text);
            (pointer.up(), pointer.steps().join(" "), pointer.to_string())
        };
        assert_eq!(field("topic"), (0, "topic".to_owned(), "/topic".to_owned()));
        assert_eq!(field("/a/0"), (0, "a 0".to_owned(), "/a/0".to_owned()));
        assert_eq!(field("../a"), (1, "a".to_owned(), "../a".to_owned()));
        assert_eq!(field("../../a/b"), (2, "a b".to_owned(), "../../a/b".to_owned()));
        assert!(Pointer::parse("a").unwrap_err().contains("\"/a\""));
    }
}
