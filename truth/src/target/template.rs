//! Templates: text with holes, such as `{"id":"{{event_id}}"}`, and the writing of values into them.
//!
//! A hole has a name and perhaps filters: `{{topic | url}}`. A value goes through the filters from
//! left to right, and is then fitted to its place ([`Fit`]): percent-encoded in a path, as JSON text
//! within the quotes of a JSON body. This module knows nothing of plans, clients and ledgers; who
//! writes a template gives the values ([`Fill`]).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

mod fit;
mod hole;
mod parse;
mod sample;

pub use fit::{Fit, encode, quote};
pub use hole::{Filter, Hole, HoleName, TimeForm};
use parse::Parsed;
pub use parse::TemplateError;
pub use sample::Sample;

/// A text with holes, parsed once so that writing only appends.
#[derive(Clone, Default)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
    escape: Option<usize>,
}

/// One piece of a template.
#[derive(Clone)]
enum Piece {
    /// Text that is copied.
    Literal(Box<[u8]>),
    /// Value that is asked for.
    Hole(Hole),
}

/// Values for the holes of a template.
pub trait Fill {
    /// Appends the value of this name. An error says that the value is not known here.
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError>;

    /// Returns the name of the secret that a text which is only shown holds in the place of its value;
    /// none if the value itself is written.
    fn shown_as(&self, _name: &HoleName) -> Option<HoleName> {
        None
    }
}

/// Error of a template that cannot be written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FillError {
    /// Nobody here knows the value.
    #[error("{{{{{hole}}}}} has no value here")]
    Unknown {
        /// Name of the hole.
        hole: String,
    },
    /// A header field cannot hold the value, which may be a secret and is not repeated.
    #[error("`{template}` makes a header value that {reason}")]
    Header {
        /// Text of the template.
        template: String,
        /// Reason.
        reason: &'static str,
    },
    /// A path cannot hold the text.
    #[error("`{template}` makes no path: {reason}")]
    Path {
        /// Text of the template.
        template: String,
        /// Reason.
        reason: &'static str,
    },
}

impl FillError {
    /// Returns the error of a hole that has no value here.
    pub fn unknown(name: &HoleName) -> Self {
        Self::Unknown { hole: name.to_string() }
    }
}

impl Template {
    /// Parses a template. Words that no hole has may be values of the scenario, so they are names
    /// of values here.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let Parsed { pieces, escape } = parse::parse(text)?;
        Ok(Self { text: text.to_owned(), pieces, escape })
    }

    /// Returns a template without holes, which writes this text.
    pub fn literal(text: &str) -> Self {
        let escaped = text.replace("{{", "{{open}}");
        Self::parse(&escaped).expect("every hole is that of two braces")
    }

    /// Returns the same template, whose holes of this name are not fitted to their place: what they
    /// write was fitted before.
    #[must_use]
    pub fn with_raw(mut self, name: &HoleName) -> Self {
        for piece in &mut self.pieces {
            if let Piece::Hole(hole) = piece
                && hole.name == *name
                && !hole.is_raw()
            {
                hole.filters.push(Filter::Raw);
            }
        }
        self
    }

    /// Returns its text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns its holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Hole(hole) => Some(hole),
        })
    }

    /// Returns the environment variables that its holes name.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.holes().filter_map(|hole| match &hole.name {
            HoleName::Env(variable) => Some(variable.as_str()),
            _ => None,
        })
    }

    /// True if a hole has this name.
    pub fn names(&self, name: &HoleName) -> bool {
        self.holes().any(|hole| hole.name == *name)
    }

    /// Returns the text between the holes, each piece with its place in bytes.
    pub fn literals(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut at = 0;
        self.pieces.iter().filter_map(move |piece| match piece {
            Piece::Literal(text) => Some((at, &**text)),
            Piece::Hole(hole) => {
                at = hole.span.end;
                None
            }
        })
    }

    /// Returns the place of the first `\\n`, `\\r` or `\\t` in words, outside quotes of JSON, where it
    /// means nothing.
    pub fn escape_in_words(&self) -> Option<usize> {
        self.escape
    }

    /// Appends the template with its values, fitted to its place.
    pub fn write<F: Fill>(&self, fit: Fit, fill: &F, out: &mut Vec<u8>) -> Result<(), FillError> {
        let start = out.len();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Hole(hole) => hole.write(fit, fill, out)?,
            }
        }
        if fit == Fit::Header { self.check_header(&out[start..]) } else { Ok(()) }
    }

    /// Returns the template as a path with a query. Values are percent-encoded; a parameter of the
    /// query is left out if it has holes and all of them are empty.
    pub fn path<F: Fill>(&self, fill: &F) -> Result<String, FillError> {
        let mut query = Query::default();
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => text.iter().for_each(|byte| query.literal(*byte, &mut out)),
                Piece::Hole(hole) => {
                    let start = out.len();
                    hole.write(Fit::Path, fill, &mut out)?;
                    query.hole(out.len() > start);
                }
            }
        }
        query.end(&mut out);
        if out.iter().any(|byte| !byte.is_ascii_graphic()) {
            let reason = "spaces, control characters and characters beyond ASCII are written as %XX";
            return Err(FillError::Path { template: self.text.clone(), reason });
        }
        Ok(String::from_utf8(out).expect("ASCII, as was just checked"))
    }

    fn check_header(&self, value: &[u8]) -> Result<(), FillError> {
        let fault = |reason| Err(FillError::Header { template: self.text.clone(), reason });
        if value.iter().any(u8::is_ascii_control) {
            return fault("holds a control character");
        }
        if value.starts_with(b" ") || value.ends_with(b" ") {
            return fault("begins or ends with a space, which HTTP drops; put quotes around the value");
        }
        Ok(())
    }
}

