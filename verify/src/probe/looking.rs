//! Looks at what a target stored, for experiments whose responses do not tell: rows of a listing
//! that hold an id, or a number that grows with new events alone.

use std::time::Duration;

use tokio::time::sleep;

use super::asking::Asker;
use super::counters::{Sums, sums};
use super::json::find_lists;
use super::sight::Taken;

/// Pauses before the looks at what a request did: a target may store later.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

/// Place to look at.
#[derive(Clone, Debug)]
pub(super) struct Glass {
    /// URL of a listing.
    listing: Option<String>,
    /// URL of counters, and what they were.
    stats: Option<String>,
    before: Option<Sums>,
    /// Place of a number that grows with new events alone, and its value.
    unique: Option<(String, u64)>,
    /// Ids that were sent, and the number of rows that hold one.
    known: Vec<String>,
    rows: u64,
    pause: Duration,
}

impl Glass {
    pub(super) fn new(listing: Option<String>, stats: Option<String>) -> Self {
        Self { listing, stats, before: None, unique: None, known: Vec::new(), rows: 0, pause: PAUSES[0] }
    }

    /// Looks before anything is sent.
    pub(super) async fn begin(&mut self, asker: &Asker) {
        self.before = self.counted(asker).await;
    }

    async fn counted(&self, asker: &Asker) -> Option<Sums> {
        let response = asker.get(self.stats.as_ref()?).await?;
        Some(sums(response.json.as_ref()?, ""))
    }

    /// Learns how two new events, and one of them again, show.
    pub(super) async fn learn(&mut self, asker: &Asker, first: &[String], other: &[String]) {
        for pause in PAUSES {
            self.pause = pause;
            sleep(pause).await;
            let rows = self.rows(asker, first).await.unwrap_or(0);
            if rows > 0 && self.rows(asker, other).await.unwrap_or(0) > 0 {
                self.known = first.to_vec();
                self.rows = rows;
                return;
            }
            let now = self.counted(asker).await;
            if let (Some(before), Some(now)) = (&self.before, now) {
                let grown = now.iter().find(|(place, value)| **value == before.get(*place).unwrap_or(&0) + 2);
                self.unique = grown.map(|(place, value)| (place.clone(), *value));
                if self.unique.is_some() {
                    return;
                }
            }
        }
    }

    /// True if it shows new events.
    pub(super) fn shows(&self) -> bool {
        self.rows > 0 || self.unique.is_some()
    }

    /// Tells if an event with these ids, which was just sent, was new.
    pub(super) async fn judge(&mut self, asker: &Asker, ids: &[String]) -> Option<Taken> {
        sleep(self.pause).await;
        if self.rows > 0 {
            self.known.extend(ids.iter().filter(|id| !self.known.contains(id)).cloned().collect::<Vec<_>>());
            let rows = self.rows(asker, &self.known).await?;
            let is_new = rows > self.rows;
            self.rows = rows;
            return Some(if is_new { Taken::New } else { Taken::Repeat });
        }
        let place = self.unique.as_ref()?.0.clone();
        let now = *self.counted(asker).await?.get(&place)?;
        let was = self.unique.replace((place, now))?.1;
        Some(match now.checked_sub(was) {
            Some(0) => Taken::Repeat,
            Some(1) => Taken::New,
            _ => Taken::Unclear,
        })
    }

    /// Sentence that says what was seen.
    pub(super) fn in_words(&self) -> Option<String> {
        match (&self.unique, self.rows) {
            (_, 1..) => {
                Some("the listing shows a row for a new event and none for the same again".to_owned())
            }
            (Some((place, _)), _) => Some(format!("the number at {place} grows with new events alone")),
            (None, 0) => None,
        }
    }

    /// Number of listed rows that hold one of these ids.
    async fn rows(&self, asker: &Asker, ids: &[String]) -> Option<u64> {
        let page = asker.get(self.listing.as_ref()?).await?;
        let json = page.json.as_ref()?;
        let mut lists = Vec::new();
        find_lists(json, "", &mut lists);
        let holds = |row: &&serde_json::Value| {
            let text = row.to_string();
            ids.iter().any(|id| text.contains(id.as_str()))
        };
        let rows = lists.iter().filter_map(|list| json.pointer(list)?.as_array());
        rows.map(|rows| rows.iter().filter(holds).count() as u64).max()
    }
}
