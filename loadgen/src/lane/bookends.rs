//! Bookends: the first and the last requests of a run, which are not under way beside the others.
//!
//! They let the judge tell a lost key from a view that shows only the newest rows, the oldest, or
//! some of them: a key that was sent between bookends that are shown would be shown too.
//!
//! For example, a run of 200 requests has 100 events in each, four requests in a release, and three
//! topics. Its first release holds some 280 keys, at least 8 of each topic: requests 0 to 3 are the
//! first bookends. The last bookends are requests 196 to 199.

use std::ops::Range;

use truth::plan::Plan;
use truth::plan::event::Events;

use crate::executor::Rounds;

/// Fewest requests of a run that has bookends.
const FEWEST_REQUESTS: u64 = 40;

/// Bookends hold one request in this many, at most; but always one release.
const ONE_IN: u64 = 20;

/// Number of keys in the first bookends, and in the last.
const KEYS: u64 = 24;

/// Number of these keys in each topic.
const IN_EACH_TOPIC: u64 = 8;

/// Part of a run that a request belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Part {
    /// First bookends.
    First,
    /// All requests between the bookends.
    Middle,
    /// Last bookends.
    Last,
}

/// Places of the bookends among the requests of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bookends {
    /// Number of first bookends.
    pub(super) first: u64,
    /// Place of the first of the last bookends.
    pub(super) last_from: u64,
}

impl Bookends {
    /// Returns the bookends of these rounds; none if there are too few requests.
    pub(crate) fn of(plan: &Plan, events: &Events, rounds: Rounds) -> Option<Self> {
        let requests = rounds.requests(plan);
        if requests < FEWEST_REQUESTS {
            return None;
        }
        let most = requests / ONE_IN;
        let of_round = |nth: u64| releases(plan, rounds.nth(nth)).into_iter();
        let forwards = (0..rounds.count()).flat_map(of_round);
        let backwards = (0..rounds.count()).rev().flat_map(|nth| of_round(nth).rev());
        let first = reach(forwards, events, most);
        let last = reach(backwards, events, most);
        (first + last < requests).then_some(Self { first, last_from: requests - last })
    }

    /// Returns the part that a request belongs to.
    pub(super) fn part(&self, place: u64) -> Part {
        if place < self.first {
            Part::First
        } else if place < self.last_from {
            Part::Middle
        } else {
            Part::Last
        }
    }
}

/// One release: requests that leave together, most often one.
struct Release {
    requests: u64,
    /// For each request, the keys that no earlier request holds.
    keys: Vec<Range<u64>>,
}

/// Returns the releases of a round, in order.
fn releases(plan: &Plan, round: u64) -> Vec<Release> {
    let round = plan.round(round);
    let keys = round.new_keys();
    let release = |requests: Range<u32>| Release {
        requests: u64::from(requests.end - requests.start),
        keys: keys[requests.start as usize..requests.end as usize].to_vec(),
    };
    round.releases().into_iter().map(release).collect()
}

