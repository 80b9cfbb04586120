//! Requests of real clients: tables of the requests that publishers, load scripts and people send,
//! each with the expected response.
//!
//! A row names a request and its status (`invalid` is the status that is set for invalid events),
//! and may show a part of the response: objects may hold more, arrays may not. `$number` and the
//! like stand for any value of a kind, `{"$length": n}` for an array, `{"$events": n, "topic": t}`
//! in a body for an array of valid events.

use std::collections::{BTreeMap, BTreeSet};

use aggregator::InvalidStatus;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::target::{Client, Counters, Target, next_page};

on_both_databases! {
    requests_of_publishers_are_accepted,
    invalid_events_are_rejected,
    requests_of_readers_are_served,
}

/// One request, and the expected response.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    /// Method and path.
    send: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Body, as JSON or as text.
    json: Option<Value>,
    text: Option<String>,
    /// Number of clients that send it.
    #[serde(default = "one")]
    at_once: usize,
    status: Expected,
    /// Part of every response.
    response: Option<Value>,
    /// Sums of fields of all responses.
    #[serde(default)]
    sum: BTreeMap<String, u64>,
    pages: Option<Pages>,
}

/// A listing, followed from link to link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    count: usize,
    rows: usize,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Status(u16),
    Word(Invalid),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Invalid {
    Invalid,
}

fn one() -> usize {
    1
}

async fn requests_of_publishers_are_accepted(database: &Database) {
    play(database, InvalidStatus::UnprocessableContent, include_str!("clients/publishing.json")).await;
}

async fn invalid_events_are_rejected(database: &Database) {
    for status in [InvalidStatus::UnprocessableContent, InvalidStatus::BadRequest] {
        play(database, status, include_str!("clients/refused.json")).await;
    }
}

async fn requests_of_readers_are_served(database: &Database) {
    play(database, InvalidStatus::BadRequest, include_str!("clients/reading.json")).await;
}

/// Sends the rows of a table in their order, on an empty store, and compares its counters with the
/// sum of all receipts.
async fn play(database: &Database, invalid: InvalidStatus, table: &str) {
    let target = Target::start_with(database, |settings| settings.invalid_status = invalid).await;
    let rows: Vec<Row> = serde_json::from_str(table).unwrap();
    let mut received = Counters { received: 0, unique: 0, duplicates: 0 };
    for row in &rows {
        let bodies = row.bodies(&target.client, invalid.into()).await;
        let sum = |field: &str| bodies.iter().filter_map(|body| body[field].as_u64()).sum::<u64>();
        for (field, expected) in &row.sum {
            assert_eq!(sum(field), *expected, "{field} of {}", row.name);
        }
        received.received += sum("accepted");
        received.unique += sum("inserted");
        received.duplicates += sum("duplicates");
        if let Some(pages) = &row.pages {
            row.turn(pages, &target.client).await;
        }
    }
    assert_eq!(target.client.counters().await, received);
    target.stop().await;
}

impl Row {
    /// Returns the responses of all clients, each as expected; null for a response without a body.
    async fn bodies(&self, client: &Client, invalid: StatusCode) -> Vec<Value> {
        let expected = match self.status {
            Expected::Status(status) => StatusCode::from_u16(status).unwrap(),
            Expected::Word(Invalid::Invalid) => invalid,
        };
        let mut clients = JoinSet::new();
        for _ in 0..self.at_once {
            clients.spawn(self.request(client).send());
        }
        let mut bodies = Vec::new();
        for response in clients.join_all().await {
            let response = response.unwrap();
            let status = response.status();
            let text = response.text().await.unwrap();
            assert_eq!(status, expected, "{}: {text}", self.name);
            let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
            let part = self.response.as_ref();
            assert_eq!(part.and_then(|part| difference(&body, part, &self.name)), None);
            bodies.push(body);
        }
        bodies
    }

    fn request(&self, client: &Client) -> reqwest::RequestBuilder {
        let (method, path) = self.send.split_once(' ').unwrap();
        let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let json = self.json.as_ref().map(|json| with_events(json).to_string());
        match json.or_else(|| self.text.clone()) {
            Some(body) => request.body(body),
            None => request,
        }
    }