impl Hole {
    fn write<F: Fill>(&self, fit: Fit, fill: &F, out: &mut Vec<u8>) -> Result<(), FillError> {
        if self.name == HoleName::Open {
            out.extend_from_slice(b"{{");
            return Ok(());
        }
        if let Some(name) = fill.shown_as(&self.name) {
            out.extend_from_slice(self.shown(&name).as_bytes());
            return Ok(());
        }
        let start = out.len();
        fill.fill(&self.name, out)?;
        fit.apply(self, start, out);
        Ok(())
    }
}

/// Query of a path that is being written, one parameter after the other.
#[derive(Default)]
struct Query {
    /// Place of the current parameter's separator; none before the query.
    parameter: Option<usize>,
    /// True if a parameter before the current one stayed.
    has_kept: bool,
    has_hole: bool,
    has_value: bool,
}

impl Query {
    fn literal(&mut self, byte: u8, out: &mut Vec<u8>) {
        let begins = if self.parameter.is_none() { byte == b'?' } else { byte == b'&' };
        if !begins {
            return out.push(byte);
        }
        self.end(out);
        self.parameter = Some(out.len());
        out.push(if self.has_kept { b'&' } else { b'?' });
    }

    fn hole(&mut self, has_value: bool) {
        self.has_hole = true;
        self.has_value |= has_value;
    }

    /// Ends the current parameter, or the path before the query.
    fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(start) = self.parameter {
            if self.has_hole && !self.has_value {
                out.truncate(start);
            } else {
                self.has_kept = true;
            }
        }
        (self.has_hole, self.has_value) = (false, false);
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Template {}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by their names.
    struct Values(&'static [(&'static str, &'static str)]);

    impl Fill for Values {
        fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
            let text = name.to_string();
            let known = self.0.iter().find(|(known, _)| *known == text);
            let (_, value) = known.ok_or_else(|| FillError::unknown(name))?;
            out.extend_from_slice(value.as_bytes());
            Ok(())
        }
    }

