//! Tasks that store events. Each completes every request that it takes from the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inbox::Inbox;
use super::{Job, LastWrite, NotStored, Queue};
use crate::event::Batch;
use crate::metrics::{Metrics, Work};
use crate::store::{Group, Kind, WriteError, Writer};

/// Largest number of retries of a group that the database aborted in favour of another transaction. The
/// rows are sorted, so only foreign transactions can be in the way. Five aborts in a row are a
/// problem that the client should see.
const MAX_ABORTS: usize = 5;

/// State of a writer's task.
struct Storing {
    writer: Writer,
    /// Set in the queued mode.
    inbox: Option<Arc<Inbox>>,
    metrics: Arc<Metrics>,
    last_write: Arc<LastWrite>,
    is_down: bool,
}

/// Serves the queue until it is closed and empty.
pub(crate) async fn run(
    writer: Writer,
    queue: Queue,
    max_wait: Duration,
    inbox: Option<Arc<Inbox>>,
    metrics: Arc<Metrics>,
    last_write: Arc<LastWrite>,
) {
    let mut storing = Storing { writer, inbox, metrics, last_write, is_down: false };
    while let Some(mut taken) = queue.take(storing.writer.full_group()).await {
        let (fresh, stale): (Vec<_>, Vec<_>) =
            taken.jobs.drain(..).partition(|job| job.queued_at.elapsed() <= max_wait);
        for job in stale {
            job.complete(Err(NotStored::Unavailable));
        }
        if !fresh.is_empty() {
            storing.store(fresh).await;
            drop(taken);
            storing.writer.tidy().await;
        }
    }
    storing.writer.close().await;
}

impl Storing {
    /// Stores the jobs as one group. If the database rejects something in it (by a trigger or a
    /// constraint that somebody added), the group is halved until the request at fault stands
    /// alone. So the other requests are stored.
    async fn store(&mut self, jobs: Vec<Job>) {
        let mut groups = vec![jobs];
        while let Some(mut jobs) = groups.pop() {
            match self.store_group(&jobs).await {
                Ok(outcomes) => {
                    self.report_success();
                    for (job, outcome) in jobs.into_iter().zip(outcomes) {
                        job.complete(Ok(outcome));
                    }
                }
                Err(WriteError::Refused(_)) if jobs.len() > 1 => {
                    // The first half is stored first: it was first in the queue.
                    let second_half = jobs.split_off(jobs.len() / 2);
                    groups.push(second_half);
                    groups.push(jobs);
                }
                Err(error) => {
                    self.report(&error, jobs.len());
                    for job in jobs {
                        job.complete(Err(for_client(&error)));
                    }
                }
            }
        }
    }

    async fn store_group(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Kind>>, WriteError> {
        if let Some(inbox) = &self.inbox {
            let batches: Vec<&Batch> = jobs.iter().map(|job| &job.batch).collect();
            let events = batches.iter().map(|batch| batch.len()).sum();
            let began = Instant::now();
            self.writer.accept(&batches).await.inspect_err(|error| self.metrics.failed(error))?;
            self.metrics.committed(Work::Accept, events, began.elapsed());
            self.metrics.received(events);
            inbox.filled();
            // The fate of each event is not known yet.
            return Ok(vec![Vec::new(); jobs.len()]);
        }
        let group = Group::new(jobs.iter().map(|job| &job.batch));
        let inserted = self.write(&group).await?;
        self.metrics.received(group.len());
        self.metrics.stored(inserted.len(), group.len() - inserted.len());
        Ok(group.attribute(&inserted))
    }

    async fn write(&mut self, group: &Group<'_>) -> Result<Vec<usize>, WriteError> {
        let mut aborts = 0;
        loop {
            let began = Instant::now();
            let error = match self.writer.write(group).await {
                Ok(inserted) => {
                    self.metrics.committed(Work::Store, group.len(), began.elapsed());
                    return Ok(inserted);
                }
                Err(error) => error,
            };
            self.metrics.failed(&error);
            // A known abort: nothing was stored, so a retry stores nothing twice.
            if !matches!(error, WriteError::Aborted(_)) || aborts == MAX_ABORTS {
                return Err(error);
            }
            aborts += 1;
        }
    }

    /// Logs a failure, once for all requests of a group, and once for all groups of an outage.
    fn report(&mut self, error: &WriteError, requests: usize) {
        self.last_write.set(matches!(error, WriteError::Unavailable(_) | WriteError::Unknown(_)));
        let source = error.source();
        let is_known = self.is_down;
        self.is_down = matches!(error, WriteError::Unavailable(_));
        if self.is_down && is_known {
            tracing::debug!(requests, "{error}: {source}");
        } else {
            tracing::error!(requests, "{error}: {source}");
        }
    }

    fn report_success(&mut self) {
        self.last_write.set(false);
        if self.is_down {
            tracing::info!("the database is available again");
            self.is_down = false;
        }
    }
}

/// Error that the clients see.
fn for_client(error: &WriteError) -> NotStored {
    match error {
        WriteError::Unavailable(_) | WriteError::Aborted(_) => NotStored::Unavailable,
        WriteError::Refused(_) => NotStored::Refused,
        WriteError::Unknown(_) => NotStored::OutcomeUnknown,
    }
}
