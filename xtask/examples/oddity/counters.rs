//! Counters of a store.

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) unique: u64,
    pub(crate) duplicates: u64,
}

impl Counters {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            unique: self.unique + other.unique,
            duplicates: self.duplicates + other.duplicates,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            received: self.received - other.received,
            unique: self.unique - other.unique,
            duplicates: self.duplicates - other.duplicates,
        }
    }
}
