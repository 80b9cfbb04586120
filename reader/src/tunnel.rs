//! Tunnel through a proxy, for the readers of a target and for the load: the proxy connects to the
//! target, and from then on passes every byte.
//!
//! No byte after the proxy's response is read here: it is the target's.

use std::{fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio_socks::tcp::Socks5Stream;
use truth::target::{Endpoint, Place, Proxy, ProxyKind};

/// Most bytes of a proxy's response to CONNECT: the limit that common servers have for a head.
const MAX_HEAD: usize = 8 << 10;

/// Most header fields of that response.
const MAX_FIELDS: usize = 100;

/// User and password for a proxy, if there are any. They are never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ProxyLogin(Option<(String, String)>);

impl ProxyLogin {
    /// Parses `user:password`. None without a colon, or if either part is longer than SOCKS5
    /// allows.
    pub fn parse(pair: &str) -> Option<Self> {
        let (user, password) = pair.split_once(':')?;
        let is_short = |text: &str| text.len() <= 255;
        let is_whole = !user.is_empty() && !pair.contains(char::is_control);
        (is_whole && is_short(user) && is_short(password))
            .then(|| Self(Some((user.to_owned(), password.to_owned()))))
    }
}

impl fmt::Debug for ProxyLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyLogin")
    }
}

/// Reason why a proxy does not connect to the target.
#[derive(Debug, Error)]
pub enum TunnelError {
    /// The proxy cannot be reached, or the target's name cannot be resolved for SOCKS5.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The proxy asks for a login, or rejects the one that was given.
    #[error(
        "{proxy} asks for a login ({said}); give user:password with --proxy-basic-file FILE or in TARGET_PROXY_AUTH"
    )]
    Login {
        /// Proxy.
        proxy: Proxy,
        /// Response of the proxy.
        said: String,
    },
    /// The proxy refuses to connect to the target, or could not.
    #[error("{proxy} does not connect to {place} ({said})")]
    Refused {
        /// Proxy.
        proxy: Proxy,
        /// Address of the target.
        place: String,
        /// Response of the proxy.
        said: String,
    },
    /// The response is not one of a proxy of this kind.
    #[error("{proxy} did not answer as a proxy of this kind: {said}")]
    Strange {
        /// Proxy.
        proxy: Proxy,
        /// Fault of the response.
        said: String,
    },
}

/// Head of a proxy's response.
struct Head {
    status: u16,
    /// Status with its reason, such as `status 403 Forbidden`.
    line: String,
}

/// Way through a proxy to one target.
#[derive(Clone, Debug)]
pub struct Tunnel {
    proxy: Proxy,
    host: String,
    port: u16,
    login: ProxyLogin,
}

impl Tunnel {
    /// Returns the tunnel to this target, if a proxy is on the way.
    pub fn to(endpoint: &Endpoint, login: &ProxyLogin) -> Option<Self> {
        let proxy = endpoint.proxy.clone()?;
        let Place::Tcp(host, port) = &endpoint.place else { return None };
        Some(Self { proxy, host: host.clone(), port: *port, login: login.clone() })
    }

    /// Proxy of the tunnel.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Connects to the proxy, and has it connect to the target.
    pub async fn connect(&self) -> Result<TcpStream, TunnelError> {
        let mut stream = TcpStream::connect((self.proxy.host.as_str(), self.proxy.port)).await?;
        stream.set_nodelay(true)?;
        self.lead(&mut stream).await?;
        Ok(stream)
    }

    /// Has the proxy at the other end of a connection connect to the target.
    pub async fn lead(&self, stream: &mut TcpStream) -> Result<(), TunnelError> {
        match self.proxy.kind {
            ProxyKind::Http => self.ask_http(stream).await,
            ProxyKind::Socks5 => {
                let named = lookup_host((self.host.as_str(), self.port)).await;
                let mut found = named.map_err(|error| {
                    io::Error::new(error.kind(), format!("cannot resolve the name {}: {error}", self.host))
                })?;
                let address = found.next().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
                self.ask_socks(stream, &address.ip().to_string()).await
            }
            ProxyKind::Socks5h => self.ask_socks(stream, &self.host).await,
        }
    }

