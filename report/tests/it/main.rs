//! Tests of the reports: each verdict as people and CI systems read it.

#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
#[path = "../../../judge/tests/it/forge.rs"]
mod forge;
#[allow(dead_code, unused_imports, reason = "shared by three test binaries, each of which uses a part")]
#[path = "../../../judge/tests/it/forged.rs"]
mod forged;
mod junit;
mod page;
mod reports;
mod stories;
mod summaries;
