//! Reading a target: the only part of `verify` that touches a network.
//!
//! Settle, then list between two equal readings of the counters, then look again for acknowledged keys that were not
//! listed: a finding is confirmed before it is a FAIL.

pub mod client;
pub mod listing;
pub mod scope;
pub mod settle;
pub mod stats;

use std::time::{Duration, Instant};

use truth::event::Events;
use truth::mapping::{ListedTopics, Paging};
use truth::plan::Plan;
use truth::promises::{Ack, Promises};

use self::client::{ReadError, TargetClient};
use self::settle::{Expected, settle};
use self::stats::Counters;
use crate::baseline::{Baseline, chain};
use crate::judge::counters::Region;
use crate::judge::tally::Tally;
use crate::observed::{ListingObservation, Observed, Settled, StatsObservation};
use crate::rows::{Presence, RowTally};

/// How often a listing is read again because the target moved meanwhile.
const BRACKETS: u32 = 5;

/// How long counters must not move, where nothing can still be under way.
const QUIET: Duration = Duration::from_millis(500);

/// How long to wait between two looks for keys that are not listed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

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
    if !client.offers_listing() {
        let listing = ListingObservation::none(false, None);
        return Ok(Observed { stats, listing, presence: Presence::new(keys), anomalies: Vec::new() });
    }
    let mut reader = Reader { client, wanted, events: &events, keys, deadline, missing_at_first: None };
    let read = reader.read(&mut stats.stats).await;
    let waited = millis(started);
    match read {
        Ok(Read { tally, pages, extent, bracketed, brackets }) => {
            let mut listing = ListingObservation::none(true, None).with_rows(&tally, pages);
            (listing.bracketed, listing.brackets) = (bracketed, brackets);
            (listing.capped, listing.cut_off) = extent.into_capped();
            listing.all_topics = client.target().listing.topics == ListedTopics::All;
            if bracketed && !wanted.promises.shared {
                listing.scope = client.scope(&wanted.plan.topics).await;
            }
            listing.missing_at_first = reader.missing_at_first.unwrap_or(0);
            listing.looked_ms = waited;
            Ok(Observed { stats, listing, anomalies: tally.anomalies, presence: tally.presence })
        }
        Err(error) if !client.offers_stats() && error.is_unreachable() => Err(error),
        Err(error) => {
            let listing = ListingObservation::none(true, Some(chain(&error)));
            Ok(Observed { stats, listing, presence: Presence::new(keys), anomalies: Vec::new() })
        }
    }
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

/// How far a listing reaches.
enum Extent {
    /// All there is.
    Whole,
    /// There is reason to think that rows are held back, nobody knows of which topics.
    Capped,
    /// These topics reached the declared cap. That shows the cap to be as declared, so the others are whole.
    CutOff(Vec<String>),
}

impl Extent {
    fn of(capped: bool) -> Self {
        if capped { Self::Capped } else { Self::Whole }
    }

    fn into_capped(self) -> (bool, Vec<String>) {
        match self {
            Self::Whole => (false, Vec::new()),
            Self::Capped => (true, Vec::new()),
            Self::CutOff(topics) => (true, topics),
        }
    }
}

/// One listing that counts, or the last that did not.
struct Read<'a> {
    tally: RowTally<'a>,
    pages: u64,
    extent: Extent,
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
    /// Lists until the target stood still meanwhile and no acknowledged key is missing, or the deadline has passed.
    async fn read(&mut self, stats: &mut Option<Counters>) -> Result<Read<'e>, ReadError> {
        loop {
            let read = self.bracketed(stats).await?;
            let missing = self.missing(&read.tally, &read.extent);
            self.missing_at_first.get_or_insert(missing);
            if missing == 0 || !read.bracketed || Instant::now() >= self.deadline {
                return Ok(read);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn bracketed(&self, stats: &mut Option<Counters>) -> Result<Read<'e>, ReadError> {
        for bracket in 1.. {
            let (tally, pages, extent) = self.list(stats.as_ref()).await?;
            let bracketed = match stats {
                Some(before) if !self.moves_by_others() => {
                    let after = self.client.stats().await?;
                    std::mem::replace(before, after.clone()).stands_as(&after)
                }
                // Without counters to compare, a second listing has to show the same rows.
                _ => {
                    let again = self.list(stats.as_ref()).await?.0;
                    if let Some(counters) = stats {
                        *counters = self.client.stats().await?;
                    }
                    again.ours == tally.ours
                        && (self.wanted.promises.shared || again.foreign == tally.foreign)
                }
            };
            if bracketed || bracket == BRACKETS {
                return Ok(Read { tally, pages, extent, bracketed, brackets: bracket });
            }
        }
        unreachable!("the loop above ends at the last bracket")
    }

    /// Whether counters that move say nothing: others write too. Rows that shift under offsets are another matter: such
    /// a listing counts only if nothing moved at all.
    fn moves_by_others(&self) -> bool {
        self.wanted.promises.shared && self.client.target().listing.paging != Paging::Offset
    }

    /// Lists once, and says whether rows seem to be held back. A single page that ends the listing while the target
    /// counts more, or while acknowledged keys are missing, is asked for again in halves: a target that then goes on has
    /// shown all there is, and one that cuts off has not.
    async fn list(&self, stats: Option<&Counters>) -> Result<(RowTally<'e>, u64, Extent), ReadError> {
        let listing = &self.client.target().listing;
        let topics = self.wanted.plan.topics.as_slice();
        let mut tally = self.blank();
        let paged = self.client.list_into(topics, &mut tally).await?;
        let (shown, counted) = self.shown_and_counted(&tally, stats);
        let counts_more = paged.looks_capped(shown, counted);
        if listing.paging == Paging::None {
            let reaches_cap = paged.longest >= u64::from(listing.limit);
            // Nobody counts, and no listing was long enough to show where it ends: the true cap may be a lower one.
            let is_untold = counted.is_none() && !reaches_cap && self.missing(&tally, &Extent::Whole) > 0;
            let is_full = (reaches_cap && counted != Some(shown)) || is_untold;
            let extent = match paged.full {
                topics if is_full && !topics.is_empty() => Extent::CutOff(topics),
                _ => Extent::of(is_full || counts_more),
            };
            return Ok((tally, paged.pages, extent));
        }
        let half = u32::try_from(paged.longest / 2).unwrap_or(u32::MAX);
        if paged.went_on || half == 0 || !(counts_more || self.missing(&tally, &Extent::Whole) > 0) {
            return Ok((tally, paged.pages, Extent::of(counts_more)));
        }
        let mut again = self.blank();
        let in_halves = self.client.list_pages(topics, half, &mut again).await?;
        let pages = paged.pages + in_halves.pages;
        if in_halves.went_on {
            return Ok((again, pages, Extent::Whole));
        }
        let cuts_off = again.rows < tally.rows;
        Ok((tally, pages, Extent::of(counts_more || cuts_off)))
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

    fn blank(&self) -> RowTally<'e> {
        RowTally::new(self.events, self.wanted.plan.nonce, self.keys, self.wanted.promises.into())
    }

    /// Acknowledged keys that are not listed, though this listing should show them.
    fn missing(&self, tally: &RowTally<'_>, extent: &Extent) -> u64 {
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
