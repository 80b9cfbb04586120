//! Tasks of the queued mode. Each takes events from the inbox, and stores and counts them in the
//! transaction that removes them. A worker that is killed or paused has removed nothing.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::inbox::Inbox;
use crate::metrics::{Metrics, Work};
use crate::store::{Drained, Store, Worker, WriteError};

/// Pause after a failure. It doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Pause between two looks at the number of events in the inbox.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Settings and shared state of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) metrics: Arc<Metrics>,
    /// Largest number of events in one transaction.
    pub(crate) batch_size: u32,
    /// Time until an idle worker looks by itself: another process may have filled the inbox.
    pub(crate) poll_interval: Duration,
}

/// Empties the inbox again and again, until the last handler has ended.
pub(crate) async fn run(mut worker: Worker, job: Job, mut serving: watch::Receiver<()>) {
    let mut pause = None;
    loop {
        // Checked between two transactions only: a transaction that has begun is finished.
        if serving.has_changed().is_err() {
            return worker.close().await;
        }
        match job.drain(&mut worker).await {
            Ok(Drained { taken, .. }) => {
                if pause.take().is_some() {
                    tracing::info!("the inbox can be emptied again");
                }
                if taken >= job.batch_size as usize {
                    // There may be more than one worker can take.
                    job.inbox.filled();
                    continue;
                }
                tokio::select! {
                    // The loop's beginning handles both.
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

/// Reads the number of waiting events again and again, until the last handler has ended. All
/// processes on one database fill the same inbox, so only the database knows the number. Reading it
/// once a second costs nothing.
pub(crate) async fn watch(store: Store, inbox: Arc<Inbox>, mut serving: watch::Receiver<()>) {
    let mut fails = false;
    while serving.has_changed().is_ok() {
        match store.pending().await {
            Ok(events) => {
                inbox.waiting.store(events, Ordering::Relaxed);
                if mem::take(&mut fails) {
                    tracing::info!("the inbox can be read again");
                }
            }
            // The last number stands. While the database is down, no request is accepted either.
            Err(error) if fails => tracing::debug!(%error, "cannot read the inbox"),
            Err(error) => {
                tracing::warn!(%error, "cannot read the inbox; retrying once a second");
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
            // A worker looks into an empty inbox again and again, which says nothing about the time
            // of commits.
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

/// Logs a failure. No event is lost: those not stored stay in the inbox.
fn report(error: &WriteError, is_known: bool) {
    let source = error.source();
    if is_known {
        tracing::debug!("cannot empty the inbox: {error}: {source}");
    } else {
        tracing::error!("cannot empty the inbox: {error}: {source}; retrying");
    }
}
