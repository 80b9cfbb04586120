//! What a target said of itself before the first send.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use truth::clock::monotonic_ns;
use truth::files::{FolderError, read_json, write_json};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::folder::RunFolder;

use crate::observe::client::TargetClient;
use crate::observe::database::DatabaseReader;
use crate::observe::stats::Counters;
use crate::rows::{Equality, RowTally, SetSum};

/// How far apart the two readings are.
const APART: Duration = Duration::from_millis(250);

/// Targets with more events than this are not listed before a run, so that a large one costs nothing.
const LISTED_UP_TO: u64 = 100_000;

/// How long a listing and a database are read before a run, each: one that does not come to its end keeps nobody waiting.
const ASKED_FOR: Duration = Duration::from_secs(10);

/// The file's name in the run folder.
const FILE: &str = "baseline.json";

/// `baseline.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this file.
    pub schema_version: u32,
    /// The counters, if they could be read.
    pub stats: Option<Counters>,
    /// Why they could not.
    pub unread: Option<String>,
    /// Monotonic time when the second reading was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
    /// Monotonic time when all of it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_ns: Option<u64>,
    /// Whether two readings differed: somebody else writes.
    pub moving: bool,
    /// What was listed, if the target held few enough events.
    pub listed: Option<ListedBaseline>,
    /// What its database held, if it was asked and held few enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<ListedBaseline>,
}

/// What a target's listing, or its database, showed before the first send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListedBaseline {
    /// Rows.
    pub rows: u64,
    /// The same, as a set.
    pub foreign: SetSum,
}

impl Baseline {
    /// Reads the counters twice, a quarter of a second apart, and lists what is there if that is little: only then can
    /// a verdict tell a row that appeared during the run from one of before. A target that cannot be read has no
    /// baseline, and that is a fact, not a failure.
    pub async fn take(client: &TargetClient, database: Option<&DatabaseReader>, plan: &Plan) -> Self {
        let first = match client.stats().await {
            Ok(counters) => counters,
            Err(error) => return Self::unread(chain(&error)),
        };
        tokio::time::sleep(APART).await;
        let asked_ns = Some(monotonic_ns());
        let second = match client.stats().await {
            Ok(counters) => counters,
            Err(error) => return Self::unread(chain(&error)),
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
        Self { stats: Some(second), asked_ns, taken_ns, moving, listed, stored, ..Self::nothing() }
    }

    /// That the counters could not be read, and why.
    pub fn unread(reason: String) -> Self {
        Self { unread: Some(reason), ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self {
            schema_version: 1,
            stats: None,
            unread: None,
            asked_ns: None,
            taken_ns: None,
            moving: false,
            listed: None,
            stored: None,
        }
    }

    /// Whether upper bounds of counters hold: nobody else writes, and nothing of before was still waiting.
    pub fn is_firm(&self) -> bool {
        !self.moving && self.stats.as_ref().is_some_and(|stats| stats.backlog() == 0)
    }

    /// Whether two shards of a run found the same: the target alike, and nothing moving.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let stands = match (&self.stats, &other.stats) {
            (Some(one), Some(another)) => one.stands_as(another),
            (one, another) => one.is_none() && another.is_none(),
        };
        let others =
            |baseline: &Self| (baseline.unread.clone(), baseline.moving, baseline.listed, baseline.stored);
        stands && others(self) == others(other)
    }

    /// The file.
    pub fn path(folder: &RunFolder) -> PathBuf {
        folder.file(FILE)
    }

    /// Writes the file.
    pub fn save(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&Self::path(folder), self)
    }

    /// Reads the file; a run that was killed before it wrote one has none.
    pub fn load(folder: &RunFolder) -> Result<Option<Self>, FolderError> {
        let path = Self::path(folder);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }
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

impl ListedBaseline {
    fn of(tally: &RowTally<'_>) -> Self {
        Self { rows: tally.rows, foreign: tally.foreign }
    }
}

/// An error and its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_found_the_same_agree_however_long_the_target_had_been_running() {
        let baseline = |unique, uptime| Baseline {
            stats: Some(Counters { unique: Some(unique), uptime_ms: Some(uptime), ..Counters::default() }),
            asked_ns: Some(uptime),
            ..Baseline::nothing()
        };
        assert!(baseline(3, 1_000).agrees_with(&baseline(3, 1_200)));
        assert!(!baseline(3, 1_000).agrees_with(&baseline(4, 1_000)));
        assert!(!baseline(3, 1_000).agrees_with(&Baseline { stats: None, ..baseline(3, 1_000) }));
        assert!(!baseline(3, 1_000).agrees_with(&Baseline { moving: true, ..baseline(3, 1_000) }));
    }
}
