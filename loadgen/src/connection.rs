//! Connection to the target. It knows whether a byte of a request has left, and the verdict rests
//! on that.
//!
//! Nothing here resends, reconnects or pools. [`Connection::begin`] tries once to write and says
//! whether the kernel took a byte. [`answer`] writes the rest and reads until the response is whole
//! or will never be.

pub(crate) mod advice;
pub(crate) mod attempt;
pub(crate) mod dial;
pub(crate) mod gzip;
pub(crate) mod head;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod shortage;
pub(crate) mod stream;
mod turns;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use advice::Advice;
use attempt::{Begun, Lost, READ_BYTES};
use http1::{AnswerReader, Bodies, EXCERPT, Whole};
use http2::Http2;
use stream::Stream;
use tokio::time::{Instant, Sleep};
use truth::clock::monotonic_ns;

/// Open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Number of the connection, unique within the run.
    pub(crate) number: u32,
    line: Line,
}

/// Protocol of a connection.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "what is spoken most is not to be looked for elsewhere")]
pub(crate) enum Line {
    Http1(Http1),
    Http2(Box<Http2>),
}

impl Connection {
    /// Takes over a line that was just opened.
    pub(crate) fn new(number: u32, mut line: Line, bodies: Bodies) -> Self {
        match &mut line {
            Line::Http1(line) => line.reader = AnswerReader::new(bodies),
            Line::Http2(line) => line.set_bodies(bodies),
        }
        Self { number, line }
    }

    /// True if nothing has come in that no request asked for: no byte, and no end.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match &mut self.line {
            Line::Http1(line) => line.stream.is_quiet(),
            Line::Http2(line) => line.is_quiet(),
        }
    }

    /// Offers a whole request to the kernel, once. If the kernel took no byte, the same request has
    /// to be offered again.
    pub(crate) fn begin(&mut self, request: &[u8]) -> Begun {
        match &mut self.line {
            Line::Http1(line) => line.begin(request),
            Line::Http2(line) => line.begin(request),
        }
    }

    /// Returns the body of the response that [`answer`] found whole, if bodies are kept.
    pub(crate) fn body(&self) -> &[u8] {
        match &self.line {
            Line::Http1(line) => line.reader.body(),
            Line::Http2(line) => line.body(),
        }
    }

    /// Returns the beginning of that body, also if bodies are dropped and the response is no
    /// success.
    pub(crate) fn excerpt(&self) -> &[u8] {
        match &self.line {
            Line::Http1(line) => line.reader.excerpt(),
            Line::Http2(line) => &line.body()[..line.body().len().min(EXCERPT)],
        }
    }

    /// Returns what that response says to do next.
    pub(crate) fn advice(&self) -> &Advice {
        match &self.line {
            Line::Http1(line) => line.reader.advice(),
            Line::Http2(line) => line.advice(),
        }
    }

    /// Returns the first header field of that response with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        match &self.line {
            Line::Http1(line) => line.reader.field(name),
            Line::Http2(line) => line.field(name),
        }
    }

    /// Returns the instant of the first byte of the response that was whole at `t_end`.
    pub(crate) fn first_byte(&self, t_end: u64) -> u64 {
        match self.first_byte_ns() {
            0 => t_end,
            first_byte_ns => first_byte_ns,
        }
    }

    /// Returns the instant of the first byte of a response that was not whole at once; 0 while none
    /// came.
    fn first_byte_ns(&self) -> u64 {
        match &self.line {
            Line::Http1(line) => line.first_byte_ns,
            Line::Http2(line) => line.first_byte_ns(),
        }
    }

    /// True if a byte of the response has come, where it was not whole at once.
    pub(crate) fn has_begun_to_answer(&self) -> bool {
        self.first_byte_ns() > 0
    }

    /// Returns the bytes received since the last call.
    pub(crate) fn take_received_bytes(&mut self) -> u64 {
        match &mut self.line {
            Line::Http1(line) => std::mem::take(&mut line.received_bytes),
            Line::Http2(line) => line.take_received_bytes(),
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Whole, Lost>> {
        match &mut self.line {
            Line::Http1(line) => line.poll_answer(cx),
            Line::Http2(line) => line.poll_answer(cx),
        }
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.line {
            // The write that follows returns the error.
            Line::Http1(line) => line.stream.poll_write_ready(cx).map(drop),
            Line::Http2(line) => line.poll_writable(cx),
        }
    }

    fn poll_disturbed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.line {
            Line::Http1(line) => line.stream.poll_disturbed(cx),
            Line::Http2(line) => line.poll_disturbed(cx),
        }
    }
}

