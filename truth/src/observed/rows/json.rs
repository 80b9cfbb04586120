//! Equality of JSON texts by value: white space, the order of names, escapes and the spelling of
//! numbers do not count.
//!
//! Two texts are compared level by level, with a list of the pairs that are still to be compared.
//! Nothing recurses, so no nesting is too deep.

mod number;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::value::RawValue;

/// Agreement of a listed value with the one that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Agreement {
    /// The values are the same.
    Same,
    /// Objects of the listed value may have further members.
    Contained,
}

/// True if a listed payload is the JSON that was sent, plainly or inside a string. A string may
/// stand inside a string again: some targets escape twice.
pub(super) fn is_same_payload(sent: &str, listed: &str, agreement: Agreement) -> bool {
    let mut listed = Cow::Borrowed(listed);
    loop {
        if is_same_value(sent, &listed, agreement) {
            return true;
        }
        match content(&listed) {
            Some(inner) => listed = Cow::Owned(inner),
            None => return false,
        }
    }
}

/// Returns the content of a JSON string. None if the text is no string, or if its content is no
/// text that could be JSON.
pub(super) fn content(text: &str) -> Option<String> {
    let Text(bytes) = serde_json::from_str(text).ok()?;
    String::from_utf8(bytes.into_owned()).ok()
}

/// Two parts of two texts that stand at the same place.
struct Pair<'a> {
    one: &'a RawValue,
    other: &'a RawValue,
}

/// True if two texts have one JSON value, or the second contains the first. A text that is not JSON
/// has none.
///
/// If an object has a name twice, its last member counts, as in ECMAScript, `jsonb`, Python and Go.
/// An array's order counts.
fn is_same_value(one: &str, other: &str, agreement: Agreement) -> bool {
    let (Ok(one), Ok(other)) = (serde_json::from_str(one), serde_json::from_str(other)) else {
        return false;
    };
    let mut open = vec![Pair { one, other }];
    while let Some(pair) = open.pop() {
        if !matches!(is_same_so_far(&pair, agreement, &mut open), Ok(true)) {
            return false;
        }
    }
    true
}

/// Compares the outermost level of a pair, and adds the pairs inside it to those that are still to
/// be compared.
fn is_same_so_far<'a>(
    pair: &Pair<'a>,
    agreement: Agreement,
    open: &mut Vec<Pair<'a>>,
) -> serde_json::Result<bool> {
    let one = pair.one.get();
    let other = pair.other.get();
    if one == other {
        return Ok(true);
    }
    Ok(match [first(one), first(other)] {
        [b'{', b'{'] => {
            let one: BTreeMap<Text<'a>, &'a RawValue> = serde_json::from_str(one)?;
            let mut other: BTreeMap<Text<'a>, &'a RawValue> = serde_json::from_str(other)?;
            if agreement == Agreement::Contained {
                other.retain(|name, _| one.contains_key(name));
            }
            let has_same_names = one.keys().eq(other.keys());
            open.extend(pairs(one.into_values(), other.into_values()));
            has_same_names
        }
        [b'[', b'['] => {
            let one: Vec<&'a RawValue> = serde_json::from_str(one)?;
            let other: Vec<&'a RawValue> = serde_json::from_str(other)?;
            let is_as_long = one.len() == other.len();
            open.extend(pairs(one, other));
            is_as_long
        }
        [b'"', b'"'] => serde_json::from_str::<Text<'_>>(one)? == serde_json::from_str(other)?,
        [b'-' | b'0'..=b'9', b'-' | b'0'..=b'9'] => number::is_same(one, other),
        // Each of `true`, `false` and `null` has one spelling.
        _ => false,
    })
}

fn first(text: &str) -> u8 {
    text.bytes().next().unwrap_or_default()
}

fn pairs<'a>(
    one: impl IntoIterator<Item = &'a RawValue>,
    other: impl IntoIterator<Item = &'a RawValue>,
) -> impl Iterator<Item = Pair<'a>> {
    one.into_iter().zip(other).map(|(one, other)| Pair { one, other })
}

/// Content of a JSON string without its escapes. It is UTF-8, but for unpaired surrogates, which
/// JSON can escape: each is the three bytes that UTF-8 would have for it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(bytes.to_vec())))
    }
}

#[cfg(test)]
mod tests;
