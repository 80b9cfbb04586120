//! Lago: batches of usage events. One known transaction id refuses its whole request.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::{Every, Setup};

/// Most events in a batch, and in a page.
const MOST: usize = 100;

pub(crate) struct Lago {
    secret: String,
    mistakes: Every,
    events: Rows,
}

impl Lago {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), mistakes: setup.defect_every(25), events: Rows::new() }
    }

    fn batch(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let Some(events) = body["events"].as_array().filter(|events| events.len() <= MOST) else {
            return invalid(&json!({"events": ["too_many_events"]}));
        };
        let mut errors = serde_json::Map::new();
        for (place, event) in events.iter().enumerate() {
            let id = event["transaction_id"].as_str();
            let is_whole = event["code"].is_string() && event["external_subscription_id"].is_string();
            let Some(id) = id.filter(|_| is_whole) else {
                errors.insert(place.to_string(), json!({"transaction_id": ["value_is_mandatory"]}));
                continue;
            };
            if self.events.of(id).is_some() || self.mistakes.comes() {
                errors.insert(place.to_string(), json!({"transaction_id": ["value_already_exist"]}));
            }
        }
        if !errors.is_empty() {
            return invalid(&errors.into());
        }
        for event in events {
            let id = event["transaction_id"].as_str().unwrap_or_default();
            self.events.add(id, shown(event));
        }
        Reply::json(200, &json!({"events": events}))
    }

    fn list(&self, request: &Request) -> Reply {
        let per_page = request.number("per_page", MOST).min(MOST);
        let page = request.number("page", 1).max(1);
        let events = self.events.page((page - 1) * per_page, per_page);
        let total = self.events.all().len();
        let next = (page * per_page < total).then_some(page + 1);
        let meta = json!({"current_page": page, "next_page": next, "total_count": total});
        Reply::json(200, &json!({"events": events, "meta": meta}))
    }
}

impl Api for Lago {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return Reply::json(401, &json!({"status": 401, "error": "Unauthorized"}));
        }
        match request.route() {
            ("POST", path) if path == ["api", "v1", "events", "batch"] => self.batch(request),
            ("GET", path) if path == ["api", "v1", "events"] => self.list(request),
            ("GET", path) if path.len() == 4 && path[..3] == ["api", "v1", "events"] => {
                match self.events.of(path[3]) {
                    Some(event) => Reply::json(200, &json!({"event": event})),
                    None => Reply::json(404, &json!({"status": 404, "code": "event_not_found"})),
                }
            }
            _ => Reply::json(404, &json!({"status": 404, "error": "Not Found"})),
        }
    }
}

/// Returns an event as it is listed: its time is text.
fn shown(event: &Value) -> Value {
    let mut event = event.clone();
    let seconds = event["timestamp"].as_i64().unwrap_or_default();
    event["timestamp"] = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string().into();
    event
}

fn invalid(details: &Value) -> Reply {
    let body = json!({"status": 422, "error": "Unprocessable Entity", "code": "validation_errors",
        "error_details": details});
    Reply::json(422, &body)
}
