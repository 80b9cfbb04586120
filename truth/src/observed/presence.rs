//! Presence of keys in a listing, in two bits a key.

use crate::plan::variant::Side;

/// How often each key was listed: two bits a key, three standing for more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    keys: u64,
    bits: Vec<u8>,
}

impl Presence {
    /// No key was seen yet.
    pub fn new(keys: u64) -> Self {
        let bytes = usize::try_from(keys.div_ceil(4)).expect("keys fit in memory");
        Self { keys, bits: vec![0; bytes] }
    }

    /// A presence of so many keys in these bytes, if they are that many.
    pub fn from_bytes(keys: u64, bits: Vec<u8>) -> Option<Self> {
        (bits.len() as u64 == keys.div_ceil(4)).then_some(Self { keys, bits })
    }

    /// Two bits a key, four keys a byte, the first lowest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// How many keys there could be.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How often a key was seen: 0 to 3.
    pub fn seen(&self, ordinal: u64) -> u8 {
        (self.bits[(ordinal / 4) as usize] >> (2 * (ordinal % 4))) & 3
    }

    /// Takes over what another way showed of the keys that this one did not.
    pub fn fill(&mut self, other: &Self) {
        for ordinal in (0..self.keys).filter(|ordinal| other.seen(*ordinal) > 0) {
            if self.seen(ordinal) == 0 {
                self.bits[(ordinal / 4) as usize] |= other.seen(ordinal) << (2 * (ordinal % 4));
            }
        }
    }

    /// Notes that a key was seen.
    pub fn note(&mut self, ordinal: u64) {
        let seen = self.seen(ordinal);
        if seen < 3 {
            self.bits[(ordinal / 4) as usize] += 1 << (2 * (ordinal % 4));
        }
    }
}

/// Which of the two payloads of a key was listed, where keys have two: two bits a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Winners(Presence);

impl Winners {
    /// Nothing was seen yet.
    pub fn new(keys: u64) -> Self {
        Self(Presence::new(keys))
    }

    /// Those of a file.
    pub fn from_presence(presence: Presence) -> Self {
        Self(presence)
    }

    /// As a file holds them: once for the plain payload, twice for the other.
    pub fn as_presence(&self) -> &Presence {
        &self.0
    }

    /// Takes over what another way showed of the keys that this one did not.
    pub fn fill(&mut self, other: &Self) {
        self.0.fill(&other.0);
    }

    pub(super) fn note(&mut self, ordinal: u64, side: Side) {
        for _ in 0..=side as usize {
            self.0.note(ordinal);
        }
    }

    /// What a key that was listed once holds.
    pub fn side(&self, ordinal: u64) -> Option<Side> {
        match self.0.seen(ordinal) {
            1 => Some(Side::Plain),
            2 => Some(Side::Other),
            _ => None,
        }
    }
}
