//! HTTP client that reads a target: patient, and bounded in time and memory.
//!
//! Speed and the identity of connections do not matter here, so a library makes most requests.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CACHE_CONTROL, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::lookup_host;
use truth::target::request::Whole;
use truth::target::{Endpoint, Place, Target, TargetError};

use crate::client::body::{MAX_BODY, too_large, unpacked};
use crate::client::passage::{CONNECT_TIMEOUT, Passage, PassageError, READ_TIMEOUT, Speech};
use crate::client::patience::{Patience, Retry, Trace, retry_after};
use crate::handshake::Failed;
use crate::trust::{Trust, TrustError, nobody};
use crate::tunnel::{ProxyLogin, Tunnel};

mod body;
mod error;
pub mod passage;
pub mod patience;

pub use error::ReadError;

/// Most bytes of the response to a publish that is kept.
const MAX_RESPONSE: usize = 16 << 20;

/// Client of one target.
#[derive(Clone, Debug)]
pub struct TargetClient {
    http: reqwest::Client,
    target: Target,
    /// Names of the headers of every request, apart from the content type.
    own: Arc<[String]>,
    way: Way,
    patience: Patience,
    trace: Arc<Trace>,
}

/// Way of the requests to the target.
#[derive(Clone, Debug)]
enum Way {
    /// To the host and port of the URL.
    Straight,
    /// To another address than that of the URL.
    Detour(Detour),
    /// Through a proxy, or in HTTP/2.
    Passage(Arc<Passage>),
}

/// Change to the URL of a request that leads the connection to another address.
#[derive(Clone, Debug)]
enum Detour {
    /// Host and port are replaced by those of the address.
    Address(String, u16),
    /// The name stays, because the certificate has to name it. The port goes, so that the resolver
    /// sets it.
    Name,
}

/// Result of a request that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Posted {
    /// The whole response came.
    Answered {
        /// Status of the response.
        status: u16,
        /// Header fields of the response.
        headers: HeaderMap,
        /// Body of the response.
        body: Vec<u8>,
    },
    /// No connection could be made, so no byte left.
    NotConnected,
    /// No whole response came.
    Lost,
}

/// Whole response to a read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Body, unpacked.
    pub(crate) body: Vec<u8>,
}

/// Reason why a target cannot be reached as it is described.
#[derive(Debug, Error)]
pub enum ClientError {
    /// A header cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The URL cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// The host of the URL cannot stand in a certificate.
    #[error("`{0}` in the target's URL cannot stand in a certificate; expected a host name or an IP address")]
    Name(String),
}

/// Reason why a header cannot be sent.
#[derive(Debug, Error)]
#[error("header `{name}` cannot be sent; write it as 'Name: value'")]
pub struct HeaderError {
    name: String,
}

impl TargetClient {
    /// Makes a client that sends these headers, each `Name: value`, with every request, and this
    /// login to a proxy.
    pub fn new(target: &Target, headers: &[String], login: &ProxyLogin) -> Result<Self, ClientError> {
        let mut map = HeaderMap::new();
        for header in headers {
            let (name, value) = parse_header(header)?;
            map.append(name, value);
        }
        let own =
            map.keys().map(|name| name.as_str().to_owned()).filter(|name| name != "content-type").collect();
        let endpoint = target.endpoint()?;
        // Without TLS no certificate is checked, but the library asks for a configuration all the
        // same.
        let trust = match endpoint.tls_name {
            Some(_) => Trust::of(&target.connect)?.config,
            None => nobody(),
        };
        let speech = if target.connect.http2 { Speech::Http2 } else { Speech::Http1 };
        let tunnel = Tunnel::to(&endpoint, login);
        let way = if tunnel.is_some() || speech == Speech::Http2 {
            let name = |name: &String| {
                ServerName::try_from(name.clone()).map_err(|_| ClientError::Name(name.clone()))
            };
            let name = endpoint.tls_name.as_ref().map(name).transpose()?;
            let tls = name.map(|name| (Arc::clone(&trust), name));
            let headers = std::mem::take(&mut map);
            Way::Passage(Arc::new(Passage { endpoint: endpoint.clone(), tunnel, tls, speech, headers }))
        } else if let Some(detour) = detour(target, &endpoint) {
            if !map.contains_key(HOST) {
                let host = HeaderValue::from_str(&endpoint.authority).expect("the host of a URL is a header");
                map.insert(HOST, host);
            }
            Way::Detour(detour)
        } else {
            Way::Straight
        };
        let mut builder = reqwest::Client::builder()
            .default_headers(map)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            // Each request has a connection of its own, so that the library cannot send it twice.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .no_proxy();
        match endpoint.place {
            Place::Unix(path) => builder = builder.unix_socket(path),
            Place::Tcp(host, port) if matches!(way, Way::Detour(_)) => {
                builder = builder.dns_resolver(Elsewhere { host, port });
            }
            Place::Tcp(..) => {}
        }
        let http = builder.tls_backend_preconfigured(ClientConfig::clone(&trust)).build();
        let http = http.expect("a client with its own TLS and without proxies has nothing to load");
        let patience = Patience::Once;
        Ok(Self { http, target: target.clone(), own, way, patience, trace: Arc::default() })
    }

    /// Returns a client of the same target with this patience.
    pub fn patient(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// Course of the reads of this client and of its clones.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn retry(&self) -> Retry<'_> {
        Retry::new(self.patience, &self.trace)
    }

