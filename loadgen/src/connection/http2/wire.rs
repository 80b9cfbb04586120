//! What the library that makes the frames reads from and writes to: a stream whose bytes are counted, and whose way out can
//! be shut while somebody only waits for it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::attempt::READ_BYTES;
use crate::connection::stream::Stream;

/// What is known of a wire beside it. One thread has both; that it may change before the load begins asks for atomics.
#[derive(Debug, Default)]
pub(super) struct Gate {
    taken: AtomicU64,
    received: AtomicU64,
    is_shut: AtomicBool,
    /// While it was shut, the socket would have taken something.
    is_wanted: AtomicBool,
}

impl Gate {
    /// Bytes that the kernel took.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Bytes received since this was last asked.
    pub(super) fn take_received(&self) -> u64 {
        self.received.swap(0, Relaxed)
    }

    /// Lets nothing out.
    pub(super) fn close(&self) {
        self.is_wanted.store(false, Relaxed);
        self.is_shut.store(true, Relaxed);
    }

    /// Lets all out again; tells whether something could have left meanwhile.
    pub(super) fn open(&self) -> bool {
        self.is_shut.store(false, Relaxed);
        self.is_wanted.load(Relaxed)
    }
}

/// A stream, read and written.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    gate: Arc<Gate>,
    /// What came in and was not read yet, from `at` on.
    input: Vec<u8>,
    at: usize,
}

impl Wire {
    pub(super) fn new(stream: Stream, gate: Arc<Gate>) -> Self {
        Self { stream, gate, input: Vec::new(), at: 0 }
    }

    /// Ready when something may be written; never while the gate is shut.
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

    /// A frame's head and what it carries leave together.
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

    /// The socket is closed with its owner.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
