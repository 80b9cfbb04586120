//! `cargo xtask bench ingest`: what the aggregator stores in a second, end to end, beside what its database does alone.
//!
//! End to end is loadgen, HTTP, the aggregator and the database on one machine; a repeat counts as an event that was
//! dealt with. The yardstick is the database's own bulk insert of such rows with the same key, by one connection, with
//! no HTTP and no JSON before it and no counters, answers and second index beside it.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use super::loadgen::{self, Races};
use super::machine::{self, Place};
use super::samples::{Samples, ratio, whole};
use super::table::Table;
use super::{CONNECTIONS, Common, LIMIT, say};
use crate::aggregator;
use crate::process::{Ending, Process};
use crate::programs::Programs;
use crate::scratch::Scratch;
use crate::transcript::Transcript;
use crate::usage::measured;
use store::{Database, Kind};

mod store;

/// Of the events of a bulk, so many are sent one a request, and so many stored one a commit by one connection: each
/// figure rests on about as long a time.
const SINGLE_SHARE: u64 = 5;
const COMMIT_SHARE: u64 = 50;

/// What the command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[command(flatten)]
    common: Common,
    /// Events in a turn at batch 100; where each is stored by itself there are fewer
    #[arg(long, default_value_t = 150_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    events: u64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each side has its turn.
    pub turns: u32,
    /// Events in a turn at batch 100.
    pub events: u64,
}

impl Settings {
    pub(super) fn plan(&self) -> Plan {
        Plan { turns: self.common.turns(), events: self.common.share(self.events) }
    }
}

/// How the database is filled without us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Yardstick {
    /// Thousands of rows a statement or a transaction.
    Bulk,
    /// A statement and a commit for each row.
    Single,
}

/// Measures everything in turn, and tells it in Markdown.
pub fn measure(plan: &Plan, programs: &Programs) -> Result<String> {
    let databases = [Database::start(Kind::Sqlite, programs)?, Database::start(Kind::Postgres, programs)?];
    let mut speed = Table::new(
        format!(
            "Events a second, {CONNECTIONS} connections, 30 % repeats, each turn on an empty table; median of {} \
             (least to most):",
            plan.turns
        ),
        [
            "database",
            "batch",
            "loadgen to aggregator to database",
            "the database's own insert",
            "rows a commit",
            "ratio",
        ],
    );
    let mut races = Table::new(
        "The same at batch 100 with the repeats racing, as they do by default, and not:",
        ["database", "connections", "races on", "races off", "on / off"],
    );
    let mut versions = Vec::new();
    for database in &databases {
        for (batch, yardstick) in [(100, Yardstick::Bulk), (1, Yardstick::Single)] {
            let (ours, theirs, version) = beside_yardstick(database, batch, yardstick, plan, programs)?;
            versions.push(version);
            speed.add([
                database.name(),
                batch.to_string(),
                ours.shown(whole),
                theirs.shown(whole),
                yardstick.rows_a_commit(database.kind()).to_owned(),
                ratio(&ours, &theirs),
            ]);
        }
        for connections in [10, CONNECTIONS] {
            let [on, off] = with_and_without_races(database, connections, plan, programs)?;
            let cells = [on.shown(whole), off.shown(whole), ratio(&on, &off)];
            let [on, off, ratio] = cells;
            races.add([database.name(), connections.to_string(), on, off, ratio]);
        }
    }
    versions.dedup();
    let mut told = machine::line("cargo xtask bench ingest", &versions);
    write!(told, "\n{speed}\n{races}")?;
    Ok(told)
}

/// The aggregator's events a second, the yardstick's, and the database's version.
fn beside_yardstick(
    database: &Database,
    batch: u32,
    yardstick: Yardstick,
    plan: &Plan,
    programs: &Programs,
) -> Result<(Samples, Samples, String)> {
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let mut version = String::new();
    let (sent, stored) = match yardstick {
        Yardstick::Bulk => (plan.events, plan.events),
        Yardstick::Single => (plan.events.div_ceil(SINGLE_SHARE), plan.events.div_ceil(COMMIT_SHARE)),
    };
    for turn in 1..=plan.turns {
        let run = loadgen::Run { events: sent, batch, connections: CONNECTIONS, races: Races::On };
        let one = end_to_end(database, run, programs)?;
        let other;
        (other, version) = alone(database, yardstick, stored, programs)?;
        say(&format!(
            "turn {turn} of {}: {}, batch {batch}: {} events/s, by itself {}",
            plan.turns,
            database.name(),
            whole(one),
            whole(other)
        ));
        ours.add(one);
        theirs.add(other);
    }
    Ok((ours, theirs, version))
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
            let run = loadgen::Run { events: plan.events, batch: 100, connections, races };
            let rate = end_to_end(database, run, programs)?;
            let (turns, name) = (plan.turns, database.name());
            say(&format!(
                "turn {turn} of {turns}: {name}, {connections} connections, races {races:?}: {}",
                whole(rate)
            ));
            samples.add(rate);
        }
    }
    Ok([on, off])
}

/// Events a second through loadgen and an aggregator of its own, into a store of its own.
fn end_to_end(database: &Database, run: loadgen::Run, programs: &Programs) -> Result<f64> {
    let results = Scratch::new()?;
    let store = database.fresh()?;
    let mut aggregator = aggregator::start(programs, store.url())?;
    let outcome = loadgen::run(run, programs, Place::Anywhere, &aggregator.url(), results.path())?;
    aggregator.check()?;
    drop(aggregator);
    store.remove()?;
    Ok(outcome.events_per_s)
}

/// Events a second by the database's own insert into a store of its own, and the database's version.
fn alone(
    database: &Database,
    yardstick: Yardstick,
    events: u64,
    programs: &Programs,
) -> Result<(f64, String)> {
    let store = database.fresh()?;
    let said = Transcript::new()?;
    let mut command = programs.command("examples/yardstick")?;
    command.args([store.url(), yardstick.name(), &events.to_string()]);
    command.stdout(said.stdio()?);
    let mut process = Process::spawn(&mut command, Ending::Kill)?;
    let (status, _) = measured(&mut process, LIMIT, programs.interrupt())?;
    ensure!(status.success(), "the yardstick failed ({status})");
    store.remove()?;
    read_yardstick(&said.text()?)
}

/// `150000 1.25 PostgreSQL 15.8`: events, seconds, and the rest is the version.
fn read_yardstick(said: &str) -> Result<(f64, String)> {
    let parts: Vec<&str> = said.trim().splitn(3, ' ').collect();
    let [events, seconds, version] = parts.as_slice() else {
        anyhow::bail!("the yardstick says something else than three things: {said}");
    };
    let (events, seconds): (f64, f64) = (events.parse()?, seconds.parse()?);
    let rate = Some(events / seconds).filter(|rate| rate.is_finite());
    Ok((rate.context("the yardstick took no time")?, (*version).to_owned()))
}

impl Yardstick {
    fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Single => "single",
        }
    }

    fn rows_a_commit(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Bulk, Kind::Postgres) => "2,000",
            (Self::Bulk, Kind::Sqlite) => "10,000",
            (Self::Single, _) => "1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yardstick_is_read_or_refused() {
        let (rate, version) = read_yardstick("1000 0.5 PostgreSQL 15.8\n").unwrap();
        assert!((rate - 2000.0).abs() < 1e-9);
        assert_eq!(version, "PostgreSQL 15.8");
        assert!(read_yardstick("1000 0 SQLite 3.50").is_err());
        assert!(read_yardstick("1000 0.5").is_err());
    }
}
