//! Shapes of public APIs: what a request looks like, how a repeat is answered, how rows are listed.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::store::{Event, Store};

/// Secret that these services ask for.
const SECRET: &str = "sk4f9aK2mQ8zP1xV7bN3cR6t";

type Asked = Query<HashMap<String, String>>;

/// One object a request, its id in `Idempotency-Key`: 201, and 200 with a header for a repeat.
pub(crate) fn keyed(store: Store) -> Router {
    #[derive(Deserialize)]
    struct Paid {
        #[serde(rename = "type")]
        kind: String,
        occurred_at: String,
        data: Box<RawValue>,
    }
    let publish = async |State(store): State<Store>, headers: HeaderMap, body: String| -> Response {
        if let Some(refusal) = unauthorised(&headers) {
            return refusal;
        }
        let Some(key) = field(&headers, "idempotency-key") else { return refused(400, "no key") };
        let Ok(paid) = serde_json::from_str::<Paid>(&body) else { return refused(422, "no payment") };
        let event = event(paid.kind, key, paid.occurred_at, paid.data);
        match store.look().store(vec![event])[0] {
            true => (StatusCode::CREATED, Json(json!({"object": "payment"}))).into_response(),
            false => (StatusCode::OK, [("idempotent-replayed", "true")], "{\"object\":\"payment\"}")
                .into_response(),
        }
    };
    let list = async |State(store): State<Store>, headers: HeaderMap, Query(asked): Asked| -> Response {
        if let Some(refusal) = unauthorised(&headers) {
            return refusal;
        }
        let shown = |row: &Event| {
            let Event { topic, event_id, timestamp, payload, .. } = row;
            json!({"key": event_id, "type": topic, "occurred_at": timestamp, "data": payload})
        };
        Json(json!({"data": page(&store, &asked, "limit", shown)})).into_response()
    };
    Router::new().route("/v1/payments", post(publish).get(list)).with_state(store)
}

/// An action and a document a line each: 201 or 409 for each of them.
pub(crate) fn bulk(store: Store) -> Router {
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let lines: Result<Vec<Value>, _> = body.lines().map(serde_json::from_str).collect();
        let Some(lines) = lines.ok().filter(|lines| lines.len() % 2 == 0 && body.ends_with('\n')) else {
            return refused(400, "the bulk request must be terminated by a newline");
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let events: Vec<Event> = lines
            .chunks(2)
            .map(|pair| {
                let action = &pair[0]["create"];
                event(
                    text(&action["_index"]),
                    text(&action["_id"]),
                    text(&pair[1]["@timestamp"]),
                    raw(&pair[1]["message"]),
                )
            })
            .collect();
        let ids: Vec<String> = events.iter().map(|event| event.event_id.clone()).collect();
        let results = store.look().store(events);
        let item = |(id, is_new): (String, bool)| {
            let (status, result) = if is_new { (201, "created") } else { (409, "conflict") };
            json!({"create": {"_id": id, "status": status, "result": result}})
        };
        let items: Vec<Value> = ids.into_iter().zip(results).map(item).collect();
        Json(json!({"took": store.begun.elapsed().as_nanos() as u64 % 7, "items": items})).into_response()
    };
    let list = async |State(store): State<Store>, Query(asked): Asked| {
        let shown = |row: &Event| {
            let source = json!({"@timestamp": row.timestamp, "message": row.payload});
            json!({"_index": row.topic, "_id": row.event_id, "_source": source})
        };
        Json(json!({"hits": {"hits": page(&store, &asked, "size", shown)}}))
    };
    Router::new().route("/_bulk", post(publish)).route("/_search", get(list)).with_state(store)
}

/// A form of one charge: the answer names what was made, and is the same for a repeat.
pub(crate) fn form(store: Store) -> Router {
    let publish = async |State(store): State<Store>, headers: HeaderMap, body: String| -> Response {
        if let Some(refusal) = unauthorised(&headers) {
            return refusal;
        }
        let pairs: HashMap<String, String> =
            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let (Some(_), Some(key)) = (pairs.get("amount"), field(&headers, "idempotency-key")) else {
            return refused(400, "amount and a key are needed");
        };
        let text = |name: &str| pairs.get(name).cloned().unwrap_or_default();
        let payload = to_raw_value(&text("description")).expect("a text is JSON");
        let charge = event(String::new(), key.clone(), String::new(), payload);
        let mut state = store.look();
        state.store(vec![charge]);
        let place = state.rows.iter().position(|row| row.event_id == key);
        let id = format!("ch_{:06}", place.unwrap_or_default());
        Json(json!({"id": id, "object": "charge", "amount": text("amount")})).into_response()
    };
    let list = async |State(store): State<Store>, Query(asked): Asked| {
        let shown = |row: &Event| json!({"metadata": {"key": row.event_id}, "description": row.payload});
        Json(json!({"data": page(&store, &asked, "limit", shown), "has_more": false}))
    };
    Router::new().route("/v1/charges", post(publish).get(list)).with_state(store)
}

