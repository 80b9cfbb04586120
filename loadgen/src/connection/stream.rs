//! Stream: the bytes of a connection, over a socket, with TLS if the URL says so.
//!
//! With and without TLS, the rest of the program needs two facts: whether the kernel took a byte of
//! a request, and what came in. A byte that TLS has buffered has not left.

mod session;

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, Write};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use self::session::{Session, Writing};

/// Socket of either kind.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Connected socket, with or without TLS.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    tls: Option<Box<Session>>,
    /// Bytes of the request that the kernel has not taken yet. TLS keeps its own.
    rest: Vec<u8>,
    /// Bytes that the kernel took, counted after encryption.
    taken: u64,
}

impl Socket {
    pub(crate) async fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self::Unix(UnixStream::connect(path).await?))
    }

    fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(bytes),
            Self::Unix(stream) => stream.try_read(bytes),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(parts),
            Self::Unix(stream) => stream.try_write_vectored(parts),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, bytes),
        }
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, input: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => pin!(stream.read_buf(input)).poll(cx),
            Self::Unix(stream) => pin!(stream.read_buf(input)).poll(cx),
        }
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
        }
    }
}

impl Stream {
    /// Returns a stream of plain bytes.
    pub(crate) fn plain(socket: Socket) -> Self {
        Self { socket, tls: None, rest: Vec::new(), taken: 0 }
    }

    /// Returns a stream of encrypted bytes, once the other end has shown a certificate that is
    /// trusted.
    pub(crate) async fn encrypted(
        socket: Socket,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let mut session = Box::new(Session::new(config, name)?);
        let mut socket = socket;
        poll_fn(|cx| session.poll_handshake(&mut socket, cx)).await?;
        Ok(Self { socket, tls: Some(session), rest: Vec::new(), taken: 0 })
    }

    /// True if nothing has come in that no request asked for: no byte, and no end. Costs no system
    /// call unless the event loop saw something.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match &mut self.tls {
            None => would_block(&self.socket.try_read(&mut [0])),
            Some(session) => session.is_quiet(&self.socket),
        }
    }

    /// Offers a whole request to the kernel, once, keeps the rest, and returns how many bytes the
    /// kernel took. If it took none, the same request has to be offered again.
    pub(crate) fn offer(&mut self, request: &[u8]) -> io::Result<usize> {
        if let Some(session) = &mut self.tls {
            return session.offer(&self.socket, request);
        }
        self.rest.clear();
        let taken = self.socket.try_write(request)?;
        if taken > 0 {
            self.rest.extend_from_slice(&request[taken..]);
        }
        Ok(taken)
    }

    /// True if the kernel has taken everything that was offered.
    pub(crate) fn is_flushed(&self) -> bool {
        self.rest.is_empty() && self.tls.as_ref().is_none_or(|session| !session.tls.wants_write())
    }

    /// Writes as much of the rest as the kernel takes. Errors are ignored here: the reading side
    /// shows whether the server had responded before it closed.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) {
        while !self.is_flushed() && self.socket.poll_write_ready(cx).is_ready() {
            let written = match &mut self.tls {
                Some(session) => session.tls.write_tls(&mut Writing(&self.socket)).map(drop),
                None => self.socket.try_write(&self.rest).map(|taken| drop(self.rest.drain(..taken))),
            };
            match written {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => return,
            }
        }
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Returns the protocol that the other end has agreed to over TLS.
    pub(crate) fn agreed(&self) -> Option<&[u8]> {
        self.tls.as_ref()?.tls.alpn_protocol()
    }

    /// Takes bytes that leave now or with the bytes that follow. [`Self::taken`] shows whether one
    /// has left.
    pub(crate) fn poll_put(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Only the bytes of one call are held.
        ready!(self.poll_flush(cx))?;
        if let Some(session) = &mut self.tls {
            let put = session.tls.writer().write_vectored(parts)?;
            session.is_held = true;
            return match self.poll_flush(cx)? {
                Poll::Ready(()) | Poll::Pending => Poll::Ready(Ok(put)),
            };
        }
        loop {
            let written = self.socket.try_write_vectored(parts);
            if would_block(&written) {
                ready!(self.socket.poll_write_ready(cx))?;
                continue;
            }
            return Poll::Ready(written.inspect(|count| self.taken += *count as u64));
        }
    }

    /// Writes what TLS holds.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(session) = &mut self.tls else { return Poll::Ready(Ok(())) };
        while session.tls.wants_write() {
            let written = session.tls.write_tls(&mut Writing(&self.socket));
            if would_block(&written) {
                ready!(self.socket.poll_write_ready(cx))?;
                continue;
            }
            self.taken += written? as u64;
        }
        session.is_held = false;
        Poll::Ready(Ok(()))
    }

    /// Returns the bytes that the kernel took.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Appends the bytes that came in; 0 bytes at the end.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        match &mut self.tls {
            None => self.socket.poll_read_into(cx, input),
            Some(session) => session.poll_read(&mut self.socket, cx, input),
        }
    }

    /// Waits for the other end to speak or to break off. Returns its reason for breaking off.
    pub(crate) async fn objection(&mut self) -> Option<io::Error> {
        let mut input = Vec::new();
        match poll_fn(|cx| self.poll_read(cx, &mut input)).await {
            Err(error) => Some(error),
            Ok(0) => {
                Some(io::Error::new(ErrorKind::UnexpectedEof, "the other end closed after the handshake"))
            }
            Ok(_) => None,
        }
    }

    /// Ready if the kernel may take a byte.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(cx)
    }

    /// Ready if something came in that no request asked for, or the connection ended.
    pub(crate) fn poll_disturbed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // An error is a disturbance as well; a second call would not return.
            if ready!(self.socket.poll_read_ready(cx)).is_err() || !self.is_quiet() {
                return Poll::Ready(());
            }
        }
    }
}

