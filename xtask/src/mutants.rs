//! `cargo xtask mutants`: runs against a target with one defect at a time, which the right check
//! has to name, and against the same target without a defect, which no check may name.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::matrix::{self, Half};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::{Profile, Programs};
use modes::{MODES, Mode};
use table::{MUTANTS, Mutant, sound};
use trial::Trial;

pub mod modes;
pub mod table;
pub mod trial;

/// Numbers of attempts, tried in turn until every seed names the defect.
const LADDER: [u64; 8] = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000];

/// Attempts of a run against the sound target: enough for every fault to come while the run goes
/// on.
const SOUND_COUNT: u64 = 12_000;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Mutants to try; all of them, and the sound target, unless given
    pub(crate) names: Vec<String>,
    /// Seeds per mutant
    #[arg(long, default_value_t = SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: u32,
    /// Seeds for each mode of the sound target
    #[arg(long, default_value_t = SOUND_SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sound_seeds: u32,
    /// Print the matrix, and leave results/kill-matrix.md as it is
    #[arg(long = "print-only")]
    pub(crate) is_only_printed: bool,
}

const SEEDS: u32 = 3;
const SOUND_SEEDS: u32 = 20;

impl Default for Settings {
    fn default() -> Self {
        Self { names: Vec::new(), seeds: SEEDS, sound_seeds: SOUND_SEEDS, is_only_printed: false }
    }
}

struct Row {
    mutant: &'static Mutant,
    /// Smallest number of attempts at which all seeds named the defect, and the checks that failed
    /// in all of them.
    killed: Option<(u64, Vec<String>)>,
}

/// Runs all mutants. The exit code is 1 if one survives, or if a check names the sound target.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let chosen = choose(&settings.names)?;
    cargo::build(["--release", "-p", "verify", "-p", "loadgen", "--bins"], interrupt)?;
    cargo::build(["--release", "-p", "xtask", "--example", "mutant"], interrupt)?;
    let programs = Programs::built(Profile::Release, interrupt)?;
    let mut rows = Vec::new();
    for mutant in chosen {
        rows.push(Row { mutant, killed: kill(&programs, mutant, settings.seeds)? });
    }
    let fared = match settings.names.as_slice() {
        [] => false_alarms(&programs, settings.sound_seeds)?,
        _ => Vec::new(),
    };
    let text = render(&rows, settings, &fared);
    print!("{text}");
    if settings.names.is_empty() && !settings.is_only_printed {
        matrix::write(Half::Mutants, &text)?;
    }
    let all_killed = rows.iter().all(|row| row.killed.is_some());
    let is_blamed = fared.iter().any(|fared| !fared.blamed.is_empty());
    Ok(if all_killed && !is_blamed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(names: &[String]) -> Result<Vec<&'static Mutant>> {
    let find = |name: &String| MUTANTS.iter().find(|mutant| mutant.name == name);
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        let known: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        bail!("unknown mutant {unknown}, expected one of {}", known.join(", "));
    }
    Ok(if names.is_empty() { MUTANTS.iter().collect() } else { names.iter().filter_map(find).collect() })
}

/// Tries more and more attempts until every seed names the defect.
fn kill(programs: &Programs, mutant: &Mutant, seeds: u32) -> Result<Option<(u64, Vec<String>)>> {
    'rungs: for count in LADDER {
        let mut failed: Option<Vec<String>> = None;
        for seed in 1..=seeds {
            let trial = Trial::run(programs, mutant, count, seed);
            let trial = match trial {
                Ok(trial) => trial,
                // A short run can end before a fault comes.
                Err(error) if count < LADDER[LADDER.len() - 1] => {
                    eprintln!("mutants: {} at {count}, seed {seed}: {error:#}", mutant.name);
                    continue 'rungs;
                }
                Err(error) => return Err(error),
            };
            eprintln!("mutants: {} at {count}, seed {seed}: {}", mutant.name, trial.told());
            if !mutant.is_named_by(&trial) {
                continue 'rungs;
            }
            match &mut failed {
                None => failed = Some(trial.failed),
                Some(failed) => failed.retain(|check| trial.failed.contains(check)),
            }
        }
        return Ok(failed.map(|failed| (count, failed)));
    }
    Ok(None)
}

/// Result of the sound target in one mode.
struct Fared {
    mode: &'static Mode,
    /// Verdicts other than PASS, with their seeds.
    blamed: Vec<String>,
    took: Duration,
}

/// Runs the sound target in every mode.
fn false_alarms(programs: &Programs, seeds: u32) -> Result<Vec<Fared>> {
    let mut fared = Vec::new();
    for mode in MODES {
        let begun = Instant::now();
        let mut blamed = Vec::new();
        for seed in 1..=seeds {
            let trial = Trial::run(programs, &sound(mode), SOUND_COUNT, seed)?;
            eprintln!("mutants: sound, {}, seed {seed}: {}", mode.name, trial.told());
            if trial.verdict != "PASS" {
                blamed.push(format!("{}, seed {seed}: {}", mode.name, trial.told()));
            }
        }
        fared.push(Fared { mode, blamed, took: begun.elapsed() });
    }
    Ok(fared)
}

fn render(rows: &[Row], settings: &Settings, fared: &[Fared]) -> String {
    let mut out = String::from("# Kill matrix\n\n");
    let mut line = |text: String| writeln!(out, "{text}").expect("a String takes all that is written");
    line(format!(
        "`cargo xtask mutants --seeds {} --sound-seeds {}`: a target with one defect at a time, \
         loaded by `loadgen` and judged by \
         `verify`. A defect is killed when the check in bold says FAIL on every seed; events is the \
         smallest of {} at which it \
         did.\n",
        settings.seeds,
        settings.sound_seeds,
        LADDER.map(|count| count.to_string()).join(", ")
    ));
    line("| mutant | what it gets wrong | checks that named it | events |".to_owned());
    line("|---|---|---|---|".to_owned());
    for Row { mutant, killed } in rows {
        let (checks, events) = match killed {
            None => ("SURVIVED".to_owned(), "-".to_owned()),
            Some((count, failed)) => {
                let bold = |check: &String| {
                    if check == mutant.named_by { format!("**{check}**") } else { check.clone() }
                };
                (failed.iter().map(bold).collect::<Vec<_>>().join(", "), count.to_string())
            }
        };
        line(format!("| `{}` | {} | {checks} | {events} |", mutant.name, mutant.flaw));
    }
    if !fared.is_empty() {
        line(format!(
            "\nThe same target without a defect, {SOUND_COUNT} attempts a run, killed twice and paused once in each:\n"
        ));
        line("| mode | what it does | seeds | PASS | wall time |".to_owned());
        line("|---|---|---|---|---|".to_owned());
        for Fared { mode, blamed, took } in fared {
            let seeds = settings.sound_seeds;
            let seconds = took.as_secs();
            let passed = seeds as usize - blamed.len();
            line(format!("| {} | {} | {seeds} | {passed} | {seconds} s |", mode.name, mode.says));
        }
        fared.iter().flat_map(|fared| &fared.blamed).for_each(|told| line(format!("- {told}")));
    }
    out
}
