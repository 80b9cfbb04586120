//! Mode in which an API repeats the credentials of requests where some services do: in bodies, in
//! links and in errors.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::reply::Reply;
use crate::request::Request;

/// One request in so many is refused with an error that repeats its credentials.
const REFUSALS: u32 = 7;

/// Echo of credentials.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    requests: AtomicU32,
}

impl Echo {
    /// Refuses some requests, each with another status.
    pub(crate) fn refusal(&self, request: &Request) -> Option<Reply> {
        let nth = self.requests.fetch_add(1, Ordering::Relaxed);
        let is_read = request.method == "GET" || request.body.is_empty();
        if is_read || nth % REFUSALS != REFUSALS - 1 {
            return None;
        }
        let status = [400, 401, 500][nth as usize / REFUSALS as usize % 3];
        Some(Reply::json(status, &json!({"error": "refused", "request": said(request)})))
    }

    /// Adds what the request said to a response.
    pub(crate) fn add(&self, request: &Request, reply: &mut Reply) {
        let said = said(request);
        let link = said.as_object().into_iter().flatten().find_map(|(_, value)| value.as_str());
        let link = link.unwrap_or_default().to_owned();
        if let Ok(Value::Object(mut body)) = serde_json::from_str(&reply.body) {
            body.insert("echo".to_owned(), said);
            reply.body = Value::Object(body).to_string();
        }
        reply.fields.push(("x-echo", link.clone()));
        let link = link.replace(' ', "%20");
        reply.fields.push(("link", format!("<https://elsewhere.invalid/help?key={link}>; rel=\"help\"")));
    }
}

/// Returns the fields of a request that may hold credentials.
fn said(request: &Request) -> Value {
    let may_be = |name: &str| ["auth", "key", "token", "signature"].iter().any(|part| name.contains(part));
    let fields = request.fields.iter().filter(|(name, _)| may_be(name));
    fields
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
