//! The plan, the ledger, the run folder and the scenario, held to what they promise.

mod answers;
mod events;
mod folder;
mod golden;
mod ledger;
mod plans;
mod rounds;
mod saved;
mod scenarios;
mod segment;
