//! End of a connection whose client may still be sending.
//!
//! The kernel resets a connection that is closed with bytes unread, and a reset can overtake the
//! response (RFC 9112, section 9.6). So the service first closes its own half, then reads on for a
//! while.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Limit on a farewell: a client could send for ever.
const LONGEST_FAREWELL: Duration = Duration::from_secs(10);
/// Longest pause in a farewell. A client that still sends does so without one.
const FAREWELL_PAUSE: Duration = Duration::from_secs(2);
/// Bytes discarded at a time.
const DISCARDED_BYTES: usize = 8 * 1024;
/// Unread bytes that hyper may have at hand. It reads them and keeps the connection.
const CHEAP_REST_BYTES: u64 = 8 * 1024;

/// Number of bytes of the last request's body that the service has not read, so far as the body
/// has a length.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicU64>);

/// A request's body, which counts the bytes left in it.
#[derive(Debug)]
pub(super) struct CountedBody {
    body: Incoming,
    unread: Unread,
}

impl Unread {
    pub(super) fn count(&self, body: Incoming) -> CountedBody {
        self.set(rest(&body));
        CountedBody { body, unread: self.clone() }
    }

    /// True if the client may still be sending.
    pub(super) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// True if hyper will close the connection instead of reading the rest.
    pub(super) fn is_much(&self) -> bool {
        self.0.load(Ordering::Relaxed) > CHEAP_REST_BYTES
    }

    fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// Upper bound of the bytes still to come.
fn rest(body: &Incoming) -> u64 {
    body.size_hint().upper().unwrap_or(u64::MAX)
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let left = if frame.is_none() { 0 } else { rest(&self.body) };
        self.unread.set(left);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads and discards until the client closes its half, pauses, or has had its time. The service's
/// half is closed already.
pub(super) async fn hear_out(mut stream: TcpStream) {
    // On the heap: each connection's task would otherwise hold the buffer from its beginning.
    let mut bytes = vec![0; DISCARDED_BYTES];
    let reading = async { while let Ok(Ok(1..)) = timeout(FAREWELL_PAUSE, stream.read(&mut bytes)).await {} };
    if timeout(LONGEST_FAREWELL, reading).await.is_err() {
        tracing::debug!("closed a connection whose client was still sending");
    }
}
