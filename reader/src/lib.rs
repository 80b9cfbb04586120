//! Reads a target. It also sends to it (probe, resend) and starts processes. The load is loadgen's.
//!
//! A scenario may start its target, which `process` does. `client` sends single requests for
//! `verify probe` and for keys that are sent again.
//!
//! It also has what both programs share towards their user and their system: flags, the
//! environment, signals, standard output, and what a process is told about itself.

pub mod baseline;
pub mod client;
pub mod console;
pub mod database;
pub mod environment;
pub mod flags;
pub mod handshake;
pub mod invocation;
pub mod listing;
pub mod looking;
pub mod origin;
pub mod process;
pub mod reach;
pub mod scope;
pub mod signals;
mod single;
pub mod stats;
pub mod system;
pub mod trust;
pub mod tunnel;
mod values;
