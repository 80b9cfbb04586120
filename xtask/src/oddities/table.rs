//! Oddities: a sound behaviour of a target, the run that meets it, and what the judge has to make of
//! it.

mod acks;
mod counters;
mod others;
mod restarts;
mod rows;
mod views;

/// Load of a run with a fault: a rate, so that the fault comes while the run goes on.
const PACED: &str = "batch = 10\nexecutor = \"constant-arrival-rate\"\nrate = \"1500\"\n";

/// One kill in the middle.
const KILL: &str = "[[faults]]\nat = \"40%\"\ndo = \"kill\"\nfor = \"100ms\"\n";

/// A behaviour that a target may have without losing or doubling an event.
#[derive(Clone, Copy, Debug)]
pub struct Oddity {
    pub name: &'static str,
    /// Description in the matrix.
    pub says: &'static str,
    /// Settings of the target.
    pub settings: &'static [Setting],
    /// Tables of the scenario that describe the load.
    pub load: &'static str,
    /// Tables of the scenario that describe how the target speaks.
    pub target: &'static str,
    /// Tables of the scenario that describe faults; with one, loadgen starts the target.
    pub faults: &'static str,
    /// Premises that an UNKNOWN may name where nothing is declared. Without one, PASS is due.
    pub premises: &'static [Premise],
    /// Declaration with which PASS is due.
    pub remedy: Remedy,
    /// Defect that the oddity might hide.
    pub defect: &'static str,
    /// Check that has to name the defect.
    pub named_by: &'static str,
    /// True if the oddity is also tried with its delays as they are.
    pub is_also_unscaled: bool,
}

/// Setting of the target: its variable and its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    pub variable: &'static str,
    pub value: &'static str,
}

/// Premise of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Premise {
    Whole,
    Fresh,
    NothingWaits,
    CopiesSettled,
    NobodyElse,
    Counters,
    Uptime,
}

/// Declaration about the target. Times are written as `@30s` and divided by the scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// Lines of `[promises]`.
    pub promises: &'static str,
    /// Tables that replace those that say how the target speaks.
    pub target: Option<&'static str>,
    /// True with `[database]`.
    pub has_database: bool,
    /// True with a request for single keys.
    pub has_one: bool,
    /// True with a listing that is promised to be complete.
    pub is_complete: bool,
}

impl Premise {
    /// Returns the name in `verdict.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Fresh => "fresh",
            Self::NothingWaits => "nothing-waits",
            Self::CopiesSettled => "copies-settled",
            Self::NobodyElse => "nobody-else",
            Self::Counters => "counters",
            Self::Uptime => "uptime",
        }
    }
}

impl Remedy {
    /// No declaration.
    const NONE: Self =
        Self { promises: "", target: None, has_database: false, has_one: false, is_complete: false };
    /// The database as the second route.
    const DATABASE: Self = Self { has_database: true, ..Self::NONE };
    /// Requests for single keys as the second route.
    const ONE: Self = Self { has_one: true, ..Self::NONE };
    /// No counters.
    const NO_COUNTERS: Self = Self::target("[target]\nstats = {}\n");

    const fn promises(promises: &'static str) -> Self {
        Self { promises, ..Self::NONE }
    }

    const fn target(target: &'static str) -> Self {
        Self { target: Some(target), ..Self::NONE }
    }

    const fn and_database(self) -> Self {
        Self { has_database: true, ..self }
    }

    const fn and_one(self) -> Self {
        Self { has_one: true, ..self }
    }

    const fn and_complete(self) -> Self {
        Self { is_complete: true, ..self }
    }

    /// True if nothing is declared: the run is the same with and without it.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl Oddity {
    /// Makes a row whose oddity asks for no declaration and might hide a loss.
    const fn new(name: &'static str, says: &'static str, settings: &'static [Setting]) -> Self {
        Self {
            name,
            says,
            settings,
            load: "",
            target: "",
            faults: "",
            premises: &[],
            remedy: Remedy::NONE,
            defect: "loses-one",
            named_by: "lost",
            is_also_unscaled: false,
        }
    }

    const fn loaded(self, load: &'static str) -> Self {
        Self { load, ..self }
    }

    const fn speaking(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// Kills the process once, while the run goes on.
    const fn killed(self) -> Self {
        Self { load: PACED, faults: KILL, ..self }
    }

    /// Allows UNKNOWN for the want of this premise, which the remedy supplies.
    const fn wants(self, premises: &'static [Premise], remedy: Remedy) -> Self {
        Self { premises, remedy, ..self }
    }

    const fn hiding(self, defect: &'static str, named_by: &'static str) -> Self {
        Self { defect, named_by, ..self }
    }

    const fn also_unscaled(self) -> Self {
        Self { is_also_unscaled: true, ..self }
    }
}

const fn set(variable: &'static str, value: &'static str) -> Setting {
    Setting { variable, value }
}

/// Returns all oddities.
pub fn all() -> impl Iterator<Item = &'static Oddity> + Clone {
    [views::VIEWS, rows::ROWS, others::OTHERS, counters::COUNTERS, acks::ACKS, restarts::RESTARTS]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::rig::cargo;

    #[test]
    fn there_are_enough_and_each_has_a_name_of_its_own() {
        let names: HashSet<&str> = all().map(|oddity| oddity.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 45, "{}", names.len());
        assert_eq!(all().filter(|oddity| oddity.is_also_unscaled).count(), 12);
    }

    #[test]
    fn each_row_is_complete() {
        let page = std::fs::read_to_string(cargo::workspace().join("docs/reference/checks.md")).unwrap();
        for Oddity { name, says, premises, remedy, named_by, .. } in all() {
            assert!(!says.is_empty() && !says.ends_with('.'), "{name}");
            assert!(page.contains(&format!("| `{named_by}` |")), "{name}: no check {named_by}");
            assert!(premises.is_empty() || !remedy.is_none(), "{name}: a premise without a remedy");
        }
    }

    #[test]
    fn no_two_rows_are_the_same_run() {
        let run = |oddity: &Oddity| {
            format!("{:?}{}{}{}", oddity.settings, oddity.load, oddity.target, oddity.faults)
        };
        let runs: HashSet<String> = all().map(run).collect();
        assert_eq!(runs.len(), all().count());
    }
}
