//! Reading a target: the only part of `verify` that touches a network.
//!
//! Settle, then list between two equal readings of the counters, then look again for acknowledged keys that were not
//! listed: a finding is confirmed before it is a FAIL. Where the scenario says how, the database is read as well.

pub mod look;
pub mod settle;

use std::time::{Duration, Instant};

use judge::books::keys::KeyState;
use judge::books::region::Region;
use judge::books::tally::Tally;
use reader::client::{ReadError, TargetClient};
use reader::database::DatabaseReader;
use reader::listing::Paged;
use truth::chain::chain;
use truth::observed::counters::Counters;
use truth::observed::presence::Presence;
use truth::observed::rows::{Anomaly, AnomalyClass, Equality, RowTally};
use truth::observed::{
    Behind, DatabaseObservation, ListingObservation, Observed, Route, Settled, StatsObservation,
};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::baseline::Baseline;
use truth::scenario::promises::{Ack, Promises};
use truth::target::{ListedTopics, Paging};

use crate::observe::look::{Extent, Listed, Look, Stored};
use crate::observe::settle::{Expected, settle};

/// How often a listing is read again because the target moved meanwhile.
const BRACKETS: u32 = 5;

/// How long counters must not move, where nothing can still be under way.
const QUIET: Duration = Duration::from_millis(500);

/// How long to wait between two looks for keys that are not listed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How long a database may be read: a hundred million rows take a few minutes.
const READ_WITHIN: Duration = Duration::from_secs(600);

/// How many looks a finding needs at least, however long each takes.
const LOOKS: u32 = 2;

/// What an observation looks for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What was sent.
    pub plan: &'a Plan,
    /// What the target claims.
    pub promises: &'a Promises,
    /// What became of it.
    pub tally: &'a Tally,
    /// What the target said before.
    pub baseline: Option<&'a Baseline>,
    /// A second way to what it stored.
    pub database: Option<&'a DatabaseReader>,
    /// How long to wait for the target to come to rest.
    pub settle: Duration,
}

/// Observes a target. An error means that nothing at all could be read.
pub async fn observe(client: &TargetClient, wanted: &Wanted<'_>) -> Result<Observed, ReadError> {
    let started = Instant::now();
    // A target that may take its time is given it.
    let deadline = started + wanted.settle.max(wanted.promises.drain.unwrap_or_default());
    let (first, settled, unread) = settled(client, wanted, deadline).await?;
    let mut stats = StatsObservation {
        schema_version: 1,
        target: client.target().url.clone(),
        stats: first,
        unread,
        settled,
        waited_ms: millis(started),
        read_ns: None,
        follows: None,
    };
    let events = Events::new(wanted.plan);
    let keys = wanted.plan.keys().unwrap_or(0);
    if !client.offers_listing() && wanted.database.is_none() {
        return Ok(unlisted(stats, keys, ListingObservation::none(false, None)));
    }
    let mut reader = Reader { client, wanted, events: &events, keys, deadline, missing_at_first: None };
    let read = reader.read(&mut stats.stats).await;
    match read {
        Ok(read) => {
            let missing_at_first = reader.missing_at_first.unwrap_or(0);
            let mut observed = told(stats, keys, read, wanted.promises.window);
            (observed.listing.missing_at_first, observed.listing.looked_ms) =
                (missing_at_first, millis(started));
            if observed.listing.bracketed && !wanted.promises.shared && client.offers_listing() {
                observed.listing.scope = client.scope(&wanted.plan.topics).await;
            }
            Ok(observed)
        }
        Err(error) if !client.offers_stats() && error.is_unreachable() => Err(error),
        Err(error) => Ok(unlisted(stats, keys, ListingObservation::none(true, Some(chain(&error))))),
    }
}

/// An observation without a row.
fn unlisted(stats: StatsObservation, keys: u64, listing: ListingObservation) -> Observed {
    let presence = Presence::new(keys);
    Observed { stats, listing, database: None, presence, winners: None, anomalies: Vec::new() }
}

