//! Backend in axum with a habit, in this process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

/// Habit of the backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Habit {
    Length,
    Chunks,
    Close,
    /// Takes the events, and never responds.
    Silence,
}

/// Server that counts what it sees.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<AtomicU64>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Backend {
    pub(crate) fn start(habit: Habit) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::new(AtomicU64::new(0));
        let app = Router::new()
            .route("/publish", post(publish))
            .route("/stats", get(stats))
            .with_state((habit, Arc::clone(&seen)));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, seen, runtime: Some(runtime) }
    }

    /// Number of events that came.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
    }
}

type Shared = (Habit, Arc<AtomicU64>);

async fn publish(State((habit, seen)): State<Shared>, body: String) -> Response {
    let events: Vec<Value> = serde_json::from_str(&body).unwrap();
    seen.fetch_add(events.len() as u64, Ordering::SeqCst);
    let answer = json!({"accepted": events.len(), "inserted": events.len(), "duplicates": 0}).to_string();
    match habit {
        Habit::Length => answer.into_response(),
        Habit::Close => ([(header::CONNECTION, "close")], answer).into_response(),
        Habit::Silence => std::future::pending().await,
        // A body of unknown length is sent in chunks.
        Habit::Chunks => Body::from_stream(Pieces(answer.into_bytes())).into_response(),
    }
}

async fn stats(State((_, seen)): State<Shared>) -> axum::Json<Value> {
    let received = seen.load(Ordering::SeqCst);
    let queue = json!({"pending": 0, "processing": 0});
    axum::Json(json!({
        "received": received, "unique_processed": received, "duplicate_dropped": 0, "queue": queue,
    }))
}

/// Cuts a body into pieces of seven bytes.
struct Pieces(Vec<u8>);

impl futures_core::Stream for Pieces {
    type Item = Result<Vec<u8>, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let end = self.0.len().min(7);
        let rest = self.0.split_off(end);
        let piece = std::mem::replace(&mut self.0, rest);
        std::task::Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// Returns what a server's counters say was received.
pub(crate) fn received(server: SocketAddr) -> u64 {
    let mut stream = TcpStream::connect(server).unwrap();
    write!(stream, "GET /stats HTTP/1.0\r\nHost: {server}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()["received"].as_u64().unwrap()
}
