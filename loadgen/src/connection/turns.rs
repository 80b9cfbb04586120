//! Turns: the order in which a connection tries the addresses of a target.
//!
//! Connections take the addresses in turn, whichever lane opens them. An address that failed rests,
//! for longer each time, and its turns go to the others. When its rest is over, one connection tries
//! it again. For example, of three addresses the second is down: six connections go to 1, 1, 3, 1,
//! 3, 3.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// First rest of an address that failed; it doubles with each failure.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Longest rest, as a number of doublings: 64 s.
const MOST_DOUBLINGS: u32 = 6;

/// Turns of the addresses of one target, shared by all lanes.
#[derive(Debug)]
pub(super) struct Turns {
    next: AtomicUsize,
    rests: Vec<Rest>,
}

/// Rest of one address.
#[derive(Debug, Default)]
struct Rest {
    /// Instant at which it ends; 0 while the address serves.
    until_ns: AtomicU64,
    /// Number of rests since it last served.
    rests: AtomicU32,
}

impl Rest {
    fn serves(&self) -> bool {
        self.until_ns.load(Ordering::Relaxed) == 0
    }

    /// Ends a rest whose time is over for one caller only; for the others it lasts as long again as
    /// a try may. If the try fails, the next rest is longer.
    fn ends(&self, now: u64, longest_try: Duration) -> bool {
        let until = self.until_ns.load(Ordering::Relaxed);
        let again = now.saturating_add(longest_try.as_nanos() as u64);
        until != 0 && until <= now && self.begins(until, again)
    }

    /// Begins a rest in place of the one that ends at `before`; 0 stands for none. False if another
    /// caller has begun one.
    fn begins(&self, before: u64, until: u64) -> bool {
        let begun = self.until_ns.compare_exchange(before, until, Ordering::Relaxed, Ordering::Relaxed);
        if begun.is_ok() {
            self.rests.fetch_add(1, Ordering::Relaxed);
        }
        begun.is_ok()
    }
}

impl Turns {
    /// Returns the turns of so many addresses, all of which serve.
    pub(super) fn of(addresses: usize) -> Self {
        Self { next: AtomicUsize::new(0), rests: (0..addresses).map(|_| Rest::default()).collect() }
    }

    /// Returns all addresses in the order in which the next connection tries them. Those that rest
    /// come last.
    pub(super) fn order(&self, now: u64, longest_try: Duration) -> Vec<usize> {
        let all = self.rests.len();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let own = turn % all;
        let (mut order, resting): (Vec<usize>, Vec<usize>) =
            (0..all).partition(|place| self.rests[*place].serves());
        if let Some(first) = order.iter().position(|place| *place == own) {
            order.rotate_left(first);
        } else if self.rests[own].ends(now, longest_try) {
            order.insert(0, own);
        } else if !order.is_empty() {
            // The turns of the one that rests are dealt out evenly.
            let first = turn / all % order.len();
            order.rotate_left(first);
        }
        let behind: Vec<usize> = resting.into_iter().filter(|place| !order.contains(place)).collect();
        order.extend(behind);
        order
    }

    /// Notes that an address accepted a connection.
    pub(super) fn accepted(&self, place: usize) {
        self.rests[place].rests.store(0, Ordering::Relaxed);
        self.rests[place].until_ns.store(0, Ordering::Relaxed);
    }

    /// Notes that an address failed: it rests from now on. Connections that fail at the same time
    /// make one rest together.
    pub(super) fn failed(&self, place: usize, now: u64) {
        let rest = &self.rests[place];
        rest.begins(0, u64::MAX);
        let doublings = rest.rests.load(Ordering::Relaxed).saturating_sub(1).min(MOST_DOUBLINGS);
        let lasts = FIRST_REST * 2_u32.pow(doublings);
        rest.until_ns.store(now.saturating_add(lasts.as_nanos() as u64), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRY: Duration = Duration::from_secs(10);
    const SECOND: u64 = 1_000_000_000;

    fn firsts(turns: &Turns, now: u64, count: usize) -> Vec<usize> {
        (0..count).map(|_| turns.order(now, TRY)[0]).collect()
    }

    #[test]
    fn all_addresses_come_in_turn() {
        assert_eq!(firsts(&Turns::of(3), 0, 7), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(Turns::of(3).order(0, TRY), [0, 1, 2]);
    }

    #[test]
    fn the_turns_of_an_address_that_failed_go_evenly_to_the_others() {
        let turns = Turns::of(3);
        turns.failed(1, 0);
        assert_eq!(firsts(&turns, 0, 6), [0, 0, 2, 0, 2, 2]);
        assert_eq!(turns.order(0, TRY), [0, 2, 1], "what rests is tried last");
        turns.accepted(1);
        assert_eq!(firsts(&turns, 0, 3), [1, 2, 0]);
    }

    #[test]
    fn one_connection_tries_an_address_whose_rest_is_over() {
        let turns = Turns::of(2);
        turns.failed(1, 0);
        turns.failed(1, 0);
        assert_eq!(firsts(&turns, SECOND - 1, 4), [0; 4]);
        assert_eq!(firsts(&turns, SECOND, 6), [0, 1, 0, 0, 0, 0]);
        turns.failed(1, 2 * SECOND);
        assert_eq!(firsts(&turns, 4 * SECOND - 1, 2), [0, 0], "the second rest is twice as long");
        assert_eq!(firsts(&turns, 4 * SECOND, 2), [0, 1]);
    }

    #[test]
    fn where_all_rest_all_are_tried() {
        let turns = Turns::of(2);
        turns.failed(0, 0);
        turns.failed(1, 0);
        assert_eq!(turns.order(0, TRY), [0, 1]);
        assert_eq!(Turns::of(1).order(0, TRY), [0]);
    }
}
