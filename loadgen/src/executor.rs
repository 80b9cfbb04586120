//! The parts of a run: one executor each, with rounds of the plan, threads and connections of its own. Most runs have
//! one.

use std::ops::Range;
use std::time::Duration;

use truth::plan::Plan;
use truth::plan::shard::Shard;
use truth::scenario::Load;

use crate::meter::Tallies;

/// The rounds that one shard of a part sends, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rounds {
    /// The first round of the part, over all shards.
    first: u64,
    /// Which of the shards this is, where the one that has the first round counts as the first.
    shard: Shard,
    /// How many there are; more than can ever be sent if only time ends the part.
    count: u64,
}

impl Rounds {
    /// Those of `all` rounds of a part that this shard of the run has.
    pub(crate) fn of(all: &Range<u64>, shard: Shard) -> Self {
        let of = u64::from(shard.of);
        let place = (u64::from(shard.index - 1) + of - all.start % of) % of;
        let count = (all.end - all.start).saturating_sub(place).div_ceil(of);
        let index = u32::try_from(place).expect("less than the number of shards") + 1;
        Self { first: all.start, shard: Shard { index, of: shard.of }, count }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many shards share the part, and which of them this is, counted from 0.
    pub(crate) fn shards(&self) -> (u64, u64) {
        (u64::from(self.shard.of), u64::from(self.shard.index - 1))
    }

    /// The `nth` of them.
    pub(crate) fn nth(&self, nth: u64) -> u64 {
        self.first.saturating_add(self.shard.round(nth))
    }

    /// Which of them a round is.
    pub(crate) fn place_of(&self, round: u64) -> u64 {
        (round - self.first) / u64::from(self.shard.of)
    }

    /// The last of them.
    pub(crate) fn last(&self) -> Option<u64> {
        self.count.checked_sub(1).map(|last| self.nth(last))
    }

    fn events(&self, plan: &Plan) -> u64 {
        self.count * plan.slots_per_round() - self.missing(plan)
    }

    fn requests(&self, plan: &Plan) -> u64 {
        self.count * u64::from(plan.requests_per_round()) - self.missing(plan) / u64::from(plan.batch)
    }

    /// Slots that the last of them lacks to a full round.
    fn missing(&self, plan: &Plan) -> u64 {
        self.last().map_or(0, |last| {
            let slots = plan.slots_of(last);
            plan.slots_per_round() - (slots.end - slots.start)
        })
    }
}

/// Where a part's work is spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Share {
    pub(crate) lanes: u16,
    pub(crate) connections: u32,
    /// None if only time ends it.
    pub(crate) requests: Option<u64>,
    /// The same in events.
    pub(crate) events: Option<u64>,
}

impl Share {
    /// Spreads a part over as many lanes as were asked for, else as there are cores for: half of them, because the
    /// target, or something else, has work to do as well; and no more than leave each lane two groups' worth of
    /// connections.
    fn of(plan: &Plan, load: &Load, rounds: Rounds, lanes: Option<u16>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let is_counted = load.total().is_some();
        let requests = is_counted.then(|| rounds.requests(plan));
        let events = is_counted.then(|| rounds.events(plan));
        let asked = load.most_connections();
        let connections = requests.map_or(asked, |requests| u32::try_from(requests).unwrap_or(u32::MAX));
        let connections = connections.clamp(1, asked);
        let fitting = (cores / 2).min(connections as usize / (2 * plan.group as usize));
        let lanes = lanes.map_or(fitting, usize::from).clamp(1, connections as usize);
        Self { lanes: u16::try_from(lanes).unwrap_or(u16::MAX), connections, requests, events }
    }

    /// Connections of one lane.
    pub(crate) fn seats(&self, lane: u16) -> u32 {
        let (lanes, lane) = (u32::from(self.lanes), u32::from(lane));
        self.connections / lanes + u32::from(lane < self.connections % lanes)
    }

    /// That of the whole run.
    pub(crate) fn sum(parts: &[Part]) -> Self {
        let shares = || parts.iter().map(|part| part.share);
        Self {
            lanes: shares().map(|share| share.lanes).sum(),
            connections: shares().map(|share| share.connections).sum(),
            requests: shares().map(|share| share.requests).sum(),
            events: shares().map(|share| share.events).sum(),
        }
    }
}

