//! `cargo xtask bench ingest`: events that the aggregator stores in a second, end to end, beside
//! the inserts of its database alone.
//!
//! End to end is loadgen, HTTP, the aggregator and the database on one machine; a duplicate counts
//! as an event that was processed. The yardsticks are the database's own inserts of such rows with
//! the same key, without HTTP, JSON and responses.

use std::fmt::Write as _;

use anyhow::Result;

use super::loadgen::{self, Races};
use super::samples::{Samples, ratio, whole};
use super::table::Table;
use super::{CONNECTIONS, Common, machine, say};
use crate::rig::programs::Programs;
use store::{Database, Kind};
use turn::Turn;
use yardstick::Yardstick;

pub use turn::Ack;

mod store;
mod turn;
mod yardstick;

/// Divisor of the events for requests of one or ten events and for commits of one row, so that each
/// figure takes about as long to measure.
const SINGLE_SHARE: u64 = 5;
const TEN_SHARE: u64 = 2;
const COMMIT_SHARE: u64 = 50;

/// Share of repeats, in percent, at which rows are stored one a commit and races are measured.
const USUAL_REPEATS: u64 = 30;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[command(flatten)]
    common: Common,
    /// Events in a turn at batch 100 and above; in smaller batches there are fewer
    #[arg(long, default_value_t = 150_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    events: u64,
    /// Events in a request
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    batches: Vec<u32>,
    /// Percentages of events that repeat an earlier one
    #[arg(long, value_delimiter = ',', default_values_t = [30, 0, 90])]
    repeats: Vec<u64>,
    /// Moment of the aggregator's response
    #[arg(long, value_delimiter = ',', default_values = ["committed", "queued"])]
    acks: Vec<Ack>,
}

/// Amount of work.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Turns of each side.
    pub turns: u32,
    /// Events in a turn at batch 100 and above.
    pub events: u64,
    /// Events in a request.
    pub batches: Vec<u32>,
    /// Percentages of events that repeat an earlier one.
    pub repeats_percent: Vec<u64>,
    /// Moment of the aggregator's response
    pub acks: Vec<Ack>,
}

impl Settings {
    pub(super) fn plan(&self) -> Plan {
        Plan {
            turns: self.common.turns(),
            events: self.common.share(self.events),
            batches: self.batches.clone(),
            repeats_percent: self.repeats.clone(),
            acks: self.acks.clone(),
        }
    }
}

/// Tables so far, and the programs that took part.
struct Told {
    alone: Table,
    speed: Table,
    races: Table,
    versions: Vec<String>,
}

/// Results of one yardstick.
struct Measured {
    yardstick: Yardstick,
    events_per_s: Samples,
}

/// Results of one row of the large table.
#[derive(Default)]
struct Cell {
    acked: Samples,
    stored: Samples,
    loadgen: Samples,
    aggregator: Samples,
    database: Samples,
    processors: Samples,
}

/// Measures everything in turn and returns the tables in Markdown.
pub fn measure(plan: &Plan, programs: &Programs) -> Result<String> {
    let databases = [Database::start(Kind::Sqlite, programs)?, Database::start(Kind::Postgres, programs)?];
    let mut told = Told::new(plan);
    for database in &databases {
        for repeats_percent in &plan.repeats_percent {
            told.measure(database, *repeats_percent, plan, programs)?;
        }
        for connections in [10, CONNECTIONS] {
            let [on, off] = with_and_without_races(database, connections, plan, programs)?;
            let cells = [on.shown(whole), off.shown(whole), ratio(&on, &off)];
            let [on, off, ratio] = cells;
            told.races.add([database.name(), connections.to_string(), on, off, ratio]);
        }
    }
    told.versions.sort();
    told.versions.dedup();
    let mut text = machine::line("cargo xtask bench ingest", &told.versions);
    write!(text, "\n{}\n{}\n{}", told.alone, told.speed, told.races)?;
    Ok(text)
}

impl Told {
    fn new(plan: &Plan) -> Self {
        let turns = plan.turns;
        Self {
            alone: Table::new(
                format!(
                    "Rows a second that the database takes by itself, into an empty table; \
                     median of {turns} (least to most):"
                ),
                ["database", "repeats", "insert", "rows a second"],
            ),
            speed: Table::new(
                format!(
                    "Events a second from loadgen through the aggregator into the database, {CONNECTIONS} \
                     connections, each turn on an empty table, median of {turns} (least to most), and in \
                     microseconds the processor time of each \
                     program for one event:"
                ),
                [
                    "database",
                    "answer",
                    "repeats",
                    "batch",
                    "acknowledged",
                    "stored",
                    "of the plain insert",
                    "of the best",
                    "loadgen",
                    "aggregator",
                    "server",
                    "processors",
                ],
            ),
            races: Table::new(
                "The same at batch 100 with the repeats racing, as they do by default, and not:",
                ["database", "connections", "races on", "races off", "on / off"],
            ),
            versions: Vec::new(),
        }
    }

