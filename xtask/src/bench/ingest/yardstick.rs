//! Inserts of the database alone, in a process of its own, so that it is built in release with the
//! drivers.

use anyhow::{Context, Result, ensure};

use super::store::{Database, Kind};
use crate::bench::LIMIT;
use crate::bench::samples::whole;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::transcript::Transcript;
use crate::rig::usage::measured;
use crate::rig::{aggregator, cargo};

/// Kinds of inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Yardstick {
    /// Thousands of rows a statement or a transaction, into a table with the key and no other
    /// index.
    Bulk { connections: u32 },
    /// The aggregator's own tables and statements, on one connection, with this number of rows a
    /// transaction; on SQLite.
    Same { rows: u32 },
    /// One row a statement and a commit.
    Single { connections: u32 },
}

/// Results of an insert.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    pub(super) events_per_s: f64,
    /// Name and version, such as `PostgreSQL 15.8`.
    pub(super) version: String,
}

impl Yardstick {
    /// Returns the inserts that bound batches: the plain one first, and then those that a goal is a
    /// share of.
    pub(super) fn of_batches(kind: Kind) -> &'static [Self] {
        match kind {
            // A full group, and half of the events that 50 connections send at once at batch 100,
            // which a writer takes then.
            Kind::Sqlite => {
                &[Self::Bulk { connections: 1 }, Self::Same { rows: 10_000 }, Self::Same { rows: 2_500 }]
            }
            Kind::Postgres => {
                &[Self::Bulk { connections: 1 }, Self::Bulk { connections: 2 }, Self::Bulk { connections: 4 }]
            }
        }
    }

    /// Returns the inserts that bound requests of one transaction each.
    pub(super) fn of_requests(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Sqlite => &[Self::Single { connections: 1 }],
            Kind::Postgres => &[Self::Single { connections: 1 }, Self::Single { connections: 4 }],
        }
    }

    pub(super) fn name(self, kind: Kind) -> String {
        let connections = |number: u32| match number {
            1 => "1 connection".to_owned(),
            more => format!("{more} connections"),
        };
        match (self, kind) {
            (Self::Bulk { connections: number }, Kind::Postgres) => {
                format!("plain insert of 2,000 rows, {}", connections(number))
            }
            (Self::Bulk { .. }, Kind::Sqlite) => "plain insert, 10,000 rows a transaction".to_owned(),
            (Self::Same { rows }, _) => {
                format!("the aggregator's statements, {} rows a transaction", whole(f64::from(rows)))
            }
            (Self::Single { connections: number }, _) => {
                format!("a transaction for each row, {}", connections(number))
            }
        }
    }

    pub(super) fn measure(
        self,
        database: &Database,
        events: u64,
        repeats_percent: u64,
        programs: &Programs,
    ) -> Result<Reached> {
        let store = database.fresh()?;
        let (mode, option, number) = match self {
            Self::Bulk { connections } => ("bulk", "--connections", connections),
            Self::Same { rows } => {
                // The aggregator makes its tables.
                drop(aggregator::start(programs, store.url())?);
                ("same", "--rows-a-transaction", rows)
            }
            Self::Single { connections } => ("single", "--connections", connections),
        };
        let said = Transcript::new()?;
        let mut command = programs.command("examples/yardstick")?;
        command.args([store.url(), mode, &events.to_string()]);
        command.args([option, &number.to_string()]);
        command.args(["--repeats-percent", &repeats_percent.to_string()]);
        command.current_dir(cargo::workspace()).stdout(said.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let (status, _) = measured(&mut process, LIMIT, programs.interrupt())?;
        ensure!(status.success(), "the yardstick failed ({status})");
        store.remove()?;
        read(&said.text()?)
    }
}

/// Reads `150000 1.25 PostgreSQL 15.8`: events, seconds and version.
fn read(said: &str) -> Result<Reached> {
    let parts: Vec<&str> = said.trim().splitn(3, ' ').collect();
    let [events, seconds, version] = parts.as_slice() else {
        anyhow::bail!("the yardstick says something else than three things: {said}");
    };
    let (events, seconds): (f64, f64) = (events.parse()?, seconds.parse()?);
    let rate = Some(events / seconds).filter(|rate| rate.is_finite());
    let events_per_s = rate.context("the yardstick took no time")?;
    Ok(Reached { events_per_s, version: (*version).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yardstick_is_read_or_refused() {
        let reached = read("1000 0.5 PostgreSQL 15.8\n").unwrap();
        assert!((reached.events_per_s - 2000.0).abs() < 1e-9);
        assert_eq!(reached.version, "PostgreSQL 15.8");
        assert!(read("1000 0 SQLite 3.50").is_err());
        assert!(read("1000 0.5").is_err());
    }
}