/// One executor of a run.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// None where it is the only one.
    pub(crate) name: Option<String>,
    /// How it shapes its load.
    pub(crate) load: Load,
    /// What this shard sends of it.
    pub(crate) rounds: Rounds,
    pub(crate) share: Share,
    /// The part that has to have ended before it begins.
    pub(crate) after: Option<usize>,
    /// How long after that, or after the beginning of the run, it begins.
    pub(crate) start_time: Duration,
    /// Whether it counts in rates, latencies and thresholds.
    pub(crate) is_measured: bool,
}

/// What connections have to open in, before the first request of a part with a rate is due.
const RUN_UP: Duration = Duration::from_millis(100);

impl Part {
    /// How long before it begins its connections are opened.
    pub(crate) fn lead_ns(&self) -> u64 {
        self.load.schedule().map_or(0, |_| RUN_UP.as_nanos() as u64)
    }

    /// Adds what its lanes counted to what the run counted.
    pub(crate) fn count(&self, tallies: &Tallies, all: &mut Tallies) {
        if self.is_measured { all.add(tallies) } else { all.add_as_warm_up(tallies) }
    }

    /// All parts of a run. Those that only time ends share the rounds behind those of the others.
    pub(crate) fn all(plan: &Plan, whole: &Load, shard: Shard, lanes: Option<u16>) -> Vec<Self> {
        let mut ranges: Vec<Range<u64>> = plan.rounds_by_count().collect();
        let rest = ranges.pop().unwrap_or_default();
        let mut counted = ranges.into_iter();
        let parts = whole.parts().into_iter().enumerate().map(|(place, load)| {
            let range = load.total().and_then(|_| counted.next()).unwrap_or_else(|| rest.clone());
            let rounds = Rounds::of(&range, shard);
            let share = Share::of(plan, &load, rounds, lanes);
            let said = whole.executors.get(place);
            let after = said.and_then(|part| part.after.as_ref());
            Self {
                name: said.map(|part| part.name.clone()),
                load,
                rounds,
                share,
                after: after.and_then(|name| whole.executors.iter().position(|part| part.name == *name)),
                start_time: said.map_or(Duration::ZERO, |part| part.start_time),
                is_measured: said.is_none_or(|part| part.measured),
            }
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use truth::scenario::Scenario;

    use super::*;
    use crate::command::cli::Cli;
    use crate::command::settings::Settings;

    fn parts(arguments: &[&str]) -> (Plan, Vec<Part>) {
        let arguments = [&["loadgen"], arguments].concat();
        let settings = Settings::resolve(Cli::try_parse_from(arguments).unwrap()).unwrap();
        let parts = Part::all(&settings.plan, &settings.scenario.load, settings.shard, settings.lanes);
        (settings.plan, parts)
    }

    fn requests_of(plan: &Plan) -> u64 {
        (0..plan.rounds().unwrap()).map(|b| u64::from(plan.round(b).requests())).sum()
    }

    #[test]
    fn shards_share_out_rounds_requests_and_events_exactly() {
        for count in ["1", "99", "800", "801", "20000", "12345"] {
            for of in 1..=5_u32 {
                let (mut requests, mut events, mut all) = (0, 0, None);
                for index in 1..=of {
                    let (plan, parts) =
                        parts(&["-n", count, "--run-id", "x", "--shard", &format!("{index}/{of}")]);
                    let share = Share::sum(&parts);
                    requests += share.requests.unwrap();
                    events += share.events.unwrap();
                    all = Some((requests_of(&plan), plan.total.unwrap()));
                }
                assert_eq!(Some((requests, events)), all, "{count} {of}");
            }
        }
    }

    #[test]
    fn parts_and_their_shards_have_every_round_once() {
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
            for (part, range) in plan.rounds_by_count().enumerate().take(3) {
                let mut events = 0;
                for index in 1..=of {
                    let rounds = Rounds::of(&range, Shard { index, of });
                    let own: Vec<u64> = (0..rounds.count()).map(|nth| rounds.nth(nth)).collect();
                    assert!(own.iter().all(|b| b % u64::from(of) == u64::from(index - 1)), "of this shard");
                    assert!(own.iter().enumerate().all(|(nth, b)| rounds.place_of(*b) == nth as u64));
                    events += rounds.events(&plan);
                    sent.extend(own);
                }
                assert_eq!(events, plan.counts[part]);
            }
            sent.sort_unstable();
            assert_eq!(sent, (0..plan.rounds().unwrap()).collect::<Vec<_>>());
        }
    }
}
