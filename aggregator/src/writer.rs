//! The tasks that store events. Each owns one connection and answers every request that it takes from the queue.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Batch;
use crate::group::{Group, Kind};
use crate::ingest::{Job, NotStored, Queue};
use crate::store::{WriteError, Writer};
use crate::worker::Inbox;

/// How often a group is tried again that the database ended for another's sake. The rows are sorted, so that only
/// strangers' transactions can be in the way; five in a row mean trouble that the client should hear of.
const MAX_ABORTS: usize = 5;

/// A task's connection, and whether the log knows that it fails.
struct Storing {
    writer: Writer,
    /// Where events wait that are stored later; none where they are stored at once.
    inbox: Option<Arc<Inbox>>,
    is_away: bool,
}

/// Serves the queue until it is closed and empty.
pub(crate) async fn run(writer: Writer, queue: Queue, max_wait: Duration, inbox: Option<Arc<Inbox>>) {
    let mut storing = Storing { writer, inbox, is_away: false };
    while let Some(mut taken) = queue.take(storing.writer.full_group()).await {
        let (fresh, stale): (Vec<_>, Vec<_>) =
            taken.jobs.drain(..).partition(|job| job.queued_at.elapsed() <= max_wait);
        for job in stale {
            job.answer(Err(NotStored::Unavailable));
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
    /// Stores the jobs as one group. If the database refuses something in it (a trigger or a constraint that somebody
    /// added), the group is halved until the request at fault stands alone, so that the others do not suffer.
    async fn store(&mut self, jobs: Vec<Job>) {
        let mut groups = vec![jobs];
        while let Some(mut jobs) = groups.pop() {
            match self.store_group(&jobs).await {
                Ok(answers) => {
                    self.report_success();
                    for (job, answer) in jobs.into_iter().zip(answers) {
                        job.answer(Ok(answer));
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
                        job.answer(Err(told(&error)));
                    }
                }
            }
        }
    }

    async fn store_group(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Kind>>, WriteError> {
        if let Some(inbox) = &self.inbox {
            let batches: Vec<&Batch> = jobs.iter().map(|job| &job.batch).collect();
            self.writer.accept(&batches).await?;
            inbox.filled();
            // What becomes of each is not known yet.
            return Ok(vec![Vec::new(); jobs.len()]);
        }
        let group = Group::new(jobs.iter().map(|job| &job.batch));
        let mut aborts = 0;
        loop {
            match self.writer.write(&group).await {
                Ok(inserted) => return Ok(group.attribute(&inserted)),
                // A known abort: nothing was stored, so nothing can be stored twice.
                Err(WriteError::Aborted(_)) if aborts < MAX_ABORTS => aborts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// What the log says, once for all requests of a group, and once for all groups of an outage.
    fn report(&mut self, error: &WriteError, requests: usize) {
        let source = error.source();
        let is_known = self.is_away;
        self.is_away = matches!(error, WriteError::Unavailable(_));
        if self.is_away && is_known {
            tracing::debug!(requests, "{error}: {source}");
        } else {
            tracing::error!(requests, "{error}: {source}");
        }
    }

    fn report_success(&mut self) {
        if self.is_away {
            tracing::info!("the database is available again");
            self.is_away = false;
        }
    }
}

/// What the clients hear.
fn told(error: &WriteError) -> NotStored {
    match error {
        WriteError::Unavailable(_) | WriteError::Aborted(_) => NotStored::Unavailable,
        WriteError::Refused(_) => NotStored::Refused,
        WriteError::Unknown(_) => NotStored::OutcomeUnknown,
    }
}
