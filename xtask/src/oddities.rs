//! `cargo xtask oddities`: runs against a sound target with one unusual behaviour at a time. Each is
//! judged with nothing declared, with the declaration that decides, and with a defect that it might
//! hide.

use std::process::ExitCode;

use anyhow::Result;

use crate::matrix::kept::Outcomes;
use crate::matrix::{self, Half, work};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use cell::{Cell, Pace};
use show::Extent;
use table::Oddity;
use trial::Trial;

pub mod cell;
mod scenario;
mod show;
pub mod table;
pub mod trial;

/// File of the outcomes so far.
const OUTCOMES: &str = "target/oddities.jsonl";

const SEEDS: u32 = 1;
const JOBS: u16 = 2;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Oddities to try, by name or a part of it; all of them unless given
    pub(crate) names: Vec<String>,
    /// Cells to try: nothing declared (a), the remedy declared (b), and a defect besides (c)
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["a", "b", "c"])]
    pub(crate) cells: Vec<Cell>,
    /// Seeds per cell
    #[arg(long, default_value_t = SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: u32,
    /// Trials side by side
    #[arg(long, default_value_t = JOBS, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: u16,
    /// Try twelve rows with their delays as they are, too
    #[arg(long = "unscaled")]
    pub(crate) is_also_unscaled: bool,
    /// Keep the outcomes of the run before, and make the trials that it did not come to
    #[arg(long = "continue")]
    pub(crate) is_continued: bool,
    /// Build with optimisation
    #[arg(long = "release")]
    pub(crate) is_release: bool,
    /// Print the matrix, and leave results/kill-matrix.md as it is
    #[arg(long = "print-only")]
    pub(crate) is_only_printed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            cells: Cell::ALL.to_vec(),
            seeds: SEEDS,
            jobs: JOBS,
            is_also_unscaled: false,
            is_continued: false,
            is_release: false,
            is_only_printed: false,
        }
    }
}

/// Runs the matrix. The exit code is 1 if a cell is wrong.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let rows = work::choose(table::all(), |oddity| oddity.name, &settings.names)?;
    let programs = work::build(settings.is_release, interrupt)?;
    let outcomes = Outcomes::open(&cargo::workspace().join(OUTCOMES), settings.is_continued)?;
    let trials = trials(&rows, settings);
    let kept = work::make(&trials, outcomes, usize::from(settings.jobs), &programs, show::line)?;
    let extent = Extent { seeds: settings.seeds, is_also_unscaled: settings.is_also_unscaled };
    let matrix = show::matrix(&rows, &trials, &kept, extent);
    print!("{}", matrix.text);
    if settings.names.is_empty() && !settings.is_only_printed {
        matrix::write(Half::Oddities, &matrix.text)?;
    }
    Ok(if matrix.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the trials of these rows. Without a remedy the second cell is the first.
fn trials(rows: &[&'static Oddity], settings: &Settings) -> Vec<Trial> {
    let mut trials = Vec::new();
    for pace in [Pace::Scaled, Pace::Unscaled] {
        for oddity in rows.iter().copied() {
            if pace == Pace::Unscaled && !(settings.is_also_unscaled && oddity.is_also_unscaled) {
                continue;
            }
            for cell in settings.cells.iter().copied() {
                if cell == Cell::Declared && oddity.remedy.is_none() {
                    continue;
                }
                trials.extend((1..=settings.seeds).map(|seed| Trial { oddity, cell, pace, seed }));
            }
        }
    }
    trials
}
