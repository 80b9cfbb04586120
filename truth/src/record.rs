//! Records of a run: its folder, its manifest, the ledger of every attempt, and what was observed
//! beside it.

pub mod baseline;
pub mod clocks;
pub mod ending;
pub mod faults;
pub mod folder;
pub mod ledger;
pub mod manifest;
pub mod polls;
pub mod seal;
pub mod series;
pub mod trouble;
