//! The reference aggregator as a server that tests kill and start again.

use std::path::Path;

use anyhow::Result;

use crate::rig::programs::Programs;
use crate::rig::service::Service;

/// Starts an aggregator on the store of this URL.
pub fn start(programs: &Programs, database_url: &str) -> Result<Service> {
    start_with(programs, database_url, &[])
}

/// Starts an aggregator with more settings.
pub fn start_with(programs: &Programs, database_url: &str, more: &[(&'static str, &str)]) -> Result<Service> {
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let settings = [("DATABASE_URL", database_url.to_owned())].into_iter().chain(more);
    Service::start(programs, "aggregator", settings.collect())
}

/// Returns the URL of an SQLite database in `folder`, which the first start makes.
#[must_use]
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("onceproof.db").display())
}