/// Returns the number of requests in the fewest of these releases that hold enough keys; at least
/// one release, and no further one beyond `most` requests.
fn reach(releases: impl Iterator<Item = Release>, events: &Events, most: u64) -> u64 {
    let mut reached = 0;
    let mut keys = 0;
    let mut in_topic = vec![0; events.topics().len()];
    let mut topics_short = in_topic.len();
    for release in releases {
        if reached > 0 && reached + release.requests > most {
            break;
        }
        reached += release.requests;
        for ordinal in release.keys.into_iter().flatten() {
            keys += 1;
            let held = &mut in_topic[events.topic_index(ordinal)];
            *held += 1;
            topics_short -= usize::from(*held == IN_EACH_TOPIC);
        }
        if keys >= KEYS && topics_short == 0 {
            break;
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use truth::plan::shard::Shard;
    use truth::scenario::Scenario;

    use super::*;

    struct Shape {
        count: u64,
        batch: u32,
        topics: usize,
        shard: Shard,
    }

    fn plan(shape: &Shape) -> Plan {
        let mut scenario = Scenario::default();
        scenario.load.count = Some(shape.count);
        scenario.load.batch = shape.batch;
        scenario.events.topics = (0..shape.topics).map(|topic| format!("t{topic}")).collect();
        scenario.plan(1, 2).unwrap()
    }

    fn bookends(shape: &Shape) -> Option<Bookends> {
        let plan = plan(shape);
        let rounds = Rounds::of(&(0..plan.rounds().unwrap()), shape.shard);
        Bookends::of(&plan, &Events::new(&plan), rounds)
    }

    /// Keys that are first sent in these requests of the shard, by topic.
    fn keys_of(shape: &Shape, places: Range<u64>) -> Vec<u64> {
        let plan = plan(shape);
        let events = Events::new(&plan);
        let rounds = Rounds::of(&(0..plan.rounds().unwrap()), shape.shard);
        let mut in_topic = vec![0; shape.topics];
        let mut place = 0;
        for nth in 0..rounds.count() {
            let round = plan.round(rounds.nth(nth));
            let mut sent: Vec<u64> = (0..plan.ordinals_of(round.index).start).collect();
            for request in 0..round.requests() {
                for ordinal in round.request(request) {
                    if !sent.contains(ordinal) {
                        sent.push(*ordinal);
                        in_topic[events.topic_index(*ordinal)] += u64::from(places.contains(&place));
                    }
                }
                place += 1;
            }
        }
        in_topic
    }

    #[test]
    fn both_bookends_hold_enough_keys_of_each_topic() {
        for shape in [
            Shape { count: 20_000, batch: 100, topics: 3, shard: Shard::WHOLE },
            Shape { count: 4_000, batch: 1, topics: 3, shard: Shard::WHOLE },
            Shape { count: 4_000, batch: 1, topics: 1, shard: Shard::WHOLE },
            Shape { count: 20_000, batch: 10, topics: 7, shard: Shard { index: 2, of: 3 } },
        ] {
            let Bookends { first, last_from } = bookends(&shape).unwrap();
            let plan = plan(&shape);
            let rounds = Rounds::of(&(0..plan.rounds().unwrap()), shape.shard);
            let requests = rounds.requests(&plan);
            for places in [0..first, last_from..requests] {
                let keys = keys_of(&shape, places.clone());
                assert!(keys.iter().sum::<u64>() >= 24, "{places:?} {keys:?}");
                assert!(keys.iter().all(|count| *count >= 8), "{places:?} {keys:?}");
                assert!(places.end - places.start <= (requests / 20).max(4), "{places:?} of {requests}");
            }
        }
    }

    #[test]
    fn bookends_are_whole_releases() {
        let shape = Shape { count: 20_000, batch: 100, topics: 3, shard: Shard::WHOLE };
        let Bookends { first, last_from } = bookends(&shape).unwrap();
        let plan = plan(&shape);
        let ends_a_release = |round: u64, request: u64| {
            plan.round(round).releases().iter().any(|release| u64::from(release.end) == request)
        };
        assert!(ends_a_release(0, first));
        let per_round = u64::from(plan.requests_per_round());
        let before = last_from % per_round;
        assert!(before == 0 || ends_a_release(last_from / per_round, before));
    }

    #[test]
    fn a_run_has_at_most_a_twentieth_of_its_requests_in_each() {
        let shape = Shape { count: 4_000, batch: 10, topics: 200, shard: Shard::WHOLE };
        let Bookends { first, last_from } = bookends(&shape).unwrap();
        assert!((17..=20).contains(&first) && (17..=20).contains(&(400 - last_from)), "{first} {last_from}");
    }

    #[test]
    fn few_requests_have_no_bookends() {
        let of = |count| bookends(&Shape { count, batch: 100, topics: 3, shard: Shard::WHOLE });
        assert_eq!(of(3_900), None);
        assert!(of(4_000).is_some());
    }

    #[test]
    fn the_parts_follow_one_another() {
        let bookends = Bookends { first: 4, last_from: 36 };
        let parts = [0, 3, 4, 35, 36, 39].map(|place| bookends.part(place));
        assert_eq!(parts, [Part::First, Part::First, Part::Middle, Part::Middle, Part::Last, Part::Last]);
    }
}
