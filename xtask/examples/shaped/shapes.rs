//! Shapes: how events are accepted, answered, counted and listed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::store::{Event, Store};

/// Rows of a topic that a capped listing shows.
const CAP: usize = 1_000;

type Asked = Query<HashMap<String, String>>;

/// Acknowledges before it stores, and has a capped listing.
pub(crate) fn queued(store: Store) -> Router {
    let worker = store.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut state = worker.look();
            let waiting = std::mem::take(&mut state.waiting);
            state.store(waiting);
        }
    });
    #[derive(serde::Deserialize)]
    struct Batch {
        events: Vec<Event>,
    }
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let Ok(batch) = serde_json::from_str::<Batch>(&body) else { return refused("events") };
        let mut state = store.look();
        state.received += batch.events.len() as u64;
        state.waiting.extend(batch.events);
        (StatusCode::ACCEPTED, Json(json!({"status": "queued"}))).into_response()
    };
    let stats = async |State(store): State<Store>| {
        let state = store.look();
        let waiting = state.waiting.len() as u64;
        let dropped = state.received - state.stored - waiting;
        Json(
            json!({"totals": {"events received": state.received, "stored": state.stored, "dropped": dropped},
            "queue_size": waiting, "uptime": format!("{:.2} seconds", store.begun.elapsed().as_secs_f64())}),
        )
    };
    let events = async |State(store): State<Store>, Query(asked): Asked| -> Response {
        let Some(topic) = asked.get("topic") else { return refused("topic") };
        let state = store.look();
        let limit = number(&asked, "limit", 100).min(CAP);
        let rows: Vec<Value> =
            state.rows.iter().rev().filter(|row| row.topic == *topic).take(limit).map(plain).collect();
        Json(json!({"topic": topic, "events": rows})).into_response()
    };
    Router::new()
        .route("/ingest", post(publish))
        .route("/stats", get(stats))
        .route("/events", get(events))
        .with_state(store)
}

/// One event a request; the counters are the process's own.
pub(crate) fn single(store: Store) -> Router {
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let named = body.contains("\"eventId\"");
        let Some(event) = serde_json::from_str::<Event>(&body).ok().filter(|_| named) else {
            return refused("eventId");
        };
        let mut state = store.look();
        state.received += 1;
        let unique = u64::from(state.store(vec![event])[0]);
        (StatusCode::CREATED, Json(json!({"received": 1, "unique": unique}))).into_response()
    };
    let stats = async |State(store): State<Store>| {
        let state = store.look();
        let seconds = store.begun.elapsed().as_secs();
        let uptime = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let dropped = state.received - state.stored;
        Json(
            json!({"received": state.received, "unique": state.stored, "duplicates": dropped, "uptime": uptime}),
        )
    };
    let events = async |State(store): State<Store>, Query(asked): Asked| {
        let state = store.look();
        let offset = number(&asked, "offset", 0);
        let limit = number(&asked, "limit", 20);
        let shown =
            state.rows.iter().filter(|row| asked.get("topic").is_none_or(|topic| row.topic == *topic));
        let items: Vec<Value> = shown.skip(offset).take(limit).map(plain).collect();
        Json(json!({"items": items}))
    };
    Router::new().route("/events", post(publish).get(events)).route("/stats", get(stats)).with_state(store)
}

/// Returns a result for each event; shows payloads as text and times as numbers.
pub(crate) fn cursors(store: Store) -> Router {
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let Ok(events) = serde_json::from_str::<Vec<Event>>(&body) else { return refused("body") };
        let ids: Vec<String> = events.iter().map(|event| event.event_id.clone()).collect();
        let results = store.look().store(events);
        let entry = |(id, is_new): (String, bool)| {
            let status = if is_new { "stored" } else { "duplicate" };
            json!({"event_id": id, "status": status})
        };
        Json(Value::Array(ids.into_iter().zip(results).map(entry).collect())).into_response()
    };
    let events = async |State(store): State<Store>, Query(asked): Asked| {
        let state = store.look();
        let from = number(&asked, "cursor", 0);
        let limit = number(&asked, "limit", 50).min(500);
        let shown = |row: &Event| {
            let timestamp: jiff::Timestamp = row.timestamp.parse().unwrap_or_default();
            json!({"stream": row.topic, "event_id": row.event_id, "at": timestamp.as_millisecond(),
                "payload": row.payload.get()})
        };
        let data: Vec<Value> = state.rows.iter().skip(from).take(limit).map(shown).collect();
        let next = (from + limit < state.rows.len()).then(|| (from + limit).to_string());
        Json(json!({"data": data, "next_cursor": next}))
    };
    Router::new().route("/publish", post(publish)).route("/events", get(events)).with_state(store)
}

/// Counts by topic, and shows no payloads.
pub(crate) fn pages(store: Store) -> Router {
    let publish = async |State(store): State<Store>, body: String| -> Response {
        let Ok(events) = serde_json::from_str::<Vec<Event>>(&body) else { return refused("body") };
        let accepted = store.look().store(events).len();
        Json(json!({"accepted": accepted})).into_response()
    };
    let stats = async |State(store): State<Store>| {
        let mut counts = BTreeMap::<String, u64>::new();
        store.look().rows.iter().for_each(|row| *counts.entry(row.topic.clone()).or_default() += 1);
        let topics: Vec<Value> =
            counts.into_iter().map(|(name, count)| json!({"name": name, "count": count})).collect();
        Json(json!({"topics": topics}))
    };
    let events = async |State(store): State<Store>, Query(asked): Asked| -> Response {
        let state = store.look();
        let page = number(&asked, "page", 1).max(1);
        let limit = number(&asked, "limit", 20);
        let of_topic = |row: &&Event| asked.get("topic").is_none_or(|topic| row.topic == *topic);
        let all: Vec<&Event> = state.rows.iter().filter(of_topic).collect();
        if all.is_empty() && asked.contains_key("topic") {
            return StatusCode::NOT_FOUND.into_response();
        }
        let shown =
            |row: &&Event| json!({"topic": row.topic, "event_id": row.event_id, "timestamp": row.timestamp});
        let rows: Vec<Value> = all.iter().skip((page - 1) * limit).take(limit).map(shown).collect();
        Json(Value::Array(rows)).into_response()
    };
    Router::new()
        .route("/publish", post(publish))
        .route("/stats", get(stats))
        .route("/events", get(events))
        .with_state(store)
}

fn refused(what: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": format!("{what} is missing or wrong")})))
        .into_response()
}

fn number(asked: &HashMap<String, String>, name: &str, default: usize) -> usize {
    asked.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn plain(row: &Event) -> Value {
    json!({"topic": row.topic, "event_id": row.event_id, "timestamp": row.timestamp, "source": row.source,
        "payload": row.payload})
}
