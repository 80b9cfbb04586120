//! KurrentDB (EventStoreDB): events are appended to a stream, and an id is written once. Pages of a
//! stream show the newest of their events first.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Events that the defect compares ids with.
const MEMORY: usize = 20;

pub(crate) struct KurrentDb {
    memory: usize,
    secret: String,
    streams: HashMap<String, Rows>,
}

impl KurrentDb {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { memory: setup.memory(MEMORY), secret: setup.secret.clone(), streams: HashMap::new() }
    }

    fn append(&mut self, stream: &str, request: &Request) -> Reply {
        if !request.is_of_type("application/vnd.eventstore.events+json") {
            return Reply::empty(415);
        }
        let Value::Array(events) = request.json() else { return Reply::empty(400) };
        let is_event = |event: &Value| {
            event["eventId"].as_str().is_some_and(|id| id.len() == 36) && event["eventType"].is_string()
        };
        if events.is_empty() || !events.iter().all(is_event) {
            return Reply::empty(400);
        }
        let rows = self.streams.entry(stream.to_owned()).or_insert_with(|| Rows::knowing(self.memory));
        for event in &events {
            let entry = json!({"eventId": event["eventId"], "eventType": event["eventType"],
                "eventNumber": rows.all().len(), "data": event["data"].to_string(), "isJson": true,
                "streamId": stream});
            rows.add(event["eventId"].as_str().unwrap_or_default(), entry);
        }
        let host = request.field("host").unwrap_or_default();
        Reply::empty(201).with("location", format!("http://{host}/streams/{stream}/{}", rows.all().len() - 1))
    }

    fn page(&self, stream: &str, from: &str, count: &str) -> Reply {
        let Some(rows) = self.streams.get(stream) else { return Reply::empty(404) };
        let (Ok(from), Ok(count)) = (from.parse(), count.parse()) else { return Reply::empty(400) };
        let entries: Vec<&Value> = rows.page(from, count).iter().rev().collect();
        Reply::json(200, &json!({"streamId": stream, "headOfStream": false, "entries": entries}))
    }
}

impl Api for KurrentDb {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_basic(&self.secret) {
            return Reply::empty(401);
        }
        match request.route() {
            ("POST", path) if path.len() == 2 && path[0] == "streams" => self.append(path[1], request),
            ("GET", path) if path.len() == 5 && path[0] == "streams" && path[3] == "forward" => {
                let is_atom = request.field("accept") == Some("application/vnd.eventstore.atom+json");
                if !is_atom || request.parameter("embed") != Some("body") {
                    return Reply::empty(406);
                }
                self.page(path[1], path[2], path[4])
            }
            _ => Reply::empty(404),
        }
    }
}
