//! Where requests go: the addresses to connect to, and the part of a request's head that never changes.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use truth::mapping::{Endpoint, Target};
use verify::observe::client::parse_header;
use verify::observe::trust::client_config;

use super::stream::{Socket, Stream};
use crate::error::Failure;

/// Header fields that frame a request, and so are ours alone.
const OURS: [&str; 5] = ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];

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

/// What TLS needs to know of the other end.
#[derive(Clone, Debug)]
struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Connects to a target's addresses, one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Connector(Option<Tls>);

impl Connector {
    /// What the URL and `[target.connect]` ask for.
    pub(crate) fn new(target: &Target, endpoint: &Endpoint) -> Result<Self, Failure> {
        let Some(name) = &endpoint.tls_name else { return Ok(Self(None)) };
        let Ok(name) = ServerName::try_from(name.clone()) else {
            return Err(Failure::Usage(format!("`{name}` is no name that a certificate can bear")));
        };
        Ok(Self(Some(Tls { config: client_config(&target.connect)?, name })))
    }

    /// Connects, and with TLS, shakes hands.
    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Stream> {
        let socket = match address {
            Address::Ip(address) => {
                let stream = TcpStream::connect(address).await?;
                // A request is one write: waiting to fill a packet would only delay its end.
                stream.set_nodelay(true)?;
                Socket::Tcp(stream)
            }
            Address::Unix(path) => Socket::unix(path).await?,
        };
        match &self.0 {
            None => Ok(Stream::plain(socket)),
            Some(Tls { config, name }) => Stream::encrypted(socket, Arc::clone(config), name.clone()).await,
        }
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
    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in &self.addresses {
            match timeout(self.connect_timeout, self.connector.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
            }
        }
        Err(last)
    }
}

/// The request line and the header fields of every request; the user's outrank ours.
pub(crate) fn fixed_head(
    target: &Target,
    endpoint: &Endpoint,
    headers: &[String],
) -> Result<Vec<u8>, Failure> {
    let mut theirs = Vec::new();
    for header in headers {
        let (name, value) = parse_header(header)?;
        if OURS.contains(&name.as_str()) {
            return Err(Failure::Usage(format!(
                "header `{name}` cannot be set: it frames the request, which loadgen does itself"
            )));
        }
        theirs.push((name, value));
    }
    let ours = [
        ("host", endpoint.authority.clone()),
        ("user-agent", concat!("onceproof/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json".to_owned()),
    ];
    let path = format!("{}{}", endpoint.prefix, target.publish.path);
    if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(Failure::Usage(format!(
            "publish path `{path}` cannot be sent; write it as /publish, with what is not a plain character as %XX"
        )));
    }
    let mut head = format!("POST {path} HTTP/1.1\r\n").into_bytes();
    for (name, value) in ours {
        if !theirs.iter().any(|(their_name, _)| their_name.as_str() == name) {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
    for (name, value) in &theirs {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    Ok(head)
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

    fn head(headers: &[&str]) -> Result<String, Failure> {
        let target = Target::default();
        let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        let head = fixed_head(&target, &target.endpoint().unwrap(), &headers)?;
        Ok(String::from_utf8(head).unwrap())
    }

    #[test]
    fn a_header_of_the_user_replaces_ours_and_others_are_added() {
        let plain = head(&[]).unwrap();
        assert!(plain.starts_with("POST /publish?results=true HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n"));
        let theirs = head(&["Host: example", "X-A: 1", "x-a: 2"]).unwrap();
        assert!(theirs.contains("host: example\r\nx-a: 1\r\nx-a: 2\r\n"), "{theirs}");
        assert!(!theirs.contains("127.0.0.1"));
    }

    #[test]
    fn a_header_that_frames_the_request_or_is_none_is_refused() {
        for header in
            ["Content-Length: 3", "transfer-encoding: chunked", "Connection: close", "no colon", "a b: c"]
        {
            assert!(head(&[header]).is_err(), "{header}");
        }
    }
}
