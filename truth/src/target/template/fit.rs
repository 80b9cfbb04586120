//! Fitting of a value to the place where it stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::hole::{Filter, Hole};

/// Bytes that are percent-encoded: all but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Place that a template is written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// Path and query: values are percent-encoded.
    Path,
    /// Value of a header field: values stand as they are.
    Header,
    /// JSON or lines of it: values within quotes are JSON text, others stand as they are.
    Json,
    /// Form: values are percent-encoded.
    Form,
    /// Any other text: values stand as they are.
    Text,
}

impl Fit {
    /// Returns the place that a body of this content type is.
    pub fn of_content_type(text: &str) -> Self {
        let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind.contains("json") {
            Self::Json
        } else if kind == "application/x-www-form-urlencoded" {
            Self::Form
        } else {
            Self::Text
        }
    }

    /// Fits what was written to a buffer, from this place on, for a hole.
    pub(super) fn apply(self, hole: &Hole, from: usize, out: &mut Vec<u8>) {
        for filter in &hole.filters {
            match filter {
                Filter::Json => quote(from, out),
                Filter::Url => encode(from, out),
                Filter::Base64 => replace(from, out, |bytes| STANDARD.encode(bytes).into_bytes()),
                Filter::Backslash => backslash(from, out),
                Filter::Raw => {}
            }
        }
        if hole.is_raw() {
            return;
        }
        match self {
            Self::Path | Self::Form => encode(from, out),
            Self::Json if hole.is_quoted => quote(from, out),
            Self::Json | Self::Header | Self::Text => {}
        }
    }
}

/// Percent-encodes bytes of a buffer, from this place on.
pub fn encode(from: usize, out: &mut Vec<u8>) {
    let is_other = |byte: u8| !(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if has_any(&out[from..], is_other) {
        replace(from, out, |bytes| percent_encode(bytes, ENCODED).to_string().into_bytes());
    }
}

/// Escapes text of a buffer for the inside of JSON quotes, from this place on.
pub fn quote(from: usize, out: &mut Vec<u8>) {
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if has_any(&out[from..], is_escaped) {
        replace(from, out, |bytes| {
            let quoted = serde_json::Value::from(String::from_utf8_lossy(bytes)).to_string();
            quoted.as_bytes()[1..quoted.len() - 1].to_vec()
        });
    }
}

/// True if a text has such a byte. It does not end at the first, so that the compiler takes many bytes
/// at once.
fn has_any(text: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    text.iter().fold(false, |found, byte| found | is_such(*byte))
}

fn backslash(from: usize, out: &mut Vec<u8>) {
    replace(from, out, |bytes| {
        let mut escaped = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if matches!(byte, b',' | b'=' | b' ' | b'\\') {
                escaped.push(b'\\');
            }
            escaped.push(*byte);
        }
        escaped
    });
}

fn replace(from: usize, out: &mut Vec<u8>, change: impl Fn(&[u8]) -> Vec<u8>) {
    let changed = change(&out[from..]);
    out.truncate(from);
    out.extend_from_slice(&changed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_written_as_its_content_type_says() {
        for (text, fit) in [
            ("application/json", Fit::Json),
            ("Application/JSON; charset=utf-8", Fit::Json),
            ("application/x-ndjson", Fit::Json),
            ("application/x-amz-json-1.0", Fit::Json),
            ("application/vnd.kafka.json.v2+json", Fit::Json),
            ("application/x-www-form-urlencoded", Fit::Form),
            ("text/plain; charset=utf-8", Fit::Text),
            ("", Fit::Text),
        ] {
            assert_eq!(Fit::of_content_type(text), fit, "{text}");
        }
    }
}
