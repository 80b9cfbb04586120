//! Request as it came.

use axum::body::Bytes;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Segments of the path, decoded.
    segments: Vec<String>,
    query: Vec<(String, String)>,
    /// Header fields, by names in small letters.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(parts: &Parts, body: Bytes) -> Self {
        let fields = parts.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            method: parts.method.as_str().to_owned(),
            segments: parts.uri.path().split('/').skip(1).map(decoded).collect(),
            query: pairs(parts.uri.query().unwrap_or_default()),
            fields: fields.collect(),
            body,
        }
    }

    /// Returns the method and the segments of the path, to be matched.
    pub(crate) fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.segments.iter().map(String::as_str).collect())
    }

    /// Returns a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query as a number.
    pub(crate) fn number(&self, name: &str, default: usize) -> usize {
        self.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// True if the content type is this one, whatever its parameters are.
    pub(crate) fn is_of_type(&self, content_type: &str) -> bool {
        let own = self.field("content-type").unwrap_or_default();
        own.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(content_type))
    }

    /// True if the authorization is this scheme and secret.
    pub(crate) fn is_authorized(&self, scheme: &str, secret: &str) -> bool {
        self.field("authorization") == Some(&format!("{scheme} {secret}"))
    }

    /// True if the authorization is `Basic` with this secret, which is name and password at once.
    pub(crate) fn is_basic(&self, secret: &str) -> bool {
        self.is_authorized("Basic", &STANDARD.encode(secret))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    /// Returns the body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the lines of the body as JSON; none if one is not.
    pub(crate) fn lines(&self) -> Option<Vec<Value>> {
        let lines = self.text().lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the names and values of a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(self.text())
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        })
        .collect()
}

/// Undoes percent-encoding.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
