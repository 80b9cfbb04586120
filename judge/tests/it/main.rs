//! Tests of the judge: a FAIL is never wrong, and a PASS is never silent about what it did not see.

mod answers;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
mod forge;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
mod forged;
mod grounds;
mod liveness;
mod order_oracle;
mod others;
mod over_time;
mod planted;
mod premises;
mod refusals;
mod region_oracle;
mod registry;
mod requests;
mod resent;
mod sentinels;
mod stored;
mod total_loss;
mod totals;
mod traces;
mod twins;
mod unclear;
mod window;
mod winner;
mod words;
mod worlds;
