//! Looks of one observation: each reading of the target's rows, and what they showed of the keys in
//! question. All times are milliseconds since the observation began.
//!
//! Two kinds of keys are in question: an acknowledged key that a look did not show, and a key that
//! a look showed more than once.

use serde::{Deserialize, Serialize};

use super::Route;
use super::rows::SetSum;
use super::rows::copies::MOST_COPIES;

/// Most keys of each kind whose history is kept. The counts beside the lists are of all keys.
pub const MOST_HISTORIES: usize = MOST_COPIES;

/// Most looks that are kept one by one: the first half and the last.
pub const MOST_LOOKS: usize = 1_000;

/// Contents of `looks.json`. A folder of version 0.1 has none, which reads as no look.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Looks {
    /// Version of this file.
    pub schema_version: u32,
    /// Looks, in their order.
    pub looks: Vec<Look>,
    /// Number of further looks in the middle that are not kept.
    pub looks_left_out: u64,
    /// Acknowledged keys that some look did not show.
    pub missing: Vec<KeyHistory>,
    /// Number of such keys.
    pub missing_count: u64,
    /// Keys that some look showed more than once.
    pub copies: Vec<CopyHistory>,
    /// Number of such keys.
    pub copies_count: u64,
    /// Keys that some look showed, and no look since the target's last movement.
    pub gone: Vec<u64>,
    /// Number of such keys.
    pub gone_count: u64,
    /// Number of rows in the last whole look that repeat a row of the page before. Rows of keys that
    /// another look showed twice within one page are copies, and do not count.
    pub border_repeats: u64,
    /// Answers for single keys; none if the target was not asked for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single: Option<SingleKeys>,
    /// True if the rows came to rest: nothing in question moved any more, and the last whole look
    /// was between two equal readings of the counters, or showed the same as a whole look before.
    pub listing_rested: bool,
    /// True if the counters came to rest: all readings for the quiet time were equal.
    pub counters_rested: bool,
    /// Number of different states in the readings of the counters.
    pub counter_states: u32,
    /// True if a state of the counters came again after another state: several instances answer, or
    /// a cache.
    pub counters_went_back: bool,
    /// Time for which nothing had moved when the looking ended.
    pub quiet_ms: u64,
    /// Time for which nothing was to move, as promised or by `--settle`.
    pub quiet_wanted_ms: u64,
    /// Time that the observation took.
    pub waited_ms: u64,
    /// Longest time until a key appeared that a look before did not show; none if none did.
    pub lag_ms: Option<u64>,
    /// True if a look showed fewer keys than a whole look before it by the same route.
    pub shrank: bool,
    /// True if a topic that was asked for by itself showed a key that the whole looks before and
    /// after did not show.
    pub more_by_topic: bool,
    /// True if the rows of a whole look were those of an earlier one, and not those of the look
    /// between the two.
    pub went_back: bool,
    /// Largest `Age` header of the responses, in seconds; none if no response had one.
    pub http_age: Option<u64>,
    /// Failure of a read of a listing that drains: the rows of its response may be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_read: Option<String>,
    /// True if pages were as long as was asked for, false if one was longer; none if the length
    /// cannot be asked for, or no page was that long.
    pub limit_heeded: Option<bool>,
}

/// Answers of a target that was asked for single keys.
///
/// Keys that a look showed are asked for too. A target that does not find them says nothing of the
/// others.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SingleKeys {
    /// Acknowledged keys that no look showed, and that are stored after all.
    pub found: Vec<u64>,
    /// Acknowledged keys that no look showed, and that are not stored.
    pub absent: Vec<u64>,
    /// Keys that a look showed, and that are stored.
    pub known: Vec<u64>,
    /// Keys that a look showed, and that are not stored if asked for by themselves.
    pub denied: Vec<u64>,
    /// Reason why some keys were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

impl SingleKeys {
    /// True if the answers can be relied on: every key that a look showed was found.
    pub fn are_sound(&self) -> bool {
        self.denied.is_empty() && !self.known.is_empty()
    }
}

/// One reading of the target's rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Look {
    /// Way by which the rows were read.
    pub route: Route,
    /// Rows that were asked for.
    pub asked: Asked,
    /// Number of rows to a page that was asked for; none if it cannot be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Beginning.
    pub from_ms: u64,
    /// End.
    pub to_ms: u64,
    /// Number of rows.
    pub rows: u64,
    /// Number of different keys of the run.
    pub keys: u64,
    /// Rows of the run's keys.
    pub ours: SetSum,
    /// Rows of other runs or writers.
    pub foreign: SetSum,
    /// Number of pages.
    pub pages: u64,
    /// Reason why the reading ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Look {
    /// True if the look was of all rows, and was read to its end.
    pub fn is_whole(&self) -> bool {
        self.asked == Asked::All && self.error.is_none()
    }
}

