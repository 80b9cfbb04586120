//! Clients' connections: how many are open, how long an unused one stays open, and how each ends.
//!
//! A connection beyond the limit is not accepted. It waits in the kernel, costs this process
//! nothing, and is served when another ends. hyper's timer closes an idle connection, and `socket`
//! resets one whose client takes nothing of a response.

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

/// Pause after the system refused a connection. Files and memory come back when another connection
/// ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a response that the kernel holds beyond the client's window. Without this limit the
/// kernel holds megabytes, and this process would see no progress of a slow client for minutes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 128 * 1024;

/// Bytes that hyper buffers of one connection, for reading and again for writing. A request's head
/// must fit.
const BUFFER_BYTES: usize = 64 * 1024;

/// Limits on an unused connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time for a request's head to arrive, on top of `idle`.
    pub(crate) head: Duration,
    /// Longest rest between two requests, and longest time for the client to take nothing of a
    /// response.
    pub(crate) idle: Duration,
}

/// Places that connections take.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    places: Arc<Semaphore>,
    size: u32,
    open: Arc<AtomicU32>,
}

/// A connection's place. Dropping it frees the place.
#[derive(Debug)]
struct Place {
    /// Counted apart, because the accept loop also holds a permit for the connection that it waits
    /// for.
    open: Arc<AtomicU32>,
    _permit: OwnedSemaphorePermit,
}

/// Serves connections until `shutdown` ends, then until each has got the response to its request in
/// progress.
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
    // Kept to the end: the handlers' state must outlive the last connection.
    let service = TowerToHyperService::new(router);
    tokio::select! {
        biased;
        // The listener goes with the other branch: new connections are refused from here on.
        () = shutdown => {}
        never = accept_all(entrance, &service, limits, &stopping) => match never {},
    }
    stopping.send_replace(true);
    // Each connection holds its place until it has ended.
    drop(room.places.acquire_many(room.size).await);
}

impl Room {
    pub(crate) fn new(size: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(size as usize)), size, open: Arc::default() }
    }

    /// Number of open connections.
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

/// Accepts connections.
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
    /// Accepts the next connection, once there is a place for it.
    async fn accept(&mut self) -> (TcpStream, Place) {
        let permit = self.permit().await;
        let mut is_known = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A small response must not wait for the acknowledgement of the previous one.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot set TCP_NODELAY on a connection");
                    }
                    return (stream, Place::new(&self.room, permit));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !is_known {
                        tracing::error!("cannot accept connections: {error}; retrying");
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
            tracing::warn!(
                "{} connections are open (MAX_CONNECTIONS): more wait until others end; logged once",
                self.room.size
            );
        }
        Arc::clone(&self.room.places).acquire_owned().await.expect("the semaphore is never closed")
    }
}

/// True if the client dropped its connection before it was accepted. Other connections are not
/// affected.
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
    // Named first, so that it is dropped last: a free place means that nothing of the connection is
    // left.
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
        // hyper has one timer for both. It starts when the connection falls idle and ends with the
        // next head.
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
        // hyper has responded to a head that it cannot parse, and the rest of the head may follow.
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

/// Sets the limit on the listener. Each connection inherits it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unsent(listener: &TcpListener) {
    if let Err(error) = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "cannot limit the unsent bytes of responses in the kernel");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_unsent(_listener: &TcpListener) {}
