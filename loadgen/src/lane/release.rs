//! Releases: requests of one group that leave together, so that attempts of one key race.
//!
//! [`Gather`] holds idle connections until there are enough of them. [`Race`] measures afterwards
//! which attempts of one key overlapped. Both are plain values; the lane does the writing.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use truth::plan::round::Round;

use super::bookends::Part;

/// Longest time that connections are held for others to become idle. It is longer than a response
/// usually takes, and short enough that a target with a few slow responses is still loaded.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// Place of a request in the race of its release, for a request that follows singly.
pub(crate) type RacePlace = (Rc<RefCell<Race>>, usize);

/// Requests that leave together; most often one.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) round: Rc<Round>,
    pub(crate) requests: Range<u32>,
    /// Place in a race, for a request that follows its release singly.
    pub(crate) race: Option<RacePlace>,
    /// Instant at which they leave; none if they leave as soon as a connection is idle.
    pub(crate) due: Option<u64>,
    /// Part of the run that they belong to.
    pub(crate) part: Part,
}

/// Connection that is held.
#[derive(Debug)]
pub(crate) struct Member<C> {
    pub(crate) seat: usize,
    pub(crate) connection: C,
    waker: Option<Waker>,
}

/// Connections that are held for one chunk of requests.
#[derive(Debug)]
pub(crate) struct Gather<C> {
    chunk: Chunk,
    members: Vec<Member<C>>,
    /// Instant up to which connections are held.
    pub(crate) until: u64,
}

/// Gather that is over: a request for each member, and perhaps requests without one.
#[derive(Debug)]
pub(crate) struct Release<C> {
    pub(crate) chunk: Chunk,
    pub(crate) members: Vec<Member<C>>,
}

impl<C> Gather<C> {
    pub(crate) fn new(chunk: Chunk, now: u64) -> Self {
        let members = Vec::with_capacity(chunk.requests.len());
        Self { chunk, members, until: now.saturating_add(PATIENCE.as_nanos() as u64) }
    }

    /// Holds one more connection, and returns true if there are enough. There can be no more than
    /// `at_work`.
    pub(crate) fn join(&mut self, member: Member<C>, at_work: usize) -> bool {
        self.members.push(member);
        self.members.len() >= self.chunk.requests.len().min(at_work.max(1))
    }

    /// Removes a connection that broke while it was held.
    pub(crate) fn withdraw(&mut self, seat: usize) {
        self.members.retain(|member| member.seat != seat);
    }

    /// Returns the connections that are held.
    pub(crate) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member<C>> {
        self.members.iter_mut()
    }

    /// Ends the gather.
    pub(crate) fn over(self) -> Release<C> {
        Release { chunk: self.chunk, members: self.members }
    }
}

impl<C> Member<C> {
    pub(crate) fn new(seat: usize, connection: C) -> Self {
        Self { seat, connection, waker: None }
    }

    /// Keeps the waker of the connection's task.
    pub(crate) fn wake_later(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Wakes the connection's task, as it is held no longer.
    pub(crate) fn wake(self) {
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}

/// Race of a chunk: the requests that share keys, and when each of them was in flight.
#[derive(Debug)]
pub(crate) struct Race {
    /// Pairs of requests with keys in common.
    pairs: Vec<Pair>,
    /// First and last instant of each request's first try.
    spans: Vec<Option<(u64, u64)>>,
    in_flight: usize,
}

/// Two requests of a chunk with keys in common.
#[derive(Clone, Copy, Debug)]
struct Pair {
    one: usize,
    other: usize,
    /// Number of keys that both carry.
    keys: u64,
}

impl Race {
    /// Returns the race between the requests of a chunk.
    pub(crate) fn new(round: &Round, requests: Range<u32>) -> Self {
        let count = requests.len();
        let mut shared = vec![0_u64; count * count];
        for places in round.crossings(requests) {
            for one in places_of(places) {
                // The first request of a pair never stands behind the second.
                for other in places_of(places).filter(|other| one < *other) {
                    shared[one * count + other] += 1;
                }
            }
        }
        let pairs = (0..count)
            .flat_map(|one| (one + 1..count).map(move |other| (one, other)))
            .map(|(one, other)| Pair { one, other, keys: shared[one * count + other] })
            .filter(|pair| pair.keys > 0)
            .collect();
        Self { pairs, spans: vec![None; count], in_flight: count }
    }

    /// Returns the number of pairs, one for each key that two requests have in common. All pairs
    /// overlap if all requests are in flight at once.
    pub(crate) fn pairs_planned(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.keys).sum()
    }

    /// Ends the first try of a request; without a span if it never left. After the last one,
    /// returns the number of pairs that overlapped.
    pub(crate) fn end(&mut self, place: usize, span: Option<(u64, u64)>) -> Option<u64> {
        self.spans[place] = span;
        self.in_flight -= 1;
        (self.in_flight == 0).then(|| self.pairs_observed())
    }

    fn pairs_observed(&self) -> u64 {
        let overlaps = |pair: &&Pair| match (self.spans[pair.one], self.spans[pair.other]) {
            (Some((start, end)), Some((other_start, other_end))) => start <= other_end && other_start <= end,
            _ => false,
        };
        self.pairs.iter().filter(overlaps).map(|pair| pair.keys).sum()
    }
}

/// Returns the places of the bits that are set.
fn places_of(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
}

#[cfg(test)]
mod tests {
    use truth::scenario::Scenario;

