//! Looks at a target, repeated until one of them counts.

use std::time::{Duration, Instant};

use reader::client::ReadError;
use reader::database::DatabaseReader;
use truth::chain::chain;
use truth::observed::Behind;
use truth::observed::counters::Counters;
use truth::observed::rows::Equality;
use truth::target::Paging;

use super::lister::Lister;
use super::look::{Look, Stored};

/// Most listings of one look, each repeated because the target moved meanwhile.
const BRACKETS: u32 = 5;

/// Pause between two looks for keys that are not listed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Longest time to read a database: a hundred million rows take a few minutes.
const READ_WITHIN: Duration = Duration::from_secs(600);

/// Least number of looks that confirm a finding, however long each takes.
const LOOKS: u32 = 2;

/// Look that counts, or the last one that did not.
pub(super) struct Read<'e> {
    pub(super) look: Look<'e>,
    /// True if nothing moved during the look.
    pub(super) bracketed: bool,
    /// Number of listings of the look.
    pub(super) brackets: u32,
    /// Reason why missing keys may still appear.
    pub(super) behind: Option<Behind>,
}

/// Observer of one target, by its listing and its database.
pub(super) struct Observer<'a, 'e> {
    pub(super) lister: Lister<'a, 'e>,
    pub(super) deadline: Instant,
    /// Acknowledged keys that the first listing did not show.
    pub(super) missing_at_first: Option<u64>,
}

impl<'e> Observer<'_, 'e> {
    /// Looks until nothing moved during the look, no acknowledged key is missing, and listing and
    /// database agree; or until the deadline.
    ///
    /// Missing or different keys are a finding once their number no longer decreases. With a
    /// deadline of 10 s, suppose that 8 keys are missing at 0 s, 3 at 6 s and 3 at the end. The
    /// last improvement was after 6 s, and only 4 s have passed since: the target is catching up,
    /// and the 3 keys are not lost yet. If the improvement had come after 2 s, they would be: 8 s
    /// without a change are longer than the 2 s of change.
    pub(super) async fn read(&mut self, stats: &mut Option<Counters>) -> Result<Read<'e>, ReadError> {
        let begun = Instant::now();
        // Keys that were missing or different at the look before, and the time of the last
        // decrease.
        let mut before = 0;
        let mut improved = Duration::ZERO;
        for looks in 1.. {
            let mut read = self.bracketed(stats).await?;
            let missing = self.missing(&read.look);
            self.missing_at_first.get_or_insert(missing);
            let apart = read.look.apart(self.lister.keys, self.lister.wanted.promises.window);
            let amiss = missing + apart.map_or(0, |apart| apart.keys);
            let looked = begun.elapsed();
            if amiss < before {
                improved = looked;
            }
            before = amiss;
            let is_late = Instant::now() >= self.deadline && looks >= LOOKS;
            if amiss == 0 || !read.bracketed || is_late {
                // The number has to stay the same for as long as it decreased before.
                let is_catching_up = looked - improved < improved;
                read.behind = match amiss {
                    0 => None,
                    _ if read.look.is_of_replica() => Some(Behind::Replica),
                    _ => is_catching_up.then_some(Behind::CatchingUp),
                };
                return Ok(read);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        unreachable!("the loop above ends after the deadline")
    }

    /// Looks between two equal readings of the counters. Gives up after `BRACKETS` looks.
    async fn bracketed(&self, stats: &mut Option<Counters>) -> Result<Read<'e>, ReadError> {
        let client = self.lister.client;
        for bracket in 1.. {
            let look = self.look(stats.as_ref()).await?;
            let bracketed = match stats {
                Some(before) if !self.ignores_counters() => {
                    let after = client.stats().await?;
                    std::mem::replace(before, after.clone()).stands_as(&after)
                }
                // Without counters to compare, a second look has to show the same rows.
                _ => {
                    let again = self.look(stats.as_ref()).await?;
                    if let Some(counters) = stats {
                        *counters = client.stats().await?;
                    }
                    again.shows_the_same(&look, self.lister.wanted.promises.shared)
                }
            };
            if bracketed || bracket == BRACKETS {
                return Ok(Read { look, bracketed, brackets: bracket, behind: None });
            }
        }
        unreachable!("the loop above ends at the last bracket")
    }

    /// Looks once, in the listing and in the database. A database that cannot be read leaves the
    /// listing as it is.
    pub(super) async fn look(&self, stats: Option<&Counters>) -> Result<Look<'e>, ReadError> {
        let offers_listing = self.lister.client.offers_listing();
        let listed = if offers_listing { Some(self.lister.list(stats).await?) } else { None };
        let stored = match self.lister.wanted.database {
            Some(database) => Some(self.ask(database).await),
            None => None,
        };
        Ok(Look { listed, stored })
    }

    /// Reads the database. The error is a text for people.
    async fn ask(&self, database: &DatabaseReader) -> Result<Stored<'e>, String> {
        let wanted = self.lister.wanted;
        let mut tally = self.lister.blank(Equality::in_columns(wanted.promises));
        let read = database.rows_into(&mut tally, READ_WITHIN).await;
        let is_replica = read.map_err(|error| chain(&error))?;
        let acked = wanted.tally.keys.iter().any(|(_, state)| state.acked() > 0);
        Stored { tally, is_replica }.understood(acked)
    }

    /// True if counters that move say nothing, because others write to the target too. With offsets
    /// it is false: the rows of others shift the pages, so such a listing counts only if nothing
    /// moved at all.
    fn ignores_counters(&self) -> bool {
        let shared = self.lister.wanted.promises.shared;
        shared && self.lister.client.target().listing.paging != Paging::Offset
    }

    /// Number of acknowledged keys that neither the listing nor the database shows, as far as a
    /// look can tell.
    fn missing(&self, look: &Look<'_>) -> u64 {
        let Some((tally, extent)) = look.decisive() else { return 0 };
        let keys = self.lister.acked_absent_from(tally, extent);
        keys.filter(|ordinal| look.beside().is_none_or(|beside| beside.presence.seen(*ordinal) == 0)).count()
            as u64
    }
}
