//! Meilisearch: documents are enqueued as a task, and stored when the task runs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Time until a task is run.
const WAIT: Duration = Duration::from_millis(200);

/// Tasks that wait while the defect takes no other.
const FULL: usize = 4;

struct Task {
    due: Instant,
    documents: Vec<Value>,
}

pub(crate) struct Meilisearch {
    secret: String,
    has_defect: bool,
    tasks: VecDeque<Task>,
    number: u64,
    documents: Rows,
}

impl Meilisearch {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            secret: setup.secret.clone(),
            has_defect: setup.has_defect,
            tasks: VecDeque::new(),
            number: 0,
            documents: Rows::new(),
        }
    }

    /// Runs the tasks that are due.
    fn work(&mut self) {
        while self.tasks.front().is_some_and(|task| task.due <= Instant::now()) {
            for document in self.tasks.pop_front().map(|task| task.documents).into_iter().flatten() {
                let id = document["id"].as_str().unwrap_or_default().to_owned();
                self.documents.put(&id, document);
            }
        }
    }

    fn enqueue(&mut self, request: &Request) -> Reply {
        if !request.is_of_type("application/x-ndjson") {
            return failed(415, "invalid_content_type");
        }
        let Some(documents) = request.lines() else { return failed(400, "malformed_payload") };
        let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if documents.iter().any(|document| !document["id"].as_str().is_some_and(is_id)) {
            return failed(400, "invalid_document_id");
        }
        if !(self.has_defect && self.tasks.len() >= FULL) {
            self.tasks.push_back(Task { due: Instant::now() + WAIT, documents });
        }
        self.number += 1;
        let task = json!({"taskUid": self.number, "indexUid": "events", "status": "enqueued",
            "type": "documentAdditionOrUpdate"});
        Reply::json(202, &task)
    }
}

impl Api for Meilisearch {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(403, "invalid_api_key");
        }
        self.work();
        match request.route() {
            ("POST", path) if path == ["indexes", "events", "documents"] => self.enqueue(request),
            ("GET", path) if path == ["indexes", "events", "documents"] => {
                let [offset, limit] = [request.number("offset", 0), request.number("limit", 20)];
                let page = self.documents.page(offset, limit);
                let total = self.documents.all().len();
                Reply::json(200, &json!({"results": page, "offset": offset, "limit": limit, "total": total}))
            }
            ("GET", path) if path == ["indexes", "events", "stats"] => {
                let is_indexing = !self.tasks.is_empty();
                let count = self.documents.all().len();
                Reply::json(200, &json!({"numberOfDocuments": count, "isIndexing": is_indexing}))
            }
            _ => failed(404, "not_found"),
        }
    }
}

fn failed(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"message": code.replace('_', " "), "code": code, "type": "invalid_request"}))
}
