//! Sums of sets of rows. Files keep them, so the hash is a named one: SipHash-1-3 with zero keys.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Number of rows and keyed sum of their hashes. Unlike in a XOR, a pair of equal rows does not
/// cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SetSum {
    /// Number of rows.
    pub count: u64,
    /// Sums of the hashes of all rows modulo 2^64, under two keys.
    pub sum: [u64; 2],
}

impl SetSum {
    /// Adds the row of a key.
    pub(super) fn add(&mut self, nonce: u64, topic: &str, event_id: &str) {
        self.count += 1;
        for (key, sum) in self.sum.iter_mut().enumerate() {
            let nonce = nonce.wrapping_add(key as u64);
            *sum = sum.wrapping_add(hash(SipHasher13::new(), nonce, topic, event_id));
        }
    }
}

fn hash(mut hasher: impl Hasher, nonce: u64, topic: &str, event_id: &str) -> u64 {
    // Little-endian on every machine, unlike `write_u64`.
    hasher.write(&nonce.to_le_bytes());
    hasher.write(topic.as_bytes());
    // No UTF-8 has this byte, so topic "ab" with id "c" differs from topic "a" with id "bc".
    hasher.write(&[0xff]);
    hasher.write(event_id.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    #[test]
    fn the_hash_is_the_one_that_older_folders_hold() {
        for length in 0..40 {
            let topic = "t".repeat(length);
            let event_id = "id".repeat(40 - length);
            for nonce in [0, 1, u64::MAX] {
                let old = hash(DefaultHasher::new(), nonce, &topic, &event_id);
                assert_eq!(hash(SipHasher13::new(), nonce, &topic, &event_id), old, "{length} {nonce}");
            }
        }
    }

    #[test]
    fn the_hash_stays_as_it_is() {
        let hashed = |nonce, topic, event_id| hash(SipHasher13::new(), nonce, topic, event_id);
        assert_eq!(hashed(0, "", ""), 9_445_931_171_247_383_011);
        assert_eq!(hashed(7, "payment", "a9-0000001"), 13_721_018_583_365_758_333);
        let mut set = SetSum::default();
        set.add(7, "payment", "a9-0000001");
        set.add(7, "auth", "a9-0000002");
        assert_eq!(set, SetSum { count: 2, sum: [14_540_515_151_406_531_221, 4_899_485_852_288_144_774] });
    }
}
