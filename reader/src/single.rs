//! Single keys: whether the target says that it stores one.

use truth::plan::event::Events;

use crate::client::{ReadError, TargetClient};
use crate::values::{Kept, Values};

impl TargetClient {
    /// True if the target can be asked for a single key.
    pub fn offers_single_keys(&self) -> bool {
        self.offers_listing() && self.target().listing.one.is_some()
    }

    /// Asks for a single key. Returns true if the target says that it is stored, and false if it
    /// says that it is not.
    pub async fn is_stored(&self, events: &Events, ordinal: u64) -> Result<bool, ReadError> {
        let one = self.target().listing.one.as_ref();
        let one = one.ok_or(ReadError::NotOffered { what: "listing.one" })?;
        let kept = Kept::default();
        let values = Values { key: Some((events, ordinal)), ..self.values(&kept) };
        let question = || self.question(one.request(), &values, "application/json");
        let mut retry = self.retry();
        loop {
            let said = match self.asked(question).await {
                Ok((question, answer)) => match one.says(answer.status) {
                    Some(is_stored) => Ok(is_stored),
                    None => Err(answer.unexpected(&question)),
                },
                Err(error) => Err(error),
            };
            match said {
                Ok(is_stored) => return Ok(is_stored),
                Err(error) => retry.after(error).await?,
            }
        }
    }
}