    fn write(text: &str, fit: Fit, values: &Values) -> Result<String, FillError> {
        let mut out = Vec::new();
        Template::parse(text).unwrap().write(fit, values, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn path(text: &str, values: &Values) -> String {
        Template::parse(text).unwrap().path(values).unwrap()
    }

    const VALUES: Values = Values(&[
        ("topic", "a \"b\"/ü"),
        ("payload", r#"{"n":7,"data":"x y"}"#),
        ("event_id", "0-1"),
        ("cursor", ""),
        ("limit", "10"),
        ("n", "7"),
        ("env:KEY", "key,=\\ "),
    ]);

    #[test]
    fn a_value_is_fitted_to_where_it_stands() {
        for (text, fit, expected) in [
            (
                r#"{"t":"{{topic}}","p":{{payload}}}"#,
                Fit::Json,
                r#"{"t":"a \"b\"/ü","p":{"n":7,"data":"x y"}}"#,
            ),
            (r#"{"p":"{{payload}}"}"#, Fit::Json, r#"{"p":"{\"n\":7,\"data\":\"x y\"}"}"#),
            (r#"{"b":"{\"p\":{{payload}}}"}"#, Fit::Json, r#"{"b":"{\"p\":{\"n\":7,\"data\":\"x y\"}}"}"#),
            ("t={{topic}}", Fit::Form, "t=a%20%22b%22%2F%C3%BC"),
            ("t {{topic}}", Fit::Text, "t a \"b\"/ü"),
            ("\"{{topic}}\"", Fit::Header, "\"a \"b\"/ü\""),
            ("{{{n}}}", Fit::Json, "{7}"),
            ("{{ n }}{{open}}x}}", Fit::Json, "7{{x}}"),
            ("", Fit::Json, ""),
        ] {
            assert_eq!(write(text, fit, &VALUES).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn filters_are_applied_from_left_to_right_before_the_fit() {
        for (text, fit, expected) in [
            (r#""{{topic | json}}""#, Fit::Json, r#""a \\\"b\\\"/ü""#),
            (r#""{{topic|raw}}""#, Fit::Json, r#""a "b"/ü""#),
            ("{{topic | url}}", Fit::Header, "a%20%22b%22%2F%C3%BC"),
            ("{{event_id | base64}}", Fit::Header, "MC0x"),
            ("{{event_id | base64 | url}}", Fit::Text, "MC0x"),
            ("{{env:KEY | base64 | url}}", Fit::Text, "a2V5LD1cIA%3D%3D"),
            ("{{env:KEY | backslash}}", Fit::Text, "key\\,\\=\\\\\\ "),
        ] {
            assert_eq!(write(text, fit, &VALUES).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_parameter_whose_holes_are_all_empty_is_left_out() {
        for (text, expected) in [
            ("/e?limit={{limit}}&c={{cursor}}", "/e?limit=10"),
            ("/e?c={{cursor}}&limit={{limit}}", "/e?limit=10"),
            ("/e?c={{cursor}}", "/e"),
            ("/e?a=&c={{cursor}}&b", "/e?a=&b"),
            ("/e?ab={{cursor}}{{limit}}", "/e?ab=10"),
            ("/{{topic}}/{{cursor}}x", "/a%20%22b%22%2F%C3%BC/x"),
            ("/e?q=a?b&c={{cursor}}", "/e?q=a?b"),
        ] {
            assert_eq!(path(text, &VALUES), expected, "{text}");
        }
    }

    #[test]
    fn a_header_or_path_that_http_cannot_hold_is_an_error_without_the_value() {
        const WRONG: Values = Values(&[("topic", "hunter2\r\nx: y"), ("source", " hunter2")]);
        for text in ["{{topic}}", "{{source}}", "a{{topic}}b"] {
            let error = write(text, Fit::Header, &WRONG).unwrap_err().to_string();
            assert!(error.contains(text) && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(write("\"{{source}}\"", Fit::Header, &WRONG).unwrap(), "\" hunter2\"");
        let error = Template::parse("/a b").unwrap().path(&WRONG).unwrap_err();
        assert!(error.to_string().contains("%XX"), "{error}");
        let error = write("{{n}}", Fit::Text, &WRONG).unwrap_err();
        assert_eq!(error.to_string(), "{{n}} has no value here");
    }

    #[test]
    fn a_text_that_has_braces_stays_what_it_is() {
        for text in ["/a?q={{b}}", "{{{", "{{{{a", "/plain", ""] {
            assert_eq!(write(Template::literal(text).as_str(), Fit::Text, &VALUES).unwrap(), text);
        }
    }

    #[test]
    fn an_error_has_its_line_and_column() {
        for (text, line, column, says) in [
            ("ab{{event_id", 1, 3, "not closed"),
            ("é\n {{topic | upper}}", 2, 2, "`upper` is no filter"),
            ("{{timestamp.epoch}}", 1, 1, "timestamp.epoch_ms"),
            ("{{env:A-B}}", 1, 1, "{{env:NAME}}"),
            ("{\"a\":{{\"b\":1}}", 1, 6, "{{open}}"),
            ("{{}}", 1, 1, "is no hole"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_template_is_stored_as_its_text_and_knows_its_holes() {
        let template = Template::parse("a{{topic}}{{ amount }}b").unwrap();
        assert_eq!(serde_json::to_string(&template).unwrap(), "\"a{{topic}}{{ amount }}b\"");
        assert_eq!(serde_json::from_str::<Template>("\"a{{topic}}{{ amount }}b\"").unwrap(), template);
        assert!(template.names(&HoleName::Topic) && template.names(&HoleName::Value("amount".to_owned())));
        assert!(!template.names(&HoleName::EventId));
        assert_eq!(template.literals().collect::<Vec<_>>(), [(0, &b"a"[..]), (22, &b"b"[..])]);
        assert!(serde_json::from_str::<Template>("\"{{a\"").is_err());
    }
}
