//! One look at what a target stored, by each way to it, and how the ways compare.

use crate::observed::{Apart, ApartKey, Route};
use crate::rows::RowTally;

/// How many keys that are told apart are kept.
const EXAMPLES: usize = 8;

/// How far a listing reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// All there is.
    Whole,
    /// There is reason to think that rows are held back, nobody knows of which topics.
    Capped,
    /// These topics reached the declared cap. That shows the cap to be as declared, so the others are whole.
    CutOff(Vec<String>),
}

impl Extent {
    pub(super) fn of(capped: bool) -> Self {
        if capped { Self::Capped } else { Self::Whole }
    }

    pub(super) fn into_capped(self) -> (bool, Vec<String>) {
        match self {
            Self::Whole => (false, Vec::new()),
            Self::Capped => (true, Vec::new()),
            Self::CutOff(topics) => (true, topics),
        }
    }
}

/// What the target itself shows.
pub(super) struct Listed<'e> {
    pub(super) tally: RowTally<'e>,
    pub(super) pages: u64,
    pub(super) extent: Extent,
}

/// What each way showed.
pub(super) struct Look<'e> {
    /// The target's own listing, if it has one.
    pub(super) listed: Option<Listed<'e>>,
    /// The database, if the scenario says how to ask it, or why it could not be read.
    pub(super) stored: Option<Result<RowTally<'e>, String>>,
}

impl<'e> Look<'e> {
    /// The way that tells whether a key is there: the target's own, unless only the database shows all.
    pub(super) fn route(&self) -> Route {
        match (&self.listed, &self.stored) {
            (Some(Listed { extent: Extent::Whole, .. }), _) => Route::Api,
            (_, Some(Ok(_))) => Route::Database,
            (_, Some(Err(_)) | None) => Route::Api,
        }
    }

    /// What that way shows.
    pub(super) fn tells(&self) -> Option<(&RowTally<'e>, &Extent)> {
        match self.route() {
            Route::Api => self.listed.as_ref().map(|listed| (&listed.tally, &listed.extent)),
            Route::Database => self.in_database().map(|tally| (tally, &Extent::Whole)),
        }
    }

    /// Of how many keys listing and database tell different things. What a listing holds back is no difference.
    pub(super) fn apart(&self, keys: u64) -> Option<Apart> {
        let (listed, stored) = (self.listed.as_ref()?, self.in_database()?);
        let is_whole = listed.extent == Extent::Whole;
        let mut apart = Apart { is_whole, listed: listed.tally.ours.count, keys: 0, examples: Vec::new() };
        for ordinal in 0..keys {
            let (listed, stored) = (listed.tally.presence.seen(ordinal), stored.presence.seen(ordinal));
            if listed > stored || (is_whole && listed < stored) {
                apart.keys += 1;
                if apart.examples.len() < EXAMPLES {
                    apart.examples.push(ApartKey { ordinal, listed, stored });
                }
            }
        }
        Some(apart)
    }

    /// Whether another look saw the same rows; those of others may differ where others write.
    pub(super) fn shows_the_same(&self, other: &Self, shared: bool) -> bool {
        let same = |one: Option<&RowTally<'_>>, other: Option<&RowTally<'_>>| match (one, other) {
            (Some(one), Some(other)) => one.ours == other.ours && (shared || one.foreign == other.foreign),
            (one, other) => one.is_none() && other.is_none(),
        };
        same(self.in_listing(), other.in_listing()) && same(self.in_database(), other.in_database())
    }

    fn in_listing(&self) -> Option<&RowTally<'e>> {
        self.listed.as_ref().map(|listed| &listed.tally)
    }

    fn in_database(&self) -> Option<&RowTally<'e>> {
        self.stored.as_ref().and_then(|stored| stored.as_ref().ok())
    }
}
