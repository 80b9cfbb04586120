//! PostHog: `/batch/` takes events, and a HogQL query shows them as lists of columns.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Letters of a text that the defect keeps.
const KEPT: usize = 100;

/// Query, up to its limits.
const QUERY: &str = "SELECT uuid, event, timestamp, properties FROM events ORDER BY uuid LIMIT ";

pub(crate) struct PostHog {
    secret: String,
    has_defect: bool,
    events: Rows,
}

impl PostHog {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, events: Rows::new() }
    }

    fn batch(&mut self, request: &Request) -> Reply {
        let body = request.json();
        if body["api_key"] != self.secret.as_str() {
            return failed(401, "Project API key invalid.");
        }
        let Some(batch) = body["batch"].as_array() else { return failed(400, "Invalid payload: batch") };
        let is_event = |event: &Value| {
            event["event"].is_string() && event["distinct_id"].is_string() && event["uuid"].is_string()
        };
        if !batch.iter().all(is_event) {
            return failed(400, "Invalid payload: missing field");
        }
        for event in batch {
            let mut properties = event["properties"].clone();
            if self.has_defect {
                properties.as_object_mut().into_iter().flatten().for_each(|(_, value)| cut(value));
            }
            properties["$geoip_disable"] = true.into();
            let uuid = event["uuid"].as_str().unwrap_or_default();
            // Properties are a JSON text in the results of a query.
            let row = json!([uuid, event["event"], event["timestamp"], properties.to_string()]);
            self.events.add(uuid, row);
        }
        Reply::json(200, &json!({"status": "Ok"}))
    }

    fn query(&self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(401, "Invalid personal API key.");
        }
        let body = request.json();
        let query = body["query"]["query"].as_str().unwrap_or_default();
        let limits = query.strip_prefix(QUERY).and_then(|limits| limits.split_once(" OFFSET "));
        let numbers = limits.map(|(limit, offset)| (limit.parse(), offset.parse()));
        let Some((Ok(limit), Ok(offset))) = numbers else { return failed(400, "HogQL syntax error") };
        let mut rows: Vec<&Value> = self.events.all().iter().collect();
        rows.sort_by_key(|row| row[0].as_str().unwrap_or_default());
        let page: Vec<&Value> = rows.into_iter().skip(offset).take(limit).collect();
        let columns = ["uuid", "event", "timestamp", "properties"];
        Reply::json(200, &json!({"columns": columns, "results": page, "hasMore": page.len() == limit}))
    }
}

impl Api for PostHog {
    fn answer(&mut self, request: &Request) -> Reply {
        match request.route() {
            ("POST", path) if path == ["batch", ""] => self.batch(request),
            ("POST", path) if path.len() == 5 && path[..2] == ["api", "projects"] && path[3] == "query" => {
                self.query(request)
            }
            _ => failed(404, "Endpoint not found."),
        }
    }
}

fn cut(value: &mut Value) {
    if let Value::String(text) = value {
        *text = text.chars().take(KEPT).collect();
    }
}

fn failed(status: u16, detail: &str) -> Reply {
    Reply::json(status, &json!({"type": "validation_error", "detail": detail}))
}