    /// Follows the links, and checks the number of pages and rows, and that each key occurs once.
    async fn turn(&self, pages: &Pages, client: &Client) {
        let (_, path) = self.send.split_once(' ').unwrap();
        let mut next = Some(path.to_owned());
        let mut count = 0;
        let mut rows = Vec::new();
        while let Some(path) = next {
            let response = client.get(&path).await;
            next = next_page(&response);
            rows.extend(response.json::<Vec<Value>>().await.unwrap());
            count += 1;
        }
        let keys = rows.iter().map(|row| (row["topic"].as_str().unwrap(), row["event_id"].as_str().unwrap()));
        let keys: BTreeSet<_> = keys.collect();
        assert_eq!((count, rows.len(), keys.len()), (pages.count, pages.rows, pages.rows), "{}", self.name);
    }
}

/// Returns a body with its arrays of events written out.
fn with_events(json: &Value) -> Value {
    match json {
        Value::Object(object) => match object.get("$events") {
            Some(count) => (0..count.as_u64().unwrap()).map(|n| generated(&object["topic"], n)).collect(),
            None => object.iter().map(|(name, value)| (name.clone(), with_events(value))).collect(),
        },
        other => other.clone(),
    }
}

fn generated(topic: &Value, n: u64) -> Value {
    json!({
        "topic": topic,
        "event_id": n.to_string(),
        "timestamp": "2025-01-01T00:00:00Z",
        "source": "generated",
        "payload": { "n": n },
    })
}

/// Returns the first difference, unless `part` is a part of `whole`.
fn difference(whole: &Value, part: &Value, place: &str) -> Option<String> {
    let differs = |holds: bool| (!holds).then(|| format!("{place} is {whole}, and should be {part}"));
    match part {
        Value::String(kind) if kind.starts_with('$') => differs(is_of_kind(whole, kind)),
        Value::Object(parts) if parts.contains_key("$length") => {
            differs(whole.as_array().is_some_and(|members| json!(members.len()) == parts["$length"]))
        }
        Value::Object(parts) => parts.iter().find_map(|(name, part)| match whole.get(name) {
            Some(member) => difference(member, part, &format!("{place}, {name}")),
            None => differs(part == "$absent"),
        }),
        Value::Array(parts) => match whole.as_array() {
            Some(members) if members.len() == parts.len() => {
                let mut pairs = members.iter().zip(parts).enumerate();
                pairs.find_map(|(index, (member, part))| {
                    difference(member, part, &format!("{place}, {index}"))
                })
            }
            _ => differs(false),
        },
        scalar => differs(whole == scalar),
    }
}

fn is_of_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "$number" => value.is_number(),
        "$string" => value.as_str().is_some_and(|text| !text.is_empty()),
        "$instant" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        // A member that exists is not absent.
        "$absent" => false,
        other => panic!("{other} is not known"),
    }
}

#[test]
fn an_unexpected_response_is_found() {
    let body = json!({ "a": 1, "b": [{ "c": "x", "d": null }], "e": "2025-01-01T00:00:00Z" });
    for part in [
        json!({}),
        json!({ "a": 1, "b": [{ "c": "x" }], "z": "$absent" }),
        json!({ "a": "$number", "b": { "$length": 1 }, "e": "$instant" }),
    ] {
        assert_eq!(difference(&body, &part, "body"), None);
    }
    for part in [
        json!({ "a": 2 }),
        json!({ "a": "1" }),
        json!({ "a": "$string" }),
        json!({ "a": "$absent" }),
        json!({ "z": null }),
        json!({ "b": [] }),
        json!({ "b": [{}, {}] }),
        json!({ "b": [{ "c": "y" }] }),
        json!({ "b": [{ "d": "$number" }] }),
        json!({ "b": { "$length": 2 } }),
        json!({ "a": [] }),
    ] {
        assert!(difference(&body, &part, "body").is_some(), "{part}");
    }
}
