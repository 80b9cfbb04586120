//! Names that a store gives to its rows. Two rows of one name are one row that is shown twice.
//!
//! Of each key the name of its first row is kept, in four bytes, and the names of further rows of
//! some keys. For example, a key is listed as rows `a`, `b` and `a` again: `b` is another row of the
//! key, and the third is the first again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::copies::MOST_COPIES;

/// Most rows of other writers whose names are kept.
const MOST_OTHERS: usize = 1 << 20;

/// Names of the rows that were shown.
#[derive(Clone, Debug, Default)]
pub(super) struct RowNames {
    /// Hash of the name of each key's first row; 0 for a key without a row.
    first: Vec<u32>,
    /// Hashes of the names of further rows.
    further: BTreeMap<u64, BTreeSet<u32>>,
    /// Hashes of the names of rows that are not of the plan's keys.
    others: HashSet<u64>,
}

impl RowNames {
    /// Notes the name of a row of a key. Returns true if the key has a row of this name already.
    pub(super) fn is_known(&mut self, keys: u64, ordinal: u64, name: &str) -> bool {
        if self.first.is_empty() {
            self.first = vec![0; usize::try_from(keys).expect("keys fit in memory")];
        }
        // The upper half, so that it is no part of the sums; 0 stands for no row.
        let hash = ((hash(&[name]) >> 32) as u32).max(1);
        let first = &mut self.first[ordinal as usize];
        if *first == 0 {
            *first = hash;
            return false;
        }
        if *first == hash {
            return true;
        }
        let has_room = self.further.len() < MOST_COPIES || self.further.contains_key(&ordinal);
        has_room && !self.further.entry(ordinal).or_default().insert(hash)
    }

    /// Notes the name of any other row. Returns true if there is a row of this key and name already.
    pub(super) fn is_known_besides(&mut self, topic: &str, event_id: &str, name: &str) -> bool {
        let hash = hash(&[topic, event_id, name]);
        match self.others.len() < MOST_OTHERS {
            true => !self.others.insert(hash),
            false => self.others.contains(&hash),
        }
    }
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(part.as_bytes());
        // No UTF-8 has this byte.
        hasher.write(&[0xff]);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_known_by_its_key_and_its_name() {
        let mut names = RowNames::default();
        let mut shown = |ordinal: u64, name: &str| names.is_known(10, ordinal, name);
        assert_eq!(
            [shown(3, "a"), shown(3, "b"), shown(3, "a"), shown(3, "b"), shown(4, "a")],
            [false, false, true, true, false]
        );
        assert!(!names.is_known_besides("t", "i", "a"));
        assert!(names.is_known_besides("t", "i", "a"));
        assert!(!names.is_known_besides("t", "i", "b"));
    }
}
