//! What a lane has to send: the waiting requests of the round it opened last, and where the next round comes from.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use truth::plan::{Plan, Shard};
use truth::round::Round;

use crate::release::Race;

/// A race, and the place in it of a request that it lost when its release could not be held together.
pub(crate) type RacePlace = (Rc<RefCell<Race>>, usize);

/// Requests that are to leave together; most often one.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) round: Rc<Round>,
    pub(crate) requests: Range<u32>,
    /// For a request that follows its release singly.
    pub(crate) race: Option<RacePlace>,
}

/// The rounds of a shard, handed out one by one to all lanes: the only counter that they share, touched once a round.
#[derive(Debug)]
pub(crate) struct Claims {
    next: AtomicU64,
    rounds: u64,
}

impl Claims {
    pub(crate) fn new(rounds: u64) -> Self {
        Self { next: AtomicU64::new(0), rounds }
    }

    fn is_exhausted(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.rounds
    }

    fn claim(&self) -> Option<u64> {
        // Asked first, so that lanes that ask again and again do not count up for ever.
        if self.is_exhausted() {
            return None;
        }
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        (nth < self.rounds).then_some(nth)
    }
}

/// The waiting requests of one lane.
#[derive(Debug)]
pub(crate) struct Queue {
    plan: Arc<Plan>,
    shard: Shard,
    claims: Arc<Claims>,
    /// Most requests that this lane can let go together: it has no more connections.
    together: u32,
    /// In reverse, so that the next one is taken from the end.
    waiting: Vec<Chunk>,
    stopped: bool,
}

impl Queue {
    pub(crate) fn new(plan: Arc<Plan>, shard: Shard, claims: Arc<Claims>, connections: u32) -> Self {
        Self { plan, shard, claims, together: connections.max(1), waiting: Vec::new(), stopped: false }
    }

    /// Whether nothing waits and no round will be opened any more.
    pub(crate) fn is_dry(&self) -> bool {
        self.waiting.is_empty() && (self.stopped || self.claims.is_exhausted())
    }

    /// The next requests, of rounds that are open.
    pub(crate) fn take(&mut self) -> Option<Chunk> {
        self.waiting.pop()
    }

    /// Puts requests back to the front.
    pub(crate) fn put_back(&mut self, chunk: Chunk) {
        self.waiting.push(chunk);
    }

    /// Claims the next round of this shard; it must be announced in the ledger before [`Self::open`].
    pub(crate) fn claim(&self) -> Option<u64> {
        let nth = if self.stopped { None } else { self.claims.claim() };
        nth.map(|nth| self.shard.round(nth))
    }

    /// Fills a round and lets its requests wait.
    pub(crate) fn open(&mut self, round: u64) {
        let round = Rc::new(self.plan.round(round));
        for release in round.releases() {
            for first in release.clone().step_by(self.together as usize) {
                let last = release.end.min(first.saturating_add(self.together));
                self.waiting.push(Chunk { round: Rc::clone(&round), requests: first..last, race: None });
            }
        }
        self.waiting.reverse();
    }

    /// Opens no further round, and gives up what waits.
    pub(crate) fn stop(&mut self) -> Vec<Chunk> {
        self.stopped = true;
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.reverse();
        waiting
    }
}

#[cfg(test)]
mod tests {
    use truth::scenario::Scenario;

    use super::*;

    fn queue(connections: u32, claims: &Arc<Claims>) -> Queue {
        let plan = Scenario::default().plan(1, 1).unwrap();
        Queue::new(Arc::new(plan), Shard::WHOLE, Arc::clone(claims), connections)
    }

    fn drain(queue: &mut Queue) -> Vec<Range<u32>> {
        std::iter::from_fn(|| queue.take()).map(|chunk| chunk.requests).collect()
    }

    #[test]
    fn requests_wait_in_order_and_releases_are_cut_to_the_connections() {
        for (connections, longest) in [(1, 1), (3, 3), (50, 4)] {
            let claims = Arc::new(Claims::new(25));
            let mut queue = queue(connections, &claims);
            let round = queue.claim().unwrap();
            queue.open(round);
            let chunks = drain(&mut queue);
            let requests: Vec<u32> = chunks.iter().cloned().flatten().collect();
            assert_eq!(requests, (0..8).collect::<Vec<_>>());
            assert_eq!(chunks.iter().map(Range::len).max(), Some(longest));
        }
    }

    #[test]
    fn rounds_are_claimed_once_over_all_lanes() {
        let claims = Arc::new(Claims::new(3));
        let (one, other) = (queue(50, &claims), queue(50, &claims));
        assert_eq!((one.claim(), other.claim(), one.claim()), (Some(0), Some(1), Some(2)));
        assert_eq!((one.claim(), other.claim()), (None, None));
        assert!(one.is_dry() && other.is_dry());
    }

    #[test]
    fn a_stopped_queue_gives_up_what_waits_and_opens_nothing() {
        let claims = Arc::new(Claims::new(25));
        let mut queue = queue(50, &claims);
        let round = queue.claim().unwrap();
        queue.open(round);
        let taken = queue.take().unwrap();
        queue.put_back(taken);
        let given_up: u32 = queue.stop().iter().map(|chunk| chunk.requests.len() as u32).sum();
        assert_eq!(given_up, 8);
        assert!(queue.is_dry() && queue.claim().is_none());
    }
}
