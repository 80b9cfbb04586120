//! Presence of keys in a listing, in two bits a key.

use crate::plan::variant::Side;

/// Number of times that each key was listed: two bits a key, and 3 stands for more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    keys: u64,
    bits: Vec<u8>,
}

impl Presence {
    /// Returns a presence in which no key was seen.
    pub fn new(keys: u64) -> Self {
        let bytes = usize::try_from(keys.div_ceil(4)).expect("keys fit in memory");
        Self { keys, bits: vec![0; bytes] }
    }

    /// Returns the presence that these bytes hold; none if their number is not that of so many
    /// keys.
    pub fn from_bytes(keys: u64, bits: Vec<u8>) -> Option<Self> {
        (bits.len() as u64 == keys.div_ceil(4)).then_some(Self { keys, bits })
    }

    /// Returns the bytes: two bits a key, four keys a byte, the first key in the lowest bits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Returns the number of keys that there can be.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Returns the number of times that a key was seen: 0 to 3.
    pub fn seen(&self, ordinal: u64) -> u8 {
        (self.bits[(ordinal / 4) as usize] >> (2 * (ordinal % 4))) & 3
    }

    /// Returns the number of keys that were seen.
    pub fn shown(&self) -> u64 {
        let seen = |byte: &u8| u64::from(((byte | (byte >> 1)) & 0b0101_0101).count_ones());
        self.bits.iter().map(seen).sum()
    }

    /// True if the same keys were seen, however often.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        let seen = |byte: &u8| (byte | (byte >> 1)) & 0b0101_0101;
        self.bits.iter().map(seen).eq(other.bits.iter().map(seen))
    }

    /// Takes the keys that this way did not show from another way.
    pub fn fill(&mut self, other: &Self) {
        for ordinal in (0..self.keys).filter(|ordinal| other.seen(*ordinal) > 0) {
            if self.seen(ordinal) == 0 {
                self.bits[(ordinal / 4) as usize] |= other.seen(ordinal) << (2 * (ordinal % 4));
            }
        }
    }

    /// Counts one sight of a key.
    pub fn note(&mut self, ordinal: u64) {
        let seen = self.seen(ordinal);
        if seen < 3 {
            self.bits[(ordinal / 4) as usize] += 1 << (2 * (ordinal % 4));
        }
    }
}

/// Payload that was listed for each key, where keys have two: two bits a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Winners(Presence);

impl Winners {
    /// Returns winners in which no key was seen.
    pub fn new(keys: u64) -> Self {
        Self(Presence::new(keys))
    }

    /// Returns the winners that a file holds.
    pub fn from_presence(presence: Presence) -> Self {
        Self(presence)
    }

    /// Returns the form in which a file holds them: 1 for the plain payload, 2 for the other.
    pub fn as_presence(&self) -> &Presence {
        &self.0
    }

    /// Takes the keys that this way did not show from another way.
    pub fn fill(&mut self, other: &Self) {
        self.0.fill(&other.0);
    }

    pub(super) fn note(&mut self, ordinal: u64, side: Side) {
        for _ in 0..=side as usize {
            self.0.note(ordinal);
        }
    }

    /// Returns the payload of a key that was listed once.
    pub fn side(&self, ordinal: u64) -> Option<Side> {
        match self.0.seen(ordinal) {
            1 => Some(Side::Plain),
            2 => Some(Side::Other),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_seen_are_counted_once_each() {
        let mut presence = Presence::new(9);
        for (ordinal, times) in [(0, 1), (3, 2), (4, 3), (8, 5)] {
            (0..times).for_each(|_| presence.note(ordinal));
        }
        assert_eq!((presence.shown(), presence.seen(8), presence.seen(1)), (4, 3, 0));
    }
}
