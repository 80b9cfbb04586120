//! Developer commands: what they start is there, and what they end is gone.

// clippy exempts functions marked as tests, but not those that tests share.
#![allow(clippy::unwrap_used)]

mod aggregator;
mod arrows;
mod bench;
mod circles;
mod cluster;
mod cookbook;
mod damage;
mod database;
mod docs;
mod earlier;
mod faults;
mod gate;
mod gone;
mod imports;
mod links;
mod mutants;
mod oddities;
mod probe;
mod probed_apis;
mod process;
mod replicas;
mod stack;
mod systems;
mod tokens;
mod whole;
