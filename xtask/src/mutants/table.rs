//! The mutants: what each gets wrong, the run that brings it out, and the check that has to name it.

use super::trial::Trial;

/// One defect and the run that brings it out.
#[derive(Debug)]
pub struct Mutant {
    /// As the target's setting names it.
    pub name: &'static str,
    /// What it gets wrong.
    pub flaw: &'static str,
    /// The check that has to name it.
    pub named_by: &'static str,
    /// Tables of a scenario that fit it.
    pub scenario: &'static str,
    /// What is done to its process meanwhile.
    pub faults: &'static [Fault],
}

/// Something done to the process, once so many percent of the attempts are received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// SIGKILL, and a new start.
    Kill {
        /// When.
        percent: u64,
    },
    /// SIGSTOP for longer than the sender waits for an answer, and SIGCONT.
    Pause {
        /// When.
        percent: u64,
    },
}

impl Mutant {
    /// Whether the right check named it.
    #[must_use]
    pub fn is_named_by(&self, trial: &Trial) -> bool {
        trial.word == "FAIL" && trial.failed.iter().any(|check| check == self.named_by)
    }
}

const SMALL_BATCHES: &str = "[load]\nbatch = 10\n";
const SINGLE_EVENTS: &str = "[load]\nbatch = 1\n";

/// The target without a defect, under everything that it has to stand.
pub const SOUND: Mutant = Mutant {
    name: "none",
    flaw: "nothing",
    named_by: "",
    scenario: "[load]\nbatch = 10\ntimeout = \"300ms\"\n[traps]\nsame_id = 16\n",
    faults: &[Fault::Kill { percent: 25 }, Fault::Pause { percent: 45 }, Fault::Kill { percent: 60 }],
};

/// Every defect that the target can have.
pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "check-then-insert",
        flaw: "looks whether a key is there, and inserts it later, without a constraint",
        named_by: "stored-twice",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "claim-before-write",
        flaw: "marks a key as known, and writes the event later; killed in between",
        named_by: "lost",
        scenario: SINGLE_EVENTS,
        faults: &[Fault::Kill { percent: 40 }],
    },
    Mutant {
        name: "dedup-by-id",
        flaw: "takes two events with one id for one, whatever their topics",
        named_by: "key-merged",
        scenario: "[load]\nbatch = 10\n[traps]\nsame_id = 16\n",
        faults: &[],
    },
    Mutant {
        name: "lost-at-restart",
        flaw: "keeps everything in memory; killed",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[Fault::Kill { percent: 40 }],
    },
    Mutant {
        name: "counter-outside-the-insert",
        flaw: "reads a counter, and writes it back later",
        named_by: "counters",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "stored-twice",
        flaw: "stores one event in 5,000 a second time",
        named_by: "stored-twice",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
];
