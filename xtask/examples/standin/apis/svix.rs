//! Svix: one message a request; a known event id is a conflict.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Largest page.
const MOST: usize = 250;

pub(crate) struct Svix {
    secret: String,
    has_defect: bool,
    messages: Rows,
}

impl Svix {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, messages: Rows::new() }
    }

    fn create(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let id = body["eventId"].as_str();
        let (Some(id), true, true) = (id, body["eventType"].is_string(), body["payload"].is_object()) else {
            return failed(422, "validation_error");
        };
        let message = json!({"id": format!("msg_{:06}", self.messages.all().len()), "eventId": id,
            "eventType": body["eventType"], "payload": body["payload"]});
        match self.messages.add(id, message.clone()) {
            true => Reply::json(202, &message),
            false => failed(409, "conflict"),
        }
    }

    /// Lists messages, the newest first.
    fn list(&self, request: &Request) -> Reply {
        let limit = request.number("limit", 50);
        if limit > MOST {
            return failed(422, "validation_error");
        }
        let messages = self.messages.all();
        let after = request.parameter("iterator");
        let place = after.and_then(|id| messages.iter().rev().position(|message| message["id"] == id));
        let from = place.map_or(0, |place| place + 1);
        let page: Vec<&Value> = messages.iter().rev().skip(from).take(limit).collect();
        let left = messages.len() - from - page.len();
        let is_done = left == 0 || (self.has_defect && left <= limit);
        let iterator = page.last().map(|message| message["id"].clone());
        Reply::json(200, &json!({"data": page, "iterator": iterator, "done": is_done}))
    }
}

impl Api for Svix {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(401, "authentication_failed");
        }
        match request.route() {
            (method, path) if path.len() == 6 && path[..3] == ["api", "v1", "app"] && path[4] == "msg" => {
                match method {
                    "POST" => self.create(request),
                    "GET" => self.list(request),
                    _ => failed(405, "method_not_allowed"),
                }
            }
            _ => failed(404, "not_found"),
        }
    }
}

fn failed(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"code": code, "detail": code.replace('_', " ")}))
}
