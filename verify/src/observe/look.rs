//! One look at what a target stored, by each way to it, and how the ways compare.

use std::time::Duration;

use truth::observed::rows::{Anomaly, AnomalyClass, CONTENTS, ContentTally, RowTally};
use truth::observed::{Apart, ApartKey, Route};

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

    /// Some of the keys that a listing shows which holds back others, in its order.
    pub(super) fn sample(&self, tally: &RowTally<'_>) -> Vec<u64> {
        if *self == Self::Capped { tally.sample.keys() } else { Vec::new() }
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
    /// Whether all topics were listed, not only the plan's.
    pub(super) all_topics: bool,
}

/// What its database holds.
pub(super) struct Stored<'e> {
    pub(super) tally: RowTally<'e>,
    /// Whether it follows another one that is written to.
    pub(super) is_replica: bool,
}

impl Stored<'_> {
    /// The same, unless it looks as if the question, not the store, were at fault: a database without a single row of a
    /// run that was acknowledged, or a column of which no value is what was sent.
    pub(super) fn understood(self, acked: bool) -> Result<Self, String> {
        let tally = &self.tally;
        if acked && tally.ours.count == 0 {
            return Err(format!(
                "none of its {} rows is of this run: does database.query ask for the table that the target writes to, and \
                 for topics and ids as they were sent?",
                tally.rows
            ));
        }
        let is_foreign = |content: &ContentTally| content.compared > 0 && content.changed == content.compared;
        let Some(column) = tally.contents.iter().position(is_foreign) else { return Ok(self) };
        let is_of_it = |anomaly: &&Anomaly| anomaly.class == AnomalyClass::PayloadChanged;
        let example = tally.anomalies.iter().find(is_of_it).map_or("", |anomaly| anomaly.detail.as_str());
        let name = CONTENTS[column];
        Err(format!(
            "its column `{name}` is not understood: not one of {} values is what was sent ({example}); convert it in \
             database.query, or leave it out",
            tally.contents[column].compared
        ))
    }
}

/// What each way showed.
pub(super) struct Look<'e> {
    /// The target's own listing, if it has one.
    pub(super) listed: Option<Listed<'e>>,
    /// The database, if the scenario says how to ask it, or why it could not be read.
    pub(super) stored: Option<Result<Stored<'e>, String>>,
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

    /// What the other way shows.
    pub(super) fn beside(&self) -> Option<&RowTally<'e>> {
        match self.route() {
            Route::Api => self.in_database(),
            Route::Database => self.in_listing(),
        }
    }

    /// Of how many keys listing and database tell different things. What a listing holds back is no difference. Where keys
    /// are forgotten after a window, how often one is stored is the store's own affair: a table may keep the last alone.
    pub(super) fn apart(&self, keys: u64, window: Option<Duration>) -> Option<Apart> {
        let (listed, stored) = (self.listed.as_ref()?, self.in_database()?);
        let is_whole = listed.extent == Extent::Whole;
        let mut apart = Apart { is_whole, listed: listed.tally.ours.count, keys: 0, examples: Vec::new() };
        let times = |seen: u8| if window.is_some() { seen.min(1) } else { seen };
        for ordinal in 0..keys {
            let (in_listing, in_database) =
                (times(listed.tally.presence.seen(ordinal)), times(stored.presence.seen(ordinal)));
            let payloads = in_listing == 1 && in_database == 1 && listed.tally.holds_other(stored, ordinal);
            if in_listing > in_database || (is_whole && in_listing < in_database) || payloads {
                apart.keys += 1;
                if apart.examples.len() < EXAMPLES {
                    let key = ApartKey { ordinal, listed: in_listing, stored: in_database, payloads };
                    apart.examples.push(key);
                }
            }
        }
        Some(apart)
    }

    /// Whether the database follows another one.
    pub(super) fn is_of_replica(&self) -> bool {
        matches!(&self.stored, Some(Ok(Stored { is_replica: true, .. })))
    }

    /// Whether another look saw the same rows; those of others may differ where others write, and in a database they may
    /// at any time.
    pub(super) fn shows_the_same(&self, other: &Self, shared: bool) -> bool {
        let same = |one: Option<&RowTally<'_>>, other: Option<&RowTally<'_>>, shared: bool| match (one, other)
        {
            (Some(one), Some(other)) => one.ours == other.ours && (shared || one.foreign == other.foreign),
            (one, other) => one.is_none() && other.is_none(),
        };
        same(self.in_listing(), other.in_listing(), shared)
            && same(self.in_database(), other.in_database(), true)
    }

    fn in_listing(&self) -> Option<&RowTally<'e>> {
        self.listed.as_ref().map(|listed| &listed.tally)
    }

    fn in_database(&self) -> Option<&RowTally<'e>> {
        self.stored.as_ref().and_then(|stored| stored.as_ref().ok()).map(|stored| &stored.tally)
    }
}
