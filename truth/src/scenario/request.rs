//! `[request]`: one request that is always the same, instead of events, as other load tools send
//! it.

use serde::{Deserialize, Serialize};

use self::body::Body;
use super::load::Load;
use super::share::Share;
use crate::target::InClear;

pub mod body;

/// One request that is always the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct FixedRequest {
    /// Method; the path is that of `[target.publish]`.
    pub method: String,
    /// Body; empty for none.
    #[serde(skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

/// Request as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    method: Option<String>,
    body: Option<Body>,
}

impl From<Written> for FixedRequest {
    fn from(Written { method, body }: Written) -> Self {
        Self::new(method, body)
    }
}

impl FixedRequest {
    /// Returns a request; without a method, POST if it has a body and GET if it has none.
    pub fn new(method: Option<String>, body: Option<Body>) -> Self {
        let usual = if body.is_some() { "POST" } else { "GET" };
        Self { method: method.unwrap_or_else(|| usual.to_owned()), body: body.unwrap_or_default() }
    }

    /// Returns the secrets in the body.
    pub(super) fn secrets_in_clear(&self) -> Vec<InClear> {
        let text = std::str::from_utf8(self.body.bytes()).unwrap_or_default();
        InClear::of_fixed("request.body", text)
    }

    /// Checks that the request can be sent with the rest of its scenario.
    pub(super) fn fault(&self, load: &Load) -> Option<String> {
        let method = &self.method;
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Some(format!("the method `{method}` must be capital letters, such as GET, POST or PUT"));
        }
        if method == "CONNECT" {
            return Some(
                "the method CONNECT opens a tunnel and cannot be measured: use another method".to_owned(),
            );
        }
        if let Body::Known(known) = &self.body {
            return Some(format!(
                "the body of [request] is known by its hash alone ({} bytes, SHA-256 {}): write the body, or name its \
                 file with `loadgen http URL -d @FILE`",
                known.bytes, known.sha256
            ));
        }
        if method == "HEAD" && !self.body.is_empty() {
            return Some("a HEAD request has no body: leave the body out, or use another method".to_owned());
        }
        let repeats = load.dup.parse::<Share>().is_ok_and(|share| share != Share::ZERO);
        (load.batch != 1 || repeats).then(|| {
            "[request] sends no events, so it needs batch = 1 and dup = \"0\" in [load] (--batch 1 --dup 0)".to_owned()
        })
    }
}