fn would_block<T>(outcome: &io::Result<T>) -> bool {
    matches!(outcome, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream as Blocking;
    use std::sync::mpsc;
    use std::thread::{self, JoinHandle};

    use rcgen::generate_simple_self_signed;
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    const NAME: &str = "target.invalid";

    /// Starts a server that shakes hands, waits for `go_on`, and then returns all bytes that were
    /// sent to it.
    fn server(socket: Blocking, go_on: mpsc::Receiver<()>) -> (Arc<ClientConfig>, JoinHandle<Vec<u8>>) {
        let made = generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(default_provider());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let serving = thread::spawn(move || {
            let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
            let mut socket = socket;
            while tls.is_handshaking() {
                tls.complete_io(&mut socket).unwrap();
            }
            go_on.recv().unwrap();
            let mut came = Vec::new();
            // The client ends without a close_notify alert, which TLS calls an error.
            rustls::Stream::new(&mut tls, &mut socket).read_to_end(&mut came).ok();
            // Bytes from before an alert are there all the same.
            tls.reader().read_to_end(&mut came).ok();
            came
        });
        (Arc::new(client), serving)
    }

    async fn connected() -> (Stream, mpsc::Sender<()>, JoinHandle<Vec<u8>>) {
        let (stream, go, serving, _) = connected_beside_another().await;
        (stream, go, serving)
    }

    /// Connects, and returns a second handle of the server's socket.
    async fn connected_beside_another() -> (Stream, mpsc::Sender<()>, JoinHandle<Vec<u8>>, Blocking) {
        let (ours, theirs) = Blocking::pair().unwrap();
        let another = theirs.try_clone().unwrap();
        let (go, go_on) = mpsc::channel();
        let (config, serving) = server(theirs, go_on);
        ours.set_nonblocking(true).unwrap();
        let socket = Socket::Unix(UnixStream::from_std(ours).unwrap());
        let stream = Stream::encrypted(socket, config, ServerName::try_from(NAME).unwrap()).await.unwrap();
        (stream, go, serving, another)
    }

    async fn flush(stream: &mut Stream) {
        poll_fn(|cx| {
            stream.flush(cx);
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_request_of_which_no_byte_left_is_sent_once_however_often_it_is_offered() {
        let (mut stream, go, serving) = connected().await;
        assert!(stream.is_quiet(), "tickets are nothing that a request asked for");
        let request = |number: usize| format!("request {number:06};");
        let mut sent = 0;
        // Nobody reads, so the socket becomes full.
        while stream.offer(request(sent).as_bytes()).is_ok_and(|taken| taken > 0) {
            sent += 1;
        }
        for _ in 0..3 {
            assert!(would_block(&stream.offer(request(sent).as_bytes())));
        }
        go.send(()).unwrap();
        while !stream.offer(request(sent).as_bytes()).is_ok_and(|taken| taken > 0) {
            poll_fn(|cx| stream.poll_write_ready(cx)).await.unwrap();
        }
        while !stream.is_flushed() {
            poll_fn(|cx| stream.poll_write_ready(cx)).await.unwrap();
            flush(&mut stream).await;
        }
        drop(stream);
        let expected: String = (0..=sent).map(request).collect();
        assert!(serving.join().unwrap() == expected.as_bytes(), "{sent} requests, each once and in order");
    }

    #[tokio::test]
    async fn a_request_that_is_held_does_not_leave_beside_an_alert() {
        let (mut stream, go, serving, mut another) = connected_beside_another().await;
        let mut sent = 0;
        while stream.offer(b"request;").is_ok_and(|taken| taken > 0) {
            sent += 1;
        }
        assert!(stream.tls.as_ref().is_some_and(|session| session.is_held));
        go.send(()).unwrap();
        poll_fn(|cx| stream.poll_write_ready(cx)).await.unwrap();
        another.write_all(b"no TLS at all").unwrap();
        poll_fn(|cx| stream.poll_disturbed(cx)).await;
        drop(stream);
        drop(another);
        assert_eq!(serving.join().unwrap().len(), sent * b"request;".len());
    }

    #[tokio::test]
    async fn what_was_put_is_counted_as_it_leaves_and_leaves_once() {
        let (mut stream, go, serving) = connected().await;
        let mut put = 0;
        let parts = [IoSlice::new(b"frame "), IoSlice::new(&[b'x'; 4_000])];
        while poll_once(|cx| stream.poll_put(cx, &parts)).await.is_ready() {
            put += 4_006;
        }
        let taken = stream.taken();
        assert!(taken > 0 && !stream.is_flushed());
        for _ in 0..3 {
            assert!(poll_once(|cx| stream.poll_put(cx, &parts)).await.is_pending());
        }
        assert_eq!(stream.taken(), taken, "what is held has not left");
        go.send(()).unwrap();
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        assert!(stream.taken() > taken);
        drop(stream);
        assert_eq!(serving.join().unwrap().len(), put);
    }

    async fn poll_once<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        poll_fn(|cx| Poll::Ready(poll(cx))).await
    }

    #[tokio::test]
    async fn what_is_larger_than_the_socket_is_kept_and_follows() {
        let (mut stream, go, serving) = connected().await;
        let request = vec![b'x'; 4 << 20];
        let taken = stream.offer(&request).unwrap();
        assert!(taken > 0 && taken < request.len() && !stream.is_flushed());
        go.send(()).unwrap();
        while !stream.is_flushed() {
            poll_fn(|cx| stream.poll_write_ready(cx)).await.unwrap();
            flush(&mut stream).await;
        }
        drop(stream);
        assert_eq!(serving.join().unwrap().len(), request.len());
    }
}
