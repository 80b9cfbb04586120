//! Loki: lines of a stream. A line that equals one of the same moment is ignored.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

/// Time before which lines are too old, and after which they are too new, in nanoseconds.
const TOO_OLD: i128 = 7 * 24 * 3_600_000_000_000;
const TOO_NEW: i128 = 600_000_000_000;

/// Most lines of a query.
const MOST: usize = 5_000;

/// Line with its moment.
type Line = (i128, String);

pub(crate) struct Loki {
    has_defect: bool,
    lines: Vec<Line>,
    known: HashSet<Line>,
}

impl Loki {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { has_defect: setup.has_defect, lines: Vec::new(), known: HashSet::new() }
    }

    fn push(&mut self, request: &Request) -> Reply {
        if !request.is_of_type("application/json") {
            return failed("only JSON is spoken here");
        }
        let body = request.json();
        let stream = &body["streams"][0];
        if stream["stream"] != json!({"job": "onceproof"}) {
            return failed("error at least one label pair is required per stream");
        }
        let now = jiff::Timestamp::now().as_nanosecond();
        let line = |value: &Value| Some((value[0].as_str()?.parse().ok()?, value[1].as_str()?.to_owned()));
        let lines: Option<Vec<Line>> = stream["values"].as_array().into_iter().flatten().map(line).collect();
        let Some(lines) = lines else { return failed("couldn't parse push request") };
        if lines.iter().any(|(moment, _)| *moment < now - TOO_OLD || *moment > now + TOO_NEW) {
            return failed("entry has timestamp too old or too new");
        }
        lines.into_iter().for_each(|line| self.store(line));
        Reply::empty(204)
    }

    fn store(&mut self, line: Line) {
        let is_known =
            if self.has_defect { self.lines.last() == Some(&line) } else { self.known.contains(&line) };
        if !is_known {
            self.known.insert(line.clone());
            self.lines.push(line);
        }
    }

    fn query(&self, request: &Request) -> Reply {
        let is_forward = request.parameter("direction") == Some("forward");
        let limit = request.number("limit", 100);
        if request.parameter("query") != Some("{job=\"onceproof\"}") || !is_forward || limit > MOST {
            return failed("parse error, or a limit above 5000");
        }
        let start = request.parameter("start").and_then(|text| text.parse().ok());
        let start: i128 = start.unwrap_or(jiff::Timestamp::now().as_nanosecond() - 3_600_000_000_000);
        let mut lines: Vec<&Line> = self.lines.iter().filter(|(moment, _)| *moment >= start).collect();
        lines.sort();
        let values: Vec<Value> =
            lines.into_iter().take(limit).map(|(moment, line)| json!([moment.to_string(), line])).collect();
        let streams = if values.is_empty() {
            json!([])
        } else {
            json!([{"stream": {"job": "onceproof"}, "values": values}])
        };
        Reply::json(200, &json!({"status": "success", "data": {"resultType": "streams", "result": streams}}))
    }
}

impl Api for Loki {
    fn answer(&mut self, request: &Request) -> Reply {
        match request.route() {
            ("POST", path) if path == ["loki", "api", "v1", "push"] => self.push(request),
            ("GET", path) if path == ["loki", "api", "v1", "query_range"] => self.query(request),
            _ => Reply::empty(404),
        }
    }
}

fn failed(reason: &str) -> Reply {
    Reply::text(400, "text/plain; charset=utf-8", format!("{reason}\n"))
}
