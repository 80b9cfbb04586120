//! Parts that runs are made of: a private PostgreSQL cluster, child programs that never outlive
//! their owner, and a server that can be killed and started again. The end-to-end tests use the
//! same parts.
//!
//! A value owns each thing that runs. Dropping the value ends it, and a [`guard`] ends it where the
//! value had no chance to be dropped.

pub mod aggregator;
pub mod cargo;
pub mod cluster;
pub mod follow;
pub mod guard;
pub mod http;
pub mod interrupt;
pub mod port;
pub mod process;
pub mod programs;
pub mod scratch;
pub mod service;
pub mod transcript;
pub mod usage;
