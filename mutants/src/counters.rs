//! Counters of `/stats`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) unique: u64,
    pub(crate) duplicates: u64,
}

impl Counters {
    pub(crate) fn of(results: &[bool]) -> Self {
        let unique = results.iter().filter(|is_new| **is_new).count() as u64;
        let received = results.len() as u64;
        Self { received, unique, duplicates: received - unique }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            unique: self.unique + other.unique,
            duplicates: self.duplicates + other.duplicates,
        }
    }
}
