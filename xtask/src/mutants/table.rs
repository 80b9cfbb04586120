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
const LATE_REPEATS: &str = "[load]\nbatch = 10\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n";
const COUNTS_ALONE: &str = "[load]\nbatch = 10\n[target]\n\
    answer = { accepted = \"/accepted\", inserted = \"/inserted\", duplicates = \"/duplicates\" }\n";
/// Long enough for counters to be read meanwhile, and for time to pass between repeats.
const SLOW: &str = "[load]\nbatch = 1\nconcurrency = 4\n";
const SLOW_LATE_REPEATS: &str =
    "[load]\nbatch = 1\nconcurrency = 4\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n";
const KILL: &[Fault] = &[Fault::Kill { percent: 40 }];

/// The target without a defect, under everything that it has to stand.
pub const SOUND: Mutant = Mutant {
    name: "none",
    flaw: "nothing",
    named_by: "",
    scenario: "[load]\nbatch = 10\ntimeout = \"300ms\"\n[traps]\nsame_id = 16\ncase = 16\ntrailing_space = 16\nnormalisation = 16\n",
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
        faults: KILL,
    },
    Mutant {
        name: "acked-before-stored",
        flaw: "answers before the events are stored; killed",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: KILL,
    },
    Mutant {
        name: "lost-at-restart",
        flaw: "keeps everything in memory; killed",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: KILL,
    },
    Mutant {
        name: "failure-is-duplicate",
        flaw: "tells a failure to be a duplicate",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "stops-at-conflict",
        flaw: "stops storing a batch at its first duplicate",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "drops-one",
        flaw: "drops one new event in 1,000",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "drops-one-doubles-one",
        flaw: "drops one event and stores another twice: all counts add up",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "dedup-by-id",
        flaw: "takes two events with one id for one, whatever their topics",
        named_by: "key-merged",
        scenario: "[load]\nbatch = 10\n[traps]\nsame_id = 16\n",
        faults: &[],
    },
    Mutant {
        name: "lower-cased-id",
        flaw: "takes ids that differ in case for one",
        named_by: "key-merged",
        scenario: "[load]\nbatch = 10\n[traps]\ncase = 16\n",
        faults: &[],
    },
    Mutant {
        name: "trimmed-id",
        flaw: "takes ids that differ in white space at the end for one",
        named_by: "key-merged",
        scenario: "[load]\nbatch = 10\n[traps]\ntrailing_space = 16\n",
        faults: &[],
    },
    Mutant {
        name: "normalised-id",
        flaw: "takes ids that differ in their normal form for one",
        named_by: "key-merged",
        scenario: "[load]\nbatch = 10\n[traps]\nnormalisation = 16\n",
        faults: &[],
    },
    Mutant {
        name: "truncated-id",
        flaw: "takes ids for one that begin with the same 36 bytes",
        named_by: "key-merged",
        scenario: "[load]\nbatch = 10\n[traps]\ntrailing_space = 16\n",
        faults: &[],
    },
    Mutant {
        name: "short-memory",
        flaw: "remembers the last 1,000 keys",
        named_by: "stored-twice",
        scenario: LATE_REPEATS,
        faults: &[],
    },
    Mutant {
        name: "short-window",
        flaw: "forgets a key after a tenth of a second",
        named_by: "stored-twice",
        scenario: SLOW_LATE_REPEATS,
        faults: &[],
    },
    Mutant {
        name: "every-second-duplicate",
        flaw: "lets every second duplicate through",
        named_by: "stored-twice",
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
    Mutant {
        name: "all-stored-twice",
        flaw: "stores every event twice",
        named_by: "stored-twice",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "in-batch-repeat-is-new",
        flaw: "tells a repeat inside a batch to be new",
        named_by: "answer-order",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "in-batch-repeat-counted-new",
        flaw: "the same, in answers that tell how many were new and not which",
        named_by: "batch-counts",
        scenario: COUNTS_ALONE,
        faults: &[],
    },
    Mutant {
        name: "stores-in-parts",
        flaw: "stores a batch event by event; killed",
        named_by: "torn-batch",
        scenario: SMALL_BATCHES,
        faults: KILL,
    },
    Mutant {
        name: "counter-outside-the-insert",
        flaw: "reads a counter, and writes it back later",
        named_by: "counters",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "counts-twice",
        flaw: "counts a batch with a duplicate in it twice",
        named_by: "counters",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "counters-flushed-later",
        flaw: "makes counters durable once a second; killed",
        named_by: "counters",
        scenario: SMALL_BATCHES,
        faults: KILL,
    },
    Mutant {
        name: "torn-stats",
        flaw: "answers `/stats` from several moments",
        named_by: "counters",
        scenario: SLOW,
        faults: &[],
    },
    Mutant {
        name: "numbers-through-float",
        flaw: "stores numbers as floating-point ones",
        named_by: "payload-changed",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "page-off-by-one",
        flaw: "leaves out a row at every page's end",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
    Mutant {
        name: "listing-truncated",
        flaw: "shows 1,000 rows, and says that these are all",
        named_by: "lost",
        scenario: SMALL_BATCHES,
        faults: &[],
    },
];