/// What was read, as an observation.
fn told(stats: StatsObservation, keys: u64, read: Read<'_>, window: Option<Duration>) -> Observed {
    let Read { look, bracketed, brackets, behind } = read;
    let (apart, route) = (look.apart(keys, window), look.route());
    let told = look.stored.as_ref().map(|stored| stored.as_ref().map(|stored| &stored.tally));
    let database = told.map(|told| DatabaseObservation::of(told, apart));
    let (listed, stored) = (look.listed, look.stored.and_then(Result::ok).map(|stored| stored.tally));
    let (mut tally, pages, extent, all_topics, beside) = match (route, listed, stored) {
        (Route::Api, Some(Listed { tally, pages, extent, all_topics }), stored) => {
            (tally, pages, extent, all_topics, stored.map(|stored| ("in the database", stored)))
        }
        (Route::Database, listed, Some(stored)) => {
            (stored, 0, Extent::Whole, true, listed.map(|listed| ("in the listing", listed.tally)))
        }
        (Route::Api, None, _) | (Route::Database, _, None) => {
            return Observed { database, ..unlisted(stats, keys, ListingObservation::none(false, None)) };
        }
    };
    let mut listing = ListingObservation::none(true, None).with_rows(&tally, pages);
    (listing.route, listing.bracketed, listing.brackets) = (route, bracketed, brackets);
    listing.sample = extent.sample(&tally);
    (listing.capped, listing.cut_off) = extent.into_capped();
    (listing.all_topics, listing.behind) = (all_topics, behind);
    if let Some((way, beside)) = beside {
        listing = listing.and_rows(&beside);
        tally.fill(&beside);
        let astray = beside.anomalies.into_iter().filter(|anomaly| anomaly.class != AnomalyClass::Foreign);
        let said = |anomaly: Anomaly| Anomaly { detail: format!("{way}, {}", anomaly.detail), ..anomaly };
        tally.anomalies.extend(astray.map(said));
    }
    let RowTally { presence, winners, anomalies, .. } = tally;
    Observed { stats, listing, database, presence, winners, anomalies }
}

/// Waits for rest. A target without counters, or with counters that cannot be read, is listed all the same.
async fn settled(
    client: &TargetClient,
    wanted: &Wanted<'_>,
    deadline: Instant,
) -> Result<(Option<Counters>, Settled, Option<String>), ReadError> {
    if !client.offers_stats() {
        return Ok((None, Settled::NoCounters, None));
    }
    let sums = &wanted.tally.sums;
    let region = Region::of(&wanted.tally.keys, sums, false, wanted.promises.received);
    let in_doubt = sums.unknown > 0 || wanted.promises.ack == Ack::Queued;
    let quiet = if in_doubt { wanted.promises.zombie.max(QUIET) } else { QUIET };
    let before = wanted.baseline.and_then(|baseline| baseline.stats.as_ref());
    let shared = wanted.promises.shared;
    let expected = Expected { region: &region, before, quiet, shared, deadline };
    let settled = match client.stats().await {
        Ok(first) => settle(client, &expected, first).await,
        Err(error) if error.is_unreachable() => return Err(error),
        Err(error) => Err(error),
    };
    Ok(match settled {
        Ok((counters, settled)) => (Some(counters), settled, None),
        Err(error) => (None, Settled::NoCounters, Some(chain(&error))),
    })
}

/// A look that counts, or the last that did not.
struct Read<'e> {
    look: Look<'e>,
    bracketed: bool,
    brackets: u32,
    behind: Option<Behind>,
}

struct Reader<'a, 'e> {
    client: &'a TargetClient,
    wanted: &'a Wanted<'a>,
    events: &'e Events,
    keys: u64,
    deadline: Instant,
    /// Acknowledged keys that the first listing did not show.
    missing_at_first: Option<u64>,
}

