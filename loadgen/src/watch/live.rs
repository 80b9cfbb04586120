//! `--live`: the page of the run while it goes on. It is drawn from the run folder alone, and its
//! server ends with the run. On the loopback it answers requests to names of this machine alone: a
//! site whose name is made to lead here (DNS rebinding) could read the page otherwise.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use report::html::{Progress, Running};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;
use truth::chain::chain;
use truth::record::folder::RunFolder;
use truth::record::manifest::Manifest;

use super::notice::Notices;
use super::view::View;

/// Shortest time between two drawings.
const EVERY: Duration = Duration::from_millis(500);

/// Rest after a drawing, as a multiple of the time that it took: a long ledger must not take the
/// load's processor.
const REST: u32 = 20;

/// Server of the page; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Live {
    server: JoinHandle<()>,
    shared: Arc<Shared>,
}

/// State of the server.
#[derive(Debug)]
struct Shared {
    folder: RunFolder,
    manifest: Manifest,
    /// True if the server listens on the loopback only.
    is_local: bool,
    drawn: Mutex<Option<Drawn>>,
    /// View of the run, once it sends.
    view: OnceLock<Arc<View>>,
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
        let address = listener.local_addr();
        let is_local = address.as_ref().is_ok_and(|address| address.ip().to_canonical().is_loopback());
        if let Ok(address) = address {
            notices.say(&format!("page of the run at http://{address}/"));
        }
        let shared =
            Arc::new(Shared { folder, manifest, is_local, drawn: Mutex::new(None), view: OnceLock::new() });
        let app = Router::new().route("/", get(answer)).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                notices.warn(&format!("the page of the run is served no longer: {error}"));
            }
        });
        Self { server, shared }
    }

    /// Shows the numbers of this view: they are ahead of the ledger on disk.
    pub(crate) fn shows(&self, view: Arc<View>) {
        self.shared.view.get_or_init(|| view);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    if shared.is_local && !names_this_machine(&uri, &headers) {
        let reason = "the Host of the request is no name of this machine; use localhost or 127.0.0.1\n";
        return (StatusCode::FORBIDDEN, reason).into_response();
    }
    let mut kept = shared.drawn.lock().await;
    if let Some(drawn) = kept.as_ref().filter(|drawn| Instant::now() < drawn.next) {
        return page(drawn.page.clone());
    }
    let began = Instant::now();
    let reader = Arc::clone(&shared);
    let progress = shared.view.get().map(|view| {
        let glance = view.glance();
        Progress { started: glance.started, ended: glance.ended, acked: glance.reported.acked }
    });
    let drawing = move || Running { folder: &reader.folder, manifest: &reader.manifest, progress }.render();
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

/// True if a request is meant for this machine by its name. Every browser sends a name, so a request
/// without one is no browser's.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = headers.get_all(HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
    named
        .chain(uri.authority().cloned().map(Some))
        .all(|host| host.is_some_and(|host| is_loopback(host.host())))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(is_address)
}
