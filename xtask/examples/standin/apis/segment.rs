//! Segment: batches of events, which a warehouse stores.

use anyhow::Result;
use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;
use crate::warehouse::Warehouse;

/// Largest request and largest event, in bytes.
const LARGEST: [usize; 2] = [500 << 10, 32 << 10];

/// Ids that the defect knows again.
const MEMORY: usize = 40;

pub(crate) struct Segment {
    secret: String,
    known: Rows,
    tracks: Warehouse,
}

impl Segment {
    pub(crate) fn open(setup: &Setup) -> Result<Self> {
        let tracks = Warehouse::open(
            setup,
            "CREATE TABLE tracks (id TEXT, event_text TEXT, timestamp TEXT, user_id TEXT, properties TEXT)",
            "INSERT INTO tracks VALUES (?, ?, ?, ?, ?)",
        )?;
        Ok(Self { secret: setup.secret.clone(), known: Rows::knowing(setup.memory(MEMORY)), tracks })
    }

    fn track(&mut self, event: &Value) {
        let part = |name: &str| event[name].as_str().unwrap_or_default();
        if self.known.add(part("messageId"), Value::Null) {
            let properties = event["properties"].to_string();
            let values = ["messageId", "event", "timestamp", "userId"].map(part);
            self.tracks.store(&[values[0], values[1], values[2], values[3], &properties]);
        }
    }
}

impl Api for Segment {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.route() != ("POST", vec!["v1", "batch"]) {
            return Reply::empty(404);
        }
        if !request.is_basic(&self.secret) {
            return failed(401, "invalid write key");
        }
        let body = request.json();
        let Some(batch) = body["batch"].as_array() else { return failed(400, "invalid request") };
        let is_too_large = batch.iter().any(|event| event.to_string().len() > LARGEST[1]);
        if request.body.len() > LARGEST[0] || is_too_large {
            return failed(400, "request or event is too large");
        }
        let has_user = |event: &Value| event["userId"].is_string() || event["anonymousId"].is_string();
        if !batch.iter().all(|event| event["type"] == "track" && has_user(event)) {
            return failed(400, "invalid event");
        }
        batch.iter().for_each(|event| self.track(event));
        Reply::json(200, &json!({"success": true}))
    }
}

fn failed(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"success": false, "message": message}))
}
