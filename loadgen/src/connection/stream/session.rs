//! Session of TLS, which encrypts a request as a whole and knows if a byte of it has left.

use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::ReadBuf;

use super::{Socket, would_block};

/// Session of TLS over a socket.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) tls: ClientConnection,
    /// Set while a request is encrypted of which no byte has left.
    pub(super) is_held: bool,
}

impl Session {
    pub(super) fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Self> {
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        // TLS takes a request of any length as a whole.
        tls.set_buffer_limit(None);
        Ok(Self { tls, is_held: false })
    }

    pub(super) fn poll_handshake(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() || self.tls.wants_write() {
            if self.tls.wants_write() {
                ready!(socket.poll_write_ready(cx))?;
                let written = self.tls.write_tls(&mut Writing(socket));
                if !would_block(&written) {
                    written?;
                }
                continue;
            }
            match self.tls.read_tls(&mut Reading(socket, cx)) {
                Ok(0) => {
                    let reason =
                        "the other end closed the connection in the TLS handshake; does it speak TLS?";
                    return Poll::Ready(Err(io::Error::new(ErrorKind::UnexpectedEof, reason)));
                }
                Ok(_) => self.process(socket)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Decrypts what came in. An error is sent to the other end, unless a request is held: it would
    /// leave with the error.
    fn process(&mut self, socket: &Socket) -> io::Result<()> {
        self.tls.process_new_packets().map(drop).map_err(|error| {
            if !self.is_held {
                self.tls.write_tls(&mut Writing(socket)).ok();
            }
            io::Error::new(ErrorKind::InvalidData, error)
        })
    }

    pub(super) fn is_quiet(&mut self, socket: &Socket) -> bool {
        loop {
            // Session tickets and the like are no response.
            if !would_block(&self.tls.reader().fill_buf()) {
                return false;
            }
            match self.tls.read_tls(&mut Glancing(socket)) {
                Ok(0) => return false,
                Ok(_) if self.process(socket).is_err() => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    pub(super) fn offer(&mut self, socket: &Socket, request: &[u8]) -> io::Result<usize> {
        if !self.is_held {
            // Messages of TLS itself go first, and are no byte of the request.
            while self.tls.wants_write() {
                self.tls.write_tls(&mut Writing(socket))?;
            }
            self.tls.writer().write_all(request)?;
            self.is_held = true;
        }
        let taken = self.tls.write_tls(&mut Writing(socket))?;
        self.is_held = taken == 0;
        Ok(taken)
    }

    pub(super) fn poll_read(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
        input: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut reader = self.tls.reader();
            match reader.fill_buf() {
                Ok(plain) => {
                    let count = plain.len();
                    input.extend_from_slice(plain);
                    reader.consume(count);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // An end that was not announced may have been made by somebody else.
                Err(error) => return Poll::Ready(Err(error)),
            }
            match self.tls.read_tls(&mut Reading(socket, cx)) {
                Ok(_) => self.process(socket)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Socket that TLS reads from on behalf of a task, which is woken when there is more.
struct Reading<'a, 'b>(&'a mut Socket, &'a mut Context<'b>);

impl Read for Reading<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut bytes = ReadBuf::new(bytes);
        match self.0.poll_read(self.1, &mut bytes) {
            Poll::Ready(read) => read.map(|()| bytes.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

/// Socket that TLS reads from without waiting.
struct Glancing<'a>(&'a Socket);

impl Read for Glancing<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

/// Socket that TLS writes to.
pub(super) struct Writing<'a>(pub(super) &'a Socket);

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
