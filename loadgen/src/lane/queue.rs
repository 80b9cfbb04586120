//! Queue of a lane: the waiting requests of the round that it opened last, and the claims on
//! further rounds.

use std::rc::Rc;
use std::sync::Arc;

use truth::plan::Plan;

use super::bookends::Part;
use super::claims::Claims;
use super::gate::Gate;
use super::job::LaneJob;
use super::pace::Pace;
use super::release::Chunk;
use crate::executor::Rounds;

/// Waiting requests of one lane.
#[derive(Debug)]
pub(crate) struct Queue {
    plan: Arc<Plan>,
    rounds: Rounds,
    claims: Arc<Claims>,
    /// Number of this lane among those of its executor.
    lane: u16,
    pace: Option<Pace>,
    /// Most requests that this lane can release together: the number of its connections.
    together: u32,
    /// Chunks in reverse order, so that the next one is taken from the end.
    waiting: Vec<Chunk>,
    stopped: bool,
    /// Gate that keeps the bookends apart; none in a run without them.
    gate: Option<Arc<Gate>>,
    /// Last part whose requests may leave, as far as this lane knows.
    reached: Part,
    /// True once the gate knows that this lane rests.
    rests: bool,
}

impl Queue {
    pub(crate) fn new(job: &LaneJob) -> Self {
        Self {
            plan: Arc::clone(&job.content.plan),
            rounds: job.work.rounds,
            claims: Arc::clone(&job.work.claims),
            lane: job.place.index_in_executor,
            pace: job.work.pace.clone(),
            together: job.place.seats.max(1),
            waiting: Vec::new(),
            stopped: false,
            gate: job.work.gate.clone(),
            reached: Part::First,
            rests: false,
        }
    }

    /// True if nothing waits and no round will be opened any more.
    pub(crate) fn is_dry(&self) -> bool {
        self.waiting.is_empty() && (self.stopped || self.claims.is_exhausted(self.lane))
    }

    /// True if requests leave at instants of their own.
    pub(crate) fn is_paced(&self) -> bool {
        self.pace.is_some()
    }

    /// True if no request may leave now, and no round may be opened.
    pub(crate) fn is_at_rest(&self) -> bool {
        let may_open = || !self.stopped && !self.claims.is_exhausted_below(self.lane, self.rounds_open());
        self.next_due().is_none() && !may_open()
    }

    /// Returns the part of the run that waits at the gate; none if nothing does.
    pub(crate) fn held_back(&self) -> Option<Part> {
        self.gate.as_ref().filter(|_| !self.is_dry())?;
        match self.reached {
            Part::First => Some(Part::Middle),
            Part::Middle => Some(Part::Last),
            Part::Last => None,
        }
    }

    /// Looks at the gate; true if further requests may leave.
    pub(crate) fn has_advanced(&mut self) -> bool {
        let reached = self.gate.as_ref().map_or(self.reached, |gate| gate.reached());
        std::mem::replace(&mut self.reached, reached) < reached
    }

    /// Notes that a request has ended.
    pub(crate) fn note_end(&self) {
        // While this lane knows of nothing further, all its requests are first bookends.
        if let Some(gate) = self.gate.as_ref().filter(|_| self.reached == Part::First) {
            gate.end_first();
        }
    }

    /// Notes that nothing is under way and no request before the last bookends will be.
    pub(crate) fn note_rest(&mut self) {
        let may_rest = !self.rests && (self.reached >= Part::Middle || self.is_dry());
        if let Some(gate) = self.gate.as_ref().filter(|_| may_rest) {
            self.rests = true;
            gate.rest();
        }
    }

    fn rounds_open(&self) -> u64 {
        self.gate.as_ref().map_or(u64::MAX, |gate| gate.rounds_open(self.reached))
    }

