//! Releases: requests of one group that are to leave together, so that attempts of one key race.
//!
//! [`Gather`] holds idle open connections until there are enough of them, [`Race`] measures afterwards which attempts
//! of one key really overlapped. Both are plain values; the lane does the writing.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use truth::plan::round::Round;

/// How long connections are held for others to become idle. Longer than an answer usually takes, and short enough
/// that a target with a few slow answers is still loaded.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// A race, and the place in it of a request that it lost when its release could not be held together.
pub(crate) type RacePlace = (Rc<RefCell<Race>>, usize);

/// Requests that are to leave together; most often one.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) round: Rc<Round>,
    pub(crate) requests: Range<u32>,
    /// For a request that follows its release singly.
    pub(crate) race: Option<RacePlace>,
    /// When they are to leave; none if as soon as a connection is idle.
    pub(crate) due: Option<u64>,
}

/// A connection that is held.
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
    /// Until when connections are held.
    pub(crate) until: u64,
}

/// What is to be done once a gather is over: a request for each member, and perhaps requests without one.
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

    /// Holds one more connection; tells whether there are enough.
    /// There are no more than `at_work` to be had.
    pub(crate) fn join(&mut self, member: Member<C>, at_work: usize) -> bool {
        self.members.push(member);
        self.members.len() >= self.chunk.requests.len().min(at_work.max(1))
    }

    /// Lets a connection go that broke while it was held.
    pub(crate) fn withdraw(&mut self, seat: usize) {
        self.members.retain(|member| member.seat != seat);
    }

    /// The connections that are held.
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

    /// Remembers whom to wake.
    pub(crate) fn wake_later(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Tells the connection's task that it is held no longer.
    pub(crate) fn wake(self) {
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}

/// Which requests of a chunk share keys, and when each of them was under way.
#[derive(Debug)]
pub(crate) struct Race {
    /// Two requests, and how many keys both of them carry.
    pairs: Vec<(usize, usize, u64)>,
    spans: Vec<Option<(u64, u64)>>,
    under_way: usize,
}

impl Race {
    /// The race between the requests of a chunk.
    pub(crate) fn new(round: &Round, requests: Range<u32>) -> Self {
        let count = requests.len();
        let mut shared = vec![0_u64; count * count];
        for places in round.crossings(requests) {
            for one in places_of(places) {
                // The first of two never stands behind the second.
                for other in places_of(places).filter(|other| one < *other) {
                    shared[one * count + other] += 1;
                }
            }
        }
        let pairs = (0..count)
            .flat_map(|one| (one + 1..count).map(move |other| (one, other)))
            .map(|(one, other)| (one, other, shared[one * count + other]))
            .filter(|(_, _, pairs)| *pairs > 0)
            .collect();
        Self { pairs, spans: vec![None; count], under_way: count }
    }

    /// Pairs of requests with a key in common, a pair for each key: all overlap if all requests are under way at once.
    pub(crate) fn pairs_planned(&self) -> u64 {
        self.pairs.iter().map(|(_, _, pairs)| pairs).sum()
    }

    /// The first try of a request has ended; without a span if it never left. After the last of them, tells how many
    /// pairs overlapped.
    pub(crate) fn end(&mut self, place: usize, span: Option<(u64, u64)>) -> Option<u64> {
        self.spans[place] = span;
        self.under_way -= 1;
        (self.under_way == 0).then(|| self.pairs_observed())
    }

    fn pairs_observed(&self) -> u64 {
        let overlap = |one: usize, other: usize| match (self.spans[one], self.spans[other]) {
            (Some((start, end)), Some((other_start, other_end))) => start <= other_end && other_start <= end,
            _ => false,
        };
        let overlapped = self.pairs.iter().filter(|(one, other, _)| overlap(*one, *other));
        overlapped.map(|(_, _, pairs)| pairs).sum()
    }
}

/// The places whose bits are set.
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
        Gather::new(Chunk { round: round(), requests, race: None, due: None }, 0)
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
    fn only_attempts_under_way_at_the_same_time_overlap() {
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
        // The second and the fourth do not meet, nothing else is missing.
        assert!(observed < planned && observed > 0);
        let (observed, planned) = end_all([Some((0, 10)); 4]);
        assert_eq!(observed, planned);
        let (observed, _) = end_all([Some((0, 1)), Some((2, 3)), Some((4, 5)), None]);
        assert_eq!(observed, 0);
    }
}
