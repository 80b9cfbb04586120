//! The plan, the ledger, the run folder and the scenario, held to what they promise.

mod golden;
mod ledger;
mod plans;
mod rounds;
mod segment;
