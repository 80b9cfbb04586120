//! The judge held to its word: a FAIL is never wrong, and a PASS is never silent about what it did not see.

mod again;
mod answers;
mod binary;
mod damaged;
mod database;
mod forge;
mod forged;
mod junit;
mod liveness;
mod observing;
mod order_oracle;
mod over_time;
mod planted;
mod probed;
mod region_oracle;
mod reports;
mod requests;
mod schemas;
mod stored;
mod stub;
mod totals;
mod twins;
mod window;
mod winner;
mod words;
