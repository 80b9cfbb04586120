//! Where requests go: the addresses to connect to, and how.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reader::trust::client_config;
use reader::tunnel::{ProxyLogin, Tunnel, TunnelError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use truth::clock::monotonic_ns;
use truth::target::{Endpoint, Target};

use super::http2::Http2;
use super::stream::{Socket, Stream};
use super::{Http1, Line};
use crate::error::Failure;

/// One end of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Whether it is of this machine: only then does the load certainly hurt nobody else.
    pub(crate) fn is_this_machine(&self) -> bool {
        match self {
            // An address can be bound only where it lives.
            Self::Ip(address) => address.ip().is_loopback() || UdpSocket::bind((address.ip(), 0)).is_ok(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A kind of address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn has(self, address: &SocketAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// What TLS needs to know of the other end.
#[derive(Clone, Debug)]
struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// A connection that came about, and what that took.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) line: Line,
    /// Until a proxy, if there is one, has led to the target.
    pub(crate) connecting_ns: u64,
    /// None without TLS.
    pub(crate) handshake_ns: Option<u64>,
}

/// Connects to a target's addresses, or its proxy's, one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    /// None where connections are made to the target itself.
    tunnel: Option<Tunnel>,
    tls: Option<Tls>,
    speech: Speech,
}

/// What is spoken over a connection.
#[derive(Clone, Copy, Debug)]
enum Speech {
    Http1,
    Http2,
}

impl Connector {
    /// What the URL and `[target.connect]` ask for, with who asks a proxy.
    pub(crate) fn new(target: &Target, endpoint: &Endpoint, login: &ProxyLogin) -> Result<Self, Failure> {
        let tunnel = Tunnel::to(endpoint, login);
        let speech = if target.connect.http2 { Speech::Http2 } else { Speech::Http1 };
        let Some(name) = &endpoint.tls_name else { return Ok(Self { tunnel, tls: None, speech }) };
        let Ok(name) = ServerName::try_from(name.clone()) else {
            return Err(Failure::Usage(format!("`{name}` is no name that a certificate can bear")));
        };
        let tls = Some(Tls { config: client_config(&target.connect)?, name });
        Ok(Self { tunnel, tls, speech })
    }

    /// Connects, has a proxy lead on to the target, and with TLS or HTTP/2, shakes hands.
    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Opened> {
        let begun = monotonic_ns();
        let socket = match address {
            Address::Ip(address) => {
                let mut stream = TcpStream::connect(address).await?;
                // A request is one write: waiting to fill a packet would only delay its end.
                stream.set_nodelay(true)?;
                if let Some(tunnel) = &self.tunnel {
                    tunnel.lead(&mut stream).await.map_err(told)?;
                }
                Socket::Tcp(stream)
            }
            Address::Unix(path) => Socket::unix(path).await?,
        };
        let connected = monotonic_ns();
        let (stream, handshake_ns) = match &self.tls {
            None => (Stream::plain(socket), None),
            Some(Tls { config, name }) => {
                let stream = Stream::encrypted(socket, Arc::clone(config), name.clone()).await?;
                (stream, Some(monotonic_ns() - connected))
            }
        };
        let line = match self.speech {
            Speech::Http1 => Line::Http1(Http1::new(stream)),
            Speech::Http2 => Line::Http2(Box::new(Http2::shake_hands(stream).await?)),
        };
        Ok(Opened { line, connecting_ns: connected - begun, handshake_ns })
    }
}

/// As the system would say it, where it was the system.
fn told(error: TunnelError) -> io::Error {
    match error {
        TunnelError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Opens connections to one target.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) connector: Connector,
    /// Tried in this order; the one that answered the preflight first.
    pub(crate) addresses: Vec<Address>,
    /// How long one address may take.
    pub(crate) connect_timeout: Duration,
}

impl Dial {
    /// Connects to the first address that answers.
    pub(crate) async fn connect(&self) -> io::Result<Opened> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in &self.addresses {
            match timeout(self.connect_timeout, self.connector.connect(address)).await {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_a_documentation_address_is_not() {
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        assert!(ip("127.0.0.1:80").is_this_machine());
        assert!(!ip("192.0.2.1:80").is_this_machine());
        assert!(Address::Unix("/run/a.sock".into()).is_this_machine());
    }
}
