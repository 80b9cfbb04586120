//! Tests of the program: it reads, sends again and probes real targets, and refuses damaged run
//! folders.

mod again;
mod binary;
mod damaged;
mod database;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
#[path = "../../../judge/tests/it/forge.rs"]
mod forge;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
#[path = "../../../judge/tests/it/forged.rs"]
mod forged;
mod observing;
mod probed;
mod schemas;
mod sentinels;
mod stub;
