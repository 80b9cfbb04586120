//! Wait until a target has processed what it accepted. It tells a target that still moves from one
//! that is stuck.

use std::time::{Duration, Instant};

use judge::books::region::{Deltas, Region};
use reader::client::{ReadError, TargetClient};
use truth::observed::Settled;
use truth::observed::counters::Counters;

/// Pause between two readings of the counters.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Condition that ends the wait.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Growth of the counters that the ledger demands.
    pub region: &'a Region,
    /// Counters before the run.
    pub before: Option<&'a Counters>,
    /// Time that the counters must not move.
    pub quiet: Duration,
    /// True if others write to the target too.
    pub shared: bool,
    /// Time to give up at.
    pub deadline: Instant,
}

/// Result of the wait.
#[derive(Clone, Debug)]
pub struct AtEnd {
    /// Last counters that were read.
    pub counters: Counters,
    /// State of the counters.
    pub settled: Settled,
}

impl Expected<'_> {
    fn reached(&self, now: &Counters) -> bool {
        let deltas = |before: &Counters| self.region.reached(&Deltas::between(before, now));
        now.backlog() == 0 && self.before.is_none_or(deltas)
    }
}

/// Reads the counters again and again after the `first` reading, until they are quiet and count
/// everything that was acknowledged, or until the deadline. A reading that fails is repeated until
/// then.
pub async fn settle(
    client: &TargetClient,
    expected: &Expected<'_>,
    first: Counters,
) -> Result<AtEnd, ReadError> {
    let mut last = first;
    let mut still_since = Instant::now();
    let mut failed = None;
    loop {
        let is_quiet = failed.is_none() && still_since.elapsed() >= expected.quiet;
        if is_quiet && expected.reached(&last) {
            return Ok(AtEnd { counters: last, settled: Settled::Reached });
        }
        if Instant::now() >= expected.deadline {
            let settled = match (is_quiet, last.backlog()) {
                (true, 0) => Settled::Stuck,
                (true, _) => Settled::Stalled,
                (false, _) => Settled::Moving,
            };
            return failed.map_or(Ok(AtEnd { counters: last, settled }), Err);
        }
        tokio::time::sleep(POLL_EVERY).await;
        match client.stats().await {
            Ok(now) => {
                failed = None;
                // If others write too, movement means nothing.
                if !now.stands_as(&last) && !expected.shared {
                    still_since = Instant::now();
                }
                last = now;
            }
            Err(error) => failed = Some(error),
        }
    }
}
