//! Elasticsearch: `_bulk`, `_create`, `_refresh`, `_search` and `_doc`. Searches show what was stored
//! before the last refresh; single documents are read at once.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::{Every, Setup};

/// Largest page of a search.
const MAX_RESULT_WINDOW: u64 = 10_000;

/// One item in so many comes when the queue of its shard is full.
const FULL_QUEUE: u32 = 53;

/// Documents of one index, by their ids.
type Index = BTreeMap<String, Document>;

struct Document {
    source: Value,
    is_refreshed: bool,
}

pub(crate) struct Search {
    secret: String,
    has_defect: bool,
    full_queue: Every,
    sequence: u64,
    indices: HashMap<String, Index>,
}

impl Search {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            secret: setup.secret.clone(),
            has_defect: setup.has_defect,
            full_queue: Every::always(FULL_QUEUE),
            sequence: 0,
            indices: HashMap::new(),
        }
    }

    fn bulk(&mut self, request: &Request) -> Reply {
        if !request.is_of_type("application/x-ndjson") && !request.is_of_type("application/json") {
            return Reply::json(
                406,
                &json!({"error": "Content-Type header is not supported", "status": 406}),
            );
        }
        if !request.body.ends_with(b"\n") {
            return illegal("The bulk request must be terminated by a newline [\\n]");
        }
        let Some(lines) = request.lines() else { return illegal("Malformed action/metadata line") };
        let mut items = Vec::new();
        for pair in lines.chunks(2) {
            let [action, source] = pair else { return illegal("The last action has no document") };
            let (Some(index), Some(id)) =
                (action["create"]["_index"].as_str(), action["create"]["_id"].as_str())
            else {
                return illegal("Malformed action/metadata line");
            };
            items.push(self.item(index, id, source));
        }
        let has_errors = items.iter().any(|item| item["create"]["status"] != 201);
        Reply::json(200, &json!({"took": 1, "errors": has_errors, "items": items}))
    }

    fn item(&mut self, index: &str, id: &str, source: &Value) -> Value {
        let status = match self.full_queue.comes() {
            true if self.has_defect => 201,
            true => 429,
            false if self.create(index, id, source) => 201,
            false => 409,
        };
        let mut item = json!({"_index": index, "_id": id, "status": status});
        match status {
            201 => item["result"] = "created".into(),
            409 => item["error"] = json!({"type": "version_conflict_engine_exception"}),
            _ => item["error"] = json!({"type": "es_rejected_execution_exception"}),
        }
        json!({"create": item})
    }

    /// Stores a document. Returns false if there is one of this id.
    fn create(&mut self, index: &str, id: &str, source: &Value) -> bool {
        let index = self.indices.entry(index.to_owned()).or_default();
        if index.contains_key(id) {
            return false;
        }
        index.insert(id.to_owned(), Document { source: source.clone(), is_refreshed: false });
        self.sequence += 1;
        true
    }

    fn create_one(&mut self, index: &str, id: &str, request: &Request) -> Reply {
        let source = request.json();
        if !source.is_object() {
            return illegal("failed to parse");
        }
        if !self.create(index, id, &source) && !self.has_defect {
            let error = json!({"type": "version_conflict_engine_exception", "index": index});
            return Reply::json(409, &json!({"error": error, "status": 409}));
        }
        let shown = json!({"_index": index, "_id": id, "_version": 1, "result": "created",
            "_seq_no": self.sequence, "_primary_term": 1});
        Reply::json(201, &shown)
    }

    fn refresh(&mut self) -> Reply {
        let documents = self.indices.values_mut().flat_map(BTreeMap::values_mut);
        documents.for_each(|document| document.is_refreshed = true);
        Reply::json(200, &json!({"_shards": {"total": 1, "successful": 1, "failed": 0}}))
    }

    fn search(&self, index: &str, request: &Request) -> Reply {
        let asked = request.json();
        let size = asked["size"].as_u64().unwrap_or(10);
        if size > MAX_RESULT_WINDOW {
            return illegal("Result window is too large");
        }
        if asked["sort"][0]["event_id.keyword"] != "asc" {
            return illegal("No mapping found for the field to sort on");
        }
        let after = asked["search_after"][0].as_str().unwrap_or_default();
        let documents = self.indices.get(index).into_iter().flatten();
        let hits: Vec<Value> = documents
            .filter(|(id, document)| document.is_refreshed && id.as_str() > after)
            .take(size as usize)
            .map(|(id, document)| {
                json!({"_index": index, "_id": id, "_source": document.source, "sort": [id]})
            })
            .collect();
        Reply::json(200, &json!({"took": 1, "timed_out": false, "hits": {"hits": hits}}))
    }
}

impl Api for Search {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("ApiKey", &self.secret) {
            return Reply::json(401, &json!({"error": {"type": "security_exception"}, "status": 401}));
        }
        match request.route() {
            ("POST", path) if path == ["_bulk"] => self.bulk(request),
            ("POST", path) if path == ["_refresh"] => self.refresh(),
            ("PUT" | "POST", path) if path.len() == 3 && path[1] == "_create" => {
                self.create_one(path[0], path[2], request)
            }
            ("POST" | "GET", path) if path.len() == 2 && path[1] == "_search" => {
                let is_missing = !self.indices.contains_key(path[0]);
                if is_missing && request.parameter("ignore_unavailable") != Some("true") {
                    return Reply::json(404, &json!({"error": {"type": "index_not_found_exception"}}));
                }
                self.search(path[0], request)
            }
            ("GET", path) if path.len() == 3 && path[1] == "_doc" => {
                let found = self.indices.get(path[0]).is_some_and(|index| index.contains_key(path[2]));
                Reply::json(if found { 200 } else { 404 }, &json!({"_id": path[2], "found": found}))
            }
            _ => illegal("no handler found for this uri and method"),
        }
    }
}

fn illegal(reason: &str) -> Reply {
    let error = json!({"type": "illegal_argument_exception", "reason": reason});
    Reply::json(400, &json!({"error": error, "status": 400}))
}
