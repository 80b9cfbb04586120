//! Sight of what a target stored, in its listing and in its database, and the comparison of both.

use std::time::Duration;

use reader::listing::Paged;
use truth::observed::counters::Counters;
use truth::observed::presence::Presence;
use truth::observed::rows::contents::ContentTally;
use truth::observed::rows::{Anomaly, AnomalyClass, CONTENTS, RowTally};
use truth::observed::{Apart, ApartKey, Route};

/// Most examples of keys on which listing and database differ.
const EXAMPLES: usize = 8;

/// Rows of the target's listing.
pub(super) struct Listed<'e> {
    pub(super) tally: RowTally<'e>,
    /// Course of the listing.
    pub(super) paged: Paged,
    /// Number of rows to a page that was asked for.
    pub(super) limit: u32,
    /// Keys that other looks at the same time showed.
    pub(super) besides: Presence,
    /// True if all topics were listed, not only those of the plan.
    pub(super) all_topics: bool,
}

/// Rows of the database.
pub(super) struct Stored<'e> {
    pub(super) tally: RowTally<'e>,
    /// True if the database is a replica.
    pub(super) is_replica: bool,
}

impl Stored<'_> {
    /// Returns the rows, or an error if the query is probably wrong: not one row is of a run that
    /// was acknowledged, or a column has not one value that was sent.
    pub(super) fn understood(self, acked: bool) -> Result<Self, String> {
        let tally = &self.tally;
        if acked && tally.ours.count == 0 {
            return Err(format!(
                "none of its {} rows is of this run; database.query has to read the table that the target writes to, \
                 with topics and ids as they were sent",
                tally.rows
            ));
        }
        let contents = &tally.contents.each;
        let Some(column) = contents.iter().position(ContentTally::is_foreign) else { return Ok(self) };
        let is_of_it = |anomaly: &Anomaly| anomaly.class == AnomalyClass::PayloadChanged;
        let example =
            tally.anomalies().into_iter().find(is_of_it).map_or_else(String::new, |found| found.detail);
        Err(format!(
            "its column `{}` is not understood: not one of {} values was sent ({example}); convert the column in \
             database.query, or leave it out",
            CONTENTS[column],
            contents[column].compared()
        ))
    }
}

/// Rows of one look, by each route.
pub(super) struct Sight<'e> {
    /// Rows of the listing, if the target has one.
    pub(super) listed: Option<Listed<'e>>,
    /// Rows of the database if the scenario names one, or the reason why it could not be read.
    pub(super) stored: Option<Result<Stored<'e>, String>>,
    /// Counters before the look.
    pub(super) before: Option<Counters>,
    /// Time that the look took.
    pub(super) took: Duration,
}

impl<'e> Sight<'e> {
    /// Route that decides if a key is there: the listing, unless the database shows more keys.
    pub(super) fn route(&self) -> Route {
        let shown = |tally: Option<&RowTally<'_>>| tally.map(|tally| tally.presence.shown());
        if shown(self.in_database()) > shown(self.in_listing()) { Route::Database } else { Route::Api }
    }

    /// Rows of that route.
    pub(super) fn decisive(&self) -> Option<&RowTally<'e>> {
        match self.route() {
            Route::Api => self.in_listing(),
            Route::Database => self.in_database(),
        }
    }

    /// Rows of the other route.
    pub(super) fn beside(&self) -> Option<&RowTally<'e>> {
        match self.route() {
            Route::Api => self.in_database(),
            Route::Database => self.in_listing(),
        }
    }

    /// Compares listing and database, key by key. A key that the listing does not show is a
    /// difference only if the listing is promised to be complete. If the target forgets keys after
    /// a window, the number of rows of a key is not compared: a table may keep only the last.
    pub(super) fn apart(&self, keys: u64, window: Option<Duration>, is_complete: bool) -> Option<Apart> {
        let listed = self.listed.as_ref()?;
        let stored = self.in_database()?;
        let mut apart =
            Apart { is_whole: is_complete, listed: listed.tally.ours.count, keys: 0, examples: Vec::new() };
        let times = |seen: u8| if window.is_some() { seen.min(1) } else { seen };
        // Rows on different pages may be one row, which the listing repeats.
        let is_repeated =
            |ordinal: u64| listed.tally.copies.keys.get(&ordinal).is_some_and(|places| !places.within);
        for ordinal in 0..keys {
            let seen = listed.tally.presence.seen(ordinal);
            let in_listing = if is_repeated(ordinal) { 1 } else { times(seen) };
            let in_database = times(stored.presence.seen(ordinal));
            let payloads = in_listing == 1 && in_database == 1 && listed.tally.holds_other(stored, ordinal);
            if in_listing > in_database || (is_complete && in_listing < in_database) || payloads {
                apart.keys += 1;
                if apart.examples.len() < EXAMPLES {
                    let key = ApartKey { ordinal, listed: in_listing, stored: in_database, payloads };
                    apart.examples.push(key);
                }
            }
        }
        Some(apart)
    }

    /// True if another look, at the listing or beside the decisive route, showed the key.
    pub(super) fn is_shown_besides(&self, ordinal: u64) -> bool {
        let besides = self.listed.as_ref().is_some_and(|listed| listed.besides.seen(ordinal) > 0);
        besides || self.beside().is_some_and(|beside| beside.presence.seen(ordinal) > 0)
    }

    /// True if the database is a replica.
    pub(super) fn is_of_replica(&self) -> bool {
        matches!(&self.stored, Some(Ok(Stored { is_replica: true, .. })))
    }

    /// True if another look saw the same events of this run. Rows of others may differ, and what a
    /// listing repeats on another page.
    pub(super) fn shows_the_same(&self, other: &Self) -> bool {
        let same = |one: Option<&RowTally<'_>>, other: Option<&RowTally<'_>>| match (one, other) {
            (Some(one), Some(other)) => one.shows_the_same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same(self.in_listing(), other.in_listing()) && same(self.in_database(), other.in_database())
    }

    fn in_listing(&self) -> Option<&RowTally<'e>> {
        self.listed.as_ref().map(|listed| &listed.tally)
    }

    fn in_database(&self) -> Option<&RowTally<'e>> {
        self.stored.as_ref().and_then(|stored| stored.as_ref().ok()).map(|stored| &stored.tally)
    }
}
