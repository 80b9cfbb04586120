//! Clients' connections: how many are open, how long an unused one stays open, and how each ends.
//!
//! A connection beyond the limit is not accepted. It waits in the kernel, costs this process
//! nothing, and is served when another ends. hyper's timer closes an idle connection, and `socket`
//! resets one whose client takes nothing of a response.

mod farewell;
mod files;
mod room;
mod socket;

use std::convert::Infallible;
use std::pin::Pin;
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
use tokio::sync::watch;

use self::farewell::{Unread, hear_out};
pub(crate) use self::files::affordable;
pub(crate) use self::room::Room;
use self::room::{Entrance, Place};
use self::socket::Socket;

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

/// Serves connections until `shutdown` ends, then until each has got the response to its request in
/// progress.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    room: Room,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (stopping, _) = watch::channel(false);
    let entrance = Entrance::new(listener, room.clone());
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
    room.emptied().await;
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
