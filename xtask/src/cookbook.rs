//! `cargo xtask cookbook`: runs each file of `targets/` against the stand-in for its API, sound and
//! with one defect.

use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context, Result};

use crate::matrix::work;
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::Programs;
use probed::{Entered, Probed};
use recipe::{Recipe, Tried};

pub mod probed;
pub mod recipe;
mod show;

/// Page that the command writes.
const PAGE: &str = "results/cookbook.md";

/// Recipes side by side: few enough that a run of a second takes a second.
const JOBS: u16 = 3;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// APIs to try, by name or a part of it; all of them unless given
    names: Vec<String>,
    /// Recipes side by side
    #[arg(long, default_value_t = JOBS, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Print the table, and leave results/cookbook.md as it is
    #[arg(long = "print-only")]
    is_only_printed: bool,
}

/// Tries the recipes and prints their table. The exit code is 1 if one is wrong.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let programs = work::build(false, interrupt)?;
    let recipes = work::choose(recipe::ALL.iter(), |recipe| recipe.name, &settings.names)?;
    let jobs = usize::from(settings.jobs);
    let tried = try_all(&recipes, jobs, &programs)?;
    let probed = probe_all(&tried, jobs, &programs)?;
    let page = show::page(&tried, &probed);
    print!("{page}");
    if settings.names.is_empty() && !settings.is_only_printed {
        let path = cargo::workspace().join(PAGE);
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let wrong: Vec<String> = tried.iter().filter_map(Tried::fault).collect();
    wrong.iter().for_each(|fault| eprintln!("xtask: {fault}"));
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tries recipes, in the order of their names. Prints a line as each ends.
pub fn try_all(recipes: &[&'static Recipe], jobs: usize, programs: &Programs) -> Result<Vec<Tried>> {
    let defects = recipe::defects(programs)?;
    let tried = Mutex::new(Vec::new());
    work::side_by_side(recipes.iter().copied(), jobs, |recipe| {
        programs.interrupt().check()?;
        let defect = defects.get(recipe.name).cloned().unwrap_or_default();
        let one = recipe.tried(defect, programs).with_context(|| format!("recipe {}", recipe.name))?;
        eprintln!("{}", show::line(&one));
        tried.lock().expect("a panic ends the command").push(one);
        Ok(())
    })?;
    let mut tried = tried.into_inner().expect("a panic ends the command");
    tried.sort_by_key(|one| one.recipe.name);
    Ok(tried)
}

/// Probes the API of each recipe, and returns the results in their order.
fn probe_all(tried: &[Tried], jobs: usize, programs: &Programs) -> Result<Vec<Probed>> {
    let nothing = Probed { given: Vec::new(), entered: Entered::Nothing, left: String::new() };
    let mut all = vec![nothing; tried.len()];
    work::side_by_side(tried.iter().zip(&mut all), jobs, |(one, result)| {
        programs.interrupt().check()?;
        let name = one.recipe.name;
        *result = one.recipe.probed(programs).with_context(|| format!("probe of {name}"))?;
        eprintln!("probe  {name:<24} {result}");
        Ok(())
    })?;
    Ok(all)
}
