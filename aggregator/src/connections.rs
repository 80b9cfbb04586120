//! The clients' connections: how many there may be, how long one may keep its place, and how they end.
//!
//! A connection beyond the limit is not accepted: it waits in the kernel, costs this process nothing, and is served when
//! another ends. Whoever holds a place without using it loses it, by hyper's timer or by `socket`'s.

mod farewell;
mod files;
mod socket;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use self::farewell::{Unread, hear_out};
pub(crate) use self::files::affordable;
use self::socket::Socket;

/// The pause after the system refused a connection: what it lacks (files, memory) comes back when another ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of an answer that the kernel holds beyond what the client's window takes. Without a limit it holds megabytes, and
/// a client that reads on slowly would take nothing for minutes by what this process sees.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 128 * 1024;

/// As much as this the library may hold of one connection when it reads once more, and as much may wait to be written. A request's
/// head has to fit.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For a request's head to arrive, on top of `idle`.
    pub(crate) head: Duration,
    /// Between two requests, and while the client takes nothing of its response.
    pub(crate) idle: Duration,
}

/// The places that connections take.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    places: Arc<Semaphore>,
    size: u32,
    open: Arc<AtomicU32>,
}

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
struct Place {
    /// Counted apart, because a place is also kept for the next connection before there is one.
    open: Arc<AtomicU32>,
    _permit: OwnedSemaphorePermit,
}

/// Serves connections until `shutdown` ends, then until each has answered the request that it had begun.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    room: Room,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    limit_unsent(&listener);
    let (stopping, _) = watch::channel(false);
    let entrance = Entrance { listener, room: room.clone(), is_known_as_full: false };
    // Kept to the end: what the handlers share must not go before this is known to be over.
    let service = TowerToHyperService::new(router);
    tokio::select! {
        biased;
        // The listener goes with the other branch: whoever connects from here on is refused.
        () = shutdown => {}
        never = accept_all(entrance, &service, limits, &stopping) => match never {},
    }
    stopping.send_replace(true);
    // Each connection has its place until it has ended.
    drop(room.places.acquire_many(room.size).await);
}

impl Room {
    pub(crate) fn new(size: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(size as usize)), size, open: Arc::default() }
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }
}

impl Place {
    fn new(room: &Room, permit: OwnedSemaphorePermit) -> Self {
        room.open.fetch_add(1, Ordering::Relaxed);
        Self { open: Arc::clone(&room.open), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where connections come in.
struct Entrance {
    listener: TcpListener,
    room: Room,
    is_known_as_full: bool,
}

async fn accept_all(
    mut entrance: Entrance,
    service: &TowerToHyperService<Router>,
    limits: Limits,
    stopping: &watch::Sender<bool>,
) -> Infallible {
    loop {
        let (stream, place) = entrance.accept().await;
        tokio::spawn(attend(stream, place, service.clone(), limits, stopping.subscribe()));
    }
}

impl Entrance {
    /// The next connection, once there is room for it.
    async fn accept(&mut self) -> (TcpStream, Place) {
        let permit = self.permit().await;
        let mut is_known = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A small answer must not wait for the acknowledgement of the one before it.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection keeps Nagle's delay");
                    }
                    return (stream, Place::new(&self.room, permit));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !is_known {
                        tracing::error!("cannot accept connections for now: {error}");
                        is_known = true;
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn permit(&mut self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.room.places).try_acquire_owned() {
            return permit;
        }
        if !self.is_known_as_full {
            self.is_known_as_full = true;
            tracing::warn!("MAX_CONNECTIONS are open: more wait until others end; said once");
        }
        Arc::clone(&self.room.places).acquire_owned().await.expect("nobody closes the room")
    }
}

/// Whether the client broke its connection off before it was accepted, which concerns nobody else.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection to its end.
async fn attend(
    stream: TcpStream,
    place: Place,
    service: TowerToHyperService<Router>,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    // Named first, so that it goes last: where there is room again, nothing of the connection is left.
    let _place = place;
    let unread = Unread::default();
    let counted = unread.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let unread = counted.clone();
        let response = service.call(request.map(|body| unread.count(body)));
        async move {
            let mut response = response.await?;
            if unread.is_much() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper has one timer for both: it starts when the connection falls idle and ends with the next head.
        .header_read_timeout(limits.idle + limits.head)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Socket::new(stream, limits.idle)), service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => Some(ended),
        _ = stopping.wait_for(|stopping| *stopping) => None,
    };
    let is_stopping = ended.is_none();
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let may_still_send = match &ended {
        Ok(()) => unread.is_any(),
        // hyper has answered a head that it cannot parse, and the rest of it may follow.
        Err(error) => error.is_parse(),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
    if may_still_send && !is_stopping {
        let stream = connection.into_parts().io.into_inner().into_stream();
        tokio::select! {
            () = hear_out(stream) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

/// Every connection inherits it from the listener.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unsent(listener: &TcpListener) {
    if let Err(error) = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "the kernel holds as much of an answer as it likes");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_unsent(_listener: &TcpListener) {}
