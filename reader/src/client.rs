//! The HTTP client of the readers: ordinary, patient and bounded. Speed and the identity of connections do not matter
//! here, so a library serves.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::lookup_host;
use truth::target::{Endpoint, Place, Target, TargetError};

use crate::client::passage::{CONNECT_TIMEOUT, Passage, PassageError, READ_TIMEOUT, Speech};
use crate::trust::{TrustError, client_config, nobody};
use crate::tunnel::{ProxyLogin, Tunnel};

pub mod passage;

/// Most bytes of an answer to a request of ours.
const MAX_ANSWER: usize = 16 << 20;

/// Reads one target.
#[derive(Clone, Debug)]
pub struct TargetClient {
    http: reqwest::Client,
    target: Target,
    way: Way,
}

/// How requests come to the target.
#[derive(Clone, Debug)]
enum Way {
    /// As the URL says.
    Straight,
    /// To somewhere else than the URL says.
    Detour(Detour),
    /// Through a proxy, or in HTTP/2.
    Passage(Arc<Passage>),
}

/// What a URL says in a request so that the connection goes elsewhere.
#[derive(Clone, Debug)]
enum Detour {
    /// Another address altogether.
    Address(String, u16),
    /// The name that the certificate has to bear, and no port, so that the resolver says which.
    Name,
}

/// What became of a request that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Posted {
    /// The whole answer came.
    Answered {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
    /// No connection could be made, so no byte left.
    NotConnected,
    /// No whole answer came.
    Lost,
}

/// Why something could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The mapping says that the target does not offer it.
    #[error("the target offers no {what} (the scenario's target.{what} has no path)")]
    NotOffered {
        /// `stats` or `listing`.
        what: &'static str,
    },
    /// No answer, or a broken one.
    #[error("cannot read {url}")]
    Http {
        /// What was asked.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The same over a connection that we have made.
    #[error("cannot read {url}")]
    Passage {
        /// What was asked.
        url: String,
        /// Why.
        source: PassageError,
    },
    /// An answer with a status that is no success.
    #[error("{url} answered with status {status}{}", way_in(*status))]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// An answer that the mapping does not fit.
    #[error("the answer of {url} does not fit the scenario's mapping: {reason}")]
    Shape {
        /// What was asked.
        url: String,
        /// What was missing or wrong.
        reason: String,
    },
}

/// What whoever is not let in forgets.
fn way_in(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            " (secrets are kept in no file: give them again, with -H, --bearer-file or --basic-file)"
        }
        _ => "",
    }
}

impl ReadError {
    /// Whether no connection could be made at all.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Http { source, .. } => source.is_connect(),
            Self::Passage { source, .. } => source.is_connect(),
            Self::NotOffered { .. } | Self::Status { .. } | Self::Shape { .. } => false,
        }
    }
}

/// Why a target cannot be asked as it is described.
#[derive(Debug, Error)]
pub enum ClientError {
    /// A header cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Nobody can be trusted as it says.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Its URL cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// Its URL has a host that no certificate names.
    #[error("`{0}` is no name that a certificate can bear")]
    Name(String),
}

/// Why a header cannot be sent.
#[derive(Debug, Error)]
#[error("header `{name}` cannot be sent; write it as 'Name: value'")]
pub struct HeaderError {
    name: String,
}

impl TargetClient {
    /// A reader of this target that sends these headers, each `Name: value`, with every request, and this to a proxy.
    pub fn new(target: &Target, headers: &[String], login: &ProxyLogin) -> Result<Self, ClientError> {
        let mut map = HeaderMap::new();
        for header in headers {
            let (name, value) = parse_header(header)?;
            map.append(name, value);
        }
        let endpoint = target.endpoint()?;
        // Without TLS nobody is trusted, and a client of this kind asks for it all the same.
        let trust = match endpoint.tls_name {
            Some(_) => client_config(&target.connect)?,
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
            let (endpoint, headers) = (endpoint.clone(), std::mem::take(&mut map));
            Way::Passage(Arc::new(Passage { endpoint, tunnel, tls, speech, headers }))
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
            // What is sent is sent once: on a connection of its own, and never again by itself.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .no_proxy();
        match endpoint.place {
            Place::Unix(path) => builder = builder.unix_socket(path),
            Place::Tcp(host, port) if matches!(way, Way::Detour(_)) => {
                builder = builder.dns_resolver(Elsewhere(host, port));
            }
            Place::Tcp(..) => {}
        }
        let http = builder.tls_backend_preconfigured(ClientConfig::clone(&trust)).build();
        let http = http.expect("a client with its own TLS and without proxies has nothing to load");
        Ok(Self { http, target: target.clone(), way })
    }

    /// The mapping.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A URL of the target.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.target.url)
    }

    /// A URL as it stands in a request, where the connection goes elsewhere.
    fn asked(&self, url: &str) -> String {
        let (Way::Detour(detour), Ok(mut asked)) = (&self.way, Url::parse(url)) else {
            return url.to_owned();
        };
        let is_set = match detour {
            Detour::Address(host, port) => {
                asked.set_host(Some(host)).is_ok() && asked.set_port(Some(*port)).is_ok()
            }
            Detour::Name => asked.set_port(None).is_ok(),
        };
        debug_assert!(is_set, "a URL of a target has a host and a port");
        asked.into()
    }

    /// GETs a URL, whatever its status.
    pub async fn get(&self, url: &str, accept: &str) -> Result<reqwest::Response, ReadError> {
        let request = self.http.get(self.asked(url)).header(reqwest::header::ACCEPT, accept);
        self.send(request).await.map_err(|unsent| unsent.reading(url))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Unanswered> {
        match &self.way {
            Way::Straight | Way::Detour(_) => Ok(request.send().await?),
            Way::Passage(passage) => Ok(Box::pin(passage.send(request.build()?)).await?),
        }
    }

    /// POSTs a JSON body to a path, once, and reads the answer to its end.
    pub async fn post(&self, path: &str, body: Vec<u8>, timeout: Duration) -> Posted {
        let request = self.http.post(self.asked(&self.url(path))).timeout(timeout);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        let mut response = match self.send(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Posted::NotConnected,
            Err(_) => return Posted::Lost,
        };
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
                Ok(None) => return Posted::Answered { status, body },
                Ok(Some(_)) | Err(_) => return Posted::Lost,
            }
        }
    }

    /// GETs a URL and its body; a status that is no success is an error.
    pub async fn get_body(&self, url: &str) -> Result<Vec<u8>, ReadError> {
        let response = self.get(url, "application/json").await?;
        let status = response.status();
        if !status.is_success() {
            return Err(ReadError::Status { url: url.to_owned(), status: status.as_u16() });
        }
        let body = response.bytes().await;
        let body =
            body.map_err(|source| ReadError::Http { url: url.to_owned(), source: source.without_url() })?;
        Ok(body.to_vec())
    }
}

/// Why a request has no answer.
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
    /// Whether no connection could be made, so that no byte left.
    fn is_connect(&self) -> bool {
        match self {
            Self::Straight(error) => error.is_connect(),
            Self::Passage(error) => error.is_connect(),
        }
    }

    fn reading(self, url: &str) -> ReadError {
        let url = url.to_owned();
        match self {
            Self::Straight(source) => ReadError::Http { url, source: source.without_url() },
            Self::Passage(source) => ReadError::Passage { url, source },
        }
    }
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

/// Resolves every name to the same place.
struct Elsewhere(String, u16);

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let (host, port) = (self.0.clone(), self.1);
        Box::pin(async move {
            let found: Vec<_> = lookup_host((host, port)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Splits `Name: value`; a secret value is not repeated in the error.
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
