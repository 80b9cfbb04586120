//! Farewell to a target that this program started: events that still wait in it are given time,
//! because a target that keeps its queue in memory would lose them at its end.

use std::time::{Duration, Instant};

use reader::client::TargetClient;
use truth::duration;
use truth::observed::counters::Counters;
use truth::scenario::promises::Promises;

use super::signals::Signals;
use crate::watch::notice::{Notices, counted};

/// Longest time for events that the target counts as waiting, if it promises no longer one.
const LONGEST: Duration = Duration::from_secs(60);

/// Pause between two readings of the counters.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Waits for what waits in the target, as far as anything tells of it. A signal ends the wait.
pub(super) async fn wait(client: &TargetClient, promises: &Promises, notices: Notices) {
    let Ok(mut signals) = Signals::listen() else { return };
    tokio::select! {
        () = wait_for_backlog(client, promises, notices) => {}
        () = signals.next() => notices.warn("the target is ended before everything that waits in it is stored"),
    }
}

async fn wait_for_backlog(client: &TargetClient, promises: &Promises, notices: Notices) {
    match (backlog(client).await, promises.drain) {
        (Some(0), _) => {}
        (Some(waiting), drain) => {
            let longest = drain.unwrap_or_default().max(LONGEST);
            let events = counted(waiting, "event");
            let time = duration::format(longest);
            notices.say(&format!("{events} wait in the target, which is ended once they are stored, or in {time}"));
            let until = Instant::now() + longest;
            while let Some(waiting @ 1..) = backlog(client).await {
                if Instant::now() >= until {
                    let events = counted(waiting, "event");
                    return notices.warn(&format!("{events} still wait in the target, which is ended now"));
                }
                tokio::time::sleep(POLL_EVERY).await;
            }
        }
        (None, Some(drain)) => {
            let time = duration::format(drain);
            notices.say(&format!("the target is ended in {time}, the promised time to store what waits in it"));
            tokio::time::sleep(drain).await;
        }
        (None, None) => notices.say(
            "the target is ended now; nothing tells if events still wait in it (`[promises] drain` would leave time)",
        ),
    }
}

/// Returns the number of events that wait; none if the target does not report it.
async fn backlog(client: &TargetClient) -> Option<u64> {
    let counters = client.stats().await.ok()?;
    let Counters { pending, processing, .. } = &counters;
    (pending.is_some() || processing.is_some()).then(|| counters.backlog())
}
