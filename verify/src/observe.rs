//! Reading a target: the only part of `verify` that touches a network.
//!
//! Settle, then list between two equal readings of the counters, then look again for acknowledged keys that were not
//! listed: a finding is confirmed before it is a FAIL. Where the scenario says how, the database is read as well.

pub mod client;
pub mod database;
pub mod listing;
pub mod look;
pub mod scope;
pub mod settle;
pub mod stats;

use std::time::{Duration, Instant};

use truth::event::Events;
use truth::mapping::{ListedTopics, Paging};
use truth::plan::Plan;
use truth::promises::{Ack, Promises};

use self::client::{ReadError, TargetClient};
use self::database::DatabaseReader;
use self::look::{Extent, Listed, Look};
use self::settle::{Expected, settle};
use self::stats::Counters;
use crate::baseline::{Baseline, chain};
use crate::judge::counters::Region;
use crate::judge::tally::Tally;
use crate::observed::{DatabaseObservation, ListingObservation, Observed, Route, Settled, StatsObservation};
use crate::rows::{AnomalyClass, Equality, Presence, RowTally};

/// How often a listing is read again because the target moved meanwhile.
const BRACKETS: u32 = 5;

/// How long counters must not move, where nothing can still be under way.
const QUIET: Duration = Duration::from_millis(500);

/// How long to wait between two looks for keys that are not listed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

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
            let mut observed = told(stats, keys, client, read);
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
fn told(stats: StatsObservation, keys: u64, client: &TargetClient, read: Read<'_>) -> Observed {
    let Read { look, bracketed, brackets } = read;
    let (apart, route) = (look.apart(keys), look.route());
    let database = look.stored.as_ref().map(|stored| DatabaseObservation::of(stored, apart));
    let (listed, stored) = (look.listed, look.stored.and_then(Result::ok));
    let (tally, pages, extent, beside) = match (route, listed, stored) {
        (Route::Api, Some(listed), beside) => (listed.tally, listed.pages, listed.extent, beside),
        (Route::Database, _, Some(tally)) => (tally, 0, Extent::Whole, None),
        (Route::Api, None, _) | (Route::Database, _, None) => {
            return Observed { database, ..unlisted(stats, keys, ListingObservation::none(false, None)) };
        }
    };
    let mut listing = ListingObservation::none(true, None).with_rows(&tally, pages);
    (listing.route, listing.bracketed, listing.brackets) = (route, bracketed, brackets);
    (listing.capped, listing.cut_off) = extent.into_capped();
    listing.all_topics = route == Route::Database || client.target().listing.topics == ListedTopics::All;
    let mut anomalies = tally.anomalies;
    for mut anomaly in beside.into_iter().flat_map(|beside| beside.anomalies) {
        if anomaly.class != AnomalyClass::Foreign {
            anomaly.detail = format!("in the database, {}", anomaly.detail);
            anomalies.push(anomaly);
        }
    }
    Observed { stats, listing, database, presence: tally.presence, winners: tally.winners, anomalies }
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
        for looks in 1.. {
            let read = self.bracketed(stats).await?;
            let missing = self.missing(&read.look);
            self.missing_at_first.get_or_insert(missing);
            let is_sound = missing == 0 && read.look.apart(self.keys).is_none_or(|apart| apart.keys == 0);
            let is_late = Instant::now() >= self.deadline && looks >= LOOKS;
            if is_sound || !read.bracketed || is_late {
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
                return Ok(Read { look, bracketed, brackets: bracket });
            }
        }
        unreachable!("the loop above ends at the last bracket")
    }

    /// One look by each way there is. A database that cannot be read takes nothing from what the target lists.
    async fn look(&self, stats: Option<&Counters>) -> Result<Look<'e>, ReadError> {
        let listed = if self.client.offers_listing() { Some(self.list(stats).await?) } else { None };
        let stored = match self.wanted.database {
            Some(database) => {
                let mut tally = self.blank(Equality::in_columns(self.wanted.promises));
                let read = database.rows_into(&mut tally).await;
                Some(read.map(|()| tally).map_err(|error| chain(&error)))
            }
            None => None,
        };
        Ok(Look { listed, stored })
    }

    /// Whether counters that move say nothing: others write too. Rows that shift under offsets are another matter: such
    /// a listing counts only if nothing moved at all.
    fn moves_by_others(&self) -> bool {
        self.wanted.promises.shared && self.client.target().listing.paging != Paging::Offset
    }

    /// Lists once, and says whether rows seem to be held back. A single page that ends the listing while the target
    /// counts more, or while acknowledged keys are missing, is asked for again in halves: a target that then goes on has
    /// shown all there is, and one that cuts off has not.
    async fn list(&self, stats: Option<&Counters>) -> Result<Listed<'e>, ReadError> {
        let listing = &self.client.target().listing;
        let topics = self.wanted.plan.topics.as_slice();
        let mut tally = self.blank(self.wanted.promises.into());
        let paged = self.client.list_into(topics, &mut tally).await?;
        let (shown, counted) = self.shown_and_counted(&tally, stats);
        let counts_more = paged.looks_capped(shown, counted);
        if listing.paging == Paging::None {
            let reaches_cap = paged.longest >= u64::from(listing.limit);
            // Nobody counts, and no listing was long enough to show where it ends: the true cap may be a lower one.
            let is_untold = counted.is_none() && !reaches_cap && self.missing_of(&tally, &Extent::Whole) > 0;
            let is_full = (reaches_cap && counted != Some(shown)) || is_untold;
            let extent = match paged.full {
                topics if is_full && !topics.is_empty() => Extent::CutOff(topics),
                _ => Extent::of(is_full || counts_more),
            };
            return Ok(Listed { tally, pages: paged.pages, extent });
        }
        let half = u32::try_from(paged.longest / 2).unwrap_or(u32::MAX);
        if paged.went_on || half == 0 || !(counts_more || self.missing_of(&tally, &Extent::Whole) > 0) {
            return Ok(Listed { tally, pages: paged.pages, extent: Extent::of(counts_more) });
        }
        let mut again = self.blank(self.wanted.promises.into());
        let in_halves = self.client.list_pages(topics, half, &mut again).await?;
        let pages = paged.pages + in_halves.pages;
        if in_halves.went_on {
            return Ok(Listed { tally: again, pages, extent: Extent::Whole });
        }
        let cuts_off = again.rows < tally.rows;
        Ok(Listed { tally, pages, extent: Extent::of(counts_more || cuts_off) })
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

    /// Acknowledged keys that are not there, as far as a look can tell.
    fn missing(&self, look: &Look<'_>) -> u64 {
        look.tells().map_or(0, |(tally, extent)| self.missing_of(tally, extent))
    }

    /// Acknowledged keys that are not listed, though this listing should show them.
    fn missing_of(&self, tally: &RowTally<'_>, extent: &Extent) -> u64 {
        let is_shown = |ordinal: u64| match extent {
            Extent::Whole => true,
            Extent::Capped => false,
            Extent::CutOff(topics) => topics.iter().all(|topic| topic != self.events.topic(ordinal)),
        };
        let absent = |ordinal: u64| tally.presence.seen(ordinal) == 0 && is_shown(ordinal);
        let keys = self.wanted.tally.keys.iter();
        keys.filter(|(ordinal, state)| state.acked() > 0 && absent(*ordinal)).count() as u64
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
