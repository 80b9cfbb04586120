//! The tasks that store events. Each owns one connection and answers every request that it takes from the queue.

use std::time::Duration;

use crate::group::Group;
use crate::ingest::{Answer, Job, NotStored, Queue};
use crate::store::{WriteError, Writer};

/// How often a group is tried again that the database ended for another's sake. The rows are sorted, so that only
/// strangers' transactions can be in the way; five in a row mean trouble that the client should hear of.
const MAX_ABORTS: usize = 5;

/// Serves the queue until it is closed and empty.
pub(crate) async fn run(mut writer: Writer, queue: Queue, max_wait: Duration) {
    while let Some(jobs) = queue.take(writer.full_group()).await {
        let (fresh, stale): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.queued_at.elapsed() <= max_wait);
        for job in stale {
            job.answer(Err(NotStored::Unavailable));
        }
        if !fresh.is_empty() {
            store(&mut writer, fresh).await;
            writer.tidy().await;
        }
    }
    writer.close().await;
}

/// Stores the jobs as one group. If the database refuses something in it (a trigger or a constraint that somebody
/// added), the group is halved until the request at fault stands alone, so that the others do not suffer.
async fn store(writer: &mut Writer, jobs: Vec<Job>) {
    let mut groups = vec![jobs];
    while let Some(mut jobs) = groups.pop() {
        match store_group(writer, &jobs).await {
            Ok(answers) => {
                for (job, answer) in jobs.into_iter().zip(answers) {
                    job.answer(Ok(answer));
                }
            }
            Err(WriteError::Refused(_)) if jobs.len() > 1 => {
                let second_half = jobs.split_off(jobs.len() / 2);
                groups.push(second_half);
                groups.push(jobs);
            }
            Err(error) => {
                report(&error, jobs.len());
                let answer: Answer = Err(told(&error));
                for job in jobs {
                    job.answer(answer.clone());
                }
            }
        }
    }
}

async fn store_group(writer: &mut Writer, jobs: &[Job]) -> Result<Vec<Vec<crate::group::Kind>>, WriteError> {
    let group = Group::new(jobs.iter().map(|job| &job.batch));
    let mut aborts = 0;
    loop {
        match writer.write(&group).await {
            Ok(inserted) => return Ok(group.attribute(&inserted)),
            // A known abort: nothing was stored, so nothing can be stored twice.
            Err(WriteError::Aborted(_)) if aborts < MAX_ABORTS => aborts += 1,
            Err(error) => return Err(error),
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

/// What the log says, once for all requests of the group.
fn report(error: &WriteError, requests: usize) {
    let (WriteError::Unavailable(source)
    | WriteError::Aborted(source)
    | WriteError::Refused(source)
    | WriteError::Unknown(source)) = error;
    tracing::error!(requests, "{error}: {source}");
}
