//! Contents of `sentinels.json`: how soon a target showed the sentinels that `verify` sent.

use serde::{Deserialize, Serialize};

/// Most examples of keys that fell out.
pub const FALLEN_EXAMPLES: usize = 8;

/// One sentinel. Times are in milliseconds since the first of them was sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SentSentinel {
    /// Ordinal, behind those of the plan.
    pub ordinal: u64,
    /// Topic that it was sent under.
    pub topic: String,
    /// Time at which its request began.
    pub sent_ms: u64,
    /// Time of the acknowledgement; none without one.
    pub acked_ms: Option<u64>,
    /// Time by which a look had shown it; none if no look did.
    pub seen_ms: Option<u64>,
}

/// Sentinels of one invocation of `verify`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sentinels {
    /// Version of this file.
    pub schema_version: u32,
    /// Sentinels, in the order of their ordinals' numbers.
    pub sent: Vec<SentSentinel>,
    /// Number of looks that were made to find them.
    pub looks: u32,
    /// Time from the first request to the last of these looks.
    pub looked_ms: u64,
    /// Number of keys that were shown before the sentinels were sent, and are shown no longer.
    pub fallen_out: u64,
    /// The first of these keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallen_out_keys: Vec<u64>,
}

impl Sentinels {
    /// True if each sentinel that was acknowledged was seen, and there is one.
    pub fn all_seen(&self) -> bool {
        let mut acked = self.sent.iter().filter(|sentinel| sentinel.acked_ms.is_some()).peekable();
        acked.peek().is_some() && acked.all(|sentinel| sentinel.seen_ms.is_some())
    }

    /// Returns the longest time from an acknowledgement to the look that showed the sentinel, of
    /// those that were seen.
    pub fn slowest_ms(&self) -> Option<u64> {
        let lag = |sentinel: &SentSentinel| Some(sentinel.seen_ms?.saturating_sub(sentinel.acked_ms?));
        self.sent.iter().filter_map(lag).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentinels(times: &[(Option<u64>, Option<u64>)]) -> Sentinels {
        let sentinel = |(acked_ms, seen_ms): &(Option<u64>, Option<u64>)| SentSentinel {
            ordinal: 1 << 31,
            topic: "a".to_owned(),
            sent_ms: 0,
            acked_ms: *acked_ms,
            seen_ms: *seen_ms,
        };
        let sent = times.iter().map(sentinel).collect();
        Sentinels {
            schema_version: 1,
            sent,
            looks: 1,
            looked_ms: 1,
            fallen_out: 0,
            fallen_out_keys: Vec::new(),
        }
    }

    #[test]
    fn only_acknowledged_sentinels_have_to_be_seen() {
        assert!(sentinels(&[(Some(1), Some(4)), (None, None)]).all_seen());
        assert!(!sentinels(&[(Some(1), Some(4)), (Some(1), None)]).all_seen());
        assert!(!sentinels(&[(None, None)]).all_seen(), "none was acknowledged");
    }

    #[test]
    fn the_lag_is_the_longest_one_from_answer_to_look() {
        assert_eq!(
            sentinels(&[(Some(1), Some(4)), (Some(2), Some(9)), (Some(3), None)]).slowest_ms(),
            Some(7)
        );
        assert_eq!(sentinels(&[(Some(3), None)]).slowest_ms(), None);
    }
}
