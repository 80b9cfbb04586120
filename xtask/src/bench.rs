//! `cargo xtask bench`: what the programs reach, each beside the rival that bounds it, in the same run and in turn.
//!
//! Absolute figures belong to a machine and its mood; a ratio of two that took turns on it travels better. Tables go
//! to standard output in Markdown, as `results/README.md` publishes them; progress goes to standard error.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::{Profile, Programs};

pub mod ingest;
pub mod judge;
pub mod load;
mod loadgen;
mod machine;
pub mod memory;
pub mod rows;
mod samples;
mod table;

/// What any single program may take. All of them are told to do work that takes seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// How often each side of a comparison has its turn: an odd number, so that the median is one that was measured.
const TURNS: u32 = 5;

/// The same with `--quick`: enough to see that it works.
const QUICK_TURNS: u32 = 1;

/// With `--quick` the work is this many times less.
const QUICK_SHARE: u64 = 10;

/// The connections of all comparisons, unless the table says otherwise.
const CONNECTIONS: u32 = 50;

/// What it builds and runs.
const PACKAGES: [&str; 4] = ["aggregator", "loadgen", "verify", "xtask"];

/// Which bench to run.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Events a second that the aggregator stores, beside the database's own bulk insert
    Ingest(ingest::Settings),
    /// Processor time that loadgen takes to send, beside wrk, oha, k6, vegeta, hey, h2load and bombardier
    Load(load::Settings),
    /// What judging takes on a forged run of a hundred million attempts, and beside the load of real ones
    Judge(judge::Settings),
    /// Peak memory of loadgen and verify, on a small run and on one a hundred times as large
    Memory(memory::Settings),
}

/// What every bench takes.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Common {
    /// One turn instead of five, with a tenth of the events: to see that it works, not to publish
    #[arg(long)]
    quick: bool,
}

/// Builds the programs in release and measures them.
pub fn run(command: &Command, interrupt: &Interrupt) -> Result<ExitCode> {
    let load = machine::load_average();
    say("building in release");
    // The rival in the database and the forger are examples: examples may use what the programs do without. All in one
    // call, because a part of them would be built with a part of the features, and built again.
    let packages = PACKAGES.iter().flat_map(|name| ["-p", name]);
    cargo::build(
        ["--release", "--bins", "--example", "yardstick", "--example", "forge"].into_iter().chain(packages),
        interrupt,
    )?;
    let programs = Programs::built(Profile::Release, interrupt)?;
    let tables = match command {
        Command::Ingest(settings) => ingest::measure(&settings.plan(), &programs)?,
        Command::Load(settings) => load::measure(&settings.plan(), &programs)?,
        Command::Judge(settings) => judge::measure(&settings.plan(), &programs)?,
        Command::Memory(settings) => memory::measure(&settings.plan(), &programs)?,
    };
    println!("{tables}");
    if let Some(load) = load {
        println!("Load average of the machine before the start: {load}. More than 0.5 disturbs the figures.");
    }
    Ok(ExitCode::SUCCESS)
}

impl Common {
    fn turns(self) -> u32 {
        if self.quick { QUICK_TURNS } else { TURNS }
    }

    /// How much of the work to do.
    fn share(self, work: u64) -> u64 {
        if self.quick { work.div_ceil(QUICK_SHARE) } else { work }
    }
}

fn say(what: &str) {
    eprintln!("bench: {what}");
}
