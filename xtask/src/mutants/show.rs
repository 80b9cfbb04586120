//! Matrix as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cell::Cell;
use super::mutant::Mutant;
use super::trial::{Key, Trial};
use crate::matrix::kept::Kept;
use crate::matrix::outcome::Outcome;
use crate::matrix::work::Run;

/// Extent of a matrix, as on the command line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) seeds: u32,
    pub(super) sound_seeds: u32,
}

/// Matrix as text, and the number of its wrong cells.
pub(super) struct Matrix {
    pub(super) text: String,
    pub(super) wrong: usize,
}

/// A trial with its outcome.
type Done<'a> = (&'a Trial<'a>, &'a Outcome);

/// Returns a trial and its outcome in one line.
pub(super) fn line(trial: &Trial<'_>, outcome: &Outcome) -> String {
    let Trial { mutant, cell, seed, .. } = trial;
    let mark = if cell.is_right(mutant, outcome) { "right" } else { "WRONG" };
    let declared = match cell {
        Cell::Promised => mutant.mode.name,
        Cell::Undeclared => "nothing declared",
    };
    let place = format!("{} ({declared}), seed {seed}", mutant.name);
    let verdict = named(outcome, &outcome.failed);
    let reason = match outcome.verdict.as_str() {
        "PASS" => String::new(),
        _ => format!(": {}", outcome.first_reason()),
    };
    format!("{mark}: {place}: {verdict}, {} unknown{reason}", outcome.unknown)
}

/// Returns the verdict, with these failed checks, or with what it leaves open or tells.
fn named(outcome: &Outcome, failed: &[String]) -> String {
    let Outcome { verdict, open, unpromised, .. } = outcome;
    match verdict.as_str() {
        "FAIL" => format!("FAIL {}", failed.join(", ")),
        "UNKNOWN" => format!("UNKNOWN {}", open.first().map_or("", String::as_str)).trim_end().to_owned(),
        "PASS" if !unpromised.is_empty() => {
            format!("PASS, told: not promised that {}", unpromised.join(", "))
        }
        _ => verdict.clone(),
    }
}

/// Returns the matrix of these trials.
pub(super) fn matrix(
    rows: &[&Mutant],
    sound: &[Mutant],
    trials: &[Trial<'_>],
    kept: &[Kept<Key>],
    extent: Extent,
) -> Matrix {
    let mut text = String::from("# Kill matrix\n\n");
    let mut add = |line: &str| writeln!(text, "{line}").expect("a String takes all that is written");
    let of = |mutant: &Mutant, cell: Cell| -> Vec<Done<'_>> {
        let is_of = |trial: &&Trial<'_>| std::ptr::eq(trial.mutant, mutant) && trial.cell == cell;
        let kept_of = |trial: &Trial<'_>| kept.iter().find(|kept| kept.key == trial.key());
        let done = trials.iter().filter(is_of).filter_map(|trial| Some((trial, kept_of(trial)?)));
        done.map(|(trial, kept)| (trial, &kept.outcome)).collect()
    };
    add(&introduction(extent));
    add(
        "| mutant | what it gets wrong | promise that it breaks | events | with it | with nothing declared |",
    );
    add("|---|---|---|---|---|---|");
    let mut all: Vec<Done<'_>> = Vec::new();
    for mutant in rows {
        let [promised, undeclared] = [Cell::Promised, Cell::Undeclared].map(|cell| of(mutant, cell));
        add(&row(mutant, &promised, &undeclared));
        all.extend(promised.into_iter().chain(undeclared));
    }
    let passed: Vec<Vec<Done<'_>>> = sound.iter().map(|sound| of(sound, Cell::Promised)).collect();
    if !sound.is_empty() {
        add(&sound_table(sound, &passed));
        all.extend(passed.into_iter().flatten());
    }
    let wrong: Vec<&Done<'_>> =
        all.iter().filter(|(trial, outcome)| !trial.cell.is_right(trial.mutant, outcome)).collect();
    if !wrong.is_empty() {
        add(&format!("\n{} wrong:\n", wrong.len()));
        wrong.iter().for_each(|(trial, outcome)| add(&format!("- {}", line(trial, outcome))));
    }
    Matrix { wrong: wrong.len(), text }
}

fn introduction(extent: Extent) -> String {
    format!(
        "`cargo xtask mutants --seeds {} --sound-seeds {}`: a target with one defect at a time, loaded by \
         `loadgen` and judged by `verify`. With its promises declared, the verdict is FAIL by the check in bold \
         on every seed; the checks beside it failed on every seed too. With nothing declared but \
         `zombie = \"500ms\"`, the verdict is FAIL, or UNKNOWN with the check and the premise that it lacks, or \
         PASS with an observation on what breaks a promise that nobody made.\n",
        extent.seeds, extent.sound_seeds
    )
}

fn row(mutant: &Mutant, promised: &[Done<'_>], undeclared: &[Done<'_>]) -> String {
    let Mutant { name, flaw, promise, attempts, .. } = mutant;
    let promise = promise.text();
    let [promised, undeclared] = [with_promise(promised), with_nothing(undeclared)];
    format!("| `{name}` | {flaw} | {promise} | {attempts} | {promised} | {undeclared} |")
}

