//! Runs of a matrix: which rows are chosen, what is built for them, and how they are made.

use std::sync::Mutex;

use anyhow::{Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::kept::{Kept, Outcomes};
use super::outcome::Outcome;
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::{Profile, Programs};

/// Run of a matrix.
pub trait Run: Sync {
    /// Key under which its outcome is kept.
    type Key: PartialEq + Serialize + DeserializeOwned + Send;

    fn key(&self) -> Self::Key;

    /// Loads a target and judges it.
    fn run(&self, programs: &Programs) -> Result<Outcome>;
}

/// Returns the rows whose name holds one of these texts; all of them without a text.
pub(crate) fn choose<'a, T>(
    rows: impl Iterator<Item = &'a T> + Clone,
    name: fn(&T) -> &'static str,
    wanted: &[String],
) -> Result<Vec<&'a T>> {
    let is_named = |row: &T, text: &String| name(row).contains(text.as_str());
    if let Some(unknown) = wanted.iter().find(|text| !rows.clone().any(|row| is_named(row, text))) {
        let known: Vec<&str> = rows.map(name).collect();
        bail!("no row is named {unknown}, expected one of {}", known.join(", "));
    }
    Ok(rows.filter(|row| wanted.is_empty() || wanted.iter().any(|text| is_named(row, text))).collect())
}

/// Builds the programs, and the targets, which are examples of this crate.
pub(crate) fn build(is_release: bool, interrupt: &Interrupt) -> Result<Programs> {
    cargo::build_all(is_release, interrupt)?;
    Programs::built(if is_release { Profile::Release } else { Profile::Debug }, interrupt)
}

/// Makes the runs whose outcome is not known, and prints a line for each.
pub(crate) fn make<R: Run>(
    runs: &[R],
    outcomes: Outcomes<R::Key>,
    jobs: usize,
    programs: &Programs,
    line: impl Fn(&R, &Outcome) -> String + Sync,
) -> Result<Vec<Kept<R::Key>>> {
    let missing: Vec<&R> = runs.iter().filter(|run| !outcomes.has(&run.key())).collect();
    let outcomes = Mutex::new(outcomes);
    side_by_side(missing, jobs, |run| {
        programs.interrupt().check()?;
        let outcome = run.run(programs)?;
        eprintln!("{}", line(run, &outcome));
        outcomes.lock().expect("a panic ends the matrix").add(run.key(), outcome)
    })?;
    Ok(outcomes.into_inner().expect("a panic ends the matrix").kept)
}

/// Works on all items, so many at a time. Returns the first error; a panic of the work is one here.
pub fn side_by_side<T: Send>(
    items: impl IntoIterator<Item = T>,
    jobs: usize,
    work: impl Fn(T) -> Result<()> + Sync,
) -> Result<()> {
    let waiting: Vec<T> = items.into_iter().collect();
    let waiting = Mutex::new(waiting.into_iter());
    let work_on = || -> Result<()> {
        loop {
            let Some(item) = waiting.lock().expect("taking an item does not panic").next() else {
                return Ok(());
            };
            work(item)?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work_on)).collect();
        let ended = workers.into_iter().map(|worker| worker.join().expect("the work panicked"));
        ended.collect::<Result<Vec<()>>>()
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_are_chosen_by_a_part_of_their_name() {
        let rows = ["late-rows", "late-topic", "newest-rows"];
        let chosen = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
            choose(rows.iter(), |row| row, &wanted)
        };
        assert_eq!(chosen(&[]).unwrap(), rows.iter().collect::<Vec<_>>());
        assert_eq!(chosen(&["late-rows", "newest"]).unwrap(), [&"late-rows", &"newest-rows"]);
        let error = chosen(&["late", "older"]).unwrap_err().to_string();
        assert_eq!(error, "no row is named older, expected one of late-rows, late-topic, newest-rows");
    }

    #[test]
    fn all_items_are_worked_on_once_and_an_error_is_returned() {
        let done = Mutex::new(Vec::new());
        let work = |item: u32| {
            done.lock().unwrap().push(item);
            if item == 7 { bail!("seven") } else { Ok(()) }
        };
        side_by_side(0..7, 3, work).unwrap();
        assert_eq!(done.lock().unwrap().len(), 7);
        assert_eq!(done.lock().unwrap().iter().copied().collect::<BTreeSet<_>>(), (0..7).collect());
        assert_eq!(side_by_side(0..9, 3, work).unwrap_err().to_string(), "seven");
    }
}
