//! One request on a connection that this module opens: through a proxy, or in HTTP/2.
//!
//! The library would send a request for a target without TLS to the proxy itself. The proxy may
//! answer it from a cache, or send it twice. With HTTP/2 the library names the host of its URL,
//! which need not be the target's. So the connection is opened here, and only the types of requests
//! and responses are the library's.

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
use truth::target::{Endpoint, Place, Proxy};

use crate::tunnel::{Tunnel, TunnelError};

/// Longest time to connect.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time to a whole response, such as a page of a large listing from a busy target.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Reason why such a request has no response.
#[derive(Debug, Error)]
pub enum PassageError {
    /// The proxy does not lead to the target.
    #[error(transparent)]
    Tunnel(TunnelError),
    /// The proxy could not be reached, or the target's name not resolved for it.
    #[error("cannot connect through the proxy {proxy}")]
    Proxy {
        /// Proxy.
        proxy: Proxy,
        /// Cause.
        source: io::Error,
    },
    /// The connection was refused.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake with the target failed")]
    Tls(#[source] io::Error),
    /// The target does not speak HTTP/2.
    #[error("the target does not agree to speak HTTP/2; leave --http2 out")]
    NotAgreed,
    /// Connecting took too long.
    #[error("no connection within {} s; is the target up, and reachable from here?", CONNECT_TIMEOUT.as_secs())]
    NotInTime,
    /// The whole response took too long.
    #[error("no complete response within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// There was no response.
    #[error("the response broke off, or is not HTTP")]
    Http(#[from] hyper::Error),
    /// The response broke off.
    #[error("the body of the response broke off")]
    Body(#[from] reqwest::Error),
}

impl PassageError {
    fn of(error: TunnelError, proxy: &Proxy) -> Self {
        match error {
            TunnelError::Io(source) => Self::Proxy { proxy: proxy.clone(), source },
            error => Self::Tunnel(error),
        }
    }

    /// True if no connection could be made, so that no byte left.
    pub(super) fn is_connect(&self) -> bool {
        match self {
            Self::Tunnel(_)
            | Self::Proxy { .. }
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::NotAgreed
            | Self::NotInTime => true,
            Self::TimedOut(_) | Self::Http(_) | Self::Body(_) => false,
        }
    }
}

/// Way to a target.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) endpoint: Endpoint,
    /// Way through the proxy, if there is one.
    pub(super) tunnel: Option<Tunnel>,
    /// Configuration and name of the certificate, with TLS.
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) speech: Speech,
    /// Headers of every request.
    pub(super) headers: HeaderMap,
}

/// Version of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speech {
    Http1,
    Http2,
}

/// Connection of any kind.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Passage {
    /// Sends a request, once, and reads its response to the end.
    pub(super) async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, PassageError> {
        let limit = request.timeout().copied().unwrap_or(READ_TIMEOUT);
        let whole_by = Instant::now() + limit;
        let connect_by = whole_by.min(Instant::now() + CONNECT_TIMEOUT);
        let request = self.addressed(Request::<Body>::try_from(request)?);
        let connected = timeout_at(connect_by, self.connect()).await;
        let stream = connected.map_err(|_| PassageError::NotInTime)??;
        let answered = timeout_at(whole_by, self.exchange(stream, request)).await;
        answered.map_err(|_| PassageError::TimedOut(limit))?
    }

    /// Returns a request as the target gets it, with the headers of every request.
    fn addressed(&self, mut request: Request<Body>) -> Request<Body> {
        // A header of the request outranks one of every request.
        let mut headers = self.headers.clone();
        headers.extend(std::mem::take(request.headers_mut()));
        let host = headers.remove(HOST).unwrap_or_else(|| self.authority());
        let mut parts = request.uri().clone().into_parts();
        match self.speech {
            Speech::Http1 => {
                parts.scheme = None;
                parts.authority = None;
                headers.insert(HOST, host);
            }
            // HTTP/2 has the host in `:authority`.
            Speech::Http2 => {
                let named = host.to_str().ok().and_then(|host| host.parse().ok());
                parts.authority = named.or(parts.authority);
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
            (Some(tunnel), _) => {
                let connected = tunnel.connect().await;
                Box::new(connected.map_err(|error| PassageError::of(error, tunnel.proxy()))?)
            }
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
        // The task that drives the connection ends with it, once `sender` is dropped.
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
