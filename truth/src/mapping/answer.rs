//! Where an answer to a publish tells what became of its events.

use serde::{Deserialize, Serialize};

/// Where an answer tells what became of the events: JSON pointers, any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerFields {
    /// How many were taken.
    pub accepted: Option<String>,
    /// How many of them were new.
    pub inserted: Option<String>,
    /// How many of them were known.
    pub duplicates: Option<String>,
    /// A list with one entry an event, in request order.
    pub results: Option<String>,
    /// Entries of that list that say new.
    pub new: Vec<String>,
    /// Entries of that list that say known.
    pub duplicate: Vec<String>,
    /// Entries of that list that say taken, without saying which of the two.
    pub taken: Vec<String>,
    /// Entries of that list that say refused. An entry that none of these lists has makes the request unknown.
    pub rejected: Vec<String>,
}

impl AnswerFields {
    /// Whether an acknowledging answer is expected to have a JSON body.
    pub fn any(&self) -> bool {
        [&self.accepted, &self.inserted, &self.duplicates, &self.results].into_iter().any(Option::is_some)
    }
}
