//! Guard against pages of other sites that a browser on this machine or in this network shows.
//!
//! A browser sends such a page's POST without asking. It names the page's site in `Origin`. A page
//! whose name is made to lead to this machine (DNS rebinding) may even read responses. It gives
//! itself away by its name in `Host`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::error::ApiError;
use crate::settings::{Host, Settings};

/// Hosts and sites whose requests are served.
#[derive(Debug)]
pub(crate) struct Gate {
    allowed: Vec<Host>,
    /// Set if the service listens on the loopback only: the names that lead there are known.
    is_local: bool,
    /// Set if a token is needed, which no browser sends by itself.
    has_token: bool,
}

/// Passes on a request that no page of another site can have made.
pub(crate) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let mut response = match gate.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Gate {
    pub(crate) fn new(settings: &Settings, listening: SocketAddr) -> Self {
        Self {
            allowed: settings.allowed_hosts.clone(),
            is_local: listening.ip().to_canonical().is_loopback(),
            has_token: settings.token().is_some(),
        }
    }

    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let named = hosts.next();
        if hosts.next().is_some() {
            return Err(ApiError::TwoHosts);
        }
        // A target that is a whole URL goes before the header.
        let host = match uri.authority() {
            Some(authority) => Some(Host::of(authority)),
            None => named.map(|host| parse(host.as_bytes()).ok_or(ApiError::ForeignHost)).transpose()?,
        };
        if self.is_local && host.as_ref().is_some_and(|host| !self.is_known(host)) {
            return Err(ApiError::ForeignHost);
        }
        let is_safe = self.has_token || matches!(*method, Method::GET | Method::HEAD);
        match headers.get(header::ORIGIN) {
            Some(origin) if !is_safe && !self.is_own(origin, host.as_ref()) => Err(ApiError::ForeignOrigin),
            _ => Ok(()),
        }
    }

    fn is_known(&self, host: &Host) -> bool {
        let name = host.name();
        let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
        name == "localhost" || name.parse().is_ok_and(is_loopback) || self.is_allowed(host)
    }

    fn is_allowed(&self, host: &Host) -> bool {
        self.allowed.iter().any(|allowed| allowed.name() == host.name())
    }

    /// True for the site that this service itself is, whatever its scheme: a proxy may speak TLS.
    fn is_own(&self, origin: &HeaderValue, host: Option<&Host>) -> bool {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let origin = origin.and_then(|(_, authority)| parse(authority.as_bytes()));
        origin.is_some_and(|origin| Some(&origin) == host || self.is_allowed(&origin))
    }
}

fn parse(authority: &[u8]) -> Option<Host> {
    Authority::try_from(authority).ok().map(|authority| Host::of(&authority))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn gate(arguments: &[&str], listening: &str) -> Gate {
        let settings = Settings::parse_from(["aggregator"].iter().chain(arguments));
        Gate::new(&settings, listening.parse().unwrap())
    }

    fn is_served(gate: &Gate, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().unwrap())));
        gate.check(&Method::POST, &"/publish".parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn a_loopback_listener_serves_the_names_that_lead_there() {
        for listening in ["127.0.0.1:8080", "[::1]:8080"] {
            let gate = gate(&["--allowed-hosts", "events.example,Other.Example"], listening);
            for host in [
                "localhost",
                "LocalHost:8080",
                "127.0.0.1:8080",
                "127.9.9.9",
                "[::1]:8080",
                "[::ffff:127.0.0.1]",
                "events.example:443",
                "other.example",
            ] {
                assert!(is_served(&gate, host, None), "{host}");
            }
            for host in
                ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "a b", ""]
            {
                assert!(!is_served(&gate, host, None), "{host}");
            }
        }
        assert!(is_served(&gate(&[], "0.0.0.0:8080"), "any.example", None));
        let whole = Uri::from_static("http://evil.example/stats");
        let local = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        assert!(gate(&[], "127.0.0.1:8080").check(&Method::GET, &whole, &local).is_err());
    }

    #[test]
    fn a_page_of_another_site_cannot_publish() {
        let open = gate(&["--allowed-hosts", "shop.example"], "0.0.0.0:8080");
        for origin in ["https://events.example", "http://events.example:80", "http://shop.example:3000"] {
            assert!(is_served(&open, "events.example", Some(origin)), "{origin}");
        }
        for origin in ["https://evil.example", "null", "http://events.example:8080", "", "https://"] {
            assert!(!is_served(&open, "events.example", Some(origin)), "{origin}");
            let guarded = gate(&["--auth-token", "s3cret"], "0.0.0.0:8080");
            assert!(is_served(&guarded, "events.example", Some(origin)), "{origin}");
        }
        assert!(is_served(&open, "127.0.0.1:8080", Some("http://127.0.0.1:8080")));
        assert!(!is_served(&open, "127.0.0.1:8080", Some("http://127.0.0.1:3000")));
    }
}
