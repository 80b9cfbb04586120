//! Line that speaks HTTP/2, with one request in flight at a time.
//!
//! A library makes the frames, and only the future that needs the connection drives it. So nothing
//! is written while nobody waits. An attempt begins with the first byte that the socket takes after
//! a request was handed over, whatever frame that byte belongs to. If the socket took no byte, none
//! has left, because the library and TLS hold what they have.

mod wire;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Ping, Reason, RecvStream};
use http::Request;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap};
use thiserror::Error;
use truth::clock::monotonic_ns;

use self::wire::{Gate, Wire};
use super::advice::Advice;
use super::attempt::{Begun, Lost};
use super::http1::malformed::{MAX_BODY, MAX_HEAD, Malformed};
use super::http1::{Bodies, EXCERPT, Whole, is_to_be_shown};
use super::stream::Stream;

/// Bytes of a response that may come before they are read: enough for most responses, so that none
/// waits for us.
const WINDOW: u32 = 1 << 20;

/// Most header fields of a request.
const MAX_FIELDS: usize = 128;

/// Header fields of HTTP/1.1 that a request of HTTP/2 must not have, besides those that frame it.
const HOP_BY_HOP: [&str; 3] = ["keep-alive", "proxy-connection", "te"];

/// Reason why the other end does not speak HTTP/2.
#[derive(Debug, Error)]
pub(crate) enum Unspoken {
    #[error("the server does not agree to speak HTTP/2 over TLS")]
    NotAgreed,
    #[error("the response is not HTTP/2 ({0})")]
    Strange(h2::Error),
    #[error("the server closed the connection instead of speaking HTTP/2")]
    Closed(#[source] Option<io::Error>),
}

/// Reason why a request cannot be translated to HTTP/2.
#[derive(Debug, Error)]
pub(crate) enum Untranslatable {
    #[error("header `{0}` cannot be sent over HTTP/2; leave the header or --http2 out")]
    Field(&'static str),
    #[error("the request cannot be sent over HTTP/2 ({0}); leave --http2 out")]
    Request(#[from] http::Error),
    #[error("the request's head cannot be read, or has more than {MAX_FIELDS} fields")]
    Head,
}

/// Response that is awaited.
#[derive(Debug)]
enum Awaited {
    Nothing,
    Head(ResponseFuture),
    Body {
        status: u16,
        body: RecvStream,
        /// Length of the body that the head states.
        length: Option<usize>,
    },
}

/// Open connection.
#[derive(Debug)]
pub(crate) struct Http2 {
    scheme: &'static str,
    sender: SendRequest<Bytes>,
    connection: Connection<Wire, Bytes>,
    gate: Arc<Gate>,
    /// Set once the connection has ended.
    is_over: bool,
    /// Bytes that the socket had taken when the request was handed over; none once it has taken one
    /// of the request.
    held_since: Option<u64>,
    awaited: Awaited,
    bodies: Bodies,
    body: Vec<u8>,
    /// Bytes of the body that have come, kept or not.
    body_len: usize,
    advice: Advice,
    /// Header fields of the latest response, as the library made them.
    fields: HeaderMap,
    first_byte_ns: u64,
}

impl Http2 {
    /// Takes over a stream, once the other end has shown that it speaks HTTP/2.
    pub(crate) async fn shake_hands(stream: Stream) -> io::Result<Self> {
        let scheme = if stream.has_tls() { "https" } else { "http" };
        if stream.has_tls() && stream.agreed() != Some(b"h2") {
            return Err(io::Error::other(Unspoken::NotAgreed));
        }
        let gate = Arc::new(Gate::default());
        let wire = Wire::new(stream, Arc::clone(&gate));
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .max_header_list_size(MAX_HEAD as u32)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let begun = builder.handshake(wire).await;
        let (sender, mut connection) = begun.map_err(|error| io::Error::other(Unspoken::Strange(error)))?;
        // An end that answers the ping has understood everything before it.
        let mut ping = connection.ping_pong().expect("it is taken once");
        ping.send_ping(Ping::opaque()).map_err(io::Error::other)?;
        let mut is_answered = false;
        poll_fn(|cx| {
            match Pin::new(&mut connection).poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Err(Unspoken::Closed(None))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(unspoken(error))),
                Poll::Pending if is_answered => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            ready!(ping.poll_pong(cx)).map_err(unspoken)?;
            is_answered = true;
            // Driven once more, for what is to be said in return.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
        .map_err(io::Error::other)?;
        Ok(Self {
            scheme,
            sender,
            connection,
            gate,
            is_over: false,
            held_since: None,
            awaited: Awaited::Nothing,
            bodies: Bodies::Kept,
            body: Vec::new(),
            body_len: 0,
            advice: Advice::default(),
            fields: HeaderMap::new(),
            first_byte_ns: 0,
        })
    }

    /// Sets the treatment of the bodies of responses.
    pub(crate) fn set_bodies(&mut self, bodies: Bodies) {
        self.bodies = bodies;
    }

    /// True if another request may be begun. Reads what came in, and answers what concerns the
    /// connection alone.
    pub(crate) fn is_quiet(&mut self) -> bool {
        // A request that is held must not leave beside that.
        if self.held_since.is_none() {
            self.drive(&mut Context::from_waker(Waker::noop()));
        }
        !self.is_over
    }

    /// Hands a request over, once, and writes its frames as far as the socket takes them.
    pub(crate) fn begin(&mut self, request: &[u8]) -> Begun {
        let held_since = match self.held_since {
            Some(taken) => taken,
            None => {
                let taken = self.gate.taken();
                if self.is_over || self.hand_over(request).is_err() {
                    return Begun::Dead;
                }
                self.held_since = Some(taken);
                taken
            }
        };
        self.drive(&mut Context::from_waker(Waker::noop()));
        if self.gate.taken() > held_since {
            self.held_since = None;
            Begun::Sent
        } else if self.is_over {
            Begun::Dead
        } else {
            Begun::Blocked
        }
    }

    fn hand_over(&mut self, request: &[u8]) -> Result<(), io::Error> {
        self.body.clear();
        self.body_len = 0;
        self.first_byte_ns = 0;
        let (head, body) = translated(request, self.scheme).map_err(io::Error::other)?;
        let (response, mut stream) =
            self.sender.send_request(head, body.is_empty()).map_err(io::Error::other)?;
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body), true).map_err(io::Error::other)?;
        }
        self.awaited = Awaited::Head(response);
        Ok(())
    }

