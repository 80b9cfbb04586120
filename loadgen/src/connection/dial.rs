//! Dial: opens connections to the target's addresses, in turn.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io};

use reader::trust::Trust;
use reader::tunnel::{ProxyLogin, Tunnel, TunnelError};
use rustls::AlertDescription;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use truth::clock::monotonic_ns;
use truth::record::ending::Reached;
use truth::target::{Endpoint, Target};

use super::http2::Http2;
use super::shortage::{self, Shortage, Shortages};
use super::stream::{Socket, Stream};
use super::turns::Turns;
use super::{Http1, Line};
use crate::error::Failure;

/// Time for a target with TLS 1.3 to object to the client's certificate, or to the lack of one. Only
/// a target that has asked for a certificate is given it, once before a run.
const OBJECTION: Duration = Duration::from_millis(500);

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

    /// Returns what this machine lacks to connect to the address, if an error says so.
    pub(crate) fn shortage(&self, error: &io::Error) -> Option<Shortage> {
        let to = match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        };
        Shortage::of(error, to)
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
    trust: Trust,
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

/// Stream that was opened, and the time that it took.
struct Connected {
    stream: Stream,
    connecting_ns: u64,
    handshake_ns: Option<u64>,
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
        let tls = Some(Tls { trust: Trust::of(&target.connect)?, name });
        Ok(Self { tunnel, tls, protocol })
    }

    /// Connects, through a proxy if there is one, and performs the handshakes of TLS and HTTP/2.
    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Opened> {
        let Connected { stream, connecting_ns, handshake_ns } = self.stream(address).await?;
        let line = match self.protocol {
            Protocol::Http1 => Line::Http1(Http1::new(stream)),
            Protocol::Http2 => Line::Http2(Box::new(Http2::shake_hands(stream).await?)),
        };
        Ok(Opened { line, connecting_ns, handshake_ns })
    }

    /// Connects, and closes the connection again. A target that has asked for a certificate of the
    /// client is given time to say that it does not accept the one that it got, or none.
    pub(crate) async fn try_out(&self, address: &Address) -> io::Result<()> {
        let connected = self.stream(address).await;
        let mut stream = connected.map_err(|error| self.in_its_true_terms(error))?.stream;
        let was_asked = self.was_asked();
        if was_asked && let Ok(Some(objection)) = timeout(OBJECTION, stream.objection()).await {
            return Err(objection);
        }
        match self.protocol {
            Protocol::Http1 => Ok(()),
            Protocol::Http2 if was_asked => {
                // What the target said first was read by the wait.
                drop(stream);
                let another = self.stream(address).await?.stream;
                Http2::shake_hands(another).await.map(drop)
            }
            Protocol::Http2 => Http2::shake_hands(stream).await.map(drop),
        }
    }

    fn was_asked(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.trust.was_asked())
    }

    /// Returns the error of a handshake. Before TLS 1.3 there was no alert of its own for a
    /// certificate that is missing.
    fn in_its_true_terms(&self, error: io::Error) -> io::Error {
        let is_missing = self.tls.as_ref().is_some_and(|tls| tls.trust.was_asked_in_vain());
        let of_tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        match of_tls {
            Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)) if is_missing => {
                let required = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
                io::Error::new(error.kind(), required)
            }
            _ => error,
        }
    }

    /// Connects, through a proxy if there is one, and performs the handshake of TLS.
    async fn stream(&self, address: &Address) -> io::Result<Connected> {
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
            Some(Tls { trust, name }) => {
                let stream = Stream::encrypted(socket, Arc::clone(&trust.config), name.clone()).await?;
                (stream, Some(monotonic_ns() - connected))
            }
        };
        Ok(Connected { stream, connecting_ns: connected - begun, handshake_ns })
    }
}

/// Unwraps the error of the system, if it was the system's.
fn unwrapped(error: TunnelError) -> io::Error {
    match error {
        TunnelError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Address of a target, as the preflight found it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) address: Address,
    /// True if it accepted a connection.
    pub(crate) accepts: bool,
}

/// Opens connections to one target, to all of its addresses in turn. All lanes share it.
#[derive(Debug)]
pub(crate) struct Dial {
    connector: Connector,
    routes: Vec<Route>,
    turns: Turns,
    shortages: shortage::Shared,
    /// Longest time for one address.
    connect_timeout: Duration,
}

/// Address with its counts.
#[derive(Debug)]
struct Route {
    address: Address,
    opened: AtomicU64,
    failed: AtomicU64,
}

/// Connections of a run by their addresses, and what this machine lacked for others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dialled {
    pub(crate) addresses: Vec<Reached>,
    pub(crate) shortages: Shortages,
}

