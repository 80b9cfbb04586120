//! Executors of a run: each has rounds of the plan, threads and connections of its own. Most runs
//! have one.

use std::ops::Range;
use std::time::Duration;

use truth::plan::Plan;
use truth::plan::shard::Shard;
use truth::scenario::{self, Executors, Load};

use crate::meter::Tallies;

/// Rounds of one executor that one shard sends, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rounds {
    /// First round of the executor, over all shards.
    first: u64,
    /// Shard of the run, counted from the one that has the first round.
    shard: Shard,
    /// Number of rounds; more than can ever be sent if only time ends the executor.
    count: u64,
}

impl Rounds {
    /// Returns this shard's part of all rounds of an executor.
    pub(crate) fn of(all: &Range<u64>, shard: Shard) -> Self {
        let of = u64::from(shard.of);
        let place = (u64::from(shard.index - 1) + of - all.start % of) % of;
        let count = (all.end - all.start).saturating_sub(place).div_ceil(of);
        let index = u32::try_from(place).expect("less than the number of shards") + 1;
        Self { first: all.start, shard: Shard { index, of: shard.of }, count }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the number of shards that share the executor.
    pub(crate) fn shards(&self) -> u64 {
        u64::from(self.shard.of)
    }

    /// Returns the place of this shard among them, counted from 0.
    pub(crate) fn shard_index(&self) -> u64 {
        u64::from(self.shard.index - 1)
    }

    /// Returns the `nth` round, counted from 0.
    pub(crate) fn nth(&self, nth: u64) -> u64 {
        self.first.saturating_add(self.shard.round(nth))
    }

    /// Returns the place of a round, the inverse of [`Self::nth`].
    pub(crate) fn place_of(&self, round: u64) -> u64 {
        (round - self.first) / u64::from(self.shard.of)
    }

    /// Returns the number of rounds before this one.
    pub(crate) fn count_before(&self, round: u64) -> u64 {
        let ahead = round.saturating_sub(self.first).saturating_sub(self.shard_index());
        ahead.div_ceil(self.shards()).min(self.count)
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.count.checked_sub(1).map(|last| self.nth(last))
    }

    fn events(&self, plan: &Plan) -> u64 {
        self.count * plan.slots_per_round() - self.missing(plan)
    }

    /// Returns the number of requests.
    pub(crate) fn requests(&self, plan: &Plan) -> u64 {
        self.count * u64::from(plan.requests_per_round()) - self.missing(plan) / u64::from(plan.batch)
    }

    /// Returns the number of slots that the last round lacks to a full one.
    fn missing(&self, plan: &Plan) -> u64 {
        self.last().map_or(0, |last| {
            let slots = plan.slots_of(last);
            plan.slots_per_round() - (slots.end - slots.start)
        })
    }
}

/// Work of an executor, or of all executors of a run, and the threads and connections that share
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Workload {
    pub(crate) lanes: u16,
    pub(crate) connections: u32,
    /// Number of requests; none if only time ends the executor.
    pub(crate) requests: Option<u64>,
    /// Number of events; none if only time ends the executor.
    pub(crate) events: Option<u64>,
}

impl Workload {
    /// Spreads an executor's rounds over `lanes` threads, if given, else over half the cores.
    ///
    /// The other half is left to the target and to whatever else runs on this machine. A lane has
    /// at least two groups' worth of connections.
    fn of(plan: &Plan, shape: &scenario::Executor, rounds: Rounds, lanes: Option<u16>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let is_counted = shape.total().is_some();
        let requests = is_counted.then(|| rounds.requests(plan));
        let events = is_counted.then(|| rounds.events(plan));
        let asked = shape.most_connections();
        let connections = requests.map_or(asked, |requests| u32::try_from(requests).unwrap_or(u32::MAX));
        let connections = connections.clamp(1, asked);
        let fitting = (cores / 2).min(connections as usize / (2 * plan.group as usize));
        let lanes = lanes.map_or(fitting, usize::from).clamp(1, connections as usize);
        Self { lanes: u16::try_from(lanes).unwrap_or(u16::MAX), connections, requests, events }
    }

    /// Returns the number of connections of one lane.
    pub(crate) fn seats(&self, lane: u16) -> u32 {
        let lanes = u32::from(self.lanes);
        self.connections / lanes + u32::from(u32::from(lane) < self.connections % lanes)
    }

    /// Returns the workload of the whole run.
    pub(crate) fn sum(executors: &[Executor]) -> Self {
        let workloads = || executors.iter().map(|executor| executor.workload);
        Self {
            lanes: workloads().map(|workload| workload.lanes).sum(),
            connections: workloads().map(|workload| workload.connections).sum(),
            requests: workloads().map(|workload| workload.requests).sum(),
            events: workloads().map(|workload| workload.events).sum(),
        }
    }
}

/// One executor of a run.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    /// Name of the executor; none where it is the only one.
    pub(crate) name: Option<String>,
    /// Shape of its load over all shards.
    pub(crate) shape: scenario::Executor,
    /// Rounds of this shard.
    pub(crate) rounds: Rounds,
    pub(crate) workload: Workload,
    /// Place of the executor that must have ended before this one begins.
    pub(crate) after: Option<usize>,
    /// Pause between that end, or the beginning of the run, and the beginning of this executor.
    pub(crate) start_time: Duration,
    /// True if the executor counts in rates, latencies and thresholds.
    pub(crate) is_measured: bool,
}

