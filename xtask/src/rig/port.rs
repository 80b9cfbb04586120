//! A free TCP port that stays ours while nothing listens on it.
//!
//! Port 0 lets the system choose, but from the range that it also gives to outgoing connections.
//! Between the kill of a server and its restart, a client that keeps reconnecting to such a port
//! can be given that very port as its own end, and is then connected to itself: the server cannot
//! bind again. So the port is chosen below that range (32768 on Linux, 49152 on macOS).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// Ports to try: enough on a machine where not nearly all are taken.
const TRIES: u16 = 100;

/// Returns a port on 127.0.0.1 that is free now. Another process may still take it first, so a
/// server that cannot bind must ask again.
pub fn free() -> Result<u16> {
    // A random start keeps commands side by side from trying the same ports in the same order.
    let start = RandomState::new().build_hasher().finish() % u64::from(COUNT);
    let start = u16::try_from(start).expect("a remainder is below its divisor, here a u16");
    (0..TRIES)
        .map(|step| FIRST + (start + step) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no free TCP port was found on 127.0.0.1")
}
