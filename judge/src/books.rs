//! The ledger booked: what one pass over it makes of every key, request and counter.

pub mod ages;
pub mod contests;
pub mod coverage;
pub mod epochs;
pub mod keys;
pub mod order;
pub mod polled;
pub mod region;
pub mod sums;
pub mod tally;
pub mod under_load;
pub mod walk;
