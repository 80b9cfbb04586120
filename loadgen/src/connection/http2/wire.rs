//! Wire: the stream that the HTTP/2 library reads and writes. Its bytes are counted, and its way
//! out can be shut while somebody only waits for it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::attempt::READ_BYTES;
use crate::connection::stream::Stream;

/// Counters of a wire, and its gate. One thread has both; they are atomic because the wire may
/// change threads before the load begins.
#[derive(Debug, Default)]
pub(super) struct Gate {
    taken: AtomicU64,
    received: AtomicU64,
    is_shut: AtomicBool,
    /// Set if the socket would have taken something while the gate was shut.
    is_wanted: AtomicBool,
}

impl Gate {
    /// Returns the bytes that the kernel took.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Returns the bytes received since the last call.
    pub(super) fn take_received(&self) -> u64 {
        self.received.swap(0, Relaxed)
    }

    /// Shuts the gate.
    pub(super) fn close(&self) {
        self.is_wanted.store(false, Relaxed);
        self.is_shut.store(true, Relaxed);
    }

    /// Opens the gate again; true if something could have left meanwhile.
    pub(super) fn open(&self) -> bool {
        self.is_shut.store(false, Relaxed);
        self.is_wanted.load(Relaxed)
    }
}

/// Stream that is read and written.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    gate: Arc<Gate>,
    /// Bytes that came in; those from `at` on were not read yet.
    input: Vec<u8>,
    at: usize,
}

impl Wire {
    pub(super) fn new(stream: Stream, gate: Arc<Gate>) -> Self {
        Self { stream, gate, input: Vec::new(), at: 0 }
    }

    /// Ready if something may be written; never while the gate is shut.
    fn poll_way_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gate.is_shut.load(Relaxed) {
            ready!(self.stream.poll_write_ready(cx))?;
            self.gate.is_wanted.store(true, Relaxed);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.at == this.input.len() {
            this.input.clear();
            this.at = 0;
            this.input.reserve(READ_BYTES);
            let count = ready!(this.stream.poll_read(cx, &mut this.input))?;
            this.gate.received.fetch_add(count as u64, Relaxed);
        }
        let rest = &this.input[this.at..];
        let count = rest.len().min(bytes.remaining());
        bytes.put_slice(&rest[..count]);
        this.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    /// Writes a frame's head and its payload together.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_way_out(cx))?;
        let put = this.stream.poll_put(cx, parts);
        this.gate.taken.store(this.stream.taken(), Relaxed);
        put
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.stream.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_way_out(cx))?;
        let flushed = this.stream.poll_flush(cx);
        this.gate.taken.store(this.stream.taken(), Relaxed);
        flushed
    }

    /// Flushes only: the socket is closed with its owner.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
