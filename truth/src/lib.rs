//! Ground truth that the programs share: events to send, responses, and the way a target speaks.
//!
//! A run is a pure function of its [`plan::Plan`]: the keys, their requests, the number of copies,
//! and the bytes. The [`record::ledger`] adds what happened to each attempt. A target's store is
//! compared with these two. Nothing here touches a network.

pub mod chain;
pub mod clock;
pub mod duration;
pub mod excerpt;
pub mod exit;
pub mod files;
pub mod names;
pub mod numbers;
pub mod observed;
pub mod plan;
pub mod printable;
pub mod record;
pub mod scenario;
pub mod target;
pub mod time;
