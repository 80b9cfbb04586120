//! The HTTP client of the readers: ordinary, patient and bounded. Speed and the identity of connections do not matter
//! here, so a library serves.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;
use truth::mapping::Target;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a whole answer may take: a page of a large listing from a busy target.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of an answer to a request of ours.
const MAX_ANSWER: usize = 16 << 20;

/// Reads one target.
#[derive(Clone, Debug)]
pub struct TargetClient {
    http: reqwest::Client,
    target: Target,
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
    /// An answer with a status that is no success.
    #[error("{url} answered with status {status}")]
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

impl ReadError {
    /// Whether no connection could be made at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Http { source, .. } if source.is_connect())
    }
}

/// Why a header cannot be sent.
#[derive(Debug, Error)]
#[error("header `{name}` cannot be sent; write it as 'Name: value'")]
pub struct HeaderError {
    name: String,
}

impl TargetClient {
    /// A reader of this target that sends these headers, each `Name: value`, with every request.
    pub fn new(target: &Target, headers: &[String]) -> Result<Self, HeaderError> {
        let mut map = HeaderMap::new();
        for header in headers {
            let (name, value) = parse_header(header)?;
            map.append(name, value);
        }
        let builder = reqwest::Client::builder()
            .default_headers(map)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            // What is sent is sent once: on a connection of its own, and never again by itself.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .no_proxy();
        let http = builder.build().expect("a client without TLS and proxies has nothing to load");
        Ok(Self { http, target: target.clone() })
    }

    /// The mapping.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A URL of the target.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.target.url)
    }

    /// GETs a URL, whatever its status.
    pub async fn get(&self, url: &str, accept: &str) -> Result<reqwest::Response, ReadError> {
        let request = self.http.get(url).header(reqwest::header::ACCEPT, accept);
        request
            .send()
            .await
            .map_err(|source| ReadError::Http { url: url.to_owned(), source: source.without_url() })
    }

    /// POSTs a JSON body to a path, once, and reads the answer to its end.
    pub async fn post(&self, path: &str, body: Vec<u8>, timeout: Duration) -> Posted {
        let request = self.http.post(self.url(path)).timeout(timeout);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        let mut response = match request.send().await {
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
