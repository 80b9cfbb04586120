//! Response of an API.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Response of an API.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    pub(crate) fn text(status: u16, content_type: &str, body: String) -> Self {
        Self { status, fields: vec![("content-type", content_type.to_owned())], body }
    }

    /// Returns a response with one JSON value a line.
    pub(crate) fn lines<'a>(status: u16, values: impl IntoIterator<Item = &'a Value>) -> Self {
        let lines: String = values.into_iter().map(|value| format!("{value}\n")).collect();
        Self::text(status, "application/x-ndjson", lines)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, fields: Vec::new(), body: String::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("an API answers with a status");
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = status;
        for (name, value) in self.fields {
            let value = HeaderValue::from_str(&value).expect("an API's header is printable");
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        response.headers_mut().insert(header::SERVER, HeaderValue::from_static("standin"));
        response
    }
}
