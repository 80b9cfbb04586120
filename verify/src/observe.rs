//! Reading a target: the only part of `verify` that touches a network.

pub mod client;
pub mod stats;
