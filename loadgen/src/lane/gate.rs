//! Gate: keeps the bookends of a run apart from its other requests.
//!
//! The requests between the bookends wait until the first bookends have ended, and the last
//! bookends until every lane rests. Nothing waits for longer than two seconds. Lanes look at the
//! gate only when they have no request that may leave.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::bookends::{Bookends, Part};

/// Longest wait for a part of the run.
const LONGEST: Duration = Duration::from_secs(2);

/// Gate that the lanes of a run share.
#[derive(Debug)]
pub(crate) struct Gate {
    bookends: Bookends,
    requests_per_round: u64,
    /// Last part whose requests may leave.
    reached: watch::Sender<Part>,
    /// Number of first bookends that have not ended.
    first_left: AtomicU64,
    /// Number of lanes that may still have a request before the last bookends.
    lanes_left: AtomicU64,
    longest: Duration,
    /// Ends of the waits for the middle and the last part, once a connection waits.
    until: [OnceLock<Instant>; 2],
}

impl Gate {
    /// Returns the gate of so many lanes. A run that ends without a response after some patience
    /// waits for half of that at most.
    pub(crate) fn new(bookends: Bookends, requests_per_round: u32, lanes: u16, patience: Duration) -> Self {
        Self {
            bookends,
            requests_per_round: u64::from(requests_per_round),
            reached: watch::Sender::new(Part::First),
            first_left: AtomicU64::new(bookends.first),
            lanes_left: AtomicU64::new(u64::from(lanes)),
            longest: LONGEST.min(patience / 2),
            until: Default::default(),
        }
    }

    /// Returns the part of a request, by the place of its round among those of the shard.
    pub(super) fn part(&self, nth: u64, request: u32) -> Part {
        self.bookends.part(nth * self.requests_per_round + u64::from(request))
    }

    /// Returns the number of rounds that may be open while requests of this part may leave.
    pub(super) fn rounds_open(&self, part: Part) -> u64 {
        match part {
            Part::First => self.bookends.first.div_ceil(self.requests_per_round),
            Part::Middle => self.bookends.last_from.div_ceil(self.requests_per_round),
            Part::Last => u64::MAX,
        }
    }

    /// Returns the last part whose requests may leave.
    pub(super) fn reached(&self) -> Part {
        *self.reached.borrow()
    }

    /// Notes that a first bookend has ended.
    pub(super) fn end_first(&self) {
        if self.first_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.open(Part::Middle);
        }
    }

    /// Notes that a lane has ended all its requests before the last bookends, and will have no
    /// further one.
    pub(super) fn rest(&self) {
        if self.lanes_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.open(Part::Last);
        }
    }

    /// Waits until requests of this part may leave.
    pub(super) async fn wait_for(&self, part: Part) {
        let until = match part {
            Part::First => return,
            Part::Middle => &self.until[0],
            Part::Last => &self.until[1],
        };
        let until = *until.get_or_init(|| Instant::now() + self.longest);
        let mut reached = self.reached.subscribe();
        if timeout_at(until, reached.wait_for(|reached| *reached >= part)).await.is_err() {
            self.open(part);
        }
    }

    fn open(&self, part: Part) {
        self.reached.send_if_modified(|reached| {
            let is_further = *reached < part;
            *reached = part.max(*reached);
            is_further
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKENDS: Bookends = Bookends { first: 2, last_from: 18 };

    fn gate(lanes: u16) -> Gate {
        Gate::new(BOOKENDS, 8, lanes, Duration::from_secs(30))
    }

    #[test]
    fn the_middle_opens_when_the_first_bookends_have_ended_and_the_last_when_all_lanes_rest() {
        let gate = gate(2);
        gate.end_first();
        assert_eq!(gate.reached(), Part::First);
        gate.end_first();
        assert_eq!(gate.reached(), Part::Middle);
        gate.rest();
        assert_eq!(gate.reached(), Part::Middle);
        gate.rest();
        assert_eq!(gate.reached(), Part::Last);
    }

    #[test]
    fn rounds_open_with_their_first_request() {
        let gate = gate(1);
        let open = [Part::First, Part::Middle, Part::Last].map(|part| gate.rounds_open(part));
        assert_eq!(open, [1, 3, u64::MAX]);
        assert_eq!((gate.part(0, 1), gate.part(0, 2)), (Part::First, Part::Middle));
        assert_eq!((gate.part(2, 1), gate.part(2, 2)), (Part::Middle, Part::Last));
    }

    #[test]
    fn no_wait_is_longer_than_two_seconds_or_half_the_patience_of_the_run() {
        let longest = |patience| Gate::new(BOOKENDS, 8, 1, patience).longest;
        assert_eq!(longest(Duration::from_secs(30)), Duration::from_secs(2));
        assert_eq!(longest(Duration::from_secs(1)), Duration::from_millis(500));
    }

    #[tokio::test]
    async fn a_wait_that_was_too_long_opens_the_gate_for_all() {
        let gate = Gate::new(BOOKENDS, 8, 1, Duration::from_millis(2));
        tokio::join!(gate.wait_for(Part::Middle), gate.wait_for(Part::Middle));
        assert_eq!(gate.reached(), Part::Middle);
        gate.wait_for(Part::Last).await;
        assert_eq!(gate.reached(), Part::Last);
        // What comes too late opens nothing again.
        gate.end_first();
        gate.end_first();
        assert_eq!(gate.reached(), Part::Last);
    }
}
