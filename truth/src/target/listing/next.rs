//! Way from one page of a listing to the next.

use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Way from one page of a listing to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// A `Link: <...>; rel="next"` header (RFC 8288): `link`.
    Link,
    /// A cursor or a URL in the body, at a JSON pointer: `/next`.
    Pointer(String),
    /// A cursor or a URL in another header: `header:next-page`.
    Header(String),
    /// A cursor in the last row of the page, at a JSON pointer: `{ last_row = "/sort" }`.
    LastRow(String),
    /// The number of rows so far: `offset`.
    Offset,
    /// The number of the page: `page`.
    Page,
    /// The same request until it shows nothing: `again`.
    Again,
    /// No next page: `none`.
    None,
}

/// Table of a way that begins in a row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastRow {
    last_row: String,
}

impl FromStr for Next {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "link" => Self::Link,
            "offset" => Self::Offset,
            "page" => Self::Page,
            "again" => Self::Again,
            "none" => Self::None,
            pointer if pointer.starts_with('/') => Self::Pointer(pointer.to_owned()),
            other => match other.strip_prefix("header:").filter(|name| !name.is_empty()) {
                Some(name) => Self::Header(name.to_ascii_lowercase()),
                None => {
                    return Err(format!(
                        "next = \"{other}\" is no way to the next page; write \"link\", \"offset\", \"page\", \
                         \"again\", \"none\", a JSON pointer such as \"/next\", \"header:next-page\", or \
                         {{ last_row = \"/sort\" }}"
                    ));
                }
            },
        })
    }
}

impl Serialize for Next {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = match self {
            Self::Link => "link",
            Self::Offset => "offset",
            Self::Page => "page",
            Self::Again => "again",
            Self::None => "none",
            Self::Pointer(pointer) => pointer,
            Self::Header(name) => return serializer.serialize_str(&format!("header:{name}")),
            Self::LastRow(last_row) => {
                return LastRow { last_row: last_row.clone() }.serialize(serializer);
            }
        };
        serializer.serialize_str(word)
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NextVisitor)
    }
}

struct NextVisitor;

impl<'de> Visitor<'de> for NextVisitor {
    type Value = Next;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a way to the next page, such as \"link\" or { last_row = \"/sort\" }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Next, E> {
        word.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Next, A::Error> {
        let LastRow { last_row } = LastRow::deserialize(MapAccessDeserializer::new(map))?;
        match last_row.starts_with('/') {
            true => Ok(Next::LastRow(last_row)),
            false => Err(A::Error::custom(format!(
                "next.last_row = \"{last_row}\" is not a JSON pointer; write it as \"/{last_row}\""
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, Debug)]
    struct Table {
        next: Next,
    }

    #[test]
    fn each_way_is_stored_as_it_is_written() {
        for text in [
            "\"link\"",
            "\"offset\"",
            "\"page\"",
            "\"again\"",
            "\"none\"",
            "\"/a/next\"",
            "\"header:next-page\"",
            "{ last_row = \"/sort\" }",
        ] {
            let table: Table = toml::from_str(&format!("next = {text}")).unwrap();
            let json = serde_json::to_string(&table).unwrap();
            let again: Table = serde_json::from_str(&json).unwrap();
            assert_eq!(again.next, table.next, "{text}");
        }
        let header: Table = toml::from_str("next = \"header:Next-Page\"").unwrap();
        assert_eq!(header.next, Next::Header("next-page".to_owned()));
    }

    #[test]
    fn a_way_that_is_none_is_refused_with_those_that_are() {
        for text in ["\"cursor\"", "\"header:\"", "{ last_row = \"sort\" }", "{ row = \"/a\" }"] {
            let error = toml::from_str::<Table>(&format!("next = {text}")).err().unwrap().to_string();
            let says = if text.starts_with("{ row") { "last_row" } else { "\"/" };
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
