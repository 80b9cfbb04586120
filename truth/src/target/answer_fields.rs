//! Places in the response to a publish that report the fate of its events.

use serde::{Deserialize, Serialize};

/// JSON pointers of the places; any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerFields {
    /// Number of accepted events.
    pub accepted: Option<String>,
    /// Number of new events among them.
    pub inserted: Option<String>,
    /// Number of duplicates among them.
    pub duplicates: Option<String>,
    /// List with one entry for each event, in request order.
    pub results: Option<String>,
    /// Place of the word in an entry, if the entries are objects.
    pub result: Option<String>,
    /// Words of that list for a new event.
    pub new: Vec<String>,
    /// Words of that list for a duplicate.
    pub duplicate: Vec<String>,
    /// Words of that list for an accepted event that may be new or a duplicate.
    pub taken: Vec<String>,
    /// Words of that list for a rejected event. An entry that none of these lists has makes the
    /// response unclear.
    pub rejected: Vec<String>,
    /// List of the rejected events alone.
    pub refused: Option<String>,
    /// Place, in an entry of that list, of the event's number in the request, counted from 0, if
    /// the entries are objects.
    pub refused_place: Option<String>,
}

impl AnswerFields {
    /// True if an acknowledging response is expected to have a JSON body.
    pub fn any(&self) -> bool {
        let places = [&self.accepted, &self.inserted, &self.duplicates, &self.results, &self.refused];
        places.into_iter().any(Option::is_some)
    }

    /// True if a response reports which single events were accepted.
    pub fn tells_each(&self) -> bool {
        self.results.is_some() || self.refused.is_some()
    }
}
