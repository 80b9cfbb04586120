//! What a run writes down: its folder, its manifest and the ledger of every attempt.

pub mod folder;
pub mod ledger;
pub mod manifest;
