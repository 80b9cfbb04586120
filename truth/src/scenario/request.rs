//! `[request]`: one request that is always the same, instead of events, as other load tools send
//! it.

use serde::{Deserialize, Serialize};

use super::load::Load;
use super::share::Share;

/// One request that is always the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FixedRequest {
    /// Method; the path is that of `[target.publish]`.
    pub method: String,
    /// Body; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

impl Default for FixedRequest {
    fn default() -> Self {
        Self { method: "GET".to_owned(), body: String::new() }
    }
}

impl FixedRequest {
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
        if method == "HEAD" && !self.body.is_empty() {
            return Some("a HEAD request has no body: leave the body out, or use another method".to_owned());
        }
        let repeats = load.dup.parse::<Share>().is_ok_and(|share| share != Share::ZERO);
        (load.batch != 1 || repeats).then(|| {
            "[request] sends no events, so it needs batch = 1 and dup = \"0\" in [load] (--batch 1 --dup 0)".to_owned()
        })
    }
}
