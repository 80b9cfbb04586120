//! Free ports below the range from which the system takes ports for clients (32768 on Linux, 49152
//! on macOS): a client of the load must not take the target's port while the target is dead.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// Ports to try: enough on a machine where not nearly all are taken.
pub(super) const TRIES: u16 = 100;

/// Returns a port on 127.0.0.1 that is free now. None if none was found in `TRIES` tries.
pub fn free() -> Option<u16> {
    // A random start keeps demos side by side from trying the same ports in the same order.
    let start = RandomState::new().build_hasher().finish() % u64::from(COUNT);
    let start = u16::try_from(start).expect("a remainder is below its divisor, here a u16");
    (0..TRIES)
        .map(|step| FIRST + (start + step) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}
