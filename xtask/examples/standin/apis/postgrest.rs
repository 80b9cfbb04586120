//! PostgREST: rows are inserted in bulk, known ones are left as they are, and the response holds
//! those that were inserted.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

const PREFER: &str = "resolution=ignore-duplicates,return=representation";

pub(crate) struct PostgRest {
    secret: String,
    has_defect: bool,
    events: Rows,
}

impl PostgRest {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, events: Rows::new() }
    }

    fn insert(&mut self, request: &Request) -> Reply {
        let is_upsert = request.parameter("on_conflict") == Some("topic,event_id");
        if !is_upsert || request.field("prefer") != Some(PREFER) {
            return failed(409, "23505", "duplicate key value violates unique constraint");
        }
        let Value::Array(rows) = request.json() else {
            return failed(400, "PGRST102", "Empty or invalid json");
        };
        let is_row = |row: &Value| row["topic"].is_string() && row["event_id"].is_string();
        if !rows.iter().all(is_row) {
            return failed(400, "23502", "null value in column violates not-null constraint");
        }
        let mut inserted = Vec::new();
        for row in rows {
            let key = format!("{} {}", row["topic"], row["event_id"]);
            let row = shown(row);
            if self.events.add(&key, row.clone()) || self.has_defect {
                inserted.push(row);
            }
        }
        Reply::json(201, &Value::from(inserted))
    }

    fn select(&self, request: &Request) -> Reply {
        if request.parameter("order") != Some("topic,event_id") {
            return failed(400, "PGRST100", "the stand-in sorts by its key");
        }
        let mut rows: Vec<&Value> = self.events.all().iter().collect();
        rows.sort_by_key(|row| ["topic", "event_id"].map(|name| row[name].as_str().unwrap_or_default()));
        let page = rows.into_iter().skip(request.number("offset", 0));
        let page: Vec<Value> = page.take(request.number("limit", usize::MAX)).cloned().collect();
        Reply::json(200, &Value::from(page))
    }
}

impl Api for PostgRest {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(401, "PGRST301", "JWSError");
        }
        match request.route() {
            ("POST", path) if path == ["events"] => self.insert(request),
            ("GET", path) if path == ["events"] => self.select(request),
            _ => failed(404, "42P01", "relation does not exist"),
        }
    }
}

/// Returns a row as PostgreSQL shows it: times have an offset.
fn shown(mut row: Value) -> Value {
    if let Some(text) = row["timestamp"].as_str().and_then(|text| text.strip_suffix('Z')) {
        row["timestamp"] = format!("{text}+00:00").into();
    }
    row
}

fn failed(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"code": code, "message": message, "details": null, "hint": null}))
}
