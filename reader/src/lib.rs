//! Everything that touches a target, except the load. It reads what the target shows. It also sends (for `verify probe`
//! and for sending again) and starts processes (for scenarios that start their target).

pub mod baseline;
pub mod client;
pub mod database;
pub mod flags;
pub mod listing;
pub mod process;
pub mod reach;
pub mod scope;
pub mod stats;
pub mod trust;
pub mod tunnel;
