//! How long a connection may do nothing.
//!
//! Four time limits meet here. A head must arrive soon after its first byte. Between two requests a connection may rest
//! for long. Of an answer, the client must take a byte now and then: one that reads slowly is served to the end. And a client
//! that was answered before it had sent all may go on sending for a while. A request that the service works on has no limit
//! here, because what it waits for has limits of its own.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body as AnyBody, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may go on sending what nobody reads any more. To close the connection at once would tell it of a reset
/// instead of the answer; to hear all of it out, it could send for ever.
const LONGEST_FAREWELL: Duration = Duration::from_secs(10);
/// The longest pause meanwhile: who still sends does so without any.
const FAREWELL_PAUSE: Duration = Duration::from_secs(2);
/// What is thrown away at a time.
const DISCARDED_BYTES: usize = 8 * 1024;
/// If no more than this is left and already there, the library reads it and keeps the connection for the next request.
const CHEAP_REST_BYTES: u64 = 8 * 1024;

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From the first byte of a request to the end of its head.
    pub(crate) head: Duration,
    /// Between two requests, and while the client takes nothing of an answer.
    pub(crate) idle: Duration,
}

/// What a connection does, as its socket, its requests and their answers tell; all of them live in its one task.
#[derive(Debug, Clone)]
pub(super) struct Vigil(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    limits: Limits,
    phase: Phase,
    /// When the phase began, or the socket last took a byte or began to refuse them since.
    moved: Instant,
    /// Whether the socket takes no more at present.
    is_blocked: bool,
    /// What the service has not read of the last request's body, as far as its length is known.
    unread: u64,
    /// Whether the service stops, so that nobody is heard out any more.
    is_stopping: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request is there; something of an answer may still be on its way.
    Idle,
    /// A head has begun to arrive.
    Head { since: Instant },
    /// A request is worked on, or its answer made.
    Busy,
    /// All is said, and what the client still sends is thrown away.
    Farewell { since: Instant },
}

impl Vigil {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(State::new(limits, Instant::now()))))
    }

    /// A head has arrived, and this body comes behind it.
    pub(super) fn request_begins(&self, body: Incoming) -> Received {
        self.update(|state| {
            state.enter(Phase::Busy, Instant::now());
            state.unread = rest(&body);
        });
        Received { body, vigil: self.clone() }
    }

    /// Whether the client has to be told that the answer ends the connection.
    pub(super) fn leaves_much_unread(&self) -> bool {
        self.update(|state| state.unread > CHEAP_REST_BYTES)
    }

    /// The service stops.
    pub(super) fn stop(&self) {
        self.update(|state| state.is_stopping = true);
    }

    /// Ends when the connection has done nothing for too long. It has to be polled after whatever the connection does.
    pub(super) fn patience(&self) -> Patience {
        let deadline = self.update(|state| state.deadline()).unwrap_or_else(Instant::now);
        Patience { vigil: self.clone(), timer: Box::pin(sleep_until(deadline)) }
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A state is whole between any two of its changes.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, phase: Phase::Idle, moved: now, is_blocked: false, unread: 0, is_stopping: false }
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.moved = now;
    }

    fn read(&mut self, now: Instant) {
        match self.phase {
            Phase::Idle => self.enter(Phase::Head { since: now }, now),
            Phase::Farewell { .. } => self.moved = now,
            Phase::Head { .. } | Phase::Busy => {}
        }
    }

    /// All is said. Answers whether the client is to be heard out: it may still send, because its request was not read whole.
    fn takes_leave(&mut self, now: Instant) -> bool {
        match self.phase {
            _ if self.is_stopping => false,
            Phase::Farewell { .. } => true,
            Phase::Idle | Phase::Busy if self.unread == 0 => false,
            Phase::Idle | Phase::Busy | Phase::Head { .. } => {
                self.enter(Phase::Farewell { since: now }, now);
                true
            }
        }
    }

    fn wrote(&mut self, now: Instant) {
        self.moved = now;
        self.is_blocked = false;
    }

    /// The socket takes no more. Whether it is asked once or often, the time counts from the first refusal.
    fn refused(&mut self, now: Instant) {
        if !self.is_blocked {
            self.moved = now;
            self.is_blocked = true;
        }
    }

    /// When the connection is to be closed, if nothing happens until then.
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Head { since } => Some(since + self.limits.head),
            Phase::Busy if !self.is_blocked => None,
            Phase::Idle | Phase::Busy => Some(self.moved + self.limits.idle),
            Phase::Farewell { since } => Some((since + LONGEST_FAREWELL).min(self.moved + FAREWELL_PAUSE)),
        }
    }
}

