//! Counters of the target.

use truth::observed::counters::Counters;

use crate::client::{ReadError, TargetClient};

impl TargetClient {
    /// True if the scenario says where the target has counters.
    pub fn offers_stats(&self) -> bool {
        self.target().stats.path.is_some()
    }

    /// Reads the counters.
    pub async fn stats(&self) -> Result<Counters, ReadError> {
        let mut retry = self.retry();
        loop {
            match self.stats_once().await {
                Ok(counters) => return Ok(counters),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn stats_once(&self) -> Result<Counters, ReadError> {
        let path = self.target().stats.path.as_deref().ok_or(ReadError::NotOffered { what: "stats" })?;
        let url = self.url(path);
        let answer = self.read(&url).await?.success(&url)?;
        Counters::read(&self.target().stats, &answer.body).map_err(|reason| ReadError::Shape { url, reason })
    }
}
