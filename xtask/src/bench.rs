//! `cargo xtask bench`: figures of the programs, each beside the rival that bounds it, in the same
//! run and in turn.
//!
//! An absolute figure belongs to a machine at one moment; a ratio of two that took turns carries
//! over better. Tables go to standard output in Markdown, as `results/README.md` publishes them;
//! progress goes to standard error.

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

/// Limit of a single program. Each is given work of a few seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// Turns of each side of a comparison. The number is odd, so that the median is a measured value.
const TURNS: u32 = 5;

/// Turns with `--quick`: enough to see that it works.
const QUICK_TURNS: u32 = 1;

/// Divisor of the work with `--quick`.
const QUICK_SHARE: u64 = 10;

/// Connections of all comparisons, unless the table says otherwise.
const CONNECTIONS: u32 = 50;

#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Events a second that the aggregator stores, beside the database's own bulk insert
    Ingest(ingest::Settings),
    /// Processor time that loadgen takes to send, beside wrk, oha, k6, vegeta, hey, h2load and
    /// bombardier
    Load(load::Settings),
    /// Time and memory that judging takes on a forged run of a hundred million attempts, and beside
    /// the load of real runs
    Judge(judge::Settings),
    /// Peak memory of loadgen and verify, on a small run and on one a hundred times as large
    Memory(memory::Settings),
}

/// Options of every bench.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Common {
    /// Do one turn instead of five, with a tenth of the events: to see that it works, not to
    /// publish
    #[arg(long)]
    quick: bool,
}

/// Builds the programs in release and measures them.
pub fn run(command: &Command, interrupt: &Interrupt) -> Result<ExitCode> {
    let load = machine::load_average();
    say("building in release");
    // The inserts into the database and the forger are examples, because examples may use what the
    // programs do without.
    cargo::build_all(true, interrupt)?;
    let programs = Programs::built(Profile::Release, interrupt)?;
    let tables = match command {
        Command::Ingest(settings) => ingest::measure(&settings.plan(), &programs)?,
        Command::Load(settings) => load::measure(&settings.plan(), &programs)?,
        Command::Judge(settings) => judge::measure(&settings.plan(), &programs)?,
        Command::Memory(settings) => memory::measure(&settings.plan(), &programs)?,
    };
    println!("{tables}");
    if let Some(load) = load {
        println!(
            "Load average of the machine before the start: {load}. A load above 0.5 distorts the figures."
        );
    }
    Ok(ExitCode::SUCCESS)
}

impl Common {
    fn turns(self) -> u32 {
        if self.quick { QUICK_TURNS } else { TURNS }
    }

    /// Returns the part of the work to do.
    fn share(self, work: u64) -> u64 {
        if self.quick { work.div_ceil(QUICK_SHARE) } else { work }
    }
}

fn say(what: &str) {
    eprintln!("bench: {what}");
}