    /// Reads and writes as far as possible.
    fn drive(&mut self, cx: &mut Context<'_>) {
        // The awaited response returns the error.
        self.is_over = self.is_over || Pin::new(&mut self.connection).poll(cx).is_ready();
    }

    /// Ready if the socket may take a byte of the request that is held, or the connection is over.
    pub(crate) fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.gate.close();
        self.drive(cx);
        if self.gate.open() || self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready if the connection ended.
    pub(crate) fn poll_disturbed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.drive(cx);
        if self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Goes on with the request that was begun, and with its response.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Whole, Lost>> {
        loop {
            self.drive(cx);
            match &mut self.awaited {
                Awaited::Nothing => return Poll::Ready(Err(Lost::Malformed(Malformed::Truncated))),
                Awaited::Head(response) => {
                    let (head, body) = ready!(Pin::new(response).poll(cx)).map_err(lost)?.into_parts();
                    let length =
                        head.headers.get(CONTENT_LENGTH).and_then(|field| field.to_str().ok()?.parse().ok());
                    let status = head.status.as_u16();
                    let fields = head.headers.iter();
                    self.advice.note(status, fields.map(|(name, value)| (name.as_str(), value.as_bytes())));
                    self.fields = head.headers;
                    self.awaited = Awaited::Body { status, body, length };
                }
                Awaited::Body { status, body, length } => match body.poll_data(cx) {
                    // A server that wants no more of the request says so after a whole response.
                    Poll::Ready(Some(Err(error)))
                        if error.reason() == Some(Reason::NO_ERROR) && *length == Some(self.body_len) =>
                    {
                        let status = *status;
                        return Poll::Ready(Ok(Whole { status, reusable: false }));
                    }
                    Poll::Ready(Some(data)) => {
                        let data = data.map_err(lost)?;
                        self.body_len = self.body_len.saturating_add(data.len());
                        if self.bodies == Bodies::Kept {
                            if self.body_len > MAX_BODY {
                                return Poll::Ready(Err(Lost::Malformed(Malformed::BodyTooLong)));
                            }
                            self.body.extend_from_slice(&data);
                        } else if is_to_be_shown(*status) {
                            let room = EXCERPT - self.body.len();
                            self.body.extend_from_slice(&data[..data.len().min(room)]);
                        }
                        body.flow_control().release_capacity(data.len()).map_err(lost)?;
                    }
                    Poll::Ready(None) => {
                        let status = *status;
                        self.awaited = Awaited::Nothing;
                        return Poll::Ready(Ok(Whole { status, reusable: !self.is_over }));
                    }
                    Poll::Pending => {
                        if self.first_byte_ns == 0 {
                            self.first_byte_ns = monotonic_ns();
                        }
                        return Poll::Pending;
                    }
                },
            }
        }
    }

