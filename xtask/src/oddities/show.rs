//! Matrix as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cell::{Cell, Pace};
use super::table::{Oddity, Remedy};
use super::trial::{Key, Trial};
use crate::matrix::kept::Kept;
use crate::matrix::outcome::Outcome;
use crate::matrix::work::Run;

/// Extent of a matrix, as on the command line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) seeds: u32,
    pub(super) is_also_unscaled: bool,
}

/// Matrix as text, and the number of its wrong cells.
pub(super) struct Matrix {
    pub(super) text: String,
    pub(super) wrong: usize,
}

/// Returns a trial and its outcome in one line.
pub(super) fn line(trial: &Trial, outcome: &Outcome) -> String {
    let Trial { oddity, cell, pace, seed } = trial;
    let unscaled = if *pace == Pace::Unscaled { ", unscaled" } else { "" };
    let is_right = cell.is_right(oddity, outcome);
    let mark = if is_right { "right" } else { "WRONG" };
    let place = format!("{} ({cell}), seed {seed}{unscaled}", oddity.name);
    let short = outcome.short();
    if is_right && outcome.verdict == "PASS" {
        return format!("{mark}: {place}: {short}");
    }
    format!("{mark}: {place}: {short}: {}", outcome.first_reason())
}

/// Returns the matrix of these trials.
pub(super) fn matrix(rows: &[&Oddity], trials: &[Trial], kept: &[Kept<Key>], extent: Extent) -> Matrix {
    let mut text = String::from("# Oddity matrix\n\n");
    let mut add = |line: &str| writeln!(text, "{line}").expect("a String takes all that is written");
    add(&introduction(extent));
    add(
        "| oddity | sound behaviour | (a) nothing declared | declared | (b) with it | defect | (c) with both |",
    );
    add("|---|---|---|---|---|---|---|");
    let of = |oddity: &Oddity, cell: Cell, pace: Pace| -> Vec<(&Trial, &Outcome)> {
        let is_of =
            |trial: &&Trial| trial.oddity.name == oddity.name && (trial.cell, trial.pace) == (cell, pace);
        let outcome = |trial: &Trial| kept.iter().find(|kept| kept.key == trial.key());
        let kept = trials.iter().filter(is_of).filter_map(|trial| Some((trial, outcome(trial)?)));
        kept.map(|(trial, kept)| (trial, &kept.outcome)).collect()
    };
    let mut wrong = Vec::new();
    for pace in [Pace::Scaled, Pace::Unscaled] {
        for oddity in rows {
            let outcomes = Cell::ALL.map(|cell| of(oddity, cell, pace));
            if outcomes.iter().all(Vec::is_empty) {
                continue;
            }
            add(&row(oddity, pace, &outcomes));
            let is_wrong = |(trial, outcome): &&(&Trial, &Outcome)| !trial.cell.is_right(oddity, outcome);
            wrong.extend(
                outcomes.iter().flatten().filter(is_wrong).map(|(trial, outcome)| line(trial, outcome)),
            );
        }
    }
    if !wrong.is_empty() {
        add(&format!("\n{} wrong:\n", wrong.len()));
        wrong.iter().for_each(|line| add(&format!("- {line}")));
    }
    Matrix { wrong: wrong.len(), text }
}

fn introduction(extent: Extent) -> String {
    let unscaled = if extent.is_also_unscaled { " --unscaled" } else { "" };
    format!(
        "`cargo xtask oddities --seeds {}{unscaled}`: a sound target with one unusual behaviour at a time, loaded \
         by `loadgen` and judged by `verify`. With nothing declared (a), the verdict is PASS, or UNKNOWN with the \
         premise that it lacks. With the declaration (b) it is PASS. With a defect besides (c) it is FAIL, by the \
         check in brackets. Delays of the target and declared times are a tenth of those that stand here, with \
         `--settle 1s` and `zombie = \"500ms\"`, except in rows marked as unscaled.\n",
        extent.seeds
    )
}

fn row(oddity: &Oddity, pace: Pace, outcomes: &[Vec<(&Trial, &Outcome)>; 3]) -> String {
    let unscaled = if pace == Pace::Unscaled { ", unscaled" } else { "" };
    let [undeclared, declared, defect] = outcomes;
    format!(
        "| `{}`{unscaled} | {} | {} | {} | {} | `{}` ({}) | {} |",
        oddity.name,
        oddity.says,
        cell(oddity, undeclared),
        declaration(&oddity.remedy),
        if oddity.remedy.is_none() { "as (a)".to_owned() } else { cell(oddity, declared) },
        oddity.defect,
        oddity.named_by,
        cell(oddity, defect),
    )
}

/// Returns how often each outcome came, the wrong ones in bold.
fn cell(oddity: &Oddity, outcomes: &[(&Trial, &Outcome)]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (trial, outcome) in outcomes {
        let short = outcome.short();
        let shown = if trial.cell.is_right(oddity, outcome) { short } else { format!("**{short}**") };
        *counts.entry(shown).or_default() += 1;
    }
    let shown: Vec<String> =
        counts.into_iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join("; ") }
}

fn declaration(remedy: &Remedy) -> String {
    let mut parts: Vec<String> =
        remedy.promises.lines().map(|line| format!("`{}`", line.replace('@', ""))).collect();
    if remedy.has_database {
        parts.push("`[database]`".to_owned());
    }
    if remedy.has_one {
        parts.push("`listing.one`".to_owned());
    }
    if remedy.is_complete {
        parts.push("`complete = true`".to_owned());
    }
    if let Some(target) = remedy.target {
        let keys = target.lines().filter(|line| !line.starts_with('['));
        parts.extend(keys.map(|line| format!("`{line}`")));
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    #[test]
    fn wrong_outcomes_stand_in_bold_and_below_with_their_reason() {
        let oddity = table::all().find(|oddity| oddity.name == "late-rows").unwrap();
        let trial = |cell, seed| Trial { oddity, cell, pace: Pace::Scaled, seed };
        let kept = |trial: &Trial, verdict: &str, failed: &[&str], reason: &str| {
            let failed = failed.iter().map(|check| (*check).to_owned()).collect();
            let wanted = if verdict == "UNKNOWN" { vec!["fresh".to_owned()] } else { Vec::new() };
            let reasons = vec![reason.to_owned()];
            let verdict = verdict.to_owned();
            Kept {
                key: trial.key(),
                outcome: Outcome { verdict, failed, wanted, reasons, ..Outcome::default() },
            }
        };
        let trials = [trial(Cell::Undeclared, 1), trial(Cell::Undeclared, 2), trial(Cell::Declared, 1)];
        let outcomes = [
            kept(&trials[0], "UNKNOWN", &[], "fresh is assumed"),
            kept(&trials[1], "FAIL", &["lost"], "7 keys are lost"),
            kept(&trials[2], "PASS", &[], ""),
        ];
        let extent = Extent { seeds: 2, is_also_unscaled: false };
        let matrix = matrix(&[oddity], &trials, &outcomes, extent);
        assert_eq!(matrix.wrong, 1);
        let row =
            "| 1 **FAIL lost**; 1 UNKNOWN fresh | `visible = \"25s\"` | 1 PASS | `loses-one` (lost) | - |";
        assert!(matrix.text.contains(row), "{}", matrix.text);
        let below = "\n1 wrong:\n\n- WRONG: late-rows (a), seed 2: FAIL lost: 7 keys are lost\n";
        assert!(matrix.text.ends_with(below), "{}", matrix.text);
    }
}
