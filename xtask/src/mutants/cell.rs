//! Cells of the matrix, and what each demands of a verdict.

use serde::{Deserialize, Serialize};

use super::mutant::{Mutant, Undeclared};
use crate::matrix::outcome::Outcome;

/// Run of a mutant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// The promises of the mode are declared.
    Promised,
    /// Nothing is declared.
    Undeclared,
}

impl Cell {
    /// True if the outcome is the one that is due, or a stronger one.
    #[must_use]
    pub fn is_right(self, mutant: &Mutant, outcome: &Outcome) -> bool {
        match self {
            Self::Promised if mutant.is_sound() => outcome.verdict == "PASS",
            Self::Promised => {
                outcome.verdict == "FAIL" && outcome.failed.iter().any(|check| check == mutant.named_by)
            }
            Self::Undeclared => reached(outcome) >= Some(mutant.undeclared),
        }
    }
}

/// Returns how strong a verdict is on a mutant; none for a bare PASS, and without a verdict.
fn reached(outcome: &Outcome) -> Option<Undeclared> {
    match outcome.verdict.as_str() {
        "FAIL" => Some(Undeclared::Fail),
        "UNKNOWN" | "VOID" => Some(Undeclared::Open),
        "PASS" if !outcome.unpromised.is_empty() => Some(Undeclared::Told),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::modes;
    use super::super::table;
    use super::*;

    fn outcome(verdict: &str, failed: &[&str], unpromised: &[&str]) -> Outcome {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let (failed, unpromised) = (owned(failed), owned(unpromised));
        Outcome { verdict: verdict.to_owned(), failed, unpromised, ..Outcome::default() }
    }

    #[test]
    fn with_its_promise_a_defect_is_named_by_its_check_and_the_sound_target_passes() {
        let mutant = table::all().find(|mutant| mutant.name == "drops-one").unwrap();
        let sound = table::sound(&modes::STRICT);
        for (verdict, failed, is_right) in [
            ("FAIL", &["counters", "lost"][..], [true, false]),
            ("FAIL", &["counters"], [false, false]),
            ("UNKNOWN", &[], [false, false]),
            ("PASS", &[], [false, true]),
        ] {
            let outcome = outcome(verdict, failed, &[]);
            let judged = [mutant, &sound].map(|mutant| Cell::Promised.is_right(mutant, &outcome));
            assert_eq!(judged, is_right, "{verdict} {failed:?}");
        }
    }

    #[test]
    fn with_nothing_declared_each_verdict_is_as_strong_as_the_one_that_is_due() {
        let due = |undeclared: Undeclared| table::all().find(|row| row.undeclared == undeclared).unwrap();
        let rows = [Undeclared::Told, Undeclared::Open, Undeclared::Fail].map(due);
        for (verdict, unpromised, is_right) in [
            ("FAIL", &[][..], [true, true, true]),
            ("UNKNOWN", &[], [true, true, false]),
            ("VOID", &[], [true, true, false]),
            ("PASS", &["torn-batch"], [true, false, false]),
            ("PASS", &[], [false, false, false]),
            ("ERROR", &[], [false, false, false]),
        ] {
            let outcome = outcome(verdict, &[], unpromised);
            let judged = rows.map(|row| Cell::Undeclared.is_right(row, &outcome));
            assert_eq!(judged, is_right, "{verdict} {unpromised:?}");
        }
    }
}
