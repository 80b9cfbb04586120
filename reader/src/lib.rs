//! Everything that touches a target, the load apart: reading it, sending it single requests, starting its process.

pub mod baseline;
pub mod client;
pub mod database;
pub mod listing;
pub mod process;
pub mod reach;
pub mod scope;
pub mod stats;
pub mod trust;
pub mod tunnel;
