//! Tests of the program: it reads, sends again and probes real targets, and refuses damaged run
//! folders.

mod again;
mod api;
mod binary;
mod damaged;
mod damages;
mod database;
mod described;
mod drained;
mod elsewhere;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
#[path = "../../../judge/tests/it/forge.rs"]
mod forge;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
#[path = "../../../judge/tests/it/forged.rs"]
mod forged;
mod hostile;
mod logins;
mod looked;
mod looking;
mod observing;
mod pages;
mod probe_reading;
mod probed;
mod released;
mod schemas;
mod sealed;
mod sentinels;
mod stub;
