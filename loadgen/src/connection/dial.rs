//! Dial: opens connections to the target's addresses.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

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

/// Address of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// True if the address belongs to this machine. Only then is it certain that the load hurts
    /// nobody else.
    pub(crate) fn is_this_machine(&self) -> bool {
        match self {
            // Only the machine that has an address can bind it.
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

/// Family of addresses.
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

/// TLS settings of the other end.
#[derive(Clone, Debug)]
struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Connection that was opened, and the time that it took.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) line: Line,
    /// Time to connect, up to the target if a proxy leads to it.
    pub(crate) connecting_ns: u64,
    /// Time of the TLS handshake; none without TLS.
    pub(crate) handshake_ns: Option<u64>,
}

/// Connects to one address of a target, or of its proxy.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    /// Tunnel through a proxy; none where connections go to the target itself.
    tunnel: Option<Tunnel>,
    tls: Option<Tls>,
    protocol: Protocol,
}

/// Protocol of a connection.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    Http1,
    Http2,
}

impl Connector {
    /// Returns the connector that the URL and `[target.connect]` ask for; `login` authorises at a
    /// proxy.
    pub(crate) fn new(target: &Target, endpoint: &Endpoint, login: &ProxyLogin) -> Result<Self, Failure> {
        let tunnel = Tunnel::to(endpoint, login);
        let protocol = if target.connect.http2 { Protocol::Http2 } else { Protocol::Http1 };
        let Some(name) = &endpoint.tls_name else { return Ok(Self { tunnel, tls: None, protocol }) };
        let Ok(name) = ServerName::try_from(name.clone()) else {
            return Err(Failure::Usage(format!(
                "`{name}` cannot be the name in a certificate; name the target by a host name or an IP address"
            )));
        };
        let tls = Some(Tls { config: client_config(&target.connect)?, name });
        Ok(Self { tunnel, tls, protocol })
    }

    /// Connects, through a proxy if there is one, and performs the handshakes of TLS and HTTP/2.
    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Opened> {
        let begun = monotonic_ns();
        let socket = match address {
            Address::Ip(address) => {
                let mut stream = TcpStream::connect(address).await?;
                // A request is one write; waiting to fill a packet would only delay its end.
                stream.set_nodelay(true)?;
                if let Some(tunnel) = &self.tunnel {
                    tunnel.lead(&mut stream).await.map_err(unwrapped)?;
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
        let line = match self.protocol {
            Protocol::Http1 => Line::Http1(Http1::new(stream)),
            Protocol::Http2 => Line::Http2(Box::new(Http2::shake_hands(stream).await?)),
        };
        Ok(Opened { line, connecting_ns: connected - begun, handshake_ns })
    }
}

/// Unwraps the error of the system, if it was the system's.
fn unwrapped(error: TunnelError) -> io::Error {
    match error {
        TunnelError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Opens connections to one target.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) connector: Connector,
    /// Addresses in the order of trying; the first one answered the preflight first.
    pub(crate) addresses: Vec<Address>,
    /// Longest time for one address.
    pub(crate) connect_timeout: Duration,
}

impl Dial {
    /// Connects to the first address that accepts.
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
