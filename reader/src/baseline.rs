//! Baseline of a target: its counters and its rows before the first event is sent.

use std::time::Duration;

use tokio::time::timeout;
use truth::chain::chain;
use truth::clock::monotonic_ns;
use truth::observed::counters::Counters;
use truth::observed::rows::{Equality, RowTally};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::baseline::{Baseline, ListedBaseline};

use crate::client::TargetClient;
use crate::database::DatabaseReader;

/// Time between the two readings of the counters.
const APART: Duration = Duration::from_millis(250);

/// Most events of a target that is listed before a run. A larger one is not listed, because that
/// takes too long.
const LISTED_UP_TO: u64 = 100_000;

/// Longest time to read a listing, and a database, before a run. What takes longer is left out.
const ASKED_FOR: Duration = Duration::from_secs(10);

/// Reads the counters twice, a quarter of a second apart, and lists the rows if they are few.
///
/// With the rows, a verdict can tell a row that appeared during the run from one that was there
/// before. A target that cannot be read has no baseline; the run goes on without.
pub async fn take(client: &TargetClient, database: Option<&DatabaseReader>, plan: &Plan) -> Baseline {
    let first = match client.stats().await {
        Ok(counters) => counters,
        Err(error) => return Baseline::unread(chain(&error)),
    };
    tokio::time::sleep(APART).await;
    let asked_ns = Some(monotonic_ns());
    let second = match client.stats().await {
        Ok(counters) => counters,
        Err(error) => return Baseline::unread(chain(&error)),
    };
    let moving = !first.stands_as(&second);
    let mut listed = None;
    let mut stored = None;
    if !moving && second.unique.is_some_and(|unique| unique <= LISTED_UP_TO) {
        listed = timeout(ASKED_FOR, list(client, plan, &second)).await.ok().flatten();
        stored = ask(database, plan).await;
        let is_quiet = client.stats().await.is_ok_and(|after| after.stands_as(&second));
        listed = listed.filter(|_| is_quiet);
        stored = stored.filter(|_| is_quiet);
    }
    let taken_ns = Some(monotonic_ns());
    Baseline { stats: Some(second), asked_ns, taken_ns, moving, listed, stored, ..Baseline::nothing() }
}

/// Lists a target that holds few events. None if it cannot be listed to its end.
async fn list(client: &TargetClient, plan: &Plan, stats: &Counters) -> Option<ListedBaseline> {
    // What a listing that drains has shown is gone, and may be somebody else's.
    if client.reading().is_none_or(|reading| reading.drains) {
        return None;
    }
    let events = Events::new(plan);
    let mut tally = blank(&events, plan);
    let paging = client.list_into(plan.topics.as_slice(), &mut tally).await.ok()?;
    (!paging.looks_capped(tally.rows, stats.unique)).then(|| ListedBaseline::of(&tally))
}

/// Reads the database. None if that fails: the verdict reports it when it reads the database again.
async fn ask(database: Option<&DatabaseReader>, plan: &Plan) -> Option<ListedBaseline> {
    let events = Events::new(plan);
    let mut tally = blank(&events, plan);
    database?.rows_into(&mut tally, ASKED_FOR).await.ok()?;
    Some(ListedBaseline::of(&tally))
}

fn blank<'e>(events: &'e Events, plan: &Plan) -> RowTally<'e> {
    RowTally::new(events, plan.nonce, plan.keys().unwrap_or(0), Equality::NONE)
}
