//! Cells of the matrix, and what each demands of a verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::table::{Oddity, Premise};
use crate::matrix::outcome::Outcome;

/// Run of an oddity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// Nothing is declared.
    #[value(name = "a")]
    Undeclared,
    /// The remedy is declared.
    #[value(name = "b")]
    Declared,
    /// The remedy is declared, and the target has a defect.
    #[value(name = "c")]
    Defect,
}

/// Length of all delays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// A tenth.
    Scaled,
    /// As they are.
    Unscaled,
}

impl Cell {
    pub const ALL: [Self; 3] = [Self::Undeclared, Self::Declared, Self::Defect];

    /// True if the scenario declares the remedy.
    #[must_use]
    pub fn is_declared(self) -> bool {
        self != Self::Undeclared
    }

    /// True if the outcome is the one that is due.
    #[must_use]
    pub fn is_right(self, oddity: &Oddity, outcome: &Outcome) -> bool {
        match self {
            Self::Undeclared => {
                outcome.verdict == "PASS"
                    || names_one_of(outcome, oddity)
                    || names_the_remedy(outcome, oddity)
            }
            Self::Declared => outcome.verdict == "PASS",
            Self::Defect => {
                outcome.verdict == "FAIL" && outcome.failed.iter().any(|check| check == oddity.named_by)
            }
        }
    }
}

impl Pace {
    /// Returns the divisor of the delays.
    #[must_use]
    pub fn scale(self) -> u32 {
        match self {
            Self::Scaled => 10,
            Self::Unscaled => 1,
        }
    }
}

/// True for UNKNOWN for the want of a premise of this oddity.
fn names_one_of(outcome: &Outcome, oddity: &Oddity) -> bool {
    let is_named = |premise: &Premise| outcome.wanted.iter().any(|wanted| wanted == premise.name());
    outcome.verdict == "UNKNOWN" && oddity.premises.iter().any(is_named)
}

/// True for UNKNOWN with a line of this oddity's remedy among its reasons.
fn names_the_remedy(outcome: &Outcome, oddity: &Oddity) -> bool {
    let lines = oddity.remedy.promises.lines().chain(oddity.remedy.target.unwrap_or_default().lines());
    let is_named = |line: &str| outcome.reasons.iter().any(|reason| reason.contains(line));
    outcome.verdict == "UNKNOWN" && lines.filter(|line| !line.starts_with('[')).any(is_named)
}

/// The letter of the cell, as in the matrix and on the command line.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undeclared => "a",
            Self::Declared => "b",
            Self::Defect => "c",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn outcome(verdict: &str, failed: &[&str], wanted: &[&str]) -> Outcome {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let (failed, wanted) = (owned(failed), owned(wanted));
        Outcome { verdict: verdict.to_owned(), failed, wanted, ..Outcome::default() }
    }

    #[test]
    fn each_cell_demands_its_verdict() {
        let row = table::all().find(|oddity| oddity.name == "newest-rows").unwrap();
        let sure = table::all().find(|oddity| oddity.name == "oldest-first").unwrap();
        let pass = outcome("PASS", &[], &[]);
        let fail = outcome("FAIL", &["lost"], &["whole"]);
        let named = outcome("UNKNOWN", &[], &["counters", "whole"]);
        let other = outcome("UNKNOWN", &[], &["counters"]);
        for (cell, row, right) in [
            (Cell::Undeclared, row, [true, false, true, false]),
            (Cell::Undeclared, sure, [true, false, false, false]),
            (Cell::Declared, row, [true, false, false, false]),
            (Cell::Defect, row, [false, true, false, false]),
        ] {
            let judged = [&pass, &fail, &named, &other].map(|outcome| cell.is_right(row, outcome));
            assert_eq!(judged, right, "{cell} of {}", row.name);
        }
        assert!(!Cell::Defect.is_right(row, &outcome("FAIL", &["counters"], &[])), "another check");
        let uncounted = table::all().find(|oddity| oddity.name == "no-counters-described").unwrap();
        let said =
            |reason: &str| Outcome { reasons: vec![reason.to_owned()], ..outcome("UNKNOWN", &[], &[]) };
        let judged = ["set `stats = {}` if it has none", "set nothing"]
            .map(|reason| Cell::Undeclared.is_right(uncounted, &said(reason)));
        assert_eq!(judged, [true, false]);
    }
}
