//! Tests of the plan, the ledger, the run folder and the scenario.

mod answer_rules;
mod answers;
mod contents;
mod events;
mod folder;
mod golden;
mod ledger;
mod plans;
mod repeats;
mod requests;
mod rounds;
mod saved;
mod scenarios;
mod seal;
mod segment;
mod sentinels;
mod series;