    /// Returns the instant of the next requests; none if none may leave.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let next = self.waiting.last().filter(|chunk| chunk.part <= self.reached);
        next.map(|chunk| chunk.due.unwrap_or(0))
    }

    /// Takes the next requests of the rounds that are open.
    pub(crate) fn take(&mut self) -> Option<Chunk> {
        self.waiting.pop()
    }

    /// Puts requests back to the front.
    pub(crate) fn put_back(&mut self, chunk: Chunk) {
        self.waiting.push(chunk);
    }

    /// Claims the next round of this executor. The round must be recorded in the ledger before
    /// [`Self::open`].
    pub(crate) fn claim(&self) -> Option<u64> {
        let may_open = !self.stopped && self.waiting.is_empty();
        let nth = if may_open { self.claims.claim(self.lane, self.rounds_open()) } else { None };
        nth.map(|nth| self.rounds.nth(nth))
    }

    /// Computes a round and queues its requests.
    pub(crate) fn open(&mut self, round: u64) {
        let nth = self.rounds.place_of(round);
        let round = Rc::new(self.plan.round(round));
        for release in round.releases() {
            for first in release.clone().step_by(self.together as usize) {
                let last = release.end.min(first.saturating_add(self.together));
                let due = self.pace.as_ref().map(|pace| pace.due(&self.plan, round.index, first));
                let part = self.gate.as_ref().map_or(Part::First, |gate| gate.part(nth, first));
                let round = Rc::clone(&round);
                self.waiting.push(Chunk { round, requests: first..last, race: None, due, part });
            }
        }
        self.waiting.reverse();
    }

    /// Opens no further round, and returns what waits.
    pub(crate) fn stop(&mut self) -> Vec<Chunk> {
        self.stopped = true;
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.reverse();
        waiting
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use truth::plan::shard::Shard;
    use truth::scenario::Scenario;

    use super::*;

    fn queue(connections: u32, claims: &Arc<Claims>, lane: u16) -> Queue {
        let plan = Arc::new(Scenario::default().plan(1, 1).unwrap());
        let rounds = Rounds::of(&(0..plan.rounds().unwrap()), Shard::WHOLE);
        Queue {
            plan,
            rounds,
            claims: Arc::clone(claims),
            lane,
            pace: None,
            together: connections,
            waiting: Vec::new(),
            stopped: false,
            gate: None,
            reached: Part::First,
            rests: false,
        }
    }

    fn drain(queue: &mut Queue) -> Vec<Range<u32>> {
        std::iter::from_fn(|| queue.take()).map(|chunk| chunk.requests).collect()
    }

    #[test]
    fn requests_wait_in_order_and_releases_are_cut_to_the_connections() {
        for (connections, longest) in [(1, 1), (3, 3), (50, 4)] {
            let claims = Arc::new(Claims::shared(25));
            let mut queue = queue(connections, &claims, 0);
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
        let claims = Arc::new(Claims::shared(3));
        let one = queue(50, &claims, 0);
        let other = queue(50, &claims, 1);
        assert_eq!((one.claim(), other.claim(), one.claim()), (Some(0), Some(1), Some(2)));
        assert_eq!((one.claim(), other.claim()), (None, None));
        assert!(one.is_dry() && other.is_dry());
    }

    #[test]
    fn dealt_rounds_belong_to_their_lanes() {
        let claims = Arc::new(Claims::dealt(3, 2));
        let one = queue(50, &claims, 0);
        let other = queue(50, &claims, 1);
        assert_eq!((other.claim(), one.claim(), one.claim()), (Some(1), Some(0), Some(2)));
        assert_eq!((one.claim(), other.claim()), (None, None));
        assert!(one.is_dry() && other.is_dry());
    }

    #[test]
    fn a_stopped_queue_gives_up_what_waits_and_opens_nothing() {
        let claims = Arc::new(Claims::shared(25));
        let mut queue = queue(50, &claims, 0);
        let round = queue.claim().unwrap();
        queue.open(round);
        let taken = queue.take().unwrap();
        queue.put_back(taken);
        let given_up: u32 = queue.stop().iter().map(|chunk| chunk.requests.len() as u32).sum();
        assert_eq!(given_up, 8);
        assert!(queue.is_dry() && queue.claim().is_none());
    }
}
