//! `cargo xtask bench memory`: peak memory of loadgen and verify, on a small run and on a large
//! one.
//!
//! Neither keeps what it sent or read, so nearly the same is the goal. verify keeps a byte for each
//! key.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::loadgen::{self, Races};
use super::machine::{self, Place};
use super::samples::mebibytes;
use super::table::Table;
use super::{CONNECTIONS, Common, LIMIT, say};
use crate::rig::aggregator::{self, sqlite_url};
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::transcript::Transcript;
use crate::rig::usage::measured;

/// Events of a request: large ones, so that two million events take seconds.
const BATCH: u32 = 1_000;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[command(flatten)]
    common: Common,
    /// Events of the large run; the small one has a hundredth of them
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    events: u64,
}

/// Amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Events of the small run and of the large one.
    pub events: [u64; 2],
}

/// Peak memory of one run, in bytes.
struct Peaks {
    loadgen: u64,
    verify: u64,
}

impl Settings {
    pub(super) fn plan(&self) -> Plan {
        let large = self.common.share(self.events);
        Plan { events: [large.div_ceil(100), large] }
    }
}

/// Runs both, each on a fresh SQLite file, and returns the peaks in Markdown.
pub fn measure(plan: &Plan, programs: &Programs) -> Result<String> {
    let [few, many] = plan.events.map(|events| peaks(events, programs));
    let ((few, many), [small, large]) =
        ((few?, many?), plan.events.map(|events| super::samples::whole(events as f64)));
    let mut table = Table::new(
        format!(
            "Peak resident memory, batch {BATCH}, {CONNECTIONS} connections, 30 % repeats, the aggregator on SQLite:"
        ),
        ["program", &format!("{small} events"), &format!("{large} events"), "ratio"],
    );
    for (name, few, many) in [("loadgen", few.loadgen, many.loadgen), ("verify", few.verify, many.verify)] {
        let few = few as f64;
        let many = many as f64;
        table.add([name.to_owned(), mebibytes(few), mebibytes(many), format!("{:.2}", many / few)]);
    }
    let mut told = machine::line("cargo xtask bench memory", &[]);
    write!(told, "\n{table}")?;
    Ok(told)
}

fn peaks(events: u64, programs: &Programs) -> Result<Peaks> {
    let store = Scratch::new()?;
    let results = Scratch::new()?;
    let mut aggregator = aggregator::start(programs, &sqlite_url(store.path()))?;
    let run = loadgen::Run {
        events,
        batch: BATCH,
        connections: CONNECTIONS,
        repeats_percent: 30,
        races: Races::On,
        scenario: "",
    };
    say(&format!("sending {events} events, then reading them back"));
    let sent = loadgen::run(run, programs, Place::Anywhere, &aggregator.url(), results.path())?;
    aggregator.check()?;

    let said = Transcript::new()?;
    let mut command = programs.command("verify")?;
    command.arg("--out").arg(results.path()).stdout(said.stdio()?).stderr(said.stdio()?);
    let mut verify = Process::spawn(&mut command, Ending::Kill)?;
    let (status, usage) = measured(&mut verify, LIMIT, programs.interrupt())?;
    ensure!(status.success(), "verify did not pass ({status}): {}", said.text()?);
    Ok(Peaks { loadgen: sent.usage.peak_rss_bytes, verify: usage.peak_rss_bytes })
}