/// A list in an object beside an API key, with a word for each entry.
pub(crate) fn tracked(store: Store) -> Router {
    #[derive(Deserialize)]
    struct Track {
        event: String,
        #[serde(rename = "messageId")]
        message_id: String,
        timestamp: String,
        properties: Box<RawValue>,
    }
    #[derive(Deserialize)]
    struct Batch {
        api_key: String,
        batch: Vec<Value>,
    }
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let Ok(batch) = serde_json::from_str::<Batch>(&body) else { return refused(400, "no batch") };
        if batch.api_key != SECRET {
            return refused(401, &format!("the key {} is unknown", batch.api_key));
        }
        let mut results = Vec::new();
        for entry in batch.batch {
            // Values of a parsed batch have lost the spelling of their numbers.
            let Ok(track) = serde_json::from_value::<Track>(entry) else {
                results.push(json!({"status": "invalid"}));
                continue;
            };
            let id = track.message_id.clone();
            let event = event(track.event, track.message_id, track.timestamp, track.properties);
            let status = if store.look().store(vec![event])[0] { "created" } else { "duplicate" };
            results.push(json!({"messageId": id, "status": status}));
        }
        Json(json!({"results": results})).into_response()
    };
    let list = async |State(store): State<Store>, Query(asked): Asked| {
        let shown = |row: &Event| {
            let Event { topic, event_id, timestamp, payload, .. } = row;
            json!({"event": topic, "messageId": event_id, "timestamp": timestamp, "properties": payload})
        };
        Json(json!({"items": page(&store, &asked, "limit", shown)}))
    };
    Router::new().route("/v1/batch", post(publish)).route("/v1/events", get(list)).with_state(store)
}

/// A bare list of events with other names; the answer counts, and the service has counters.
pub(crate) fn counted(store: Store) -> Router {
    #[derive(Deserialize)]
    struct Entry {
        kind: String,
        uuid: String,
        at: i64,
        attributes: Box<RawValue>,
    }
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let Ok(entries) = serde_json::from_str::<Vec<Entry>>(&body) else {
            return refused(422, "no entries");
        };
        let of = |entry: Entry| event(entry.kind, entry.uuid, entry.at.to_string(), entry.attributes);
        let mut state = store.look();
        state.received += entries.len() as u64;
        let results = state.store(entries.into_iter().map(of).collect());
        let stored = results.iter().filter(|is_new| **is_new).count();
        Json(json!({"stored": stored, "known": results.len() - stored})).into_response()
    };
    let stats = async |State(store): State<Store>| {
        let state = store.look();
        let known = state.received.saturating_sub(state.stored);
        Json(json!({"received": state.received, "unique": state.stored, "duplicates": known}))
    };
    let list = async |State(store): State<Store>, Query(asked): Asked| {
        let shown = |row: &Event| {
            let at: i64 = row.timestamp.parse().unwrap_or_default();
            json!({"kind": row.topic, "uuid": row.event_id, "at": at, "attributes": row.payload})
        };
        Json(Value::Array(page(&store, &asked, "limit", shown)))
    };
    Router::new().route("/collect", post(publish).get(list)).route("/stats", get(stats)).with_state(store)
}

/// Answers the same to everything, and shows nothing.
pub(crate) fn blind() -> Router {
    Router::new().route("/hook", post(async || "ok"))
}

fn event(topic: String, event_id: String, timestamp: String, payload: Box<RawValue>) -> Event {
    Event { topic, event_id, timestamp, source: String::new(), payload }
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a value is JSON")
}

fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

fn unauthorised(headers: &HeaderMap) -> Option<Response> {
    let given = field(headers, "authorization").unwrap_or_default();
    (given != format!("Bearer {SECRET}")).then(|| refused(401, &format!("`{given}` is unknown")))
}

fn refused(status: u16, what: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(json!({"error": what}))).into_response()
}

/// Returns a page of rows, by an offset.
fn page(
    store: &Store,
    asked: &HashMap<String, String>,
    limit: &str,
    shown: fn(&Event) -> Value,
) -> Vec<Value> {
    let number =
        |name: &str, default: usize| asked.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let state = store.look();
    let offset = number("offset", 0);
    state.rows.iter().skip(offset).take(number(limit, 20).min(500)).map(shown).collect()
}
