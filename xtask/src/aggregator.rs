//! The reference aggregator, as a server to be killed and started again.

use std::path::Path;

use anyhow::Result;

use crate::programs::Programs;
use crate::service::Service;

/// Starts one on the store of this URL.
pub fn start(programs: &Programs, database_url: &str) -> Result<Service> {
    Service::start(programs, "aggregator", vec![("DATABASE_URL", database_url.to_owned())])
}

/// The URL of an SQLite database in `folder`, made at the first start.
#[must_use]
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("onceproof.db").display())
}
