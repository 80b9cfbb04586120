//! Ways of connecting to a target that its URL does not hold: `[target.connect]`.
//!
//! Paths are kept, not the contents of the files, so that no secret reaches a file of the run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::TargetError;
use super::proxy::{Proxy, bare};

/// Address, trust and identity of the connections to a target.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connect {
    /// `HOST:PORT` in place of those of the URL. The `Host` header and the name in the certificate
    /// remain the URL's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Unix socket in place of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<PathBuf>,
    /// URL of a proxy that leads to the target: `http://` (CONNECT), `socks5://` or `socks5h://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// PEM file of the certificates to trust, in place of those that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cacert: Option<PathBuf>,
    /// PEM file of the client's certificate and its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// PEM file of the client's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// True to skip the verification of certificates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// True to speak HTTP/2, which the target has to know, or to agree to over TLS; false for
    /// HTTP/1.1.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub http2: bool,
}

impl Connect {
    /// Resolves relative paths against this folder.
    pub fn below(&mut self, folder: &Path) {
        let all = [&mut self.unix_socket, &mut self.cacert, &mut self.cert, &mut self.key];
        all.into_iter().flatten().for_each(|path| *path = folder.join(&*path));
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// True if a key needs TLS, which a URL without it contradicts.
    pub(super) fn speaks_of_tls(&self) -> bool {
        self.cacert.is_some() || self.cert.is_some() || self.key.is_some() || self.insecure
    }
}

/// Address to connect to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Name or address without brackets, and port.
    Tcp(String, u16),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Address and names of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Address to connect to, directly or through the proxy.
    pub place: Place,
    /// Proxy that leads there; none to connect directly.
    pub proxy: Option<Proxy>,
    /// Name that the target's certificate must have, if it speaks TLS.
    pub tls_name: Option<String>,
    /// Value of the `Host` header.
    pub authority: String,
    /// Prefix of every path; empty or `/something`.
    pub prefix: String,
}

impl Endpoint {
    pub(super) fn new(text: &str, connect: &Connect) -> Result<Self, TargetError> {
        let refuse = |reason| TargetError::Url { text: text.to_owned(), reason };
        // A secret may stand before an @, so the text is not repeated.
        let url = Url::parse(text).map_err(|_| {
            if text.contains('@') {
                TargetError::Credentials
            } else {
                refuse("it is not a URL; write it as http://127.0.0.1:8080")
            }
        })?;
        // A missing host would be searched in the path.
        if text.split_once("://").is_some_and(|(_, rest)| rest.starts_with(['/', '\\', '?', '#'])) {
            return Err(refuse("it has no host; write it as http://127.0.0.1:8080"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let has_tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(refuse("its scheme must be http:// or https://")),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("a base URL has no query; give one in target.publish.path"));
        }
        let host =
            url.host_str().ok_or_else(|| refuse("it has no host; write it as http://127.0.0.1:8080"))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| refuse("it has no port; write it as http://127.0.0.1:8080"))?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let place = match (&connect.unix_socket, &connect.to) {
            (Some(_), Some(_)) => return Err(TargetError::TwoPlaces),
            (Some(path), None) => Place::Unix(path.clone()),
            (None, Some(text)) => host_and_port(text)?,
            (None, None) => Place::Tcp(bare(host), port),
        };
        let proxy = connect.proxy.as_deref().map(Proxy::parse).transpose()?;
        if proxy.is_some() && matches!(place, Place::Unix(_)) {
            return Err(TargetError::ProxyToSocket);
        }
        if !has_tls && connect.speaks_of_tls() {
            return Err(refuse(
                "--cacert, --cert, --key and --insecure need a URL that begins with https://",
            ));
        }
        if connect.cert.is_some() != connect.key.is_some() {
            return Err(TargetError::HalfAnIdentity);
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self { place, proxy, tls_name: has_tls.then(|| bare(host)), authority, prefix })
    }
}

fn host_and_port(text: &str) -> Result<Place, TargetError> {
    let refuse = || TargetError::Place { text: text.to_owned() };
    let (host, port) = text.rsplit_once(':').ok_or_else(refuse)?;
    let is_host = !host.is_empty() && (host.starts_with('[') || !host.contains([':', '/']));
    let port = port.parse().ok().filter(|port| is_host && *port > 0).ok_or_else(refuse)?;
    Ok(Place::Tcp(bare(host), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, connect: &Connect) -> Result<Endpoint, TargetError> {
        Endpoint::new(url, connect)
    }

    #[test]
    fn a_connection_goes_elsewhere_and_the_names_remain() {
        let to = |text: &str| Connect { to: Some(text.to_owned()), ..Connect::default() };
        let found = endpoint("https://ingest.example", &to("10.0.0.5:8443")).unwrap();
        assert_eq!(found.place, Place::Tcp("10.0.0.5".to_owned(), 8443));
        assert_eq!(
            (found.tls_name.as_deref(), &*found.authority),
            (Some("ingest.example"), "ingest.example")
        );
        let found = endpoint("http://ingest.example:81", &to("[::1]:8080")).unwrap();
        assert_eq!(found.place, Place::Tcp("::1".to_owned(), 8080));
        assert_eq!((found.tls_name, &*found.authority), (None, "ingest.example:81"));
        for text in ["10.0.0.5", "::1:8080", ":8080", "a:0", "a:b", "http://a:1"] {
            let error = endpoint("http://ingest.example", &to(text)).unwrap_err();
            assert_eq!(error, TargetError::Place { text: text.to_owned() });
        }
        let socket = Connect { unix_socket: Some("/run/a.sock".into()), ..Connect::default() };
        assert_eq!(endpoint("http://a", &socket).unwrap().place, Place::Unix("/run/a.sock".into()));
        let both = Connect { to: Some("a:1".to_owned()), ..socket };
        assert_eq!(endpoint("http://a", &both), Err(TargetError::TwoPlaces));
    }

    #[test]
    fn a_proxy_leads_to_the_place_that_is_named() {
        let connect = Connect {
            to: Some("10.0.0.5:8443".to_owned()),
            proxy: Some("socks5h://127.0.0.1:1080".to_owned()),
            ..Connect::default()
        };
        let found = endpoint("https://ingest.example", &connect).unwrap();
        assert_eq!(found.place, Place::Tcp("10.0.0.5".to_owned(), 8443));
        assert_eq!(found.proxy.unwrap().to_string(), "socks5h://127.0.0.1:1080");
        let socket = Connect { to: None, unix_socket: Some("/run/a.sock".into()), ..connect };
        assert_eq!(endpoint("http://a", &socket), Err(TargetError::ProxyToSocket));
    }

    #[test]
    fn a_host_is_not_looked_for_in_the_path() {
        for text in ["http:///204", "http:////a", "http://?a", "https://"] {
            let error = endpoint(text, &Connect::default()).unwrap_err().to_string();
            assert!(error.contains("host") || error.contains("not a URL"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_said_of_tls_needs_tls_and_is_whole() {
        let half = Connect { cert: Some("c.pem".into()), ..Connect::default() };
        assert_eq!(endpoint("https://a", &half), Err(TargetError::HalfAnIdentity));
        let whole = Connect { key: Some("k.pem".into()), ..half };
        assert!(endpoint("https://a", &whole).is_ok());
        assert!(endpoint("http://a", &whole).unwrap_err().to_string().contains("https://"));
        let insecure = Connect { insecure: true, ..Connect::default() };
        assert!(endpoint("http://a", &insecure).is_err());
    }
}