/// Time for connections to open before the first request of an executor with a rate is due.
const RUN_UP: Duration = Duration::from_millis(100);

impl Executor {
    /// Returns the time between opening connections and the first request.
    pub(crate) fn lead_ns(&self) -> u64 {
        self.shape.schedule().map_or(0, |_| RUN_UP.as_nanos() as u64)
    }

    /// Adds the tallies of its lanes to those of the run.
    pub(crate) fn count(&self, tallies: &Tallies, all: &mut Tallies) {
        if self.is_measured {
            *all += tallies;
        } else {
            all.add_as_warm_up(tallies);
        }
    }

    /// Returns all executors of a run. Those that only time ends share the rounds behind those of
    /// the others.
    pub(crate) fn all(
        plan: &Plan,
        load: &Load,
        shapes: &Executors,
        shard: Shard,
        lanes: Option<u16>,
    ) -> Vec<Self> {
        let mut ranges: Vec<Range<u64>> = plan.rounds_by_count().collect();
        let rest = ranges.pop().unwrap_or_default();
        let mut counted = ranges.into_iter();
        let executors = shapes.each().iter().enumerate().map(|(place, shape)| {
            let range = shape.total().and_then(|_| counted.next()).unwrap_or_else(|| rest.clone());
            let rounds = Rounds::of(&range, shard);
            let workload = Workload::of(plan, shape, rounds, lanes);
            let written = load.executors.get(place);
            let after = written.and_then(|executor| executor.after.as_ref());
            let place_of = |name: &String| load.executors.iter().position(|other| other.name == *name);
            Self {
                name: written.map(|executor| executor.name.clone()),
                shape: shape.clone(),
                rounds,
                workload,
                after: after.and_then(place_of),
                start_time: written.map_or(Duration::ZERO, |executor| executor.start_time),
                is_measured: written.is_none_or(|executor| executor.measured),
            }
        });
        executors.collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use truth::scenario::Scenario;

    use super::*;
    use crate::command::cli::Cli;
    use crate::command::settings::Settings;

    struct Resolved {
        plan: Plan,
        workload: Workload,
    }

    fn resolved(arguments: &[&str]) -> Resolved {
        let arguments = [&["loadgen"], arguments].concat();
        let load = Settings::resolve(Cli::try_parse_from(arguments).unwrap()).unwrap().load;
        Resolved { workload: Workload::sum(&load.executors()), plan: load.plan }
    }

    fn requests_of(plan: &Plan) -> u64 {
        (0..plan.rounds().unwrap()).map(|b| u64::from(plan.round(b).requests())).sum()
    }

    #[test]
    fn shards_share_out_rounds_requests_and_events_exactly() {
        for count in ["1", "99", "800", "801", "20000", "12345"] {
            for of in 1..=5_u32 {
                let mut requests = 0;
                let mut events = 0;
                let mut all = None;
                for index in 1..=of {
                    let shard = format!("{index}/{of}");
                    let Resolved { plan, workload } =
                        resolved(&["-n", count, "--run-id", "x", "--shard", &shard]);
                    requests += workload.requests.unwrap();
                    events += workload.events.unwrap();
                    all = Some((requests_of(&plan), plan.total.unwrap()));
                }
                assert_eq!(Some((requests, events)), all, "{count} {of}");
            }
        }
    }

    #[test]
    fn executors_and_their_shards_have_every_round_once() {
        let mut scenario = Scenario::parse(
            r#"
            executors = [
                { name = "a", executor = "shared-iterations", count = 1_700 },
                { name = "b", executor = "constant-vus", duration = "1s" },
                { name = "c", executor = "shared-iterations", count = 10 },
                { name = "d", executor = "shared-iterations", count = 2_401 },
            ]
            "#
            .replace("executors", "load.executors")
            .as_str(),
            "test",
        )
        .unwrap();
        scenario.load.executors.remove(1);
        let plan = scenario.plan(1, 1).unwrap();
        for of in 1..=5 {
            let mut sent = Vec::new();
            for (executor, range) in plan.rounds_by_count().enumerate().take(3) {
                let mut events = 0;
                for index in 1..=of {
                    let rounds = Rounds::of(&range, Shard { index, of });
                    let own: Vec<u64> = (0..rounds.count()).map(|nth| rounds.nth(nth)).collect();
                    assert!(own.iter().all(|b| b % u64::from(of) == u64::from(index - 1)), "of this shard");
                    assert!(own.iter().enumerate().all(|(nth, b)| rounds.place_of(*b) == nth as u64));
                    for round in 0..range.end + 3 {
                        let before = own.iter().filter(|own| **own < round).count() as u64;
                        assert_eq!(rounds.count_before(round), before);
                    }
                    events += rounds.events(&plan);
                    sent.extend(own);
                }
                assert_eq!(events, plan.counts[executor]);
            }
            sent.sort_unstable();
            assert_eq!(sent, (0..plan.rounds().unwrap()).collect::<Vec<_>>());
        }
    }
}