/// Returns how many seeds named the defect, with the checks that failed on all of them.
fn with_promise(done: &[Done<'_>]) -> String {
    let is_right = |(trial, outcome): &&Done<'_>| trial.cell.is_right(trial.mutant, outcome);
    let right: Vec<&Done<'_>> = done.iter().filter(is_right).collect();
    let Some((trial, first)) = right.first() else {
        return if done.is_empty() { "-".to_owned() } else { "**SURVIVED**".to_owned() };
    };
    let fails_always = |check: &&String| right.iter().all(|(_, outcome)| outcome.failed.contains(check));
    let bold = |check: &String| match check == trial.mutant.named_by {
        true => format!("**{check}**"),
        false => check.clone(),
    };
    let checks: Vec<String> = first.failed.iter().filter(fails_always).map(bold).collect();
    let survived = match done.len() - right.len() {
        0 => String::new(),
        survived => format!("; **SURVIVED {survived}**"),
    };
    format!("{} FAIL {}{survived}", right.len(), checks.join(", "))
}

/// Returns how often each verdict came, with the first check that it names.
fn with_nothing(done: &[Done<'_>]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (trial, outcome) in done {
        let first: Vec<String> = outcome.failed.iter().take(1).cloned().collect();
        let named = named(outcome, &first);
        let shown = if trial.cell.is_right(trial.mutant, outcome) { named } else { format!("**{named}**") };
        *counts.entry(shown).or_default() += 1;
    }
    let shown: Vec<String> = counts.into_iter().map(|(named, count)| format!("{count} {named}")).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join("; ") }
}

/// Returns the table of the target without a defect.
fn sound_table(sound: &[Mutant], done: &[Vec<Done<'_>>]) -> String {
    let attempts = sound.first().map_or(0, |sound| sound.attempts);
    let mut lines = vec![
        format!(
            "\nThe same target without a defect, {attempts} attempts a run, killed twice and paused once in each:\n"
        ),
        "| mode | what it does | seeds | PASS |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for (mode, done) in sound.iter().map(|sound| sound.mode).zip(done) {
        let passed = done.iter().filter(|(_, outcome)| outcome.verdict == "PASS").count();
        lines.push(format!("| {} | {} | {} | {passed} |", mode.name, mode.says, done.len()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::modes;
    use super::super::table;
    use super::*;

    fn outcome(verdict: &str, failed: &[&str], open: &[&str], unpromised: &[&str]) -> Outcome {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let [failed, open, unpromised] = [failed, open, unpromised].map(owned);
        let reasons = vec!["because".to_owned()];
        Outcome { verdict: verdict.to_owned(), failed, open, unpromised, reasons, ..Outcome::default() }
    }

    #[test]
    fn each_half_shows_how_often_which_verdict_came_and_what_is_wrong() {
        let row = |name: &str| table::all().find(|mutant| mutant.name == name).unwrap();
        let rows = [row("drops-one"), row("stores-in-parts")];
        let sound = [table::sound(&modes::STRICT)];
        let trial = |mutant, cell, seed| Trial { mutant, cell, attempts: 100, seed };
        let all = [
            (trial(rows[0], Cell::Promised, 1), outcome("FAIL", &["lost", "counters"], &[], &[])),
            (trial(rows[0], Cell::Promised, 2), outcome("FAIL", &["lost", "epochs"], &[], &[])),
            (trial(rows[0], Cell::Promised, 3), outcome("PASS", &[], &[], &[])),
            (trial(rows[0], Cell::Undeclared, 1), outcome("FAIL", &["lost", "counters"], &[], &[])),
            (trial(rows[0], Cell::Undeclared, 2), outcome("UNKNOWN", &[], &["lost (whole)"], &[])),
            (trial(rows[1], Cell::Undeclared, 1), outcome("PASS", &[], &[], &["batches are whole"])),
            (trial(&sound[0], Cell::Promised, 1), outcome("PASS", &[], &[], &[])),
            (trial(&sound[0], Cell::Promised, 2), outcome("VOID", &[], &[], &[])),
        ];
        let kept: Vec<Kept<Key>> =
            all.iter().map(|(trial, outcome)| Kept { key: trial.key(), outcome: outcome.clone() }).collect();
        let trials = all.map(|(trial, _)| trial);
        let extent = Extent { seeds: 3, sound_seeds: 2 };
        let Matrix { text, wrong } = matrix(&rows, &sound, &trials, &kept, extent);
        for part in [
            "| 16000 | 2 FAIL **lost**; **SURVIVED 1** | 1 **UNKNOWN lost (whole)**; 1 FAIL lost |\n",
            "| `batch = \"atomic\"` | 8000 | - | 1 PASS, told: not promised that batches are whole |\n",
            "and answers after it | 2 | 1 |\n",
            "\n3 wrong:\n\n- WRONG: drops-one (committed, atomic), seed 3: PASS, 0 unknown\n",
            "- WRONG: drops-one (nothing declared), seed 2: UNKNOWN lost (whole), 0 unknown: because\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(wrong, 3);
    }
}