/// Line that speaks HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Http1 {
    stream: Stream,
    reader: AnswerReader,
    /// Instant of the first byte of a response that was not whole at once; 0 while none came.
    first_byte_ns: u64,
    received_bytes: u64,
}

impl Http1 {
    /// Takes over a stream that was just connected.
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, reader: AnswerReader::new(Bodies::Kept), first_byte_ns: 0, received_bytes: 0 }
    }

    fn begin(&mut self, request: &[u8]) -> Begun {
        self.reader.reset();
        self.first_byte_ns = 0;
        match self.stream.offer(request) {
            Ok(0) => Begun::Blocked,
            Ok(_) => Begun::Sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Begun::Blocked,
            Err(_) => Begun::Dead,
        }
    }

    /// Writes the rest of the request and reads the response, both as the socket allows: a server
    /// may respond, and close, before it has read everything.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Whole, Lost>> {
        self.stream.flush(cx);
        loop {
            let input = self.reader.input();
            input.reserve(READ_BYTES);
            match ready!(self.stream.poll_read(cx, input)) {
                Err(error) => return Poll::Ready(Err(Lost::Broken(error))),
                Ok(0) => return Poll::Ready(self.reader.end().map_err(Lost::from)),
                Ok(count) => self.received_bytes += count as u64,
            }
            if let Some(whole) = self.reader.advance()? {
                let reusable = whole.reusable && self.stream.is_flushed();
                return Poll::Ready(Ok(Whole { reusable, ..whole }));
            }
            if self.first_byte_ns == 0 {
                self.first_byte_ns = monotonic_ns();
            }
        }
    }
}

/// Waits until the request has its response, will never have one, or its time is over. `deadline`
/// limits the time to the first byte of the response, `whole_by` the time to the last.
pub(crate) async fn answer(
    connection: &RefCell<Connection>,
    mut deadline: Pin<&mut Sleep>,
    whole_by: Instant,
) -> Result<Whole, Lost> {
    poll_fn(|cx| {
        let mut connection = connection.borrow_mut();
        if let Poll::Ready(ended) = connection.poll_answer(cx) {
            return Poll::Ready(ended);
        }
        if connection.first_byte_ns() > 0 && deadline.deadline() != whole_by {
            deadline.as_mut().reset(whole_by);
        }
        deadline.as_mut().poll(cx).map(|()| Err(Lost::TimedOut))
    })
    .await
}

/// Waits until the connection can be written to.
pub(crate) async fn writable(connection: &RefCell<Connection>) {
    poll_fn(|cx| connection.borrow_mut().poll_writable(cx)).await;
}

/// Ready if something came in, or the connection ended, while no request was in flight.
pub(crate) fn poll_disturbed(connection: &RefCell<Connection>, cx: &mut Context<'_>) -> Poll<()> {
    connection.borrow_mut().poll_disturbed(cx)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::stream::Socket;
    use super::*;

    /// Returns a connection, and the server's end of it.
    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let stream = Stream::plain(Socket::Tcp(client.unwrap()));
        let line = Line::Http1(Http1::new(stream));
        (Connection::new(1, line, Bodies::Kept), server.unwrap().0)
    }

    #[tokio::test]
    async fn a_byte_that_nobody_asked_for_is_noticed() {
        let (mut connection, mut server) = pair().await;
        assert!(connection.is_quiet());
        server.write_all(b"H").await.unwrap();
        let noticed = poll_fn(|cx| connection.poll_disturbed(cx));
        timeout(Duration::from_secs(10), noticed).await.unwrap();
    }

    #[tokio::test]
    async fn an_end_that_nobody_asked_for_is_noticed() {
        let (mut connection, server) = pair().await;
        drop(server);
        let noticed = poll_fn(|cx| connection.poll_disturbed(cx));
        timeout(Duration::from_secs(10), noticed).await.unwrap();
    }
}
