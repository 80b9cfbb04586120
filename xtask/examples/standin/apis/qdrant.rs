//! Qdrant: points are put into a collection, and scrolled through in the order of their ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

pub(crate) struct Qdrant {
    secret: String,
    has_defect: bool,
    operations: u64,
    /// Payloads of the points.
    points: BTreeMap<String, Value>,
}

impl Qdrant {
    pub(crate) fn new(setup: &Setup) -> Self {
        let secret = setup.secret.clone();
        Self { secret, has_defect: setup.has_defect, operations: 0, points: BTreeMap::new() }
    }

    fn upsert(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let Some(points) = body["points"].as_array() else { return failed(400, "missing field `points`") };
        let is_uuid = |point: &Value| point["id"].as_str().is_some_and(|id| id.len() == 36);
        if !points.iter().all(|point| is_uuid(point) && point["vector"].is_array()) {
            return failed(400, "value is not a valid point ID");
        }
        for point in points {
            let id = point["id"].as_str().unwrap_or_default().to_owned();
            let is_again = self.points.contains_key(&id);
            let mut payload = point["payload"].clone();
            if let Some(payload) = payload.as_object_mut().filter(|_| self.has_defect && is_again) {
                payload.retain(|_, value| !value.is_object());
            }
            self.points.insert(id, payload);
        }
        self.operations += 1;
        let is_waiting = request.parameter("wait") == Some("true");
        let status = if is_waiting { "completed" } else { "acknowledged" };
        succeeded(&json!({"operation_id": self.operations, "status": status}))
    }

    fn scroll(&self, request: &Request) -> Reply {
        let asked = request.json();
        let from = asked["offset"].as_str().unwrap_or_default().to_owned();
        let limit = asked["limit"].as_u64().unwrap_or(10) as usize;
        let mut points = self.points.range(from..);
        let page: Vec<Value> =
            points.by_ref().take(limit).map(|(id, payload)| json!({"id": id, "payload": payload})).collect();
        let next = points.next().map(|(id, _)| id);
        succeeded(&json!({"points": page, "next_page_offset": next}))
    }
}

impl Api for Qdrant {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.field("api-key") != Some(&self.secret) {
            return failed(403, "Forbidden: Invalid api-key");
        }
        match request.route() {
            ("PUT", path) if path == ["collections", "events", "points"] => self.upsert(request),
            ("POST", path) if path == ["collections", "events", "points", "scroll"] => self.scroll(request),
            ("GET", path) if path.len() == 4 && path[..3] == ["collections", "events", "points"] => {
                match self.points.get(path[3]) {
                    Some(payload) => succeeded(&json!({"id": path[3], "payload": payload})),
                    None => failed(404, "Not found: Point does not exist"),
                }
            }
            _ => failed(404, "Not found"),
        }
    }
}

fn succeeded(result: &Value) -> Reply {
    Reply::json(200, &json!({"result": result, "status": "ok", "time": 0.001}))
}

fn failed(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({"status": {"error": error}, "time": 0.0}))
}
