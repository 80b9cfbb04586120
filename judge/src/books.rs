//! The ledger, booked: the result of one pass over it for every key, request and counter.

pub mod ages;
pub mod contests;
pub mod coverage;
pub mod epochs;
pub mod interval;
pub mod keys;
pub mod order;
pub mod polled;
pub mod region;
pub mod repeats;
pub mod responses;
pub mod sums;
pub mod tally;
pub mod under_load;
pub mod walk;
