//! `cargo xtask mutants`: runs against a target with one defect at a time, and against the same
//! target without a defect, which no check may name. Where the promise that a defect breaks is
//! declared, the right check has to name it. Where nothing is declared, no defect may go untold.

use std::process::ExitCode;

use anyhow::Result;

use crate::matrix::kept::Outcomes;
use crate::matrix::{self, Half, work};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use cell::Cell;
use modes::MODES;
use mutant::Mutant;
use show::Extent;
use trial::Trial;

pub mod cell;
mod loads;
pub mod modes;
pub mod mutant;
mod show;
pub mod table;
pub mod trial;

/// File of the outcomes so far.
const OUTCOMES: &str = "target/mutants.jsonl";

/// Attempts of a run against the sound target: enough for every fault to come while the run goes
/// on.
const SOUND_ATTEMPTS: u64 = 12_000;

const SEEDS: u32 = 1;
const SOUND_SEEDS: u32 = 3;
const JOBS: u16 = 2;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Mutants to try, by name or a part of it; all of them, and the sound target, unless given
    pub(crate) names: Vec<String>,
    /// Cells to try: the promises declared, and nothing declared
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["promised", "undeclared"])]
    pub(crate) cells: Vec<Cell>,
    /// Seeds per cell
    #[arg(long, default_value_t = SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: u32,
    /// Seeds for each mode of the sound target
    #[arg(long, default_value_t = SOUND_SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sound_seeds: u32,
    /// Trials side by side
    #[arg(long, default_value_t = JOBS, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: u16,
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
            cells: vec![Cell::Promised, Cell::Undeclared],
            seeds: SEEDS,
            sound_seeds: SOUND_SEEDS,
            jobs: JOBS,
            is_continued: false,
            is_release: false,
            is_only_printed: false,
        }
    }
}

/// Runs the matrix. The exit code is 1 if a cell is wrong.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let rows = work::choose(table::all(), |mutant| mutant.name, &settings.names)?;
    let programs = work::build(settings.is_release, interrupt)?;
    let outcomes = Outcomes::open(&cargo::workspace().join(OUTCOMES), settings.is_continued)?;
    let sound: Vec<Mutant> = match settings.names.as_slice() {
        [] => MODES.iter().map(|mode| table::sound(mode).attempts(SOUND_ATTEMPTS)).collect(),
        _ => Vec::new(),
    };
    let trials = trials(&rows, &sound, settings);
    let kept = work::make(&trials, outcomes, usize::from(settings.jobs), &programs, show::line)?;
    let extent = Extent { seeds: settings.seeds, sound_seeds: settings.sound_seeds };
    let matrix = show::matrix(&rows, &sound, &trials, &kept, extent);
    print!("{}", matrix.text);
    if settings.names.is_empty() && !settings.is_only_printed {
        matrix::write(Half::Mutants, &matrix.text)?;
    }
    Ok(if matrix.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the trials of the mutants in each cell, and of the sound target with its promises.
fn trials<'a>(rows: &[&'a Mutant], sound: &'a [Mutant], settings: &Settings) -> Vec<Trial<'a>> {
    let trial = |mutant: &'a Mutant, cell, seed| Trial { mutant, cell, attempts: mutant.attempts, seed };
    let mut trials = Vec::new();
    for mutant in rows {
        for cell in settings.cells.iter().copied() {
            trials.extend((1..=settings.seeds).map(|seed| trial(mutant, cell, seed)));
        }
    }
    for sound in sound.iter().filter(|_| settings.cells.contains(&Cell::Promised)) {
        trials.extend((1..=settings.sound_seeds).map(|seed| trial(sound, Cell::Promised, seed)));
    }
    trials
}
