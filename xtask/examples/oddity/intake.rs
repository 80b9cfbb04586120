//! Publishes: what is done with the events of a request, and what is answered.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::cut;
use crate::event::Event;
use crate::settings::{Ack, Batch, Trouble};
use crate::store::{Fate, Store};

/// Distances of requests that fail.
const UNAVAILABLE_ONE_IN: u64 = 20;
const FAILS_ONE_IN: u64 = 30;

/// Publishes so far.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    requests: AtomicU64,
}

impl Intake {
    /// Takes a request.
    pub(crate) async fn publish(&self, store: &Store, body: &str) -> Result<Response> {
        let nth = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let trouble = match store.settings.trouble {
            Trouble::Unavailable if nth.is_multiple_of(UNAVAILABLE_ONE_IN) => Trouble::Unavailable,
            Trouble::Unavailable => Trouble::None,
            trouble if nth.is_multiple_of(FAILS_ONE_IN) => trouble,
            _ => Trouble::None,
        };
        match trouble {
            Trouble::Unavailable => {
                store.count_rejected(Event::parse_all(body).unwrap_or_default().len()).await?;
                Ok((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response())
            }
            Trouble::Fails => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
            Trouble::FailsStored => {
                take(store, body).await?;
                Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
            }
            Trouble::Cut => Ok(cut::in_the_middle(take(store, body).await?).await),
            Trouble::None => take(store, body).await,
        }
    }
}

async fn take(store: &Store, body: &str) -> Result<Response> {
    let Ok(events) = Event::parse_all(body) else { return Ok(refused("body")) };
    let is_valid: Vec<bool> = events.iter().map(Option::is_some).collect();
    let invalid = is_valid.iter().filter(|is_valid| !**is_valid).count();
    if invalid > 0 && store.settings.batch != Batch::Partial {
        store.count_rejected(is_valid.len()).await?;
        return Ok(refused("events"));
    }
    store.count_rejected(invalid).await?;
    let events: Vec<Event> = events.into_iter().flatten().collect();
    if store.settings.ack.is_early() {
        let accepted = events.len();
        store.enqueue(events).await?;
        let status = if store.settings.ack == Ack::QueuedOk { StatusCode::OK } else { StatusCode::ACCEPTED };
        return Ok((status, Json(json!({"status": "accepted", "accepted": accepted}))).into_response());
    }
    let Ok(fates) = store.take(events).await? else {
        return Ok((StatusCode::CONFLICT, Json(json!({"detail": "another payload"}))).into_response());
    };
    Ok(told(store.settings.ack, &fates, &is_valid))
}

/// Returns the response to a request whose events are stored.
fn told(ack: Ack, fates: &[Fate], is_valid: &[bool]) -> Response {
    let new = fates.iter().filter(|fate| **fate == Fate::New).count();
    let counts = json!({"accepted": fates.len(), "inserted": new, "duplicates": fates.len() - new});
    let words = match ack {
        Ack::Empty => return StatusCode::OK.into_response(),
        Ack::Counts => return Json(counts).into_response(),
        Ack::Conflict if new == 0 => {
            return (StatusCode::CONFLICT, Json(json!({"detail": "known"}))).into_response();
        }
        Ack::OtherWords => ["created", "exists"],
        _ => ["inserted", "duplicate"],
    };
    let mut taken = fates.iter().map(|fate| words[usize::from(*fate == Fate::Duplicate)]);
    let word = |is_valid: &bool| if *is_valid { taken.next() } else { None }.unwrap_or("refused");
    let results: Vec<&str> = is_valid.iter().map(word).collect();
    let mut body = counts;
    body["results"] = json!(results);
    Json(body).into_response()
}

fn refused(what: &str) -> Response {
    let detail = json!({"detail": [{"loc": [what], "msg": "not valid", "type": "invalid"}]});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(detail)).into_response()
}