    async fn ask_http(&self, stream: &mut TcpStream) -> Result<(), TunnelError> {
        let place = self.place();
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n");
        if let ProxyLogin(Some((user, password))) = &self.login {
            let pair = STANDARD.encode(format!("{user}:{password}"));
            request.push_str(&format!("proxy-authorization: Basic {pair}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut led = self.read_head(stream).await?;
        // An interim response is followed by the final one.
        while matches!(led, Some(Head { status: 100..200, .. })) {
            led = self.read_head(stream).await?;
        }
        match led {
            Some(Head { status: 200..300, .. }) => Ok(()),
            Some(Head { status: 407, line }) => {
                Err(TunnelError::Login { proxy: self.proxy.clone(), said: line })
            }
            Some(Head { line, .. }) => Err(self.refused(line)),
            None => Err(self.strange("the head of its response has no status")),
        }
    }

    /// Reads the head of a response. None if it has no status.
    async fn read_head(&self, stream: &mut TcpStream) -> Result<Option<Head>, TunnelError> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == MAX_HEAD {
                return Err(
                    self.strange(&format!("the head of its response is longer than {MAX_HEAD} bytes"))
                );
            }
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.strange("it closed the connection before the response was complete"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        answer
            .parse(&head)
            .map_err(|error| self.strange(&format!("the head of its response is not HTTP ({error})")))?;
        let reason = answer.reason.unwrap_or_default();
        let line = |status| format!("status {status} {reason}").trim_end().to_owned();
        Ok(answer.code.map(|status| Head { status, line: line(status) }))
    }

    async fn ask_socks(&self, stream: &mut TcpStream, host: &str) -> Result<(), TunnelError> {
        use tokio_socks::Error;
        let place = (host, self.port);
        let led = match &self.login {
            ProxyLogin(None) => Socks5Stream::connect_with_socket(stream, place).await,
            ProxyLogin(Some((user, password))) => {
                Socks5Stream::connect_with_password_and_socket(stream, place, user, password).await
            }
        };
        led.map(drop).map_err(|error| match error {
            Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.strange("it closed the connection before the response was complete")
            }
            Error::Io(error) => TunnelError::Io(error),
            Error::NoAcceptableAuthMethods | Error::AuthorizationRequired | Error::PasswordAuthFailure(_) => {
                TunnelError::Login { proxy: self.proxy.clone(), said: plain(&error) }
            }
            Error::GeneralSocksServerFailure
            | Error::ConnectionNotAllowedByRuleset
            | Error::NetworkUnreachable
            | Error::HostUnreachable
            | Error::ConnectionRefused
            | Error::TtlExpired
            | Error::CommandNotSupported
            | Error::AddressTypeNotSupported => self.refused(plain(&error)),
            _ => self.strange(&plain(&error)),
        })
    }

    /// Returns the target's address as it is written in a URL.
    fn place(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    fn refused(&self, said: String) -> TunnelError {
        TunnelError::Refused { proxy: self.proxy.clone(), place: self.place(), said }
    }

    fn strange(&self, said: &str) -> TunnelError {
        TunnelError::Strange { proxy: self.proxy.clone(), said: said.to_owned() }
    }
}

/// Returns the text of an error of the library, to stand within a sentence.
fn plain(error: &tokio_socks::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use truth::target::Target;

    use super::*;

    /// A proxy that answers the first thing it is sent with these bytes, and hands over what that
    /// was.
    async fn asked(scheme: &str, answer: &'static [u8]) -> (Result<Vec<u8>, TunnelError>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut target = Target { url: "http://ingest.invalid:81".to_owned(), ..Target::default() };
        target.connect.proxy = Some(format!("{scheme}://{}", listener.local_addr().unwrap()));
        let login = ProxyLogin::parse("Aladdin:open sesame").unwrap();
        let tunnel = Tunnel::to(&target.endpoint().unwrap(), &login).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut came = vec![0; 1_000];
            let count = stream.read(&mut came).await.unwrap();
            came.truncate(count);
            stream.write_all(answer).await.unwrap();
            came
        };
        let ask = async {
            let mut stream = tunnel.connect().await?;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await?;
            Ok(rest)
        };
        tokio::join!(ask, serve)
    }

    #[tokio::test]
    async fn what_comes_behind_the_answer_of_a_proxy_is_left_to_the_target() {
        let (led, came) = asked("http", b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\nfirst").await;
        assert_eq!(led.unwrap(), b"first");
        let came = String::from_utf8(came).unwrap();
        let expected = "CONNECT ingest.invalid:81 HTTP/1.1\r\nhost: ingest.invalid:81\r\n\
                        proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(came, expected);
    }

    #[tokio::test]
    async fn a_refusal_names_the_proxy_what_it_said_and_the_way_out() {
        let said = async |scheme: &str, answer| asked(scheme, answer).await.0.unwrap_err().to_string();
        let text = said("http", b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        assert!(text.contains("http://127.0.0.1:") && text.contains("status 403 Forbidden"), "{text}");
        assert!(text.contains("ingest.invalid:81"), "{text}");
        let text = said("http", b"HTTP/1.1 407 Who\r\n\r\n").await;
        assert!(text.contains("407") && text.contains("--proxy-basic-file"), "{text}");
        let text = said("socks5h", b"\x05\xff").await;
        assert!(text.contains("socks5h://") && text.contains("--proxy-basic-file"), "{text}");
        for text in [
            said("http", b"SSH-2.0\r\n\r\n").await,
            said("http", b"HTTP/1.1 200").await,
            said("socks5h", b"\x04").await,
        ] {
            assert!(text.contains("did not answer as a proxy"), "{text}");
        }
    }

    #[test]
    fn a_login_is_a_pair_and_is_not_shown() {
        let login = ProxyLogin::parse("a:b:c").unwrap();
        assert_eq!(login, ProxyLogin(Some(("a".to_owned(), "b:c".to_owned()))));
        assert_eq!(format!("{login:?}"), "ProxyLogin");
        for text in ["hunter2", ":hunter2", "a:b\nc", ""] {
            assert_eq!(ProxyLogin::parse(text), None, "{text:?}");
        }
    }
}