impl Dial {
    /// Returns the dial of these addresses, of which there is at least one. Those that did not
    /// accept in the preflight are left to rest first.
    pub(crate) fn new(connector: Connector, found: Vec<Found>, connect_timeout: Duration) -> Self {
        let turns = Turns::of(found.len());
        for (place, _) in found.iter().enumerate().filter(|(_, found)| !found.accepts) {
            turns.failed(place, monotonic_ns());
        }
        let routes = found.into_iter().map(|Found { address, .. }| Route {
            address,
            opened: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let routes = routes.collect();
        Self { connector, routes, turns, shortages: shortage::Shared::default(), connect_timeout }
    }

    /// Connects to the address whose turn it is, or else to the first of the others that accepts.
    pub(crate) async fn connect(&self) -> Result<Opened, Unopened> {
        let mut last = Unopened::Failed(io::Error::from(io::ErrorKind::AddrNotAvailable));
        for place in self.turns.order(monotonic_ns(), self.connect_timeout) {
            let route = &self.routes[place];
            let error = match timeout(self.connect_timeout, self.connector.connect(&route.address)).await {
                Ok(Ok(opened)) => {
                    self.turns.accepted(place);
                    route.opened.fetch_add(1, Ordering::Relaxed);
                    return Ok(opened);
                }
                Ok(Err(error)) => error,
                Err(_) => io::Error::from(io::ErrorKind::TimedOut),
            };
            if let Some(shortage) = route.address.shortage(&error) {
                self.shortages.add(shortage);
                last = Unopened::Short(shortage);
            } else {
                self.turns.failed(place, monotonic_ns());
                route.failed.fetch_add(1, Ordering::Relaxed);
                last = Unopened::Failed(error);
            }
        }
        Err(last)
    }

    /// Returns what this machine has lacked so far.
    pub(crate) fn shortages(&self) -> Shortages {
        self.shortages.so_far()
    }

    /// Returns the counts so far.
    pub(crate) fn dialled(&self) -> Dialled {
        let of_route = |Route { address, opened, failed }: &Route| Reached {
            address: address.to_string(),
            opened: opened.load(Ordering::Relaxed),
            failed: failed.load(Ordering::Relaxed),
        };
        Dialled { addresses: self.routes.iter().map(of_route).collect(), shortages: self.shortages() }
    }
}

/// Reason why no connection could be opened.
#[derive(Debug, Error)]
pub(crate) enum Unopened {
    /// The target, or the way to it, did not accept one.
    #[error(transparent)]
    Failed(io::Error),
    /// This machine lacks something.
    #[error("{}", .0.text())]
    Short(Shortage),
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn loopback_is_this_machine_and_a_documentation_address_is_not() {
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        assert!(ip("127.0.0.1:80").is_this_machine());
        assert!(!ip("192.0.2.1:80").is_this_machine());
        assert!(Address::Unix("/run/a.sock".into()).is_this_machine());
    }

    /// Address that accepts connections as long as the listener lives.
    async fn listening() -> (Address, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (Address::Ip(listener.local_addr().unwrap()), listener)
    }

    fn dial(found: Vec<Found>) -> Dial {
        let target = Target::default();
        let connector = Connector::new(&target, &target.endpoint().unwrap(), &ProxyLogin::default()).unwrap();
        Dial::new(connector, found, Duration::from_secs(10))
    }

    fn opened(dial: &Dial) -> Vec<u64> {
        dial.dialled().addresses.iter().map(|reached| reached.opened).collect()
    }

    #[tokio::test]
    async fn connections_go_to_all_addresses_in_turn_also_when_one_ends() {
        let (first, kept) = listening().await;
        let (second, _also_kept) = listening().await;
        let (third, _kept_too) = listening().await;
        let accepting = |address| Found { address, accepts: true };
        let dial = dial([first, second, third].map(accepting).to_vec());
        for _ in 0..6 {
            dial.connect().await.unwrap();
        }
        assert_eq!(opened(&dial), [2, 2, 2]);
        drop(kept);
        for _ in 0..6 {
            dial.connect().await.unwrap();
        }
        let opened = opened(&dial);
        assert_eq!((opened[0], opened[1] + opened[2]), (2, 10), "{opened:?}");
        assert!(opened[1] > 2 && opened[2] > 2, "{opened:?}");
        assert!(dial.dialled().addresses[0].failed > 0);
    }

    #[tokio::test]
    async fn an_address_that_did_not_accept_before_serves_where_no_other_does() {
        let (first, kept) = listening().await;
        let (second, _also_kept) = listening().await;
        let dial =
            dial(vec![Found { address: first, accepts: true }, Found { address: second, accepts: false }]);
        drop(kept);
        dial.connect().await.unwrap();
        assert_eq!(opened(&dial), [0, 1]);
    }
}
