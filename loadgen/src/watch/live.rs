//! `--live`: the page of the run while it goes on. It is drawn from the run folder alone, and its
//! server ends with the run.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use report::html::Running;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;
use truth::chain::chain;
use truth::record::folder::RunFolder;
use truth::record::manifest::Manifest;

use super::notice::Notices;

/// Shortest time between two drawings.
const EVERY: Duration = Duration::from_millis(500);

/// Rest after a drawing, as a multiple of the time that it took: a long ledger must not take the
/// load's processor.
const REST: u32 = 20;

/// Server of the page; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Live {
    server: JoinHandle<()>,
}

/// State of the server.
#[derive(Debug)]
struct Shared {
    folder: RunFolder,
    manifest: Manifest,
    drawn: Mutex<Option<Drawn>>,
}

/// Page that was drawn.
#[derive(Clone, Debug)]
struct Drawn {
    page: String,
    /// Time at which the next one may be drawn.
    next: Instant,
}

impl Live {
    /// Serves the page, and prints its URL.
    pub(crate) fn serve(
        listener: TcpListener,
        folder: RunFolder,
        manifest: Manifest,
        notices: Notices,
    ) -> Self {
        if let Ok(address) = listener.local_addr() {
            notices.say(&format!("page of the run at http://{address}/"));
        }
        let shared = Arc::new(Shared { folder, manifest, drawn: Mutex::new(None) });
        let app = Router::new().route("/", get(answer)).with_state(shared);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                notices.warn(&format!("the page of the run is served no longer: {error}"));
            }
        });
        Self { server }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>) -> Response {
    let mut kept = shared.drawn.lock().await;
    if let Some(drawn) = kept.as_ref().filter(|drawn| Instant::now() < drawn.next) {
        return page(drawn.page.clone());
    }
    let began = Instant::now();
    let reader = Arc::clone(&shared);
    let drawing = move || Running { folder: &reader.folder, manifest: &reader.manifest }.render();
    match spawn_blocking(drawing).await {
        Ok(Ok(drawn)) => {
            let now = Instant::now();
            let next = now + EVERY.max((now - began) * REST);
            *kept = Some(Drawn { page: drawn.clone(), next });
            page(drawn)
        }
        Ok(Err(error)) => failed(chain(&error)),
        Err(error) => failed(error.to_string()),
    }
}

fn page(page: String) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")], page).into_response()
}

fn failed(reason: String) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("the run folder cannot be read: {reason}\n")).into_response()
}
