//! HTTP client that reads a target: patient, and bounded in time and memory.
//!
//! Speed and the identity of connections do not matter here, so a library makes most requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;
use truth::target::request::Whole;
use truth::target::secrets::{MissingVariable, Secrets};
use truth::target::{InClear, Reading, Target, TargetError};

use crate::client::host::Host;
use crate::client::patience::{Patience, Retry, Trace, retry_after};
use crate::client::question::other_urls;
use crate::trust::TrustError;
use crate::tunnel::ProxyLogin;
use crate::values::{Kept, Values};

mod body;
mod error;
mod host;
pub mod passage;
pub mod patience;
mod question;
mod session;

pub use error::{Access, ReadError};
pub(crate) use question::Question;
pub use session::UNAUTHORIZED;

/// Most bytes of the response to a publish that is kept.
const MAX_RESPONSE: usize = 16 << 20;

/// Client of one target.
#[derive(Clone, Debug)]
pub struct TargetClient {
    home: Arc<Host>,
    /// Other hosts, by the base URLs that the target's description names.
    others: Arc<BTreeMap<String, Host>>,
    target: Target,
    /// Names of the headers of every request, apart from the content type.
    own: Arc<[String]>,
    /// Listing of the target, if it has one.
    reading: Option<Arc<Reading>>,
    secrets: Arc<Secrets>,
    session: Arc<session::Session>,
    patience: Patience,
    trace: Arc<Trace>,
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
    /// The listing cannot be read as it is described.
    #[error("{0}")]
    Listing(String),
    /// A variable that the target's requests need is missing.
    #[error(transparent)]
    Variable(#[from] MissingVariable),
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
        let secrets = Secrets::of_templates(target.read_templates())?;
        Self::with_secrets(target, headers, login, secrets)
    }

    /// Makes such a client with secrets that the environment need not hold.
    pub fn with_secrets(
        target: &Target,
        headers: &[String],
        login: &ProxyLogin,
        secrets: Secrets,
    ) -> Result<Self, ClientError> {
        target.secrets_in_clear().iter().for_each(InClear::guard);
        let mut map = HeaderMap::new();
        for header in headers {
            let (name, value) = parse_header(header)?;
            map.append(name, value);
        }
        let own =
            map.keys().map(|name| name.as_str().to_owned()).filter(|name| name != "content-type").collect();
        let home = Host::of(target, map.clone(), login)?;
        let mut others = BTreeMap::new();
        for url in other_urls(target) {
            // A header of the command line may be a secret of the target's.
            let map = if target.takes_headers(url) { map.clone() } else { HeaderMap::new() };
            others.insert(url.to_owned(), Host::of(&target.at(url), map, login)?);
        }
        Ok(Self {
            home: Arc::new(home),
            others: Arc::new(others),
            target: target.clone(),
            own,
            reading: target.reading().map_err(ClientError::Listing)?.map(Arc::new),
            secrets: Arc::new(secrets),
            session: Arc::default(),
            patience: Patience::Once,
            trace: Arc::default(),
        })
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

    /// Listing of the target, if it has one.
    pub fn reading(&self) -> Option<&Reading> {
        self.reading.as_deref()
    }

    /// Returns the URL of a path of the target.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.target.url)
    }

    /// Returns the URL of a path of requests with events.
    pub fn publish_url(&self, path: &str) -> String {
        format!("{}{path}", self.target.publish_url())
    }

    /// Values that requests before the run kept, for the sender of requests with events.
    pub fn kept(&self) -> truth::target::Kept {
        self.secrets.kept()
    }

    /// GETs a URL and returns the response, whatever its status. No cache may answer in place of the
    /// target.
    pub async fn get(&self, url: &str, accept: &str) -> Result<reqwest::Response, ReadError> {
        let request = self.home.request(Method::GET, url).header(ACCEPT, accept);
        let request = request.header(CACHE_CONTROL, "no-cache");
        let response = self.home.send(request).await.map_err(|unsent| unsent.reading(url))?;
        self.trace.answered(response.headers());
        Ok(response)
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
        let host = self.host(self.target.publish.url.as_deref());
        let mut request = host.request(method, &self.publish_url(&path)).timeout(timeout).body(body);
        for (name, value) in fields {
            if !self.own.contains(&name) {
                request = request.header(name, value);
            }
        }
        let mut response = match host.send(request).await {
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

    /// Values of a request that is no page and of no key.
    pub(crate) fn values<'a>(&'a self, kept: &'a Kept) -> Values<'a> {
        Values { secrets: &self.secrets, kept, opens_session: false, page: None, key: None }
    }
}

impl Answer {
    /// Returns the error of a response whose status is not a success.
    pub(crate) fn success(self, question: &Question) -> Result<Self, ReadError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(self.unexpected(question))
    }

    /// Returns the error of a response whose status says nothing that was asked for.
    pub(crate) fn unexpected(&self, question: &Question) -> ReadError {
        ReadError::Status {
            url: question.shown_url(),
            status: self.status,
            access: question.access,
            retry_after: retry_after(&self.headers),
        }
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
