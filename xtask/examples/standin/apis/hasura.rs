//! Hasura: an insert as a GraphQL mutation, and a query. Errors stand in the body of a 200.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

pub(crate) struct Hasura {
    secret: String,
    has_defect: bool,
    events: Rows,
}

impl Hasura {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, events: Rows::new() }
    }

    /// Inserts all objects of a mutation, or none of them.
    fn insert(&mut self, objects: &[Value]) -> Reply {
        let is_row = |object: &Value| object["topic"].is_string() && object["event_id"].is_string();
        let whole = objects.iter().take_while(|object| is_row(object)).count();
        let kept = if whole == objects.len() || self.has_defect { whole } else { 0 };
        let mut returning = Vec::new();
        for object in &objects[..kept] {
            let key = format!("{} {}", object["topic"], object["event_id"]);
            if self.events.add(&key, object.clone()) {
                returning.push(json!({"topic": object["topic"], "event_id": object["event_id"]}));
            }
        }
        if whole < objects.len() {
            return failed("constraint-violation", "Not-NULL violation. null value in column \"event_id\"");
        }
        Reply::json(200, &json!({"data": {"insert_events": {"returning": returning}}}))
    }

    fn select(&self, query: &str) -> Reply {
        let number = |name: &str| {
            let rest = query.split_once(&format!("{name}: "))?.1;
            let end = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        };
        let (Some(offset), Some(limit)) = (number("offset"), number("limit")) else {
            return failed("validation-failed", "expected offset and limit");
        };
        let mut rows: Vec<&Value> = self.events.all().iter().collect();
        rows.sort_by_key(|row| row["event_id"].as_str().unwrap_or_default());
        let page: Vec<&Value> = rows.into_iter().skip(offset).take(limit).collect();
        Reply::json(200, &json!({"data": {"events": page}}))
    }
}

impl Api for Hasura {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.route() != ("POST", vec!["v1", "graphql"]) {
            return Reply::json(404, &json!({"path": "$", "error": "resource does not exist"}));
        }
        if request.field("x-hasura-admin-secret") != Some(&self.secret) {
            return failed("access-denied", "invalid \"x-hasura-admin-secret\"");
        }
        let body = request.json();
        let query = body["query"].as_str().unwrap_or_default();
        match body["variables"]["rows"].as_array() {
            Some(objects) if query.starts_with("mutation") && query.contains("insert_events") => {
                self.insert(objects)
            }
            None if query.contains("events(") => self.select(query),
            _ => failed("validation-failed", "field not found in type"),
        }
    }
}

fn failed(code: &str, message: &str) -> Reply {
    Reply::json(200, &json!({"errors": [{"message": message, "extensions": {"code": code, "path": "$"}}]}))
}
