//! One request on a connection of its own that we have made: through a proxy, or one over which HTTP/2 is spoken.
//!
//! The library would hand requests to a target without TLS to the proxy itself, which may answer them from a store of its
//! own, or send them twice; and with HTTP/2 it says the host of its URL, which need not be the target's. So the connection
//! is made here, and the library's types carry what is said over it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Body;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use truth::target::{Endpoint, Place};

use crate::tunnel::{Tunnel, TunnelError};

/// How long a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a whole answer may take: a page of a large listing from a busy target.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Why such a request has no answer.
#[derive(Debug, Error)]
pub enum PassageError {
    /// The proxy does not lead to the target.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// The target does not let us connect.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The target's TLS is not believed.
    #[error("cannot speak TLS with the target")]
    Tls(#[source] io::Error),
    /// The target does not speak HTTP/2.
    #[error("the target does not agree to speak HTTP/2; leave --http2 out")]
    NotAgreed,
    /// None of that within the time for it.
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    NotInTime,
    /// No whole answer within the time for it.
    #[error("no whole answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No answer.
    #[error("the answer broke off, or is not HTTP")]
    Http(#[from] hyper::Error),
    /// An answer that broke off.
    #[error("the answer's body broke off")]
    Body(#[from] reqwest::Error),
}

impl PassageError {
    /// Whether no connection could be made, so that no byte left.
    pub(super) fn is_connect(&self) -> bool {
        match self {
            Self::Tunnel(_) | Self::Connect(_) | Self::Tls(_) | Self::NotAgreed | Self::NotInTime => true,
            Self::TimedOut(_) | Self::Http(_) | Self::Body(_) => false,
        }
    }
}

/// The way to a target.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) endpoint: Endpoint,
    /// None where no proxy is on it.
    pub(super) tunnel: Option<Tunnel>,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) speech: Speech,
    /// Of every request.
    pub(super) headers: HeaderMap,
}

/// What is spoken with the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speech {
    Http1,
    Http2,
}

/// A connection of any kind.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Passage {
    /// Sends a request, once, and reads its answer to the end.
    pub(super) async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, PassageError> {
        let limit = request.timeout().copied().unwrap_or(READ_TIMEOUT);
        let whole_by = Instant::now() + limit;
        let connect_by = whole_by.min(Instant::now() + CONNECT_TIMEOUT);
        let request = self.told(Request::<Body>::try_from(request)?);
        let connected = timeout_at(connect_by, self.connect()).await;
        let stream = connected.map_err(|_| PassageError::NotInTime)??;
        let answered = timeout_at(whole_by, self.exchange(stream, request)).await;
        answered.map_err(|_| PassageError::TimedOut(limit))?
    }

    /// As it is said to the target, with what all requests say.
    fn told(&self, mut request: Request<Body>) -> Request<Body> {
        // What a request says itself outranks what all say.
        let mut headers = self.headers.clone();
        headers.extend(std::mem::take(request.headers_mut()));
        let host = headers.remove(HOST).unwrap_or_else(|| self.authority());
        let mut parts = request.uri().clone().into_parts();
        match self.speech {
            Speech::Http1 => {
                (parts.scheme, parts.authority) = (None, None);
                headers.insert(HOST, host);
            }
            // It says the host in its own way.
            Speech::Http2 => {
                let said = host.to_str().ok().and_then(|host| host.parse().ok());
                parts.authority = said.or(parts.authority);
            }
        }
        *request.headers_mut() = headers;
        *request.uri_mut() = Uri::from_parts(parts).expect("a URL has a path");
        request
    }

    fn authority(&self) -> HeaderValue {
        HeaderValue::from_str(&self.endpoint.authority).expect("the host of a URL is a header")
    }

    async fn connect(&self) -> Result<Box<dyn Io>, PassageError> {
        let socket: Box<dyn Io> = match (&self.tunnel, &self.endpoint.place) {
            (Some(tunnel), _) => Box::new(tunnel.connect().await?),
            (None, Place::Tcp(host, port)) => {
                let stream =
                    TcpStream::connect((host.as_str(), *port)).await.map_err(PassageError::Connect)?;
                stream.set_nodelay(true).map_err(PassageError::Connect)?;
                Box::new(stream)
            }
            (None, Place::Unix(path)) => {
                Box::new(UnixStream::connect(path).await.map_err(PassageError::Connect)?)
            }
        };
        let Some((trust, name)) = &self.tls else { return Ok(socket) };
        let shaken = TlsConnector::from(Arc::clone(trust)).connect(name.clone(), socket).await;
        let stream = shaken.map_err(PassageError::Tls)?;
        if self.speech == Speech::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(PassageError::NotAgreed);
        }
        Ok(Box::new(stream))
    }

    async fn exchange(
        &self,
        stream: Box<dyn Io>,
        request: Request<Body>,
    ) -> Result<reqwest::Response, PassageError> {
        let stream = TokioIo::new(stream);
        // Who drives the connection ends with it, and it ends when nobody holds its other end any more.
        let (head, body) = match self.speech {
            Speech::Http1 => {
                let (mut sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                sender.send_request(request).await?.into_parts()
            }
            Speech::Http2 => {
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                sender.send_request(request).await?.into_parts()
            }
        };
        let body = reqwest::Response::from(Response::new(Body::wrap(body))).bytes().await?;
        Ok(Response::from_parts(head, body).into())
    }
}
