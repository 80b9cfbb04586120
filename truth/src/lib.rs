//! Ground truth that the programs share: what is to be sent, what was answered, and how a target speaks.
//!
//! A run is a pure function of its [`plan::Plan`]: which keys are sent, in which requests, how often, and with which
//! bytes. The [`record::ledger`] adds what happened to each attempt. Together they are the ground truth that a target's
//! store is compared with. Nothing here touches a network.

pub mod chain;
pub mod clock;
pub mod duration;
pub mod exit;
pub mod files;
pub mod observed;
pub mod plan;
pub mod record;
pub mod scenario;
pub mod target;