    /// Measures all rows of one database and one share of repeats. Everything has its turn before
    /// anything has its second.
    fn measure(
        &mut self,
        database: &Database,
        repeats_percent: u64,
        plan: &Plan,
        programs: &Programs,
    ) -> Result<()> {
        let kind = database.kind();
        let singles =
            if repeats_percent == USUAL_REPEATS { Yardstick::of_requests(kind) } else { Default::default() };
        let mut alone: Vec<Measured> =
            Yardstick::of_batches(kind).iter().chain(singles).map(Measured::of).collect();
        let mut cells: Vec<(Ack, u32, Cell)> = Vec::new();
        for ack in &plan.acks {
            cells.extend(plan.batches.iter().map(|batch| (*ack, *batch, Cell::default())));
        }
        for turn in 1..=plan.turns {
            let place =
                format!("turn {turn} of {}: {}, {repeats_percent} % repeats", plan.turns, database.name());
            for Measured { yardstick, events_per_s } in &mut alone {
                let events = yardstick.events(plan);
                let reached = yardstick.measure(database, events, repeats_percent, programs)?;
                say(&format!("{place}: {}: {}/s", yardstick.name(kind), whole(reached.events_per_s)));
                events_per_s.add(reached.events_per_s);
                self.versions.push(reached.version);
            }
            for (ack, batch, cell) in &mut cells {
                let run = loadgen::Run {
                    events: events_in(*batch, plan),
                    batch: *batch,
                    connections: CONNECTIONS,
                    repeats_percent,
                    races: Races::On,
                    scenario: "",
                };
                let taken = Turn::take(database, *ack, run, programs)?;
                say(&format!("{place}: {}, batch {batch}: {}/s", ack.name(), whole(taken.stored_per_s)));
                cell.add(&taken);
            }
        }
        for Measured { yardstick, events_per_s } in &alone {
            let cells = [percent(repeats_percent), yardstick.name(kind), events_per_s.shown(whole)];
            let [repeats, name, rate] = cells;
            self.alone.add([database.name(), repeats, name, rate]);
        }
        for (ack, batch, cell) in cells {
            let start = [database.name(), ack.name().to_owned(), percent(repeats_percent), batch.to_string()];
            self.speed.add(cell.row(start, &alone));
        }
        Ok(())
    }
}

impl Measured {
    fn of(yardstick: &Yardstick) -> Self {
        Self { yardstick: *yardstick, events_per_s: Samples::default() }
    }
}

impl Cell {
    fn add(&mut self, turn: &Turn) {
        self.acked.add(turn.acked_per_s);
        self.stored.add(turn.stored_per_s);
        self.loadgen.add(turn.loadgen_us);
        self.aggregator.add(turn.aggregator_us);
        turn.database_us.into_iter().for_each(|us| self.database.add(us));
        self.processors.add(turn.processors());
    }

    /// Returns a row of the table. The plain insert is the first of the yardsticks.
    fn row(&self, [database, answer, repeats, batch]: [String; 4], alone: &[Measured]) -> [String; 12] {
        let bulk = |measured: &&Measured| !matches!(measured.yardstick, Yardstick::Single { .. });
        let best = alone
            .iter()
            .filter(bulk)
            .max_by(|one, other| one.events_per_s.median().total_cmp(&other.events_per_s.median()));
        let of = |measured: Option<&Measured>| {
            measured.map_or_else(String::new, |measured| ratio(&self.stored, &measured.events_per_s))
        };
        let short = |samples: &Samples| format!("{:.1}", samples.median());
        [
            database,
            answer,
            repeats,
            batch,
            whole(self.acked.median()),
            self.stored.shown(whole),
            of(alone.first()),
            of(best),
            short(&self.loadgen),
            short(&self.aggregator),
            if self.database.is_empty() { "-".to_owned() } else { short(&self.database) },
            short(&self.processors),
        ]
    }
}

impl Yardstick {
    fn events(self, plan: &Plan) -> u64 {
        match self {
            Self::Bulk { .. } | Self::Same { .. } => plan.events,
            Self::Single { connections } => plan.events.div_ceil(COMMIT_SHARE) * u64::from(connections),
        }
    }
}

fn events_in(batch: u32, plan: &Plan) -> u64 {
    match batch {
        1 => plan.events.div_ceil(SINGLE_SHARE),
        2..100 => plan.events.div_ceil(TEN_SHARE),
        _ => plan.events,
    }
}

fn percent(part: u64) -> String {
    format!("{part} %")
}

fn with_and_without_races(
    database: &Database,
    connections: u32,
    plan: &Plan,
    programs: &Programs,
) -> Result<[Samples; 2]> {
    let [mut on, mut off] = [Samples::default(), Samples::default()];
    for turn in 1..=plan.turns {
        for (races, samples) in [(Races::On, &mut on), (Races::Off, &mut off)] {
            let run = loadgen::Run {
                events: plan.events,
                batch: 100,
                connections,
                repeats_percent: USUAL_REPEATS,
                races,
                scenario: "",
            };
            let taken = Turn::take(database, Ack::Committed, run, programs)?;
            let turns = plan.turns;
            let name = database.name();
            say(&format!(
                "turn {turn} of {turns}: {name}, {connections} connections, races {races:?}: {}/s",
                whole(taken.acked_per_s)
            ));
            samples.add(taken.acked_per_s);
        }
    }
    Ok([on, off])
}
