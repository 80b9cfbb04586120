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

    /// Returns the text at this place of a response; none if there is nothing. `header` gives the
    /// value of a header by its name in small letters.
    pub fn find(&self, body: &[u8], header: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Header(name) => header(name),
            Self::Body(pointer) => {
                let found = pointer.find(std::str::from_utf8(body).ok()?)?;
                Some(as_text(&found))
            }
        }
    }
}

impl Prelude {
    /// Form of the request.
    pub fn request(&self) -> RequestForm<'_> {
        RequestForm {
            url: self.url.as_deref(),
            method: self.method.as_deref().unwrap_or("POST"),
            path: &self.path,
            headers: &self.headers,
            body: self.body.as_ref(),
        }
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
        assert_eq!(found("/pit_id").as_deref(), Some("abc"));
        assert_eq!(found("/n").as_deref(), Some("7"));
        assert_eq!(found("/other"), None);
        assert_eq!(found("header:Location").as_deref(), Some("/x/1"));
        assert_eq!(found("header:etag"), None);
        assert!(ResponsePlace::parse("pit_id").unwrap_err().contains("\"/pit_id\""));
        assert!(ResponsePlace::parse("header:").is_err());
    }

    #[test]
    fn a_prelude_is_a_post_unless_it_says_otherwise() {
        let prelude: Prelude = toml::from_str("path = \"/login\"\nkeep = { token = \"/t\" }").unwrap();
        assert_eq!((prelude.request().method, prelude.fault()), ("POST", None));
        let wrong: Prelude = toml::from_str("path = \"/login\"\nkeep = { token = \"t\" }").unwrap();
        assert!(wrong.fault().unwrap().starts_with("keep.token = \"t\""));
    }
}
