//! The reference contract over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::defect::Defect;
use crate::event::Event;
use crate::mode::Mode;
use crate::store::Store;
use crate::strike::Strikes;

/// Rows of a page without a limit in its request.
const PAGE: usize = 1_000;

/// Rows of a listing that is truncated.
const SHOWN: usize = 1_000;

/// Rows of a topic that a capped listing shows.
const CAP: usize = 200;

/// Pause between two reads of counters that ought to be one.
const GAP: Duration = Duration::from_millis(5);

/// State that the routes share.
#[derive(Clone)]
struct Shared {
    store: Store,
    strikes: Arc<Strikes>,
}

impl FromRef<Shared> for Store {
    fn from_ref(shared: &Shared) -> Self {
        shared.store.clone()
    }
}

impl FromRef<Shared> for Arc<Strikes> {
    fn from_ref(shared: &Shared) -> Self {
        shared.strikes.clone()
    }
}

/// Returns all routes.
pub(crate) fn routes(store: Store, strikes: Strikes) -> Router {
    Router::new()
        .route("/publish", post(publish))
        .route("/events", get(events))
        .route("/stats", get(stats))
        .route("/health", get(async || axum::Json(json!({"ok": true, "status": "healthy"}))))
        .with_state(Shared { store, strikes: Arc::new(strikes) })
}

async fn publish(State(store): State<Store>, State(strikes): State<Arc<Strikes>>, body: String) -> Response {
    let events = match Event::parse_batch(&body) {
        Ok(events) => events,
        Err(_) if store.defect == Defect::InvalidSwallowed => Event::valid_of(&body),
        Err(error) => {
            if store.defect == Defect::PartlyStored {
                store.publish(Event::valid_of(&body)).await;
            }
            let detail =
                json!({"detail": [{"loc": ["events"], "msg": error.to_string(), "type": "invalid"}]});
            return (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(detail)).into_response();
        }
    };
    strikes.count(events.len());
    if store.mode == Mode::Queued {
        let told = axum::Json(json!({"status": "accepted", "accepted": events.len()}));
        store.enqueue(events);
        return (StatusCode::ACCEPTED, told).into_response();
    }
    if let Some(response) = store.turned_away(&events) {
        return response;
    }
    if store.fails_now() {
        return store.refuse(events).await.into_response();
    }
    let refused: Vec<bool> = events.iter().map(|event| store.mode.refuses(&event.key.1)).collect();
    let taken = events.into_iter().zip(&refused).filter(|(_, refused)| !**refused);
    let results = store.publish(taken.map(|(event, _)| event).collect()).await;
    let inserted = results.iter().filter(|is_new| **is_new).count();
    let inserted = inserted - store.untold(inserted);
    let duplicates = results.len() - inserted;
    let duplicates = duplicates - store.unsummed(duplicates);
    let mut kinds = results.iter().map(|is_new| if *is_new { "inserted" } else { "duplicate" });
    let mut told: Vec<&str> = refused
        .iter()
        .map(|refused| if *refused { "refused" } else { kinds.next().unwrap_or("nothing") })
        .collect();
    if store.defect == Defect::ResultsOutOfOrder {
        told.reverse();
    }
    axum::Json(json!({
        "status": "accepted",
        "accepted": results.len(),
        "inserted": inserted,
        "duplicates": duplicates,
        "results": told,
    }))
    .into_response()
}

#[derive(Deserialize)]
struct Page {
    topic: Option<String>,
    limit: Option<usize>,
    /// Position before which rows are shown, in the order of storing.
    cursor: Option<usize>,
}

async fn events(State(store): State<Store>, Query(page): Query<Page>) -> Response {
    if store.mode == Mode::Capped {
        return newest(&store, page.topic.as_deref());
    }
    let state = store.look();
    let all = match store.defect {
        Defect::ListingTruncated => state.rows.len().min(SHOWN),
        _ => state.rows.len(),
    };
    let end = page.cursor.unwrap_or(all).min(all);
    let leaked = all.checked_sub(1).filter(|_| store.defect == Defect::ScopeLeak);
    let asked_for = |(seq, row): &(usize, &Event)| {
        leaked == Some(*seq) || page.topic.as_ref().is_none_or(|topic| row.key.0 == *topic)
    };
    let mut rows = state.rows[..end].iter().enumerate().rev().filter(asked_for);
    let mut texts = Vec::new();
    let mut last = 0;
    for (seq, row) in rows.by_ref().take(page.limit.unwrap_or(PAGE)) {
        texts.push(row.text.get());
        last = seq;
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if rows.next().is_some() {
        last -= usize::from(store.defect == Defect::PageOffByOne);
        last += usize::from(store.defect == Defect::PageOverlaps);
        while store.defect == Defect::CursorTiesLost
            && last > 0
            && state.rows[last - 1].moment == state.rows[last].moment
        {
            last -= 1;
        }
        let limit = page.limit.unwrap_or(PAGE);
        let topic = page.topic.as_ref().map_or_else(String::new, |topic| format!("&topic={topic}"));
        let link = format!("</events?limit={limit}&cursor={last}{topic}>; rel=\"next\"");
        headers.extend(HeaderValue::from_str(&link).ok().map(|link| (header::LINK, link)));
    }
    (headers, format!("[{}]", texts.join(","))).into_response()
}

/// Returns all that a capped listing ever shows of a topic. The request must name the topic.
fn newest(store: &Store, topic: Option<&str>) -> Response {
    let Some(topic) = topic else { return StatusCode::UNPROCESSABLE_ENTITY.into_response() };
    let state = store.look();
    let rows = state.rows.iter().rev().filter(|row| row.key.0 == topic).take(CAP);
    let texts: Vec<&str> = rows.map(|row| row.text.get()).collect();
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (json, format!("[{}]", texts.join(","))).into_response()
}

async fn stats(State(store): State<Store>) -> Response {
    let topics = store.topics();
    let (mut counters, pending, processing) = {
        let state = store.look();
        (state.counters, state.pending(), state.processing)
    };
    counters.received += pending + processing;
    if store.defect == Defect::TornStats {
        tokio::time::sleep(GAP).await;
        counters.received = store.look().counters.received;
    }
    axum::Json(json!({
        "received": counters.received,
        "unique_processed": counters.unique,
        "duplicate_dropped": counters.duplicates,
        "topics": topics,
        "queue": {"pending": pending, "processing": processing},
        "instance_id": store.instance.to_string(),
        "uptime": store.uptime().as_secs_f64(),
    }))
    .into_response()
}
