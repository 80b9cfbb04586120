//! Way from the handlers to the writers: a bounded queue.
//!
//! Two small transactions cost nearly twice as much as one for both. So while one writer stores,
//! the next one gathers requests. It begins when the other is done, or when the waiting requests
//! are worth a transaction of their own. If no writer is storing, no request waits for others.
//!
//! A writer that is alone takes at most half of all requests in progress. While the database stores
//! that half, clients send the other half. For example, with 50 clients that each wait for a
//! response, a writer takes 25 requests; meanwhile 25 others arrive, and the database is never
//! idle. If a writer took all 50, the database would be idle until the clients have sent again. The
//! price: of two requests that wait together, the second waits for the first one's commit.
//!
//! A handler belongs to its client. A client that gives up cancels its handler, but not a writer.
//! So a batch that was queued is stored and counted, even if no client waits for the response.

pub(crate) mod inbox;
pub(crate) mod intake;
pub(crate) mod worker;
pub(crate) mod writer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::sleep;

use crate::event::Batch;
use crate::store::Kind;

/// Unit in which the queue's memory is counted, so that the count fits the semaphore's 32 bits.
const UNIT_BYTES: usize = 1024;

/// A group ends with the request that takes it beyond this size. One statement should stay far
/// below the gigabyte that a PostgreSQL message may have.
const FULL_GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Number of events that are worth a transaction beside another one. PostgreSQL gains little from
/// more rows in a statement.
const WORTH_A_TRANSACTION: usize = 1_000;

/// Time after which a writer may be stuck, behind a lock or a dead connection. Others then go on
/// without it.
const LONGEST_GATHERING: Duration = Duration::from_millis(20);

/// Fate of the last write, for those who ask whether the service is fit for more.
#[derive(Debug, Default)]
pub(crate) struct LastWrite {
    has_failed: AtomicBool,
}

/// Handlers' end of the queue.
#[derive(Debug)]
pub(crate) struct Ingest {
    jobs: mpsc::Sender<Job>,
    /// Number of requests that a writer has taken from the channel and left for the next.
    left: Arc<AtomicUsize>,
    room: Arc<Semaphore>,
    room_units: u32,
}

/// Writers' end of the queue. One writer waits for the next request while the others store.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    waiting: Arc<Mutex<Waiting>>,
    storing: Arc<AtWork>,
    longest_gathering: Duration,
}

/// Writers that are storing, and a signal when one is done.
#[derive(Debug, Default)]
struct AtWork {
    turns: std::sync::Mutex<Turns>,
    done: Notify,
}

#[derive(Debug, Default)]
struct Turns {
    under_way: Vec<Turn>,
    /// Number of requests of the turn that ended last. Their clients are about to send more.
    last_requests: usize,
}

/// Turn of one writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    since: Instant,
    requests: usize,
}

/// Requests that a writer stores. Its turn lasts until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) jobs: Vec<Job>,
    storing: Arc<AtWork>,
    turn: Turn,
}

/// One request's events on their way to the database.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) batch: Batch,
    pub(crate) queued_at: Instant,
    reply: oneshot::Sender<Outcome>,
    /// The job's share of the queue's memory, free again once the request has its response.
    _room: OwnedSemaphorePermit,
}

/// Fate of each event of a request, in its order. Empty if the events are in the inbox.
pub(crate) type Outcome = Result<Vec<Kind>, NotStored>;

/// Reasons for a request to get no receipt. The writer has logged the database's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NotStored {
    /// Nothing was stored: the queue is full.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// Nothing was stored: the database is down or busy.
    #[error("the database is not available")]
    Unavailable,
    /// Nothing was stored: the database rejects these events.
    #[error("the database refused the events")]
    Refused,
    /// The commit was sent, and its result did not arrive.
    #[error("outcome unknown")]
    OutcomeUnknown,
}

/// Makes a queue with limits on its requests and on their memory.
pub(crate) fn queue(max_requests: usize, max_bytes: usize) -> (Ingest, Queue) {
    let (sender, receiver) = mpsc::channel(max_requests);
    let room_units = units(max_bytes);
    let room = Arc::new(Semaphore::new(room_units as usize));
    let left = Arc::<AtomicUsize>::default();
    let queue = Queue {
        waiting: Arc::new(Mutex::new(Waiting::new(receiver, Arc::clone(&left)))),
        storing: Arc::default(),
        longest_gathering: LONGEST_GATHERING,
    };
    (Ingest { jobs: sender, left, room, room_units }, queue)
}

impl LastWrite {
    pub(crate) fn set(&self, has_failed: bool) {
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }

    /// True if the database was not available, or the outcome is unknown. Events that the database
    /// rejects are no failure.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }
}

