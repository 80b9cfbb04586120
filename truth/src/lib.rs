//! What `loadgen` and `verify` agree on: what is to be sent, what was answered, and how a target speaks.
//!
//! A run is a pure function of its [`plan::Plan`]: which keys are sent, in which requests, how often, and with which
//! bytes. The [`ledger`] adds what happened to each attempt. Together they are the ground truth that a target's
//! store is compared with. Nothing here touches a network.

pub mod answer;
pub mod clock;
pub mod duration;
pub mod event;
pub mod fault;
pub mod folder;
pub mod id;
pub mod invalid;
pub mod ledger;
pub mod mapping;
pub mod plan;
pub mod promises;
pub mod rate;
pub mod rng;
pub mod round;
pub mod scenario;
pub mod schedule;
pub mod share;
pub mod template;
pub mod threshold;
pub mod twin;
pub mod variant;
pub mod wire;
