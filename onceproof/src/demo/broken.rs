//! Broken targets that the demo offers: defects of the crate `mutants`, each with the load that
//! brings it out.

use clap::builder::{PossibleValue, PossibleValuesParser};

/// Name that stands for the list of all.
const LIST: &str = "list";

/// Defect that is taken unless one is named.
pub(super) const DEFAULT: &str = "acked-before-stored";

/// A broken target.
#[derive(Debug)]
pub struct Broken {
    /// Name of the defect in the crate `mutants`.
    pub name: &'static str,
    /// Description in a line.
    pub says: &'static str,
    /// Check that names the defect.
    pub named_by: &'static str,
    /// Number of events to send.
    pub(super) count: u64,
    /// Number of events in a request.
    pub(super) batch: u64,
    /// Number of kills: one where only a crash brings the defect out.
    pub(super) kills: u64,
    /// Tables of the scenario.
    pub(super) tables: &'static str,
}

impl Broken {
    const fn new(name: &'static str, named_by: &'static str, says: &'static str) -> Self {
        Self { name, says, named_by, count: 20_000, batch: 20, kills: 0, tables: "" }
    }

    const fn killed(self) -> Self {
        Self { kills: 1, ..self }
    }

    const fn count(self, count: u64) -> Self {
        Self { count, ..self }
    }

    const fn with(self, tables: &'static str) -> Self {
        Self { tables, ..self }
    }
}

/// Every broken target.
pub const BROKEN: [Broken; 10] = [
    Broken::new(DEFAULT, "lost", "responds before the events are stored, and is killed").killed(),
    Broken::new("lost-at-restart", "lost", "keeps all events in memory, and is killed").killed(),
    Broken::new(
        "check-then-insert",
        "stored-twice",
        "looks whether a key is stored, and inserts it later, without a constraint",
    ),
    Broken::new(
        "memory-per-worker",
        "stored-twice",
        "has two workers, each with a memory of the keys that it stored itself",
    ),
    Broken::new("short-memory", "stored-twice", "remembers only the last 10,000 keys")
        .count(40_000)
        .with("[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n"),
    Broken::new("dedup-by-id", "key-merged", "takes two events with one id for one, whatever their topics")
        .with("[traps]\nsame_id = 16\n"),
    Broken::new(
        "drops-one-doubles-one",
        "lost",
        "drops one event of 10,000 and stores another twice, so that all counts add up",
    ),
    Broken::new("big-integers-rounded", "payload-changed", "rounds integers beyond 53 bits in payloads")
        .with("[events.payload]\ntemplate = '{\"n\":{{n}},\"big\":9007199254740993}'\n"),
    Broken::new("stores-in-parts", "torn-batch", "stores a batch event by event, and is killed").killed(),
    Broken::new(
        "counter-outside-the-insert",
        "counters",
        "reads a counter, and writes it back later, so that it counts too little",
    ),
];

/// Choice of the command line.
#[derive(Debug)]
pub(super) enum Choice {
    List,
    One(&'static Broken),
}

/// Returns the parser of the names, with a line for each in the long help.
pub(super) fn parser() -> PossibleValuesParser {
    let names = BROKEN.iter().map(|broken| PossibleValue::new(broken.name).help(broken.says));
    let list = PossibleValue::new(LIST).help("print these names, and run nothing");
    PossibleValuesParser::new(names.chain([list]).collect::<Vec<_>>())
}

/// Returns the choice of a name that the parser let pass.
pub(super) fn chosen(name: &str) -> Choice {
    BROKEN.iter().find(|broken| broken.name == name).map_or(Choice::List, Choice::One)
}

/// Returns the list of all, a line each.
pub(super) fn list() -> String {
    let line = |broken: &Broken| {
        let default = if broken.name == DEFAULT { " (default)" } else { "" };
        format!("{:<28}{}{default}\n", broken.name, broken.says)
    };
    BROKEN.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use mutants::Defect;

    use super::*;

    #[test]
    fn each_is_a_defect_of_the_mutants_and_the_default_is_one_of_them() {
        for broken in &BROKEN {
            let defect = Defect::from_str(broken.name, false);
            assert!(defect.is_ok_and(|defect| defect != Defect::None), "{}", broken.name);
        }
        assert!(matches!(chosen(DEFAULT), Choice::One(broken) if broken.name == DEFAULT));
        assert!(matches!(chosen(LIST), Choice::List));
    }

    #[test]
    fn the_list_has_a_line_for_each_and_marks_the_default() {
        let list = list();
        assert_eq!(list.lines().count(), BROKEN.len());
        assert!(list.starts_with("acked-before-stored "), "{list}");
        assert_eq!(list.matches("(default)").count(), 1);
    }
}
