//! One request through a proxy, on a connection of its own.
//!
//! The library would hand requests to a target without TLS to the proxy itself, which may answer them from a store of its
//! own, or send them twice. So the connection is led through by us, and the library's types carry what is said over it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use reqwest::Body;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{CONNECT_TIMEOUT, READ_TIMEOUT};
use crate::observe::tunnel::{Tunnel, TunnelError};

/// Why a request through a proxy has no answer.
#[derive(Debug, Error)]
pub enum PassageError {
    /// The proxy does not lead to the target.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// The target's TLS is not believed.
    #[error("cannot speak TLS with the target behind {proxy}")]
    Tls {
        /// The proxy.
        proxy: String,
        /// Why.
        source: io::Error,
    },
    /// Neither within the time for it.
    #[error("no connection through {proxy} within {} s", CONNECT_TIMEOUT.as_secs())]
    NotInTime {
        /// The proxy.
        proxy: String,
    },
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
        matches!(self, Self::Tunnel(_) | Self::Tls { .. } | Self::NotInTime { .. })
    }
}

/// The way to a target behind a proxy.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) tunnel: Tunnel,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// What the `Host` header says.
    pub(super) authority: HeaderValue,
    /// Of every request.
    pub(super) headers: HeaderMap,
}

impl Passage {
    /// Sends a request, once, and reads its answer to the end.
    pub(super) async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, PassageError> {
        let limit = request.timeout().copied().unwrap_or(READ_TIMEOUT);
        let mut request = Request::<Body>::try_from(request)?;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        // What a request says itself outranks what all say.
        let mut headers = self.headers.clone();
        headers.extend(std::mem::take(request.headers_mut()));
        headers.entry(HOST).or_insert_with(|| self.authority.clone());
        *request.headers_mut() = headers;
        let whole_by = Instant::now() + limit;
        let proxy = || self.tunnel.proxy().to_string();
        let connect_by = whole_by.min(Instant::now() + CONNECT_TIMEOUT);
        let connected = timeout_at(connect_by, self.tunnel.connect()).await;
        let socket = connected.map_err(|_| PassageError::NotInTime { proxy: proxy() })??;
        let answered = match &self.tls {
            None => timeout_at(whole_by, exchange(socket, request)).await,
            Some((trust, name)) => {
                let tls = TlsConnector::from(Arc::clone(trust));
                let shaken = timeout_at(connect_by, tls.connect(name.clone(), socket)).await;
                let shaken = shaken.map_err(|_| PassageError::NotInTime { proxy: proxy() })?;
                let stream = shaken.map_err(|source| PassageError::Tls { proxy: proxy(), source })?;
                timeout_at(whole_by, exchange(stream, request)).await
            }
        };
        answered.map_err(|_| PassageError::TimedOut(limit))?
    }
}

async fn exchange<S>(stream: S, request: Request<Body>) -> Result<reqwest::Response, PassageError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the request's future: without that, nobody wants anything of it.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = reqwest::Response::from(Response::new(Body::wrap(body))).bytes().await?;
    Ok(Response::from_parts(head, body).into())
}
