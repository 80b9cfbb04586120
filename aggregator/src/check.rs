//! `aggregator --check-ready`: asks a running service whether it is ready, for health checks of
//! containers, whose images have no other client.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::settings::ListenAddress;

/// Limit on the connection, and on the answer. `/ready` itself answers within four seconds.
const LIMIT: Duration = Duration::from_secs(5);
/// A head is far shorter.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Asks `/ready` of the service at `url`, or of the one that listens at `listen`.
///
/// # Errors
/// Says why it is not ready, in one sentence.
pub fn ready(url: Option<&str>, listen: &ListenAddress) -> Result<(), String> {
    let authority = match url {
        Some(url) => {
            let rest = url.strip_prefix("http://").ok_or("the URL must begin with http://")?;
            rest.split('/').next().unwrap_or_default().to_owned()
        }
        None => reachable(listen.as_str()),
    };
    let answer = ask(&authority).map_err(|error| format!("{authority} does not answer: {error}"))?;
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => {
            let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
            Err(format!("{authority} is not ready: {body}"))
        }
    }
}

/// An address to listen on may mean every address of this machine, which is none to connect to.
fn reachable(listen: &str) -> String {
    let Ok(mut address) = listen.parse::<SocketAddr>() else { return listen.to_owned() };
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string()
}

fn ask(authority: &str) -> std::io::Result<String> {
    let addresses = match authority.to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(_) => format!("{authority}:80").to_socket_addrs()?,
    };
    let mut connected = Err(std::io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        connected = TcpStream::connect_timeout(&address, LIMIT);
        if connected.is_ok() {
            break;
        }
    }
    let mut stream = connected?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "GET /ready HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_all_interfaces_is_reached_by_the_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(reachable(listen), reached);
        }
    }
}