impl Ingest {
    /// Returns the number of waiting requests, and the bytes of those that wait or are being
    /// stored.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let requests = self.jobs.max_capacity() - self.jobs.capacity() + self.left.load(Ordering::Relaxed);
        let units = self.room_units as usize - self.room.available_permits();
        (requests, units * UNIT_BYTES)
    }

    /// Queues a batch and waits for its fate. Dropping the future does not take the batch back.
    pub(crate) async fn store(&self, batch: Batch) -> Outcome {
        if self.depth().0 >= self.jobs.max_capacity() {
            return Err(NotStored::Overloaded);
        }
        // A batch larger than the whole queue may pass if it is alone.
        let units = units(batch.size_bytes()).min(self.room_units);
        let room = Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|_| NotStored::Overloaded)?;
        let (reply, outcome) = oneshot::channel();
        let job = Job { batch, queued_at: Instant::now(), reply, _room: room };
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotStored::Overloaded,
            mpsc::error::TrySendError::Closed(_) => NotStored::Unavailable,
        })?;
        // A writer that is gone without a result may have sent the commit.
        outcome.await.unwrap_or(Err(NotStored::OutcomeUnknown))
    }
}

impl Queue {
    /// Waits for a request, then gathers others until no writer is storing, or until they are worth
    /// a transaction of their own. Takes its share of them, at most a full group. Returns `None`
    /// when the service stops and the queue is empty.
    pub(crate) async fn take(&self, full_group: usize) -> Option<Taken> {
        let mut waiting = self.waiting.lock().await;
        if waiting.jobs.is_empty() {
            let first = waiting.receiver.recv().await?;
            waiting.add(first);
        }
        while !waiting.fetch(full_group.min(WORTH_A_TRANSACTION))
            && let Some(wait) = self.storing.wait(self.longest_gathering)
        {
            tokio::select! {
                () = self.storing.done.notified() => {}
                () = sleep(wait) => {}
                job = waiting.receiver.recv() => match job {
                    Some(job) => waiting.add(job),
                    // The service stops: no more requests come.
                    None => break,
                },
            }
        }
        waiting.fetch(full_group);
        let share = self.storing.share(waiting.len());
        let jobs = waiting.take(share, full_group);
        Some(Taken { turn: self.storing.begin(jobs.len()), jobs, storing: Arc::clone(&self.storing) })
    }
}

impl AtWork {
    fn begin(&self, requests: usize) -> Turn {
        let turn = Turn { since: Instant::now(), requests };
        self.turns().under_way.push(turn);
        turn
    }

    fn end(&self, turn: Turn) {
        let mut turns = self.turns();
        if let Some(place) = turns.under_way.iter().position(|other| *other == turn) {
            turns.under_way.swap_remove(place);
        }
        turns.last_requests = turn.requests;
        drop(turns);
        self.done.notify_one();
    }

    /// Remaining time to wait for writers that are not stuck. `None` if no writer is storing.
    fn wait(&self, longest: Duration) -> Option<Duration> {
        let youngest = self.turns().under_way.iter().map(|turn| turn.since).max()?;
        longest.checked_sub(youngest.elapsed()).filter(|wait| !wait.is_zero())
    }

    /// Number of waiting requests to store now.
    fn share(&self, waiting: usize) -> usize {
        let turns = self.turns();
        if turns.under_way.is_empty() { (waiting + turns.last_requests).div_ceil(2) } else { waiting }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().expect("nothing panics while it holds the lock")
    }
}

/// Requests that no writer has taken, in order: first those taken from the channel, then those in
/// it.
#[derive(Debug)]
struct Waiting {
    jobs: VecDeque<Job>,
    events: usize,
    bytes: usize,
    receiver: mpsc::Receiver<Job>,
    left: Arc<AtomicUsize>,
}

impl Waiting {
    fn new(receiver: mpsc::Receiver<Job>, left: Arc<AtomicUsize>) -> Self {
        Self { jobs: VecDeque::new(), events: 0, bytes: 0, receiver, left }
    }

    fn len(&self) -> usize {
        self.jobs.len() + self.receiver.len()
    }

    fn add(&mut self, job: Job) {
        self.events += job.batch.len();
        self.bytes += job.batch.size_bytes();
        self.jobs.push_back(job);
        self.left.store(self.jobs.len(), Ordering::Relaxed);
    }

    /// Takes requests from the channel until `events` wait. Returns true if so many wait.
    fn fetch(&mut self, events: usize) -> bool {
        loop {
            if self.events >= events || self.bytes >= FULL_GROUP_BYTES {
                return true;
            }
            let Ok(job) = self.receiver.try_recv() else { return false };
            self.add(job);
        }
    }

    /// Takes at most `requests`, up to the one that fills the group.
    fn take(&mut self, requests: usize, full_group: usize) -> Vec<Job> {
        let mut group = Vec::new();
        let mut events = 0;
        let mut bytes = 0;
        while group.len() < requests
            && events < full_group
            && bytes < FULL_GROUP_BYTES
            && let Some(job) = self.jobs.pop_front()
        {
            events += job.batch.len();
            bytes += job.batch.size_bytes();
            group.push(job);
        }
        self.events -= events;
        self.bytes -= bytes;
        self.left.store(self.jobs.len(), Ordering::Relaxed);
        group
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.storing.end(self.turn);
    }
}

