//! Proxies on the way to a target. The login is a secret, and stands in no file of the run.

use std::fmt;

use url::Url;

use super::error::TargetError;

/// Port of a SOCKS proxy whose URL has none.
const SOCKS_PORT: u16 = 1080;

/// Proxy that leads a connection to the target, and passes its bytes unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxy {
    /// Protocol.
    pub kind: ProxyKind,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Protocol of a proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyKind {
    /// CONNECT of HTTP: the proxy resolves the target's name.
    Http,
    /// SOCKS5 with addresses: this machine resolves the target's name.
    Socks5,
    /// SOCKS5 with names: the proxy resolves the target's name.
    Socks5h,
}

impl Proxy {
    pub(super) fn parse(text: &str) -> Result<Self, TargetError> {
        let refuse = |reason| TargetError::Proxy { text: text.to_owned(), reason };
        // A secret may stand before an @, so the text is not repeated.
        if text.contains('@') {
            return Err(TargetError::ProxyCredentials);
        }
        let url = Url::parse(text).map_err(|_| refuse("it is not a URL"))?;
        let (kind, default) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "socks5" => (ProxyKind::Socks5, SOCKS_PORT),
            "socks5h" => (ProxyKind::Socks5h, SOCKS_PORT),
            _ => return Err(refuse("its scheme must be http://, socks5:// or socks5h://")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has more than a host and a port"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| refuse("it has no host"))?;
        Ok(Self { kind, host: bare(host), port: url.port().unwrap_or(default) })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Socks5h => "socks5h",
        };
        let host = &self.host;
        let port = self.port;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// Returns a host without the brackets around an IPv6 address.
pub(super) fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_known_by_its_url() {
        for (text, kind, host, port) in [
            ("http://127.0.0.1:3128", ProxyKind::Http, "127.0.0.1", 3128),
            ("http://proxy.example/", ProxyKind::Http, "proxy.example", 80),
            ("socks5://proxy.example", ProxyKind::Socks5, "proxy.example", 1080),
            ("socks5h://[::1]:9050", ProxyKind::Socks5h, "::1", 9050),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!(proxy, Proxy { kind, host: host.to_owned(), port }, "{text}");
            assert_eq!(Proxy::parse(&proxy.to_string()).unwrap(), proxy, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_repeating_a_secret() {
        for text in
            ["127.0.0.1:3128", "https://a:1", "socks4://a:1", "http://a:1/b", "socks5://", "http://a?b"]
        {
            assert!(matches!(Proxy::parse(text), Err(TargetError::Proxy { .. })), "{text}");
        }
        for text in ["http://user:hunter2@a:1", "socks5://user@a", "user:hunter2@a:99999"] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!(error, TargetError::ProxyCredentials);
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
