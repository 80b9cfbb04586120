//! Requests that stand before or after others, such as a login, and what is kept of their responses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pointer::{Pointer, as_text};
use super::reads::RequestForm;
use super::template::Template;

/// Request that stands before or after others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prelude {
    /// Base URL, if it is another than the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Method; POST if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query.
    pub path: Template,
    /// Headers beyond those of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// Body; none if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
    /// Names under which parts of the response are kept, and their places: a JSON pointer, or
    /// `header:` and a name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keep: BTreeMap<String, String>,
}

/// Place of a part of a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ResponsePlace {
    /// In the body.
    Body(Pointer),
    /// Value of a header, by its name in small letters.
    Header(String),
}

impl ResponsePlace {
    /// Parses a JSON pointer, or `header:` and a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("header:") {
            Some("") => Err("\"header:\" names no header; write it as \"header:location\"".to_owned()),
            Some(name) => Ok(Self::Header(name.to_ascii_lowercase())),
            None => Pointer::parse(text).map(Self::Body),
        }
    }

    /// Returns the text at this place of a response. `header` gives the value of a header by its name
    /// in small letters.
    pub fn find(&self, body: &[u8], header: impl Fn(&str) -> Option<String>) -> Result<String, Unkept> {
        let text = match self {
            Self::Header(name) => header(name).ok_or(Unkept::Absent)?,
            Self::Body(pointer) => {
                let body = std::str::from_utf8(body).map_err(|_| Unkept::Absent)?;
                let found = pointer.find(body).ok_or(Unkept::Absent)?;
                match found.trim_start().as_bytes().first() {
                    Some(b'{') => return Err(Unkept::Unfit("an object")),
                    Some(b'[') => return Err(Unkept::Unfit("an array")),
                    _ if found.trim() == "null" => return Err(Unkept::Unfit("null")),
                    _ => as_text(&found),
                }
            }
        };
        if text.is_empty() { Err(Unkept::Unfit("an empty text")) } else { Ok(text) }
    }
}

/// Reason why a part of a response cannot be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unkept {
    /// There is nothing at its place.
    Absent,
    /// What stands at its place is no text, number or boolean. The words are for messages.
    Unfit(&'static str),
}

impl Prelude {
    /// Form of the request.
    pub fn request(&self) -> RequestForm<'_> {
        RequestForm::new("POST", &self.path, &self.headers).with(
            self.url.as_deref(),
            self.method.as_deref(),
            self.body.as_ref(),
        )
    }

    /// Places of what is kept, by name.
    pub fn kept(&self) -> impl Iterator<Item = Result<(&str, ResponsePlace), String>> {
        self.keep.iter().map(|(name, place)| {
            let place = ResponsePlace::parse(place).map_err(|fault| format!("keep.{name} = {fault}"))?;
            Ok((name.as_str(), place))
        })
    }

    /// Checks the request and the places of what is kept.
    pub fn fault(&self) -> Option<String> {
        let kept = self.kept().find_map(Result::err);
        self.request().fault().or(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_response_stands_in_its_body_or_in_a_header() {
        let body = br#"{"pit_id":"abc","n":7}"#;
        let header = |name: &str| (name == "location").then(|| "/x/1".to_owned());
        let found = |text: &str| ResponsePlace::parse(text).unwrap().find(body, header);
        assert_eq!(found("/pit_id").as_deref(), Ok("abc"));
        assert_eq!(found("/n").as_deref(), Ok("7"));
        assert_eq!(found("/other"), Err(Unkept::Absent));
        assert_eq!(found("header:Location").as_deref(), Ok("/x/1"));
        assert_eq!(found("header:etag"), Err(Unkept::Absent));
        assert!(ResponsePlace::parse("pit_id").unwrap_err().contains("\"/pit_id\""));
        assert!(ResponsePlace::parse("header:").is_err());
    }

    #[test]
    fn a_part_of_a_response_is_a_text_a_number_or_a_boolean() {
        let found = |value: &str| {
            let body = format!("{{\"t\": {value} }}");
            ResponsePlace::parse("/t").unwrap().find(body.as_bytes(), |_| None)
        };
        for (value, expected) in
            [("\"null\"", "null"), ("\"{}\"", "{}"), ("1.50", "1.50"), ("0", "0"), ("false", "false")]
        {
            assert_eq!(found(value).as_deref(), Ok(expected));
        }
        for (value, expected) in [
            ("\"\"", "an empty text"),
            ("null", "null"),
            ("{}", "an object"),
            ("{\"a\":1}", "an object"),
            ("[]", "an array"),
            ("[\"a\"]", "an array"),
        ] {
            assert_eq!(found(value), Err(Unkept::Unfit(expected)), "{value}");
        }
        let header = ResponsePlace::parse("header:etag").unwrap();
        assert_eq!(header.find(b"", |_| Some(String::new())), Err(Unkept::Unfit("an empty text")));
    }

    #[test]
    fn a_prelude_is_a_post_unless_it_says_otherwise() {
        let prelude: Prelude = toml::from_str("path = \"/login\"\nkeep = { token = \"/t\" }").unwrap();
        assert_eq!((prelude.request().method, prelude.fault()), ("POST", None));
        let wrong: Prelude = toml::from_str("path = \"/login\"\nkeep = { token = \"t\" }").unwrap();
        assert!(wrong.fault().unwrap().starts_with("keep.token = \"t\""));
    }
}
