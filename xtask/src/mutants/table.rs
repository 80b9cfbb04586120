//! All mutants.

mod answers;
mod counters;
mod keys;
mod storing;
mod views;

use super::loads::EVERYTHING;
use super::modes::Mode;
use super::mutant::{Fault, Mutant};

const REST: &[Fault] = &[Fault::Rest { percent: 50 }];
const KILL: &[Fault] = &[Fault::Kill { percent: 40 }];
const TWO_KILLS: &[Fault] = &[Fault::Kill { percent: 30 }, Fault::Kill { percent: 50 }];
const EVERY_FAULT: &[Fault] =
    &[Fault::Kill { percent: 25 }, Fault::Pause { percent: 45 }, Fault::Kill { percent: 60 }];

/// Returns the target without a defect.
#[must_use]
pub const fn sound(mode: &'static Mode) -> Mutant {
    Mutant::new("none", "nothing", "").in_mode(mode).loaded(EVERYTHING).struck(EVERY_FAULT)
}

/// Returns every defect of the target.
pub fn all() -> impl Iterator<Item = &'static Mutant> + Clone {
    [storing::MUTANTS, keys::MUTANTS, answers::MUTANTS, counters::MUTANTS, views::MUTANTS]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::mutant::Undeclared;
    use super::*;
    use crate::rig::cargo;

    /// Mutants of the first release, which had all promises declared.
    const OF_THE_FIRST_RELEASE: [&str; 46] = [
        "check-then-insert",
        "claim-before-write",
        "duplicate-before-first",
        "acked-before-stored",
        "queue-lost-at-kill",
        "popped-then-killed",
        "never-reclaimed",
        "two-workers-on-one",
        "lost-at-restart",
        "failure-is-duplicate",
        "partly-stored",
        "invalid-swallowed",
        "refuses-what-is-stored",
        "stops-at-conflict",
        "drops-one",
        "drops-one-doubles-one",
        "dedup-by-id",
        "dedup-by-payload",
        "lower-cased-id",
        "trimmed-id",
        "normalised-id",
        "truncated-id",
        "truncated-long-id",
        "integer-affine-id",
        "last-writer-wins",
        "short-memory",
        "short-window",
        "every-second-duplicate",
        "stored-twice",
        "all-stored-twice",
        "all-stored-four-times",
        "in-batch-repeat-is-new",
        "in-batch-repeat-counted-new",
        "stores-in-parts",
        "counter-outside-the-insert",
        "counts-what-is-empty",
        "counts-twice",
        "counts-what-is-refused",
        "counters-flushed-later",
        "torn-stats",
        "uptime-not-reset",
        "numbers-through-float",
        "page-off-by-one",
        "scope-leak",
        "cursor-ties-lost",
        "listing-truncated",
    ];

    #[test]
    fn there_are_enough_and_each_has_a_name_of_its_own() {
        let names: HashSet<&str> = all().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 65, "{}", names.len());
        assert!(OF_THE_FIRST_RELEASE.iter().all(|name| names.contains(name)));
    }

    #[test]
    fn of_the_first_release_at_least_24_are_failed_where_nothing_is_declared() {
        let of_first = |mutant: &&Mutant| OF_THE_FIRST_RELEASE.contains(&mutant.name);
        let failed = all().filter(of_first).filter(|mutant| mutant.undeclared == Undeclared::Fail).count();
        assert!(failed >= 24, "{failed}");
    }

    #[test]
    fn each_row_is_complete_and_each_check_has_a_mutant() {
        let page = std::fs::read_to_string(cargo::workspace().join("docs/reference/checks.md")).unwrap();
        let first_cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let checks: HashSet<&str> = first_cells.map(|(check, _)| check).collect();
        for Mutant { name, flaw, named_by, .. } in all() {
            assert!(!flaw.is_empty() && !flaw.ends_with('.'), "{name}");
            assert!(checks.contains(named_by), "{name}: no check {named_by}");
        }
        let named: HashSet<&str> = all().map(|mutant| mutant.named_by).collect();
        let unnamed: Vec<&&str> = checks.difference(&named).collect();
        assert!(unnamed.is_empty(), "no mutant is named by {unnamed:?}");
    }
}
