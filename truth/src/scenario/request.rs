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
            return Some(format!("the method `{method}` is none; write it in capitals: GET, POST, PUT"));
        }
        if method == "CONNECT" {
            return Some(
                "CONNECT cannot be sent: the answer to it is no end, but the beginning of a tunnel"
                    .to_owned(),
            );
        }
        if method == "HEAD" && !self.body.is_empty() {
            return Some("HEAD has no body: leave it out, or send it with another method".to_owned());
        }
        let repeats = load.dup.parse::<Share>().is_ok_and(|share| share != Share::ZERO);
        (load.batch != 1 || repeats).then(|| {
            "[request] sends the same every time, so there are no events to gather or repeat: leave --batch at 1 and --dup at 0 \
             (in [load]: batch = 1, dup = \"0\")"
                .to_owned()
        })
    }
}
