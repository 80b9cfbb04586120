//! CouchDB: `_bulk_docs` and `_all_docs` of one database.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

pub(crate) struct CouchDb {
    secret: String,
    has_defect: bool,
    /// Documents by their ids, in the order in which `_all_docs` shows them.
    documents: BTreeMap<String, Value>,
}

impl CouchDb {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, documents: BTreeMap::new() }
    }

    fn bulk(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let Some(documents) = body["docs"].as_array() else {
            return failed(400, "bad_request", "POST body must include `docs` parameter.");
        };
        let mut results = Vec::new();
        let mut before = None;
        for document in documents {
            let Some(id) = document["_id"].as_str() else {
                return failed(400, "illegal_docid", "Document id must be a string");
            };
            if self.documents.contains_key(id) {
                results.push(json!({"id": id, "error": "conflict", "reason": "Document update conflict."}));
                if let Some(dropped) = before.take().filter(|_| self.has_defect) {
                    self.documents.remove(&dropped);
                }
                continue;
            }
            self.documents.insert(id.to_owned(), document.clone());
            results.push(json!({"ok": true, "id": id, "rev": "1-967a00dff5e02add41819138abb3284d"}));
            before = Some(id.to_owned());
        }
        Reply::json(201, &Value::from(results))
    }

    fn all(&self, request: &Request) -> Reply {
        let start = request.parameter("startkey").unwrap_or("\"\"");
        let Ok(start) = serde_json::from_str::<String>(start) else {
            return failed(400, "bad_request", "invalid UTF-8 JSON: startkey");
        };
        let rows: Vec<Value> = self
            .documents
            .range(start..)
            .take(request.number("limit", usize::MAX))
            .map(|(id, document)| json!({"id": id, "key": id, "value": {"rev": "1-967a"}, "doc": document}))
            .collect();
        Reply::json(200, &json!({"total_rows": self.documents.len(), "offset": 0, "rows": rows}))
    }
}

impl Api for CouchDb {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_basic(&self.secret) {
            return failed(401, "unauthorized", "Name or password is incorrect.");
        }
        match request.route() {
            ("POST", path) if path == ["events", "_bulk_docs"] => {
                if !request.is_of_type("application/json") {
                    return failed(415, "bad_content_type", "Content-Type must be application/json");
                }
                self.bulk(request)
            }
            ("GET", path) if path == ["events", "_all_docs"] => self.all(request),
            ("GET", path) if path.len() == 2 && path[0] == "events" => match self.documents.get(path[1]) {
                Some(document) => Reply::json(200, document),
                None => failed(404, "not_found", "missing"),
            },
            _ => failed(404, "not_found", "Database does not exist."),
        }
    }
}

fn failed(status: u16, error: &str, reason: &str) -> Reply {
    Reply::json(status, &json!({"error": error, "reason": reason}))
}
