//! Baseline of a target: its counters and its rows before the first event is sent.

use std::time::Duration;

use tokio::time::timeout;
use truth::chain::chain;
use truth::clock::monotonic_ns;
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
/// before. A target that cannot be read has no baseline; the run goes on without. Without counters
/// the rows are listed only if nobody else writes (`is_alone`): a row of others is a finding then,
/// and its number is worth the wait.
pub async fn take(
    client: &TargetClient,
    database: Option<&DatabaseReader>,
    plan: &Plan,
    is_alone: bool,
) -> Baseline {
    let mut baseline = count(client).await.unwrap_or_else(Baseline::unread);
    let is_small = match &baseline.stats {
        Some(stats) => !baseline.moving && stats.unique.is_some_and(|unique| unique <= LISTED_UP_TO),
        None => is_alone,
    };
    if is_small {
        let unique = baseline.stats.as_ref().and_then(|stats| stats.unique);
        let listed = timeout(ASKED_FOR, list(client, plan, unique)).await.ok().flatten();
        let stored = ask(database, plan).await;
        let is_quiet = match &baseline.stats {
            Some(before) => client.stats().await.is_ok_and(|after| after.stands_as(before)),
            None => true,
        };
        baseline.listed = listed.filter(|_| is_quiet);
        baseline.stored = stored.filter(|_| is_quiet);
    }
    Baseline { taken_ns: Some(monotonic_ns()), ..baseline }
}

/// Reads the counters twice. The error says why they could not be read.
async fn count(client: &TargetClient) -> Result<Baseline, String> {
    let first = client.stats().await.map_err(|error| chain(&error))?;
    tokio::time::sleep(APART).await;
    let asked_ns = Some(monotonic_ns());
    let second = client.stats().await.map_err(|error| chain(&error))?;
    let moving = !first.stands_as(&second);
    Ok(Baseline { stats: Some(second), asked_ns, moving, ..Baseline::nothing() })
}

/// Lists a target that holds few events. None if it cannot be listed to its end.
async fn list(client: &TargetClient, plan: &Plan, unique: Option<u64>) -> Option<ListedBaseline> {
    // What a listing that drains has shown is gone, and may be somebody else's.
    let reading = client.reading().filter(|reading| !reading.drains)?;
    // The target counts the events of other topics, too.
    let unique = unique.filter(|_| !reading.is_by_topic);
    let events = Events::new(plan);
    let mut tally = blank(&events, plan);
    let paging = client.list_into(plan.topics.as_slice(), &mut tally).await.ok()?;
    (!paging.looks_capped(tally.rows, unique)).then(|| ListedBaseline::of(&tally))
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
