//! Receiver of CloudEvents 1.0 over HTTP in each of the three content modes. An event is known by
//! source and id, and rows are in the receiver's own database.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::{Request, decoded};
use crate::setup::{Every, Setup};
use crate::warehouse::Warehouse;

/// Content mode of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Batch,
    Binary,
    Structured,
}

/// Events of a batch that the defect stores.
const STORED: usize = 8;

/// Time for which the defect does not know an event again.
const BLIND: Duration = Duration::from_millis(300);

/// Events of which the defect takes one for another type.
const MISTAKES: u32 = 10;

pub(crate) struct Receiver {
    mode: Mode,
    has_defect: bool,
    mistakes: Every,
    kind_before: String,
    /// Keys with the moment of their first event.
    known: HashMap<String, Instant>,
    events: Warehouse,
}

impl Receiver {
    pub(crate) fn open(setup: &Setup, mode: Mode) -> Result<Self> {
        let events = Warehouse::open(
            setup,
            "CREATE TABLE events (type TEXT, id TEXT, source TEXT, time TEXT, data TEXT)",
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
        )?;
        let mistakes = setup.defect_every(MISTAKES);
        let has_defect = setup.has_defect;
        Ok(Self { mode, has_defect, mistakes, kind_before: String::new(), known: HashMap::new(), events })
    }

    /// Returns the events of a request, or the reason why it has none.
    fn events(&self, request: &Request) -> Result<Vec<Value>, &'static str> {
        match self.mode {
            Mode::Batch if request.is_of_type("application/cloudevents-batch+json") => {
                let Value::Array(events) = request.json() else { return Err("a batch is a JSON array") };
                Ok(events)
            }
            Mode::Structured if request.is_of_type("application/cloudevents+json") => {
                Ok(vec![request.json()])
            }
            Mode::Binary if request.is_of_type("application/json") => {
                let mut event = json!({"data": request.json()});
                for name in ["specversion", "type", "source", "id", "time"] {
                    let value = request.field(&format!("ce-{name}"));
                    event[name] = value.map(decoded).into();
                }
                Ok(vec![event])
            }
            _ => Err("the content type is of another content mode"),
        }
    }

    fn store(&mut self, place: usize, event: &Value) {
        let [mut kind, id, source, time] =
            ["type", "id", "source", "time"].map(|name| event[name].as_str().unwrap_or_default().to_owned());
        let is_known = match self.known.get(&format!("{source} {id}")) {
            Some(first) => !(self.has_defect && self.mode == Mode::Binary && first.elapsed() < BLIND),
            None => false,
        };
        if is_known || (self.has_defect && self.mode == Mode::Batch && place >= STORED) {
            return;
        }
        let before = std::mem::replace(&mut self.kind_before, kind.clone());
        if self.mode == Mode::Structured && self.mistakes.comes() {
            kind = before;
        }
        self.known.entry(format!("{source} {id}")).or_insert_with(Instant::now);
        self.events.store(&[&kind, &id, &source, &time, &event["data"].to_string()]);
    }
}

impl Api for Receiver {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.method != "POST" {
            return Reply::empty(405);
        }
        let events = match self.events(request) {
            Ok(events) => events,
            Err(reason) => return Reply::json(415, &json!({"error": reason})),
        };
        let is_text = |event: &Value, name: &str| event[name].as_str().is_some_and(|text| !text.is_empty());
        let is_event = |event: &Value| {
            event["specversion"] == "1.0" && ["id", "source", "type"].iter().all(|name| is_text(event, name))
        };
        if !events.iter().all(is_event) {
            return Reply::json(400, &json!({"error": "a required context attribute is missing"}));
        }
        events.iter().enumerate().for_each(|(place, event)| self.store(place, event));
        Reply::empty(202)
    }
}
