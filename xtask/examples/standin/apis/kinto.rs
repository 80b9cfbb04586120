//! Kinto: records of a collection, one a request; a known id is answered with 200 and its record.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

/// Letters of an id that the defect compares.
const COMPARED: usize = 3;

pub(crate) struct Kinto {
    secret: String,
    has_defect: bool,
    records: BTreeMap<String, Value>,
}

impl Kinto {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, records: BTreeMap::new() }
    }

    fn create(&mut self, request: &Request) -> Reply {
        let mut record = request.json()["data"].take();
        let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let Some(id) = record["id"].as_str().filter(|id| is_id(id)).map(str::to_owned) else {
            return failed(400, "data.id in body: Invalid object id");
        };
        let known = match self.has_defect {
            true => self.records.iter().find(|(own, _)| own.starts_with(&id[..COMPARED.min(id.len())])),
            false => self.records.get_key_value(&id),
        };
        if let Some((_, known)) = known {
            return Reply::json(200, &json!({"data": known, "permissions": {}}));
        }
        record["last_modified"] = (1_700_000_000_000_u64 + self.records.len() as u64).into();
        let reply = Reply::json(201, &json!({"data": record, "permissions": {}}));
        self.records.insert(id, record);
        reply
    }

    fn list(&self, request: &Request) -> Reply {
        if request.parameter("_sort") != Some("id") {
            return failed(400, "the stand-in sorts by id");
        }
        let from = request.number("_token", 0);
        let limit = request.number("_limit", self.records.len());
        let page: Vec<&Value> = self.records.values().skip(from).take(limit).collect();
        let reply = Reply::json(200, &json!({"data": page}));
        if from + limit >= self.records.len() {
            return reply;
        }
        let token = from + limit;
        let host = request.field("host").unwrap_or_default();
        let path = "v1/buckets/b/collections/orders/records";
        reply.with("next-page", format!("http://{host}/{path}?_limit={limit}&_sort=id&_token={token}"))
    }
}

impl Api for Kinto {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_basic(&self.secret) {
            return failed(401, "Please authenticate yourself to use this endpoint.");
        }
        let (method, path) = request.route();
        if path.len() < 6 || path[..6] != ["v1", "buckets", "b", "collections", "orders", "records"] {
            return failed(404, "The resource you are looking for could not be found.");
        }
        match (method, path.get(6)) {
            ("POST", None) => self.create(request),
            ("GET", None) => self.list(request),
            ("GET", Some(id)) => match self.records.get(*id) {
                Some(record) => Reply::json(200, &json!({"data": record})),
                None => failed(404, "The resource you are looking for could not be found."),
            },
            _ => failed(405, "Method not allowed on this endpoint."),
        }
    }
}

fn failed(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"code": status, "message": message}))
}
