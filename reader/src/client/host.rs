//! One host that requests go to: the target's, or another that its description names.

use std::error::Error;
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::lookup_host;
use truth::target::{Endpoint, Place, Target};

use super::ClientError;
use super::error::ReadError;
use super::passage::{CONNECT_TIMEOUT, Passage, PassageError, READ_TIMEOUT, Speech};
use crate::handshake::Failed;
use crate::trust::{Trust, nobody};
use crate::tunnel::{ProxyLogin, Tunnel};

/// One host, and the way to it.
#[derive(Debug)]
pub(super) struct Host {
    http: reqwest::Client,
    way: Way,
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

impl Host {
    /// Makes a client of a target's host. Every request has these headers.
    pub(super) fn of(target: &Target, mut map: HeaderMap, login: &ProxyLogin) -> Result<Self, ClientError> {
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
        Ok(Self { http, way })
    }

    /// Begins a request to a URL of this host.
    pub(super) fn request(&self, method: reqwest::Method, url: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.detoured(url))
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

    /// Sends a request, once.
    pub(super) async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Unanswered> {
        match &self.way {
            Way::Straight | Way::Detour(_) => Ok(request.send().await?),
            Way::Passage(passage) => Ok(Box::pin(passage.send(request.build()?)).await?),
        }
    }
}

/// Reason why a request has no response.
pub(super) enum Unanswered {
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
    pub(super) fn is_connect(&self) -> bool {
        match self {
            Self::Straight(error) => error.is_connect(),
            Self::Passage(error) => error.is_connect(),
        }
    }

    pub(super) fn reading(self, url: &str) -> ReadError {
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