/// See [`Vigil::patience`]. Its timer is moved only where it would come too late or has come: a request that arrives and is
/// answered at once costs none.
#[derive(Debug)]
pub(super) struct Patience {
    vigil: Vigil,
    timer: Pin<Box<Sleep>>,
}

impl Future for Patience {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.vigil.update(|state| state.deadline()) else {
            return Poll::Pending;
        };
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if self.timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// A connection that tells what it moves.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    vigil: Vigil,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, vigil: Vigil) -> Self {
        Self { stream, vigil }
    }

    fn note_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        self.vigil.update(|state| if written.is_ready() { state.wrote(now) } else { state.refused(now) });
        written
    }

    /// Reads until the client has closed its half, and keeps nothing.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; DISCARDED_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut *self).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// What a client has not taken by now goes with the connection; the kernel would keep it and offer it for minutes.
impl Drop for Socket {
    fn drop(&mut self) {
        if self.vigil.update(|state| state.is_blocked)
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::debug!(%error, "the kernel keeps what a client does not take");
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.vigil.update(|state| state.read(Instant::now()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// The kernel resets a connection that is closed with bytes unread, and a client that still sends then may never see its
    /// answer (RFC 9112, section 9.6). So the client is told of the end first, and heard out.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        if self.vigil.update(|state| state.takes_leave(Instant::now())) {
            ready!(self.poll_discard(context))?;
        }
        Poll::Ready(Ok(()))
    }
}

/// A request's body, which tells how much of it is left.
#[derive(Debug)]
pub(super) struct Received {
    body: Incoming,
    vigil: Vigil,
}

/// What may still come of a body, in bytes.
fn rest(body: &Incoming) -> u64 {
    body.size_hint().upper().unwrap_or(u64::MAX)
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let unread = if frame.is_none() { 0 } else { rest(&self.body) };
        self.vigil.update(|state| state.unread = unread);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, whose end is the request's. Its last bytes may have to be taken yet.
#[derive(Debug)]
pub(super) struct Answer {
    body: AnyBody,
    vigil: Vigil,
}

impl Answer {
    pub(super) fn new(body: AnyBody, vigil: Vigil) -> Self {
        Self { body, vigil }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.vigil.update(|state| state.enter(Phase::Idle, Instant::now()));
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits { head: Duration::from_secs(10), idle: Duration::from_secs(75) };

    #[test]
    fn each_phase_has_its_limit() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::new(LIMITS, start);
        assert_eq!(state.deadline(), Some(at(75)));
        state.read(at(3));
        state.read(at(9));
        assert_eq!(state.deadline(), Some(at(13)), "a head that drips gets no more time");
        state.enter(Phase::Busy, at(10));
        assert_eq!(state.deadline(), None, "the service may work for long");
        state.refused(at(500));
        state.refused(at(560));
        assert_eq!(state.deadline(), Some(at(575)), "the client has to take the answer");
        state.wrote(at(570));
        assert_eq!(state.deadline(), None, "it took some of it");
    }

    #[test]
    fn an_answer_that_is_made_and_still_read_slowly_is_not_cut() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::new(LIMITS, start);
        state.enter(Phase::Busy, start);
        state.enter(Phase::Idle, start);
        for minute in 1..10 {
            state.refused(at(60 * minute - 1));
            state.wrote(at(60 * minute));
            assert_eq!(state.deadline(), Some(at(60 * minute + 75)));
        }
    }

    #[test]
    fn who_still_sends_is_heard_out_for_a_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::new(LIMITS, start);
        assert!(!state.takes_leave(start), "nothing came");
        state.unread = 1;
        assert!(state.takes_leave(start));
        assert_eq!(state.deadline(), Some(at(2)));
        for second in 1..10 {
            state.read(at(second));
            assert!(state.takes_leave(at(second)), "it is asked whenever the client sent something");
            assert_eq!(state.deadline(), Some(at(10.min(second + 2))));
        }
        state.is_stopping = true;
        assert!(!state.takes_leave(at(9)));
    }

    #[test]
    fn who_sent_something_that_is_no_head_may_still_send() {
        let start = Instant::now();
        let mut state = State::new(LIMITS, start);
        state.read(start);
        assert!(state.takes_leave(start));
    }
}