    use super::*;

    fn round() -> Rc<Round> {
        let scenario = Scenario::default();
        Rc::new(scenario.plan(1, 1).unwrap().round(0))
    }

    fn gather(requests: Range<u32>) -> Gather<char> {
        Gather::new(Chunk { round: round(), requests, race: None, due: None, part: Part::First }, 0)
    }

    #[test]
    fn a_gather_is_over_when_each_request_has_a_connection() {
        let mut gather = gather(0..3);
        assert!(!gather.join(Member::new(7, 'a'), 9));
        assert!(!gather.join(Member::new(9, 'b'), 9));
        gather.withdraw(7);
        assert!(!gather.join(Member::new(7, 'c'), 9));
        assert!(gather.join(Member::new(4, 'd'), 9));
        let seats: Vec<usize> = gather.over().members.iter().map(|member| member.seat).collect();
        assert_eq!(seats, [9, 7, 4]);
    }

    #[test]
    fn a_gather_waits_for_no_more_connections_than_work() {
        let mut gather = gather(0..4);
        assert!(!gather.join(Member::new(1, 'a'), 2));
        assert!(gather.join(Member::new(2, 'b'), 2));
    }

    #[test]
    fn a_race_counts_for_each_key_the_pairs_of_requests_that_carry_it() {
        let round = round();
        let release = round.releases().into_iter().find(|release| release.len() > 1).unwrap();
        let race = Race::new(&round, release.clone());
        let mut by_hand = 0;
        for one in release.clone() {
            for other in one + 1..release.end {
                let mut keys = round.request(one).to_vec();
                keys.sort_unstable();
                keys.dedup();
                by_hand += keys.iter().filter(|key| round.request(other).contains(key)).count() as u64;
            }
        }
        assert!(by_hand > 0);
        assert_eq!(race.pairs_planned(), by_hand);
    }

    #[test]
    fn only_attempts_in_flight_at_the_same_time_overlap() {
        let round = round();
        let release = round.releases().into_iter().find(|release| release.len() > 1).unwrap();
        let end_all = |spans: [Option<(u64, u64)>; 4]| {
            let mut race = Race::new(&round, release.clone());
            let ends: Vec<Option<u64>> =
                spans.into_iter().enumerate().map(|(place, span)| race.end(place, span)).collect();
            assert!(ends[..3].iter().all(Option::is_none));
            (ends[3].unwrap(), race.pairs_planned())
        };
        let (observed, planned) = end_all([Some((0, 10)), Some((1, 9)), Some((9, 12)), Some((10, 11))]);
        // The second and the fourth request do not overlap; all others do.
        assert!(observed < planned && observed > 0);
        let (observed, planned) = end_all([Some((0, 10)); 4]);
        assert_eq!(observed, planned);
        let (observed, _) = end_all([Some((0, 1)), Some((2, 3)), Some((4, 5)), None]);
        assert_eq!(observed, 0);
    }
}
