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
    /// Where in an entry its word stands, if the entries are objects.
    pub result: Option<String>,
    /// Entries of that list that say new.
    pub new: Vec<String>,
    /// Entries of that list that say known.
    pub duplicate: Vec<String>,
    /// Entries of that list that say taken, without saying which of the two.
    pub taken: Vec<String>,
    /// Entries of that list that say refused. An entry that none of these lists has makes the request unknown.
    pub rejected: Vec<String>,
    /// A list of those events alone that were refused.
    pub refused: Option<String>,
    /// Where in an entry of that list the event's place in the request stands, counted from 0, if the entries are objects.
    pub refused_place: Option<String>,
}

impl AnswerFields {
    /// Whether an acknowledging answer is expected to have a JSON body.
    pub fn any(&self) -> bool {
        let places = [&self.accepted, &self.inserted, &self.duplicates, &self.results, &self.refused];
        places.into_iter().any(Option::is_some)
    }

    /// Whether an answer tells of single events whether they were taken.
    pub fn tells_each(&self) -> bool {
        self.results.is_some() || self.refused.is_some()
    }
}
