//! Target of `cargo xtask oddities`: a store that keeps each event once and behaves in one way or
//! another that a sound service may have: in what it shows, how it counts, when it answers, who
//! else uses it. A defect can be added that such an oddity might hide.
//!
//! The rows are in an SQLite file too, which `[database]` of a scenario can read.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use serde_json::json;
use tokio::sync::Mutex;

use intake::Intake;
use listing::Asked;
use reads::Readings;
use settings::{Reads, Settings};
use stats::Shown;
use store::Store;

mod counters;
mod cut;
mod defect;
mod disk;
mod event;
mod intake;
mod listing;
mod others;
mod queue;
mod reads;
mod row;
mod settings;
mod stats;
mod store;
mod view;

/// Values that the routes share.
#[derive(Clone)]
struct Shared {
    store: Store,
    intake: Arc<Intake>,
    readings: Arc<Readings>,
    shown: Arc<Mutex<Shown>>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let listen = settings.listen;
    let store = Store::open(settings).await?;
    let others = others::work(store.clone());
    tokio::spawn(async { or_end(others.await) });
    if store.settings.ack.is_early() {
        let consumer = queue::work(store.clone());
        tokio::spawn(async { or_end(consumer.await) });
    }
    let listener = tokio::net::TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes(store)).await.context("the server ended")
}

fn routes(store: Store) -> Router {
    Router::new()
        .route("/publish", post(publish))
        .route("/events", get(events))
        .route("/events/{topic}/{event_id}", get(event))
        .route("/stats", get(stats))
        .route("/health", get(async || Json(json!({"ok": true}))))
        .with_state(Shared {
            store,
            intake: Arc::default(),
            readings: Arc::default(),
            shown: Arc::new(Mutex::new(Shown::new())),
        })
}

async fn publish(State(shared): State<Shared>, body: String) -> Response {
    or_end(shared.intake.publish(&shared.store, &body).await)
}

async fn events(State(shared): State<Shared>, uri: Uri, Query(asked): Query<Asked>) -> Response {
    let settings = &shared.store.settings;
    let nth = shared.readings.nth_page();
    if let Some(refusal) = shared.readings.refusal(settings, nth) {
        return refusal;
    }
    cached(&shared, uri.to_string(), async {
        let page = listing::page(&*shared.store.look().await, settings, &asked, nth.is_multiple_of(2));
        shared.readings.leaving(settings, nth, page.into_response()).await
    })
    .await
}

/// Says whether the store has a key, whatever the listing shows.
async fn event(State(shared): State<Shared>, Path((topic, event_id)): Path<(String, String)>) -> StatusCode {
    match shared.store.look().await.has(&topic, &event_id) {
        true => StatusCode::OK,
        false => StatusCode::NOT_FOUND,
    }
}

async fn stats(State(shared): State<Shared>, uri: Uri) -> Response {
    cached(&shared, uri.to_string(), async {
        let state = shared.store.look().await;
        match shared.shown.lock().await.body(&shared.store.settings, &state) {
            Some(stats) => Json(stats).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    })
    .await
}

/// Returns what the cache has, if there is one, or makes a response.
async fn cached(shared: &Shared, uri: String, make: impl Future<Output = Response>) -> Response {
    let settings = &shared.store.settings;
    if settings.reads != Reads::Cached {
        return make.await;
    }
    match shared.readings.cached(settings, &uri) {
        Some(response) => response,
        None => shared.readings.keep(uri, make.await).await,
    }
}

/// Ends the process after a failure of the file: a target whose disk fails must not go on.
fn or_end<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("oddity: {error:#}");
        std::process::abort()
    })
}