    /// Target as the scenario describes it.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the URL of a path of the target.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.target.url)
    }

    /// Returns a URL as the library gets it: changed if the connection leads to another address.
    fn detoured(&self, url: &str) -> String {
        let Way::Detour(detour) = &self.way else { return url.to_owned() };
        let Ok(mut asked) = Url::parse(url) else { return url.to_owned() };
        let is_set = match detour {
            Detour::Address(host, port) => {
                asked.set_host(Some(host)).is_ok() && asked.set_port(Some(*port)).is_ok()
            }
            Detour::Name => asked.set_port(None).is_ok(),
        };
        debug_assert!(is_set, "a URL of a target has a host and a port");
        asked.into()
    }

    /// GETs a URL and returns the response, whatever its status. No cache may answer in place of the
    /// target.
    pub async fn get(&self, url: &str, accept: &str) -> Result<reqwest::Response, ReadError> {
        let request = self.http.get(self.detoured(url)).header(ACCEPT, accept);
        let request = request.header(CACHE_CONTROL, "no-cache");
        let response = self.send(request).await.map_err(|unsent| unsent.reading(url))?;
        self.trace.answered(response.headers());
        Ok(response)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Unanswered> {
        match &self.way {
            Way::Straight | Way::Detour(_) => Ok(request.send().await?),
            Way::Passage(passage) => Ok(Box::pin(passage.send(request.build()?)).await?),
        }
    }

    /// POSTs a JSON body to a path, once, and reads the response to its end.
    pub async fn post(&self, path: &str, body: Vec<u8>, timeout: Duration) -> Posted {
        let fields = vec![("content-type".to_owned(), b"application/json".to_vec())];
        let request = Whole { method: "POST".to_owned(), path: path.to_owned(), fields, body };
        self.send_once(request, timeout).await
    }

    /// Sends a request once, and reads the response to its end. The headers of the client outrank
    /// those of the request, except for its content type.
    pub async fn send_once(&self, request: Whole, timeout: Duration) -> Posted {
        let Whole { method, path, fields, body } = request;
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let mut request =
            self.http.request(method, self.detoured(&self.url(&path))).timeout(timeout).body(body);
        for (name, value) in fields {
            if !self.own.iter().any(|own| *own == name) {
                request = request.header(name, value);
            }
        }
        let mut response = match self.send(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Posted::NotConnected,
            Err(_) => return Posted::Lost,
        };
        let status = response.status().as_u16();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_RESPONSE => body.extend_from_slice(&chunk),
                Ok(None) => {
                    let headers = std::mem::take(response.headers_mut());
                    return Posted::Answered { status, headers, body };
                }
                Ok(Some(_)) | Err(_) => return Posted::Lost,
            }
        }
    }

    /// GETs a URL and reads the response to its end, whatever its status.
    pub(crate) async fn read(&self, url: &str) -> Result<Answer, ReadError> {
        let mut response = self.get(url, "application/json").await?;
        let shape = |reason: String| ReadError::Shape { url: url.to_owned(), reason };
        let cut =
            |source: reqwest::Error| ReadError::Http { url: url.to_owned(), source: source.without_url() };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(cut)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(shape(too_large(MAX_BODY)));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response.headers().clone();
        let body = unpacked(&headers, body, MAX_BODY).map_err(shape)?;
        Ok(Answer { status: response.status().as_u16(), headers, body })
    }
}

impl Answer {
    /// Returns the error of a response whose status is not a success.
    pub(crate) fn success(self, url: &str) -> Result<Self, ReadError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let retry_after = retry_after(&self.headers);
        Err(ReadError::Status { url: url.to_owned(), status: self.status, retry_after })
    }
}

/// Reason why a request has no response.
enum Unanswered {
    Straight(reqwest::Error),
    Passage(PassageError),
}

impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        Self::Straight(error)
    }
}

impl From<PassageError> for Unanswered {
    fn from(error: PassageError) -> Self {
        Self::Passage(error)
    }
}

impl Unanswered {
    /// True if no connection could be made, so that no byte left.
    fn is_connect(&self) -> bool {
        match self {
            Self::Straight(error) => error.is_connect(),
            Self::Passage(error) => error.is_connect(),
        }
    }

    fn reading(self, url: &str) -> ReadError {
        let url = url.to_owned();
        let failed = match &self {
            Self::Straight(source) => Failed::find(source),
            Self::Passage(source) => Failed::find(source),
        };
        if let Some(Failed { reason, remedy }) = failed {
            return ReadError::Connect { url, reason: format!("{reason}; {remedy}") };
        }
        match self {
            Self::Straight(source) if source.is_connect() => {
                ReadError::Connect { url, reason: innermost(&source).to_string() }
            }
            Self::Straight(source) => ReadError::Http { url, source: source.without_url() },
            Self::Passage(source) => ReadError::Passage { url, source },
        }
    }
}

/// Returns the innermost cause of an error. The others only repeat that connecting failed.
fn innermost(error: &reqwest::Error) -> &dyn Error {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

fn detour(target: &Target, endpoint: &Endpoint) -> Option<Detour> {
    target.connect.to.as_ref()?;
    match (&endpoint.place, &endpoint.tls_name) {
        (Place::Unix(_), _) => None,
        (Place::Tcp(host, port), None) => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            Some(Detour::Address(host, *port))
        }
        (Place::Tcp(..), Some(_)) => Some(Detour::Name),
    }
}

/// Resolves every name to the same address.
struct Elsewhere {
    host: String,
    port: u16,
}

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let address = (self.host.clone(), self.port);
        Box::pin(async move {
            let found: Vec<_> = lookup_host(address).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Splits `Name: value`. The error does not repeat the value, which may be a secret.
pub fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let refuse = || HeaderError { name: name.trim().to_owned() };
    if !text.contains(':') {
        return Err(refuse());
    }
    let parsed_name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| refuse())?;
    let mut parsed_value = HeaderValue::from_str(value.trim()).map_err(|_| refuse())?;
    parsed_value.set_sensitive(true);
    Ok((parsed_name, parsed_value))
}
