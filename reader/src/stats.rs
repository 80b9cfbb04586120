//! Counters of the target.

use truth::observed::counters::Counters;

use crate::client::{ReadError, TargetClient};

impl TargetClient {
    /// True if the scenario says where the target has counters.
    pub fn offers_stats(&self) -> bool {
        self.target().stats.path.is_some()
    }

    /// Reads the counters once.
    pub async fn stats(&self) -> Result<Counters, ReadError> {
        let path = self.target().stats.path.as_deref().ok_or(ReadError::NotOffered { what: "stats" })?;
        let url = self.url(path);
        let body = self.get_body(&url).await?;
        Counters::read(&self.target().stats, &body).map_err(|reason| ReadError::Shape { url, reason })
    }
}