impl<'e> Reader<'_, 'e> {
    /// Looks until the target stood still meanwhile, no acknowledged key is missing, and listing and database agree; or
    /// the deadline has passed.
    async fn read(&mut self, stats: &mut Option<Counters>) -> Result<Read<'e>, ReadError> {
        let begun = Instant::now();
        // How much was amiss, and when that last became less.
        let (mut before, mut improved) = (0, Duration::ZERO);
        for looks in 1.. {
            let mut read = self.bracketed(stats).await?;
            let missing = self.missing(&read.look);
            self.missing_at_first.get_or_insert(missing);
            let apart = read.look.apart(self.keys, self.wanted.promises.window);
            let amiss = missing + apart.map_or(0, |apart| apart.keys);
            let looked = begun.elapsed();
            if amiss < before {
                improved = looked;
            }
            before = amiss;
            let is_late = Instant::now() >= self.deadline && looks >= LOOKS;
            if amiss == 0 || !read.bracketed || is_late {
                // It has to stand still for as long as it moved.
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

    async fn bracketed(&self, stats: &mut Option<Counters>) -> Result<Read<'e>, ReadError> {
        for bracket in 1.. {
            let look = self.look(stats.as_ref()).await?;
            let bracketed = match stats {
                Some(before) if !self.moves_by_others() => {
                    let after = self.client.stats().await?;
                    std::mem::replace(before, after.clone()).stands_as(&after)
                }
                // Without counters to compare, a second look has to show the same rows.
                _ => {
                    let again = self.look(stats.as_ref()).await?;
                    if let Some(counters) = stats {
                        *counters = self.client.stats().await?;
                    }
                    again.shows_the_same(&look, self.wanted.promises.shared)
                }
            };
            if bracketed || bracket == BRACKETS {
                return Ok(Read { look, bracketed, brackets: bracket, behind: None });
            }
        }
        unreachable!("the loop above ends at the last bracket")
    }

    /// One look by each way there is. A database that cannot be read takes nothing from what the target lists.
    async fn look(&self, stats: Option<&Counters>) -> Result<Look<'e>, ReadError> {
        let listed = if self.client.offers_listing() { Some(self.list(stats).await?) } else { None };
        let stored = match self.wanted.database {
            Some(database) => Some(self.ask(database).await),
            None => None,
        };
        Ok(Look { listed, stored })
    }

    async fn ask(&self, database: &DatabaseReader) -> Result<Stored<'e>, String> {
        let mut tally = self.blank(Equality::in_columns(self.wanted.promises));
        let read = database.rows_into(&mut tally, READ_WITHIN).await;
        let is_replica = read.map_err(|error| chain(&error))?;
        let acked = self.wanted.tally.keys.iter().any(|(_, state)| state.acked() > 0);
        Stored { tally, is_replica }.understood(acked)
    }

    /// Whether counters that move say nothing: others write too. Rows that shift under offsets are another matter: such
    /// a listing counts only if nothing moved at all.
    fn moves_by_others(&self) -> bool {
        self.wanted.promises.shared && self.client.target().listing.paging != Paging::Offset
    }

    /// Lists once, and says whether rows seem to be held back.
    async fn list(&self, stats: Option<&Counters>) -> Result<Listed<'e>, ReadError> {
        let (listing, topics) = (&self.client.target().listing, self.wanted.plan.topics.as_slice());
        let mut tally = self.blank(self.wanted.promises.into());
        let paged = self.client.list_into(topics, &mut tally).await?;
        if listing.paging == Paging::None {
            return Ok(self.on_one_page(tally, paged, stats));
        }
        let (shown, counted) = self.shown_and_counted(&tally, stats);
        let counts_more = paged.looks_capped(shown, counted);
        let half = u32::try_from(paged.longest / 2).unwrap_or(u32::MAX);
        let is_doubtful = counts_more || self.missing_of(&tally, &Extent::Whole) > 0;
        if paged.went_on || half == 0 || !is_doubtful {
            let extent = Extent::of(counts_more);
            return self.to_the_end(tally, paged, extent, listing.limit, stats).await;
        }
        // A single page that ends the listing while rows are wanting is asked for again in halves: a target that cuts off
        // shows fewer.
        let mut again = self.blank(self.wanted.promises.into());
        let mut in_halves = self.client.list_pages(topics, half, &mut again).await?;
        in_halves.pages += paged.pages;
        if in_halves.went_on {
            return self.to_the_end(again, in_halves, Extent::Whole, half, stats).await;
        }
        let extent = Extent::of(counts_more || again.rows < tally.rows);
        Ok(self.listed(tally, in_halves.pages, extent))
    }

    /// What a listing without a way on comes to: how many rows were asked for says where it is cut off.
    fn on_one_page(&self, tally: RowTally<'e>, paged: Paged, stats: Option<&Counters>) -> Listed<'e> {
        let limit = u64::from(self.client.target().listing.limit);
        let (shown, counted) = self.shown_and_counted(&tally, stats);
        let reaches_cap = paged.longest >= limit;
        // Nobody counts, and no listing was long enough to show where it ends: the true cap may be a lower one.
        let is_untold = counted.is_none() && !reaches_cap && self.missing_of(&tally, &Extent::Whole) > 0;
        let is_full = (reaches_cap && counted != Some(shown)) || is_untold;
        let cut_off = self.as_long_as(limit, &paged);
        let extent = match cut_off.is_empty() || !is_full {
            true => Extent::of(is_full || paged.looks_capped(shown, counted)),
            false => Extent::CutOff(cut_off),
        };
        self.listed(tally, paged.pages, extent)
    }

    /// What a listing that was followed to its end comes to. A target may end it early, as one that shows its newest rows
    /// alone does; what it then holds back lies at an end of what it shows, whatever the size of its pages. Where it counts more than it showed, or
    /// acknowledged keys are wanting and nobody counts, only those topics are whole that are shorter than what the target
    /// has shown at once.
    async fn to_the_end(
        &self,
        tally: RowTally<'e>,
        paged: Paged,
        extent: Extent,
        limit: u32,
        stats: Option<&Counters>,
    ) -> Result<Listed<'e>, ReadError> {
        let (shown, counted) = self.shown_and_counted(&tally, stats);
        let is_untold = || counted.is_none() && self.missing_of(&tally, &Extent::Whole) > 0;
        let is_early = counted.is_some_and(|counted| counted > shown) || is_untold();
        if extent != Extent::Whole || !is_early {
            return Ok(self.listed(tally, paged.pages, extent));
        }
        if self.client.target().listing.topics == ListedTopics::Each {
            let cut_off = self.as_long_as(paged.longest, &paged);
            return Ok(self.listed(tally, paged.pages, Extent::CutOff(cut_off)));
        }
        let keys = &self.wanted.tally.keys;
        let is_attempted = |state: KeyState| state.acked() > 0 || state.unknown() > 0;
        let mut attempted = keys.iter().filter(|(_, state)| is_attempted(*state));
        if attempted.all(|(ordinal, _)| tally.presence.seen(ordinal) > 0) {
            // Whatever it counts besides is not of this run, or is a key that it counted again.
            return Ok(Listed { tally, pages: paged.pages, extent, all_topics: false });
        }
        let topics = self.wanted.plan.topics.as_slice();
        let mut again = self.blank(Equality::NONE).after(tally.presence.clone());
        self.client.list_pages(topics, limit - limit / 3, &mut again).await?;
        if again.has_found_between() {
            // Rows that are lost where a page ends were there to be shown.
            return Ok(self.listed(tally, paged.pages, Extent::Whole));
        }
        let mut by_topic = self.blank(self.wanted.promises.into());
        let asked = self.client.list_by_topic(topics, limit, &mut by_topic).await?;
        let Some(in_topics) = asked.filter(|_| by_topic.ours.count >= tally.ours.count) else {
            return Ok(self.listed(tally, paged.pages, Extent::Capped));
        };
        let cut_off = self.as_long_as(paged.longest, &in_topics);
        let extent = if cut_off.is_empty() { Extent::Whole } else { Extent::CutOff(cut_off) };
        let pages = paged.pages + in_topics.pages;
        Ok(Listed { tally: by_topic, pages, extent, all_topics: false })
    }

    fn listed(&self, tally: RowTally<'e>, pages: u64, extent: Extent) -> Listed<'e> {
        let all_topics = self.client.target().listing.topics == ListedTopics::All;
        Listed { tally, pages, extent, all_topics }
    }

    /// The topics that showed so many rows or more, where they were listed one by one.
    fn as_long_as(&self, rows: u64, paged: &Paged) -> Vec<String> {
        let topics = self.wanted.plan.topics.iter().zip(&paged.lengths);
        topics.filter(|(_, length)| **length >= rows).map(|(topic, _)| topic.clone()).collect()
    }

    /// Rows that a listing showed, and how many the target counts of that kind: all of them, or, where it is listed
    /// topic by topic, those that this run added.
    fn shown_and_counted(&self, tally: &RowTally<'_>, stats: Option<&Counters>) -> (u64, Option<u64>) {
        let unique = stats.and_then(|stats| stats.unique);
        match self.client.target().listing.topics {
            ListedTopics::All => (tally.rows, unique),
            ListedTopics::Each => {
                let before = self.wanted.baseline.and_then(|baseline| baseline.stats.as_ref()?.unique);
                (tally.ours.count, unique.zip(before).and_then(|(unique, before)| unique.checked_sub(before)))
            }
        }
    }

    fn blank(&self, equality: Equality) -> RowTally<'e> {
        RowTally::new(self.events, self.wanted.plan.nonce, self.keys, equality)
    }

    /// Acknowledged keys that no way shows, as far as a look can tell.
    fn missing(&self, look: &Look<'_>) -> u64 {
        let Some((tally, extent)) = look.tells() else { return 0 };
        let keys = self.acked_absent_from(tally, extent);
        keys.filter(|ordinal| look.beside().is_none_or(|beside| beside.presence.seen(*ordinal) == 0)).count()
            as u64
    }

    /// How many acknowledged keys are not listed, though this listing should show them.
    fn missing_of(&self, tally: &RowTally<'_>, extent: &Extent) -> u64 {
        self.acked_absent_from(tally, extent).count() as u64
    }

    fn acked_absent_from(&self, tally: &RowTally<'_>, extent: &Extent) -> impl Iterator<Item = u64> {
        let sample = extent.sample(tally);
        let between = sample.iter().min().copied().zip(sample.iter().max().copied());
        let between = between.filter(|_| self.wanted.promises.ack == Ack::Committed);
        let is_shown = move |ordinal: &u64| match extent {
            Extent::Whole => true,
            Extent::Capped => between.is_some_and(|(low, high)| low < *ordinal && *ordinal < high),
            Extent::CutOff(topics) => topics.iter().all(|topic| topic != self.events.topic(*ordinal)),
        };
        let acked = self.wanted.tally.keys.iter().filter(|(_, state)| state.acked() > 0);
        let absent = acked.map(|(ordinal, _)| ordinal).filter(|ordinal| tally.presence.seen(*ordinal) == 0);
        absent.filter(is_shown)
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
