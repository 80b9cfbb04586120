//! Counters of the target.

use truth::observed::counters::Counters;
use truth::target::{StatsFields, StatsFormat};

use crate::client::{ReadError, TargetClient};
use crate::values::Kept;

impl TargetClient {
    /// True if the scenario says where the target has counters.
    pub fn offers_stats(&self) -> bool {
        self.target().stats.are_offered()
    }

    /// Reads the counters, from all responses that hold some.
    pub async fn stats(&self) -> Result<Counters, ReadError> {
        let mut counters = Counters::default();
        let mut requests = self.target().stats.requests().peekable();
        requests.peek().ok_or(ReadError::NotOffered { what: "stats" })?;
        for fields in requests {
            let mut retry = self.retry();
            let read = loop {
                match self.stats_once(fields).await {
                    Ok(read) => break read,
                    Err(error) => retry.after(error).await?,
                }
            };
            counters = counters.and(read);
        }
        Ok(counters)
    }

    async fn stats_once(&self, fields: &StatsFields) -> Result<Counters, ReadError> {
        let form = fields.request().ok_or(ReadError::NotOffered { what: "stats" })?;
        let accept = match fields.format {
            StatsFormat::Json => "application/json",
            StatsFormat::Prometheus => "text/plain; version=0.0.4",
        };
        let kept = Kept::default();
        let (question, answer) = self.asked(|| self.question(form, &self.values(&kept), accept)).await?;
        let answer = answer.success(&question)?;
        let shape = |reason| ReadError::Shape { url: question.shown_url(), reason };
        Counters::read(fields, &answer.body).map_err(shape)
    }
}
