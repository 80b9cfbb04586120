//! Waiting until a target has done what it accepted, and telling "still moving" from "stuck".

use std::time::{Duration, Instant};

use judge::books::region::{Deltas, Region};
use reader::client::{ReadError, TargetClient};
use truth::observed::Settled;
use truth::observed::counters::Counters;

/// How often the counters are read meanwhile.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// What settling waits for.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// What the ledger demands of the counters.
    pub region: &'a Region,
    /// Where they stood before.
    pub before: Option<&'a Counters>,
    /// How long they must not move.
    pub quiet: Duration,
    /// Whether others write to the target meanwhile.
    pub shared: bool,
    /// When to give up.
    pub deadline: Instant,
}

impl Expected<'_> {
    fn reached(&self, now: &Counters) -> bool {
        let deltas = |before: &Counters| self.region.reached(&Deltas::between(before, now));
        now.backlog() == 0 && self.before.is_none_or(deltas)
    }
}

/// Reads the counters, from the `first` reading on, until they are quiet and all that was acknowledged is counted, or
/// the deadline. A reading that fails is tried again until then.
pub async fn settle(
    client: &TargetClient,
    expected: &Expected<'_>,
    first: Counters,
) -> Result<(Counters, Settled), ReadError> {
    let (mut last, mut still_since, mut failed) = (first, Instant::now(), None);
    loop {
        let is_quiet = failed.is_none() && still_since.elapsed() >= expected.quiet;
        if is_quiet && expected.reached(&last) {
            return Ok((last, Settled::Reached));
        }
        if Instant::now() >= expected.deadline {
            let settled = match (is_quiet, last.backlog()) {
                (true, 0) => Settled::Stuck,
                (true, _) => Settled::Stalled,
                (false, _) => Settled::Moving,
            };
            return failed.map_or(Ok((last, settled)), Err);
        }
        tokio::time::sleep(POLL_EVERY).await;
        match client.stats().await {
            Ok(now) => {
                failed = None;
                // Where others write too, movement means nothing.
                if !now.stands_as(&last) && !expected.shared {
                    still_since = Instant::now();
                }
                last = now;
            }
            Err(error) => failed = Some(error),
        }
    }
}
