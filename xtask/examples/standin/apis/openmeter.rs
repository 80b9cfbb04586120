//! OpenMeter: batches of CloudEvents in, pages by cursor out. An event is known by source and id.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Largest page.
const LARGEST: usize = 100;

pub(crate) struct OpenMeter {
    secret: String,
    has_defect: bool,
    requests: u64,
    events: Rows,
}

impl OpenMeter {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, requests: 0, events: Rows::new() }
    }

    fn ingest(&mut self, request: &Request) -> Reply {
        let Value::Array(events) = request.json() else { return failed(400, "body is not a batch") };
        let is_event = |event: &Value| {
            ["specversion", "id", "source", "type", "subject"].iter().all(|name| event[*name].is_string())
        };
        if !request.is_of_type("application/cloudevents-batch+json") || !events.iter().all(is_event) {
            return failed(400, "invalid event");
        }
        self.requests += 1;
        let scope = if self.has_defect { self.requests } else { 0 };
        for event in events {
            let key = format!("{} {} {scope}", event["source"], event["id"]);
            self.events.add(&key, json!({"event": event, "ingestedAt": "2026-01-01T00:00:00Z"}));
        }
        Reply::empty(204)
    }

    fn list(&self, request: &Request) -> Reply {
        let limit = request.number("limit", LARGEST);
        if limit > LARGEST {
            return failed(400, "limit must be at most 100");
        }
        let from = request.number("cursor", 0);
        let next = from + limit;
        let next = (next < self.events.all().len()).then(|| next.to_string());
        Reply::json(200, &json!({"items": self.events.page(from, limit), "nextCursor": next}))
    }
}

impl Api for OpenMeter {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(401, "unauthorized");
        }
        match request.route() {
            ("POST", path) if path == ["api", "v1", "events"] => self.ingest(request),
            ("GET", path) if path == ["api", "v2", "events"] => self.list(request),
            _ => failed(404, "not found"),
        }
    }
}

fn failed(status: u16, detail: &str) -> Reply {
    Reply::json(status, &json!({"type": "about:blank", "status": status, "detail": detail}))
}
