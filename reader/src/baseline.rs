//! What a target said of itself before the first send.

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

/// How far apart the two readings are.
const APART: Duration = Duration::from_millis(250);

/// Targets with more events than this are not listed before a run, so that a large one costs nothing.
const LISTED_UP_TO: u64 = 100_000;

/// How long a listing and a database are read before a run, each: one that does not come to its end keeps nobody waiting.
const ASKED_FOR: Duration = Duration::from_secs(10);

/// Reads the counters twice, a quarter of a second apart, and lists what is there if that is little: only then can
/// a verdict tell a row that appeared during the run from one of before. A target that cannot be read has no
/// baseline, and that is a fact, not a failure.
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
    let (mut listed, mut stored) = (None, None);
    if !moving && second.unique.is_some_and(|unique| unique <= LISTED_UP_TO) {
        listed = timeout(ASKED_FOR, list(client, plan, &second)).await.ok().flatten();
        stored = ask(database, plan).await;
        let is_quiet = client.stats().await.is_ok_and(|after| after.stands_as(&second));
        (listed, stored) = (listed.filter(|_| is_quiet), stored.filter(|_| is_quiet));
    }
    let taken_ns = Some(monotonic_ns());
    Baseline { stats: Some(second), asked_ns, taken_ns, moving, listed, stored, ..Baseline::nothing() }
}

/// Lists a target that holds few events.
async fn list(client: &TargetClient, plan: &Plan, stats: &Counters) -> Option<ListedBaseline> {
    if !client.offers_listing() {
        return None;
    }
    let events = Events::new(plan);
    let mut tally = blank(&events, plan);
    let paging = client.list_into(plan.topics.as_slice(), &mut tally).await.ok()?;
    (!paging.looks_capped(tally.rows, stats.unique)).then(|| ListedBaseline::of(&tally))
}

/// Asks its database; that it could not be read will be said when it matters.
async fn ask(database: Option<&DatabaseReader>, plan: &Plan) -> Option<ListedBaseline> {
    let events = Events::new(plan);
    let mut tally = blank(&events, plan);
    database?.rows_into(&mut tally, ASKED_FOR).await.ok()?;
    Some(ListedBaseline::of(&tally))
}

fn blank<'e>(events: &'e Events, plan: &Plan) -> RowTally<'e> {
    RowTally::new(events, plan.nonce, plan.keys().unwrap_or(0), Equality::NONE)
}
