//! Pace: at a rate, requests leave at planned instants, whether responses come or not.
//!
//! Each lane owns its share of the rounds and of the instants, so that lanes need not talk to each
//! other. Its pacer sleeps until the next instant and hands the request to an idle connection. If
//! no connection is idle, the request waits for one, and the wait is part of its response time.

use std::sync::Arc;

use truth::plan::Plan;
use truth::scenario::schedule::Schedule;

use crate::executor::{Executor, Rounds};

/// Instants of the requests of an executor.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) schedule: Arc<Schedule>,
    /// Beginning of the executor, on the monotonic clock.
    pub(crate) start_ns: u64,
    /// Number of lanes of the executor.
    pub(crate) lanes: u64,
    pub(crate) rounds: Rounds,
}

impl Pace {
    /// Returns the pace of an executor with a rate, beginning at instant 0.
    pub(crate) fn of(executor: &Executor) -> Option<Self> {
        let schedule = Arc::new(executor.shape.schedule()?);
        let lanes = u64::from(executor.workload.lanes);
        Some(Self { schedule, start_ns: 0, lanes, rounds: executor.rounds })
    }

    /// Returns the instant of a request of a round; the end of time for a request that is never
    /// due.
    pub(crate) fn due(&self, plan: &Plan, round: u64, request: u32) -> u64 {
        let place = self.place(plan, self.rounds.place_of(round), u64::from(request));
        let place = place * self.rounds.shards() + self.rounds.shard_index();
        self.schedule.at(place).map_or(u64::MAX, |after| self.start_ns.saturating_add(after))
    }

    /// Returns the place of a request among those of the shard. Lanes take turns, request by
    /// request.
    ///
    /// Example: two lanes, rounds of three requests. Round 0 belongs to lane 0 and has the places
    /// 0, 2 and 4; round 1 belongs to lane 1 and has the places 1, 3 and 5. In the last turn there
    /// may be fewer rounds than lanes, and the last round may be short: if there is no round 1,
    /// round 0 has the places 0, 1 and 2.
    fn place(&self, plan: &Plan, nth: u64, request: u64) -> u64 {
        let full = u64::from(plan.requests_per_round());
        let turn = nth / self.lanes;
        let rounds = self.rounds.count();
        let in_turn = self.lanes.min(rounds - turn * self.lanes);
        let short = self.rounds.last().map_or(0, |last| plan.requests_of(last));
        let is_last_turn = turn == (rounds - 1) / self.lanes;
        let both = if is_last_turn { request.min(short) } else { request };
        let alone = request - both;
        turn * full * self.lanes + both * in_turn + alone * (in_turn - 1) + nth % self.lanes
    }
}

#[cfg(test)]
mod tests {
    use truth::plan::shard::Shard;
    use truth::scenario::Scenario;

    use super::*;

    #[test]
    fn the_instants_of_all_lanes_and_shards_are_those_of_one_sequence() {
        for count in [1_u64, 100, 799, 800, 801, 2_399, 2_401, 20_000, 20_050] {
            for (lanes, of) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3), (5, 2)] {
                let mut scenario = Scenario::default();
                scenario.load.count = Some(count);
                let plan = scenario.plan(1, 1).unwrap();
                let rounds = plan.rounds().unwrap();
                let mut instants = Vec::new();
                for index in 1..=of {
                    let own = Rounds::of(&(0..rounds), Shard { index, of });
                    let schedule = Arc::new(Schedule::constant(1e9));
                    let pace = Pace { schedule, start_ns: 0, lanes, rounds: own };
                    let mut places = Vec::new();
                    for round in (0..own.count()).map(|nth| own.nth(nth)) {
                        for request in 0..plan.requests_of(round) {
                            places.push(pace.due(&plan, round, request as u32));
                        }
                    }
                    places.sort_unstable();
                    let expected =
                        (0..places.len() as u64).map(|nth| nth * u64::from(of) + u64::from(index) - 1);
                    assert_eq!(places, expected.collect::<Vec<_>>(), "{count} {lanes} {index}/{of}");
                    instants.extend(places);
                }
                instants.sort_unstable();
                instants.dedup();
                assert_eq!(instants.len() as u64, count.div_ceil(100), "no instant is used twice");
            }
        }
    }
}