    /// Returns the body of the response that was whole, or its beginning if bodies are dropped.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns what the response says to do next.
    pub(crate) fn advice(&self) -> &Advice {
        &self.advice
    }

    /// Returns the first header field with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.get(name).map(|value| value.as_bytes())
    }

    /// Returns the instant of the first byte of a response that was not whole at once; 0 while none
    /// came.
    pub(crate) fn first_byte_ns(&self) -> u64 {
        self.first_byte_ns
    }

    /// Returns the bytes received since the last call.
    pub(crate) fn take_received_bytes(&self) -> u64 {
        self.gate.take_received()
    }
}

/// Translates a request of HTTP/1.1 to HTTP/2, and returns its head and its body.
pub(crate) fn translated<'a>(
    request: &'a [u8],
    scheme: &str,
) -> Result<(Request<()>, &'a [u8]), Untranslatable> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(length)) = parsed.parse(request) else {
        return Err(Untranslatable::Head);
    };
    let host = parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case(HOST.as_str()));
    let uri = http::Uri::builder()
        .scheme(scheme)
        .authority(host.map_or(&[][..], |host| host.value))
        .path_and_query(parsed.path.unwrap_or_default())
        .build()?;
    let mut head = Request::builder().method(parsed.method.unwrap_or_default()).uri(uri);
    for field in parsed.headers.iter() {
        if let Some(name) = HOP_BY_HOP.into_iter().find(|name| field.name.eq_ignore_ascii_case(name)) {
            return Err(Untranslatable::Field(name));
        }
        if !field.name.eq_ignore_ascii_case(HOST.as_str()) {
            head = head.header(field.name, field.value);
        }
    }
    Ok((head.body(())?, &request[length..]))
}

fn unspoken(error: h2::Error) -> Unspoken {
    if error.is_io() { Unspoken::Closed(error.into_io()) } else { Unspoken::Strange(error) }
}

