//! Reads a target. It also sends to it (probe, resend) and starts processes. The load is loadgen's.
//!
//! A scenario may start its target, which `process` does. `client` sends single requests for
//! `verify probe` and for keys that are sent again.

pub mod baseline;
pub mod client;
pub mod database;
pub mod flags;
pub mod handshake;
pub mod listing;
pub mod looking;
pub mod process;
pub mod reach;
pub mod scope;
pub mod stats;
pub mod trust;
pub mod tunnel;
