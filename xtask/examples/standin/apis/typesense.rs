//! Typesense: import of JSON lines into one collection, and its export.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Lines of a request that the defect imports.
const IMPORTED: usize = 8;

pub(crate) struct Typesense {
    secret: String,
    has_defect: bool,
    documents: Rows,
}

impl Typesense {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, documents: Rows::new() }
    }

    fn import(&mut self, request: &Request) -> Reply {
        if request.parameter("action") != Some("create") {
            return failed(400, "Parameter `action` must be a create|update|upsert.");
        }
        let results: Vec<Value> =
            request.text().lines().enumerate().map(|(place, line)| self.line(place, line)).collect();
        Reply::lines(200, &results)
    }

    fn line(&mut self, place: usize, line: &str) -> Value {
        let Ok(document) = serde_json::from_str::<Value>(line) else {
            return failed_line(400, "Bad JSON: not a properly formed document");
        };
        let Some(id) = document["id"].as_str().map(str::to_owned) else {
            return failed_line(400, "Document's `id` field should be a string.");
        };
        if self.has_defect && place >= IMPORTED {
            return json!({"success": true});
        }
        if self.documents.add(&id, document) {
            return json!({"success": true});
        }
        failed_line(409, &format!("A document with id {id} already exists."))
    }
}

impl Api for Typesense {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.field("x-typesense-api-key") != Some(&self.secret) {
            return failed(401, "Forbidden - a valid `x-typesense-api-key` header must be sent.");
        }
        match request.route() {
            ("POST", path) if path == ["collections", "events", "documents", "import"] => {
                self.import(request)
            }
            ("GET", path) if path == ["collections", "events", "documents", "export"] => {
                Reply::lines(200, self.documents.all())
            }
            _ => failed(404, "Not Found"),
        }
    }
}

fn failed_line(code: u16, error: &str) -> Value {
    json!({"success": false, "code": code, "error": error})
}

fn failed(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"message": message}))
}
