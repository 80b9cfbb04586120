//! Observation of a target: the only part of a judgement that touches a network.
//!
//! The observation waits until the target is at rest, then reads the rows. If something is amiss,
//! it looks on while anything moves, and then by the means that would refute the finding, so that
//! it is confirmed before it is a FAIL. If the scenario names a database, that is read as well.

mod counters;
mod history;
mod lister;
mod observer;
mod progress;
mod sight;
mod single;
mod waits;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use reader::client::patience::Patience;
use reader::client::{ReadError, TargetClient};
use truth::chain::chain;
use truth::clock::{monotonic_ns, utc_ms};
use truth::observed::looks::Looks;
use truth::observed::presence::Presence;
use truth::observed::rows::{Anomaly, AnomalyClass, Equality, RowTally};
use truth::observed::{Apart, DatabaseObservation, ListingObservation, Observed, Route, StatsObservation};
use truth::plan::event::Events;

use self::counters::CounterWatch;
use self::history::Histories;
use self::lister::{Lister, READ_WITHIN};
use self::observer::{Observer, Read};
use self::progress::Progress;
use self::sight::{Listed, Sight};
use self::waits::Quiet;
pub use self::wanted::Wanted;

/// Time that counters must not move, if no request can still be under way.
const QUIET: Duration = Duration::from_millis(500);

/// Observes a target. An error means that nothing at all could be read.
pub async fn observe(client: &TargetClient, wanted: &Wanted<'_>) -> Result<Observed, ReadError> {
    // It is large, and awaited within others.
    Box::pin(look_until_decided(client, wanted)).await
}

async fn look_until_decided(client: &TargetClient, wanted: &Wanted<'_>) -> Result<Observed, ReadError> {
    let began = Instant::now();
    let quiet = quiet(wanted);
    // A target may promise a longer time, and then gets it.
    let deadline = began + wanted.looking.max_wait.max(quiet.promised());
    let client = &client.patient(Patience::Until(deadline));
    let mut counters = CounterWatch::begin(client, wanted, quiet).await?;
    counters.settle(deadline).await;
    let events = Events::new(wanted.plan);
    let keys = wanted.plan.keys().unwrap_or(0);
    let lister = Lister {
        client,
        wanted,
        events: &events,
        keys,
        histories: Histories::new(wanted.tally, &events, keys),
        progress: Progress::begin(client, wanted.notes),
        ignores_topic: false,
        drained: None,
        failed_read: None,
    };
    let mut observer = Observer {
        lister,
        counters,
        quiet,
        deadline,
        watch_until: began + wanted.looking.watch,
        by_topic: BTreeMap::new(),
        missing_at_first: 0,
        quiet_wanted: quiet.least,
    };
    let has_rows = client.offers_listing() || wanted.database.is_some();
    let read = match has_rows {
        true => Box::pin(observer.read()).await.map(Some),
        false => {
            observer.wait().await;
            Ok(None)
        }
    };
    match read {
        Err(error) if !client.offers_stats() && error.is_unreachable() => Err(error),
        read => Ok(Box::pin(ended(observer, began, read)).await),
    }
}

/// Looks once, without waiting for rest, and returns the sentinels that the listing or the database
/// shows. The error is a text for people.
pub async fn glimpse(client: &TargetClient, wanted: &Wanted<'_>) -> Result<BTreeSet<u64>, String> {
    let events = Events::new(wanted.plan);
    let keys = wanted.plan.keys().unwrap_or(0);
    let mut tally = RowTally::new(&events, wanted.plan.nonce, keys, Equality::NONE);
    if client.offers_listing() {
        let listed = client.list_into(&wanted.plan.topics, &mut tally).await;
        listed.map_err(|error| chain(&error))?;
    }
    if let Some(database) = wanted.database {
        let stored = database.rows_into(&mut tally, READ_WITHIN).await;
        stored.map_err(|error| chain(&error))?;
    }
    Ok(tally.sentinels)
}

/// Returns the times for which nothing may move.
fn quiet(wanted: &Wanted<'_>) -> Quiet {
    let promises = wanted.promises;
    let in_doubt = wanted.tally.sums.uncertain() > 0 || promises.is_queued();
    let least = if in_doubt { promises.zombie.max(QUIET) } else { QUIET };
    Quiet { waits: promises.into(), least, settle: wanted.looking.settle }
}