/// Returns the reason why a response is lost: a stream that was reset or a connection that broke,
/// or a violation of the protocol.
fn lost(error: h2::Error) -> Lost {
    if error.is_library() {
        Lost::Malformed(Malformed::Frames(error.to_string()))
    } else {
        Lost::Broken(io::Error::other(error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream as Blocking;
    use std::sync::mpsc;
    use std::thread::{self, JoinHandle};

    use tokio::net::UnixStream;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;
    use crate::connection::stream::Socket;

    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const WINDOW_UPDATE: u8 = 8;
    const HEADERS: u8 = 1;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        frame
    }

    /// Starts a server that shakes hands, takes any amount, waits for `go_on`, and returns the
    /// number of its requests.
    fn server(
        mut socket: Blocking,
        go_on: mpsc::Receiver<()>,
        came: UnboundedSender<()>,
    ) -> JoinHandle<usize> {
        thread::spawn(move || {
            socket.read_exact(&mut [0; 24]).unwrap();
            let window = [0x3f, 0xff, 0x00, 0x00];
            socket.write_all(&frame(SETTINGS, 0, &[&[0, 4][..], &window].concat())).unwrap();
            socket.write_all(&frame(WINDOW_UPDATE, 0, &window)).unwrap();
            let mut requests = 0;
            loop {
                let mut head = [0; 9];
                if socket.read_exact(&mut head).is_err() {
                    return requests;
                }
                let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
                if socket.read_exact(&mut payload).is_err() {
                    return requests;
                }
                let is_ack = head[4] & 1 != 0;
                match head[3] {
                    SETTINGS if !is_ack => socket.write_all(&frame(SETTINGS, 1, &[])).unwrap(),
                    PING if !is_ack => {
                        socket.write_all(&frame(PING, 1, &payload)).unwrap();
                        go_on.recv().unwrap();
                    }
                    HEADERS => {
                        requests += 1;
                        came.send(()).ok();
                    }
                    _ => {}
                }
            }
        })
    }

    /// Receiver of a message for each request.
    struct Came(UnboundedReceiver<()>);

    impl Came {
        async fn twice(mut self) {
            for _ in 0..2 {
                self.0.recv().await.unwrap();
            }
        }
    }

    async fn connected() -> (Http2, mpsc::Sender<()>, JoinHandle<usize>, Came) {
        let (ours, theirs) = Blocking::pair().unwrap();
        let (go, go_on) = mpsc::channel();
        let (reporting, came) = unbounded_channel();
        let serving = server(theirs, go_on, reporting);
        ours.set_nonblocking(true).unwrap();
        let stream = Stream::plain(Socket::Unix(UnixStream::from_std(ours).unwrap()));
        (Http2::shake_hands(stream).await.unwrap(), go, serving, Came(came))
    }

    fn request(body: usize) -> Vec<u8> {
        let mut request =
            format!("POST /p HTTP/1.1\r\nhost: h\r\ncontent-length: {body}\r\n\r\n").into_bytes();
        request.resize(request.len() + body, b'x');
        request
    }

    #[tokio::test]
    async fn a_request_of_which_no_byte_left_is_sent_once_however_often_it_is_offered() {
        let (mut line, go, serving, came) = connected().await;
        assert!(line.is_quiet());
        assert!(matches!(line.begin(&request(4 << 20)), Begun::Sent), "as far as the socket takes it");
        for _ in 0..3 {
            assert!(line.is_quiet());
            assert!(matches!(line.begin(&request(10)), Begun::Blocked));
        }
        go.send(()).unwrap();
        loop {
            poll_fn(|cx| line.poll_writable(cx)).await;
            match line.begin(&request(10)) {
                Begun::Sent => break,
                Begun::Blocked => {}
                Begun::Dead => panic!("nobody hung up"),
            }
        }
        // What the socket took may be the rest of what was before it.
        tokio::select! {
            _ = poll_fn(|cx| line.poll_answer(cx)) => panic!("this server never answers"),
            () = came.twice() => {}
        }
        drop(line);
        assert_eq!(serving.join().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_request_of_which_no_byte_left_never_leaves_once_its_connection_is_given_up() {
        let (mut line, go, serving, _) = connected().await;
        assert!(matches!(line.begin(&request(4 << 20)), Begun::Sent));
        assert!(matches!(line.begin(&request(10)), Begun::Blocked));
        drop(line);
        go.send(()).unwrap();
        assert_eq!(serving.join().unwrap(), 1);
    }

    #[tokio::test]
    async fn nothing_leaves_while_somebody_only_waits_for_the_way_out() {
        let (mut line, go, serving, _) = connected().await;
        assert!(matches!(line.begin(&request(4 << 20)), Begun::Sent));
        assert!(matches!(line.begin(&request(10)), Begun::Blocked));
        let taken = line.gate.taken();
        go.send(()).unwrap();
        for _ in 0..100 {
            poll_fn(|cx| line.poll_writable(cx)).await;
        }
        assert_eq!(line.gate.taken(), taken);
        drop(line);
        assert_eq!(serving.join().unwrap(), 1);
    }

    #[tokio::test]
    async fn who_hangs_up_or_speaks_otherwise_is_told_apart() {
        for (said, part) in [(&b""[..], "closed the connection"), (b"HTTP/1.1 400 Bad\r\n\r\n", "not HTTP/2")]
        {
            let (ours, mut theirs) = Blocking::pair().unwrap();
            theirs.write_all(said).unwrap();
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            ours.set_nonblocking(true).unwrap();
            let stream = Stream::plain(Socket::Unix(UnixStream::from_std(ours).unwrap()));
            let error = Http2::shake_hands(stream).await.unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_request_of_http_1_is_told_in_http_2() {
        let translate = |text: &'static str| translated(text.as_bytes(), "https");
        let (head, body) =
            translate("PUT /a?b HTTP/1.1\r\nhost: c:1\r\nx-d: e\r\ncontent-length: 1\r\n\r\nf").unwrap();
        assert_eq!((head.method().as_str(), head.uri().to_string().as_str()), ("PUT", "https://c:1/a?b"));
        assert_eq!(head.headers().len(), 2, "{head:?}");
        assert_eq!((head.headers()["x-d"].as_bytes(), body), (&b"e"[..], &b"f"[..]));
        let said = translate("GET / HTTP/1.1\r\nhost: a\r\nTE: gzip\r\n\r\n").unwrap_err().to_string();
        assert!(said.contains("`te`") && said.contains("--http2"), "{said}");
        for text in ["GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "GET /<> HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n"]
        {
            assert!(translate(text).is_err(), "{text}");
        }
    }
}