impl Job {
    /// Completes the request. If its client has given up, the events are stored all the same.
    pub(crate) fn complete(self, outcome: Outcome) {
        if self.reply.send(outcome).is_err() {
            tracing::debug!("a client gave up before its response");
        }
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let event = br#"{"topic":"t","event_id":"1","timestamp":"2025-01-01","source":"test"}"#;
        Batch::parse(event.to_vec(), 1).unwrap()
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (ingest, queue) = queue(1, 1 << 20);
        let ingest = Arc::new(ingest);
        let waiting = tokio::spawn({
            let ingest = Arc::clone(&ingest);
            async move { ingest.store(batch()).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(ingest.store(batch()).await, Err(NotStored::Overloaded));
        assert_eq!(ingest.depth(), (1, UNIT_BYTES));

        let mut taken = queue.take(100).await.unwrap();
        assert_eq!(taken.jobs.len(), 1);
        for job in taken.jobs.drain(..) {
            job.complete(Ok(vec![Kind::Inserted]));
        }
        assert_eq!(waiting.await.unwrap(), Ok(vec![Kind::Inserted]));
        assert_eq!(ingest.depth(), (0, 0));
    }

    #[tokio::test]
    async fn the_memory_of_waiting_requests_is_bounded_until_they_are_answered() {
        let (ingest, queue) = queue(100, 1);
        let ingest = Arc::new(ingest);
        let waiting = tokio::spawn({
            let ingest = Arc::clone(&ingest);
            async move { ingest.store(batch()).await }
        });
        let first = queue.take(100).await.unwrap();
        assert_eq!(ingest.store(batch()).await, Err(NotStored::Overloaded));
        drop(first);
        assert_eq!(waiting.await.unwrap(), Err(NotStored::OutcomeUnknown));
        assert_eq!(ingest.room.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_group_ends_with_the_request_that_fills_it() {
        let (ingest, queue) = queue(100, 1 << 20);
        let ingest = Arc::new(ingest);
        send(&ingest, 8);
        tokio::task::yield_now().await;
        assert_eq!(taken(&queue, 3).await, 3);
        assert_eq!(taken(&queue, 3).await, 3);
        assert_eq!(taken(&queue, 3).await, 2);
    }

    /// Size of the next group, which is stored at once.
    async fn taken(queue: &Queue, full_group: usize) -> usize {
        queue.take(full_group).await.unwrap().jobs.len()
    }

    fn send(ingest: &Arc<Ingest>, requests: usize) {
        for _ in 0..requests {
            let ingest = Arc::clone(ingest);
            tokio::spawn(async move { ingest.store(batch()).await });
        }
    }

    #[tokio::test]
    async fn while_one_stores_the_next_gathers_until_it_is_done_or_there_is_enough() {
        let (ingest, mut queue) = queue(5_000, 1 << 30);
        let ingest = Arc::new(ingest);
        // No timer ends the waits below.
        queue.longest_gathering = Duration::from_secs(3_600);
        send(&ingest, 1);
        let first = queue.take(2_000).await.unwrap();
        assert_eq!(first.jobs.len(), 1, "a lone request waits for nothing");
        send(&ingest, 3);
        let (second, ()) = tokio::join!(queue.take(2_000), async {
            send(&ingest, 2);
            tokio::task::yield_now().await;
            drop(first);
        });
        let second = second.unwrap();
        assert_eq!(second.jobs.len(), 3, "half of the five that wait and the one that is sent again");
        send(&ingest, WORTH_A_TRANSACTION - 2);
        assert_eq!(taken(&queue, 2_000).await, WORTH_A_TRANSACTION, "beside the second");
    }

    #[tokio::test]
    async fn a_lone_writer_takes_at_most_half_of_the_requests_in_progress() {
        let (ingest, queue) = queue(100, 1 << 20);
        let ingest = Arc::new(ingest);
        send(&ingest, 50);
        tokio::task::yield_now().await;
        assert_eq!(taken(&queue, 2_000).await, 25);
        assert_eq!(ingest.depth().0, 25, "the others wait");
        // The rest follows if the clients send no more.
        assert_eq!(taken(&queue, 2_000).await, 25);
        // A single request waits for nothing.
        send(&ingest, 1);
        assert_eq!(taken(&queue, 2_000).await, 1);
    }

    #[tokio::test]
    async fn no_request_waits_for_a_stuck_writer() {
        let (ingest, queue) = queue(100, 1 << 20);
        let ingest = Arc::new(ingest);
        send(&ingest, 2);
        tokio::task::yield_now().await;
        let stuck = queue.take(100).await.unwrap();
        assert_eq!(stuck.jobs.len(), 1);
        send(&ingest, 2);
        tokio::task::yield_now().await;
        assert_eq!(taken(&queue, 100).await, 3);
        // The stuck writer no longer counts, so the next one is alone.
        send(&ingest, 3);
        assert!(queue.storing.wait(LONGEST_GATHERING).is_none());
        assert_eq!(taken(&queue, 100).await, 3);
    }
}
