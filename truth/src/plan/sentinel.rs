//! Sentinels: events of a run's own that `verify` sends after it, to learn how the target shows
//! what it has just acknowledged.
//!
//! Their ordinals are reserved. A plan has at most 2^31 keys, and sentinel j of shard s in
//! invocation v has the ordinal 2^32 - 1 - ((1,024 v + s) 512 + j). No two sentinels of a run share
//! one, and none is a key of the plan.
//!
//! For example, the first sentinel that shard 1 sends is number 0 of shard 0 in invocation 0, and
//! has the ordinal 4,294,967,295. In the next invocation of `verify` it is 4,294,443,007.
//!
//! Sentinel j stands under topic j modulo the number of topics. With more than 64 topics, only
//! topics in question get sentinels, and the bits above the lower 32 name the topic.

/// Most keys of a plan.
pub const MAX_KEYS: u64 = 1 << 31;

/// Most topics that all get sentinels.
pub const ALL_TOPICS: usize = 64;

/// Number of sentinels of one invocation, at least.
const FEWEST: usize = 24;

/// Number of sentinels in each topic.
const IN_EACH_TOPIC: usize = 8;

/// Numbers of one invocation and shard.
const NUMBERS: u64 = 512;

/// Shards that can send sentinels.
const SHARDS: u64 = 1_024;

/// Invocations that can send sentinels.
const INVOCATIONS: u64 = (1 << 31) / (NUMBERS * SHARDS);

const LOWER: u64 = u32::MAX as u64;

/// Sender of sentinels: one invocation of `verify`, on behalf of one shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sender {
    /// Number of the invocation among those of the shard, from 0.
    pub invocation: u64,
    /// Number of the shard, from 0.
    pub shard: u64,
}

impl Sender {
    /// Returns the sender of the sentinel with this ordinal.
    pub fn of(ordinal: u64) -> Self {
        let block = place(ordinal) / NUMBERS;
        Self { invocation: block / SHARDS, shard: block % SHARDS }
    }

    /// Returns the ordinals of its sentinels: eight for each topic, and 24 at least. With more than
    /// 64 topics, only the first 64 of those `in_question` get some. None if no ordinal is reserved
    /// for the sender, or no topic is in question.
    pub fn sentinels(self, topics: usize, in_question: &[usize]) -> Option<Vec<u64>> {
        let by_name: &[usize] =
            if topics > ALL_TOPICS { &in_question[..in_question.len().min(ALL_TOPICS)] } else { &[] };
        let served = if topics > ALL_TOPICS { by_name.len() } else { topics };
        let is_reserved = self.invocation < INVOCATIONS && self.shard < SHARDS;
        if !is_reserved || served == 0 {
            return None;
        }
        let number = FEWEST.max(IN_EACH_TOPIC * served);
        let first = (SHARDS * self.invocation + self.shard) * NUMBERS;
        let ordinal = |number: usize| {
            let named = by_name.get(number % served).map_or(0, |topic| (*topic as u64) << 32);
            named | (LOWER - (first + number as u64))
        };
        Some((0..number).map(ordinal).collect())
    }
}

/// True if an ordinal is reserved for a sentinel of a run with so many topics.
pub fn is_reserved(ordinal: u64, topics: usize) -> bool {
    let named = ordinal >> 32;
    let is_named = if topics > ALL_TOPICS { named < topics as u64 } else { named == 0 };
    ordinal & LOWER >= MAX_KEYS && is_named
}

/// Returns the place of a sentinel among all reserved ordinals.
pub(super) fn place(ordinal: u64) -> u64 {
    LOWER - (ordinal & LOWER)
}

/// Returns the place of a sentinel's topic among so many.
pub(super) fn topic_index(ordinal: u64, topics: usize) -> usize {
    let named = if topics > ALL_TOPICS { ordinal >> 32 } else { place(ordinal) % NUMBERS };
    (named % topics as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_senders_share_an_ordinal_and_none_is_a_key_of_a_plan() {
        let mut all = HashSet::new();
        let invocations = [0, 1, 2, 17, INVOCATIONS - 1];
        let shards = [0, 1, 511, 512, SHARDS - 1];
        for sender in invocations.iter().flat_map(|invocation| {
            shards.iter().map(|shard| Sender { invocation: *invocation, shard: *shard })
        }) {
            let sentinels = sender.sentinels(ALL_TOPICS, &[]).unwrap();
            assert_eq!(sentinels.len(), 512);
            for ordinal in sentinels {
                assert!((MAX_KEYS..1 << 32).contains(&ordinal), "{ordinal}");
                assert_eq!(Sender::of(ordinal), sender);
                assert!(is_reserved(ordinal, ALL_TOPICS) && all.insert(ordinal), "{ordinal}");
            }
        }
        let last = Sender { invocation: INVOCATIONS - 1, shard: SHARDS - 1 };
        assert_eq!(last.sentinels(64, &[]).unwrap().last(), Some(&MAX_KEYS), "the last one that is reserved");
    }

    #[test]
    fn a_sender_beyond_the_reserved_ordinals_has_no_sentinels() {
        assert_eq!(Sender { invocation: 0, shard: SHARDS }.sentinels(3, &[]), None);
        assert_eq!(Sender { invocation: INVOCATIONS, shard: 0 }.sentinels(3, &[]), None);
    }

    #[test]
    fn the_ordinals_are_those_that_are_documented() {
        let first = |invocation, shard| Sender { invocation, shard }.sentinels(3, &[]).unwrap()[0];
        assert_eq!((first(0, 0), first(1, 0)), (4_294_967_295, 4_294_443_007));
        assert_eq!(first(2, 3), (1 << 32) - 1 - ((1_024 * 2 + 3) * 512));
    }

    #[test]
    fn each_topic_gets_eight_and_all_together_24_at_least() {
        for (topics, sentinels) in [(1, 24), (2, 24), (3, 24), (5, 40), (64, 512)] {
            let sent = Sender { invocation: 3, shard: 1 }.sentinels(topics, &[]).unwrap();
            assert_eq!(sent.len(), sentinels);
            for topic in 0..topics {
                let count = sent.iter().filter(|ordinal| topic_index(**ordinal, topics) == topic).count();
                assert!(count >= 8, "{topics} {topic} {count}");
            }
        }
    }

    #[test]
    fn with_many_topics_those_in_question_get_sentinels() {
        let sender = Sender { invocation: 0, shard: 0 };
        assert_eq!(sender.sentinels(100_000, &[]), None);
        for in_question in [vec![99_999], vec![0, 7, 65_000, 99_999], (0..65).collect()] {
            let sent = sender.sentinels(100_000, &in_question).unwrap();
            assert_eq!(sent.len(), (8 * in_question.len()).clamp(24, 512));
            for topic in in_question.iter().take(64) {
                let count = sent.iter().filter(|ordinal| topic_index(**ordinal, 100_000) == *topic).count();
                assert!(count >= 8, "{topic}");
            }
            assert!(sent.iter().all(|ordinal| is_reserved(*ordinal, 100_000)));
            assert!(sent.iter().all(|ordinal| Sender::of(*ordinal) == sender));
        }
    }

    #[test]
    fn other_ordinals_are_not_reserved() {
        for ordinal in [0, MAX_KEYS - 1, 1 << 32, u64::MAX, (3 << 32) | LOWER] {
            assert!(!is_reserved(ordinal, 3), "{ordinal}");
        }
        assert!(!is_reserved((100 << 32) | LOWER, 100) && is_reserved((99 << 32) | LOWER, 100));
    }
}