/// Rows that a look asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// All rows.
    All,
    /// The topics of the plan, one after the other, of a target that also lists all at once.
    EachTopic,
    /// One topic.
    Topic(String),
}

/// Looks at one acknowledged key that some look did not show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyHistory {
    /// Ordinal of the key.
    pub ordinal: u64,
    /// First look that showed it.
    pub first_seen_ms: Option<u64>,
    /// Last look that showed it.
    pub last_seen_ms: Option<u64>,
    /// First look that did not show it.
    pub first_missed_ms: Option<u64>,
    /// Last look that did not show it.
    pub last_missed_ms: Option<u64>,
    /// True if looks at its topic showed it, and no look at all rows.
    pub by_topic_only: bool,
    /// True if the last look at all rows did not show it, and the last one in other pages or at its
    /// topic did.
    pub left_out: bool,
    /// Number of times that it came or went between looks that asked the same question: the largest
    /// number of any question.
    pub changes: u32,
}

impl KeyHistory {
    /// True if the last look that asked for the key showed it.
    pub fn is_seen_at_last(&self) -> bool {
        self.last_seen_ms > self.last_missed_ms
    }

    /// True if the answer depended on the question, and never changed.
    pub fn is_skipped(&self) -> bool {
        self.changes == 0 && self.first_seen_ms.is_some() && self.first_missed_ms.is_some()
    }

    /// True if the key came and went: that is the view's doing, not the store's.
    pub fn flickers(&self) -> bool {
        self.changes >= 2
    }
}

/// Looks at one key that some look showed more than once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CopyHistory {
    /// Ordinal of the key.
    pub ordinal: u64,
    /// First look with copies.
    pub first_ms: u64,
    /// Last look with copies.
    pub last_ms: u64,
    /// Number of looks with copies.
    pub looks: u32,
    /// Number of looks in which two copies stood within one page, or in the database.
    pub within: u32,
    /// Number of looks in which copies stood on neighbouring pages alone.
    pub border_only: u32,
    /// Page sizes of the looks in which two copies stood within one page.
    pub within_limits: Vec<u32>,
    /// Number of looks of the same rows, after the first with copies, that showed the key once or
    /// not at all.
    pub looks_without: u32,
}

impl CopyHistory {
    /// True if copies were there and then were not, in any look that would have shown them.
    pub fn vanished(&self) -> bool {
        self.looks_without > 0
    }
}

impl Looks {
    /// Adds a look. Of very many, those in the middle are left out.
    pub fn push(&mut self, look: Look) {
        if self.looks.len() >= MOST_LOOKS {
            self.looks.remove(MOST_LOOKS / 2);
            self.looks_left_out += 1;
        }
        self.looks.push(look);
    }

    /// Returns the history of an acknowledged key that some look did not show.
    pub fn missing(&self, ordinal: u64) -> Option<&KeyHistory> {
        let nth = self.missing.binary_search_by_key(&ordinal, |history| history.ordinal).ok()?;
        self.missing.get(nth)
    }

    /// Returns the history of a key that some look showed more than once.
    pub fn copies(&self, ordinal: u64) -> Option<&CopyHistory> {
        let nth = self.copies.binary_search_by_key(&ordinal, |history| history.ordinal).ok()?;
        self.copies.get(nth)
    }

    /// True if the key was shown, and then by no look.
    pub fn is_gone(&self, ordinal: u64) -> bool {
        self.gone.binary_search(&ordinal).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(from_ms: u64) -> Look {
        Look {
            route: Route::Api,
            asked: Asked::Topic("auth".to_owned()),
            limit: None,
            from_ms,
            to_ms: from_ms + 1,
            rows: 0,
            keys: 0,
            ours: SetSum::default(),
            foreign: SetSum::default(),
            pages: 1,
            error: None,
        }
    }

    #[test]
    fn the_first_and_the_last_looks_are_kept() {
        let mut looks = Looks::default();
        (0..MOST_LOOKS as u64 + 7).for_each(|nth| looks.push(look(nth)));
        assert_eq!((looks.looks.len(), looks.looks_left_out), (MOST_LOOKS, 7));
        assert_eq!(looks.looks[MOST_LOOKS / 2 - 1].from_ms, MOST_LOOKS as u64 / 2 - 1);
        assert_eq!(looks.looks[MOST_LOOKS - 1].from_ms, MOST_LOOKS as u64 + 6);
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_one_with_fewer_members_too() {
        let mut looks = Looks { schema_version: 1, lag_ms: Some(3), ..Looks::default() };
        looks.push(look(1));
        let text = serde_json::to_string(&looks).unwrap();
        assert_eq!(serde_json::from_str::<Looks>(&text).unwrap(), looks);
        assert_eq!(serde_json::from_str::<Looks>("{}").unwrap(), Looks::default());
    }
}