/// Returns what was read as an observation.
async fn ended(
    observer: Observer<'_, '_>,
    began: Instant,
    read: Result<Option<Read<'_>>, ReadError>,
) -> Observed {
    let Observer { lister, counters, missing_at_first, quiet_wanted, .. } = observer;
    let client = lister.client;
    let wanted = lister.wanted;
    let keys = lister.keys;
    let stats = stats_of(&counters, client, began);
    let still_for = lister.histories.still_for();
    let events = lister.events;
    let histories = lister.histories;
    let failed_read = lister.failed_read;
    let is_complete = client.target().listing.complete == Some(true);
    let rested = matches!(&read, Ok(Some(read)) if read.rested);
    let mut observed = match read {
        Ok(Some(read)) => {
            let apart = read.sight.apart(keys, wanted.promises.window, is_complete);
            observed(stats, keys, read, apart)
        }
        Ok(None) => unlisted(stats, keys, ListingObservation::none(false, None)),
        Err(error) => unlisted(stats, keys, ListingObservation::none(true, Some(chain(&error)))),
    };
    observed.listing.missing_at_first = missing_at_first;
    observed.listing.looked_ms = millis(began.elapsed());
    if observed.listing.bracketed && !wanted.promises.is_shared() && client.offers_listing() {
        observed.listing.scope = client.scope(&wanted.plan.topics, events, keys).await;
    }
    observed.looks = Looks {
        listing_rested: rested,
        counters_rested: counters.last().is_some() && counters.is_still(),
        counter_states: counters.states_seen,
        counters_went_back: counters.went_back,
        quiet_ms: millis(still_for),
        quiet_wanted_ms: millis(quiet_wanted),
        http_age: client.trace().largest_age(),
        failed_read,
        ..histories.into_looks(&observed.presence)
    };
    observed
}

fn stats_of(counters: &CounterWatch<'_>, client: &TargetClient, began: Instant) -> StatsObservation {
    StatsObservation {
        schema_version: 1,
        target: client.target().url.clone(),
        stats: counters.counters().cloned(),
        unread: counters.unread.clone(),
        settled: counters.settled(),
        waited_ms: millis(began.elapsed()),
        asked_ns: counters.last().map(|reading| reading.asked_ns),
        read_ns: counters.last().map(|reading| reading.answered_ns),
        ended_ns: Some(monotonic_ns()),
        ended_utc_ms: Some(utc_ms()),
        follows: None,
        segments: None,
    }
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
        looks: Looks::default(),
        sentinels: None,
    }
}

/// Rows of the route that decides if a key is there, and those of the other route if it was read.
struct Rows<'e> {
    decisive: RowTally<'e>,
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
    fn of(route: Route, listed: Option<RowTally<'e>>, stored: Option<RowTally<'e>>) -> Option<Self> {
        let beside =
            |place: &'static str, tally: Option<RowTally<'e>>| tally.map(|tally| Beside { place, tally });
        Some(match route {
            Route::Api => Self { decisive: listed?, beside: beside("in the database", stored) },
            Route::Database => Self { decisive: stored?, beside: beside("in the listing", listed) },
        })
    }
}

/// Returns the rows that were read as an observation.
fn observed(stats: StatsObservation, keys: u64, read: Read<'_>, apart: Option<Apart>) -> Observed {
    let route = read.sight.route();
    let Sight { listed, stored, .. } = read.sight;
    let in_database = stored.as_ref().map(|stored| stored.as_ref().map(|stored| &stored.tally));
    let database = in_database.map(|tally| DatabaseObservation::of(tally, apart));
    let mut listing = ListingObservation::none(true, None);
    listing.route = route;
    listing.bracketed = read.rested;
    listing.brackets = read.brackets;
    listing.behind = read.behind;
    let mut besides = Presence::new(keys);
    let listed = listed.map(|listed| {
        let Listed { tally, paged, all_topics, besides: shown, .. } = listed;
        if route == Route::Api {
            listing.pages = paged.pages + read.further_pages;
            listing.all_topics = all_topics;
        }
        besides = shown;
        tally
    });
    listing.all_topics |= route == Route::Database;
    let stored = stored.and_then(Result::ok).map(|stored| stored.tally);
    let Some(Rows { decisive: mut tally, beside }) = Rows::of(route, listed, stored) else {
        return Observed { database, ..unlisted(stats, keys, ListingObservation::none(false, None)) };
    };
    let pages = listing.pages;
    listing = listing.with_rows(&tally, pages);
    let mut anomalies = tally.anomalies();
    if let Some(Beside { place, tally: beside }) = beside {
        listing = listing.and_rows(&beside);
        tally.fill(&beside);
        listing.sentinels = tally.sentinels.iter().copied().collect();
        let astray = beside.anomalies().into_iter().filter(|anomaly| anomaly.class != AnomalyClass::Foreign);
        let placed = |anomaly: Anomaly| Anomaly { detail: format!("{place}, {}", anomaly.detail), ..anomaly };
        anomalies.extend(astray.map(placed));
    }
    let RowTally { mut presence, winners, .. } = tally;
    presence.fill(&besides);
    let looks = Looks::default();
    Observed { stats, listing, database, presence, winners, anomalies, looks, sentinels: None }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
