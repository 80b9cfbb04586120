//! Cells of the matrix, and what each demands of a verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::table::{Oddity, Premise};

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

/// Verdict of a trial.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// PASS, FAIL, UNKNOWN or VOID; ERROR if there is no verdict.
    pub verdict: String,
    /// Checks that failed.
    pub failed: Vec<String>,
    /// Premises that checks without a result lack.
    pub wanted: Vec<String>,
    /// Reasons of the verdict, or of the error.
    pub reasons: Vec<String>,
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
                outcome.verdict == "PASS" || outcome.names_one_of(oddity) || outcome.names_the_remedy(oddity)
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

impl Outcome {
    /// True for UNKNOWN for the want of a premise of this oddity.
    fn names_one_of(&self, oddity: &Oddity) -> bool {
        let is_named = |premise: &Premise| self.wanted.iter().any(|wanted| wanted == premise.name());
        self.verdict == "UNKNOWN" && oddity.premises.iter().any(is_named)
    }

    /// True for UNKNOWN with a line of this oddity's remedy among its reasons.
    fn names_the_remedy(&self, oddity: &Oddity) -> bool {
        let lines = oddity.remedy.promises.lines().chain(oddity.remedy.target.unwrap_or_default().lines());
        let is_named = |line: &str| self.reasons.iter().any(|reason| reason.contains(line));
        self.verdict == "UNKNOWN" && lines.filter(|line| !line.starts_with('[')).any(is_named)
    }

    /// Returns the verdict with the failed checks, or with the premises that it lacks.
    #[must_use]
    pub fn short(&self) -> String {
        let details = match self.verdict.as_str() {
            "FAIL" => &self.failed,
            "UNKNOWN" => &self.wanted,
            _ => return self.verdict.clone(),
        };
        format!("{} {}", self.verdict, details.join(", ")).trim_end().to_owned()
    }

    /// Returns the first reason.
    #[must_use]
    pub fn first_reason(&self) -> &str {
        self.reasons.first().map_or("no reason is given", String::as_str)
    }
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
        Outcome { verdict: verdict.to_owned(), failed, wanted, reasons: Vec::new() }
    }

    #[test]
    fn each_cell_demands_its_verdict() {
        let row = table::all().find(|oddity| oddity.name == "newest-rows").unwrap();
        let sure = table::all().find(|oddity| oddity.name == "oldest-first").unwrap();
        let pass = outcome("PASS", &[], &[]);
        let fail = outcome("FAIL", &["lost"], &[]);
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
        let shown = [pass, fail, named, outcome("UNKNOWN", &[], &[])].map(|outcome| outcome.short());
        assert_eq!(shown, ["PASS", "FAIL lost", "UNKNOWN counters, whole", "UNKNOWN"]);
    }
}
