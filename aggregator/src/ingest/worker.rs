//! The tasks of the queued mode: each takes what waits in the inbox, and stores and counts it in the transaction that takes
//! it away. One that is killed, or paused for ever, has taken nothing.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::inbox::Inbox;
use crate::metrics::{Metrics, Work};
use crate::store::{Drained, Store, Worker, WriteError};

/// The pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Between two looks how full the inbox is.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How a worker works.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) metrics: Arc<Metrics>,
    /// Most events of one transaction.
    pub(crate) batch_size: u32,
    /// How long it waits for a word before it looks by itself: another process may have filled the inbox.
    pub(crate) poll_interval: Duration,
}

/// Empties the inbox again and again, until nobody serves any more.
pub(crate) async fn run(mut worker: Worker, job: Job, mut serving: watch::Receiver<()>) {
    let mut pause = None;
    loop {
        // Asked between two transactions only: what was begun is ended.
        if serving.has_changed().is_err() {
            return worker.close().await;
        }
        match job.drain(&mut worker).await {
            Ok(Drained { taken, .. }) => {
                if pause.take().is_some() {
                    tracing::info!("the inbox is emptied again");
                }
                if taken >= job.batch_size as usize {
                    // There may be more than one can take.
                    job.inbox.filled();
                    continue;
                }
                tokio::select! {
                    // Both ends of a wait are looked at above.
                    _ = timeout(job.poll_interval, job.inbox.filled.notified()) => {}
                    _ = serving.changed() => {}
                }
            }
            Err(error) => {
                let this_time = pause.map_or(FIRST_PAUSE, |last: Duration| (2 * last).min(LONGEST_PAUSE));
                report(&error, pause.is_some());
                pause = Some(this_time);
                tokio::select! {
                    () = sleep(this_time) => {}
                    _ = serving.changed() => {}
                }
            }
        }
    }
}

/// Looks again and again how many events wait, until nobody serves any more. All processes on one database fill the same inbox,
/// so that only the database knows; a look a second costs it nothing.
pub(crate) async fn watch(store: Store, inbox: Arc<Inbox>, mut serving: watch::Receiver<()>) {
    let mut fails = false;
    while serving.has_changed().is_ok() {
        match store.pending().await {
            Ok(events) => {
                inbox.waiting.store(events, Ordering::Relaxed);
                if mem::take(&mut fails) {
                    tracing::info!("the inbox can be looked at again");
                }
            }
            // What was seen last stands; as long as the database is away, nothing is accepted either.
            Err(error) if fails => tracing::debug!(%error, "the inbox cannot be looked at"),
            Err(error) => {
                tracing::warn!(%error, "the inbox cannot be looked at; it is tried again and again");
                fails = true;
            }
        }
        tokio::select! {
            () = sleep(LOOK_INTERVAL) => {}
            _ = serving.changed() => {}
        }
    }
}

impl Job {
    async fn drain(&self, worker: &mut Worker) -> Result<Drained, WriteError> {
        let most = i64::from(self.batch_size);
        let began = Instant::now();
        self.inbox.in_hand.fetch_add(most, Ordering::Relaxed);
        let result = worker.drain(self.batch_size).await;
        self.inbox.in_hand.fetch_sub(most, Ordering::Relaxed);
        match &result {
            // An empty inbox is looked into again and again, which says nothing of what commits take.
            Ok(Drained { taken: 0, .. }) => {}
            Ok(Drained { taken, inserted }) => {
                self.metrics.committed(Work::Drain, *taken, began.elapsed());
                self.metrics.stored(*inserted, taken - inserted);
            }
            Err(error) => self.metrics.failed(error),
        }
        result
    }
}

/// Nothing is lost by it: what was not stored waits on.
fn report(error: &WriteError, is_known: bool) {
    let source = error.source();
    if is_known {
        tracing::debug!("the inbox is not emptied: {error}: {source}");
    } else {
        tracing::error!("the inbox is not emptied: {error}: {source}; it is tried again and again");
    }
}
