//! Observation of a target: the only part of a judgement that touches a network.
//!
//! The observation waits until the target is at rest, then reads the rows between two equal readings of the
//! counters. If acknowledged keys are missing it looks again, so that a finding is confirmed before
//! it is a FAIL. If the scenario names a database, that is read as well.

mod lister;
pub mod look;
mod observer;
pub mod settle;
mod wanted;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use judge::books::region::Region;
use reader::client::{ReadError, TargetClient};
use truth::chain::chain;
use truth::observed::counters::Counters;
use truth::observed::presence::Presence;
use truth::observed::rows::{Anomaly, AnomalyClass, RowTally};
use truth::observed::{DatabaseObservation, ListingObservation, Observed, Route, Settled, StatsObservation};
use truth::plan::event::Events;
use truth::scenario::promises::Ack;

use self::lister::Lister;
use self::look::{Extent, Listed, Look};
use self::observer::{Observer, Read};
use self::settle::{Expected, settle};
pub use self::wanted::Wanted;

/// Time that counters must not move, if no request can still be under way.
const QUIET: Duration = Duration::from_millis(500);

/// Observes a target. An error means that nothing at all could be read.
pub async fn observe(client: &TargetClient, wanted: &Wanted<'_>) -> Result<Observed, ReadError> {
    let started = Instant::now();
    // A target may promise a longer time to process its backlog, and then gets it.
    let deadline = started + wanted.settle.max(wanted.promises.drain.unwrap_or_default());
    let rest = at_rest(client, wanted, deadline).await?;
    let mut stats = StatsObservation {
        schema_version: 1,
        target: client.target().url.clone(),
        stats: rest.counters,
        unread: rest.unread,
        settled: rest.settled,
        waited_ms: millis(started),
        read_ns: None,
        follows: None,
    };
    let events = Events::new(wanted.plan);
    let keys = wanted.plan.keys().unwrap_or(0);
    if !client.offers_listing() && wanted.database.is_none() {
        return Ok(unlisted(stats, keys, ListingObservation::none(false, None)));
    }
    let lister = Lister { client, wanted, events: &events, keys };
    let mut observer = Observer { lister, deadline, missing_at_first: None };
    match observer.read(&mut stats.stats).await {
        Ok(read) => {
            let missing_at_first = observer.missing_at_first.unwrap_or(0);
            let mut observed = observed(stats, keys, read, wanted.promises.window);
            observed.listing.missing_at_first = missing_at_first;
            observed.listing.looked_ms = millis(started);
            if observed.listing.bracketed && !wanted.promises.shared && client.offers_listing() {
                observed.listing.scope = client.scope(&wanted.plan.topics).await;
            }
            Ok(observed)
        }
        Err(error) if !client.offers_stats() && error.is_unreachable() => Err(error),
        Err(error) => Ok(unlisted(stats, keys, ListingObservation::none(true, Some(chain(&error))))),
    }
}

/// Looks once, without waiting for rest, and returns the sentinels that the listing or the database
/// shows.
pub async fn glimpse(client: &TargetClient, wanted: &Wanted<'_>) -> Result<BTreeSet<u64>, ReadError> {
    let events = Events::new(wanted.plan);
    let keys = wanted.plan.keys().unwrap_or(0);
    let lister = Lister { client, wanted, events: &events, keys };
    let observer = Observer { lister, deadline: Instant::now(), missing_at_first: None };
    let look = observer.look(None).await?;
    let shown = look.decisive().into_iter().map(|(tally, _)| tally).chain(look.beside());
    Ok(shown.flat_map(|tally| tally.sentinels.iter().copied()).collect())
}

/// Returns an observation without rows.
fn unlisted(stats: StatsObservation, keys: u64, listing: ListingObservation) -> Observed {
    let presence = Presence::new(keys);
    Observed {
        stats,
        listing,
        database: None,
        presence,
        winners: None,
        anomalies: Vec::new(),
        sentinels: None,
    }
}

/// Rows of the route that decides if a key is there, and those of the other route if it was read.
struct Rows<'e> {
    decisive: Listed<'e>,
    beside: Option<Beside<'e>>,
}

/// Rows of the other route.
struct Beside<'e> {
    /// Words for the route, which begin its findings.
    place: &'static str,
    tally: RowTally<'e>,
}

impl<'e> Rows<'e> {
    /// Takes the rows out of a look. None if the route was not read.
    fn of(look: Look<'e>) -> Option<Self> {
        let route = look.route();
        let stored = look.stored.and_then(Result::ok).map(|stored| stored.tally);
        match route {
            Route::Api => {
                let beside = stored.map(|tally| Beside { place: "in the database", tally });
                Some(Self { decisive: look.listed?, beside })
            }
            Route::Database => {
                let decisive = Listed { tally: stored?, pages: 0, extent: Extent::Whole, all_topics: true };
                let beside =
                    look.listed.map(|listed| Beside { place: "in the listing", tally: listed.tally });
                Some(Self { decisive, beside })
            }
        }
    }
}

/// Returns what was read as an observation.
fn observed(stats: StatsObservation, keys: u64, read: Read<'_>, window: Option<Duration>) -> Observed {
    let apart = read.look.apart(keys, window);
    let route = read.look.route();
    let stored = read.look.stored.as_ref().map(|stored| stored.as_ref().map(|stored| &stored.tally));
    let database = stored.map(|stored| DatabaseObservation::of(stored, apart));
    let Some(Rows { decisive, beside }) = Rows::of(read.look) else {
        return Observed { database, ..unlisted(stats, keys, ListingObservation::none(false, None)) };
    };
    let Listed { mut tally, pages, extent, all_topics } = decisive;
    let mut listing = ListingObservation::none(true, None).with_rows(&tally, pages);
    listing.route = route;
    listing.bracketed = read.bracketed;
    listing.brackets = read.brackets;
    listing.sample = extent.sample(&tally);
    listing.capped = extent.is_capped();
    listing.cut_off = extent.into_cut_off();
    listing.all_topics = all_topics;
    listing.behind = read.behind;
    if let Some(Beside { place, tally: beside }) = beside {
        listing = listing.and_rows(&beside);
        tally.fill(&beside);
        listing.sentinels = tally.sentinels.iter().copied().collect();
        let astray = beside.anomalies.into_iter().filter(|anomaly| anomaly.class != AnomalyClass::Foreign);
        let placed = |anomaly: Anomaly| Anomaly { detail: format!("{place}, {}", anomaly.detail), ..anomaly };
        tally.anomalies.extend(astray.map(placed));
    }
    let RowTally { presence, winners, anomalies, .. } = tally;
    Observed { stats, listing, database, presence, winners, anomalies, sentinels: None }
}

/// Counters of a target that has come to rest, or has not.
struct Rest {
    /// Last counters; none if there are none or they could not be read.
    counters: Option<Counters>,
    settled: Settled,
    /// Reason why the counters could not be read.
    unread: Option<String>,
}

/// Waits for rest. An error means that the target cannot be reached: a target without counters, or
/// with counters that cannot be read, is listed all the same.
async fn at_rest(client: &TargetClient, wanted: &Wanted<'_>, deadline: Instant) -> Result<Rest, ReadError> {
    if !client.offers_stats() {
        return Ok(Rest { counters: None, settled: Settled::NoCounters, unread: None });
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
        Ok(at_end) => Rest { counters: Some(at_end.counters), settled: at_end.settled, unread: None },
        Err(error) => Rest { counters: None, settled: Settled::NoCounters, unread: Some(chain(&error)) },
    })
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
