//! Mutants: the defect of each, the run that brings it out, and the check that has to name it.

use super::modes::{self, Mode};

/// A defect and the run that brings it out.
#[derive(Debug)]
pub struct Mutant {
    /// Value of the target's setting.
    pub name: &'static str,
    /// Description of the defect in the matrix.
    pub flaw: &'static str,
    /// Check that has to name the defect.
    pub named_by: &'static str,
    /// Mode in which the target keeps the rest of the contract.
    pub mode: &'static Mode,
    /// Tables of a scenario that fit the defect.
    pub scenario: &'static str,
    /// Faults of the process during the run.
    pub faults: &'static [Fault],
    /// Attempts that bring the defect out with room to spare.
    pub attempts: u64,
    /// Program that starts the process.
    pub starter: Starter,
}

/// Program that starts a target and injects its faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Starter {
    /// The trial, so that verify has no record of it.
    Trial,
    /// `loadgen`, by these faults of the scenario.
    Scenario(&'static str),
}

/// A fault of the process at the moment when a percentage of the attempts have arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// SIGKILL and a new start.
    Kill { percent: u64 },
    /// SIGSTOP for longer than the client's timeout, and SIGCONT.
    Pause { percent: u64 },
    /// SIGSTOP for longer than a short window, and SIGCONT; the client waits.
    Rest { percent: u64 },
}

impl Fault {
    /// True if the fault leaves attempts without a response.
    #[must_use]
    pub fn hurts(self) -> bool {
        !matches!(self, Self::Rest { .. })
    }

    /// True if the fault ends the process.
    #[must_use]
    pub fn kills(self) -> bool {
        matches!(self, Self::Kill { .. })
    }

    /// Returns its moment.
    #[must_use]
    pub fn percent(self) -> u64 {
        let (Self::Kill { percent } | Self::Pause { percent } | Self::Rest { percent }) = self;
        percent
    }
}

impl Mutant {
    /// Makes a mutant that small batches bring to light.
    const fn new(name: &'static str, flaw: &'static str, named_by: &'static str) -> Self {
        let mode = &modes::STRICT;
        let starter = Starter::Trial;
        Self { name, flaw, named_by, mode, scenario: SMALL_BATCHES, faults: &[], attempts: 2_000, starter }
    }

    const fn attempts(self, attempts: u64) -> Self {
        Self { attempts, ..self }
    }

    const fn started_by_the_scenario(self, faults: &'static str) -> Self {
        Self { starter: Starter::Scenario(faults), attempts: STRUCK_ATTEMPTS, ..self }
    }

    const fn in_mode(self, mode: &'static Mode) -> Self {
        Self { mode, ..self }
    }

    const fn loaded(self, scenario: &'static str) -> Self {
        Self { scenario, ..self }
    }

    const fn struck(self, faults: &'static [Fault]) -> Self {
        Self { faults, attempts: STRUCK_ATTEMPTS, ..self }
    }
}

/// Attempts of a run that is long enough for a fault to come while it goes on.
const STRUCK_ATTEMPTS: u64 = 8_000;

const SMALL_BATCHES: &str = "[load]\nbatch = 10\n";
const SINGLE: &str = "[load]\nbatch = 1\n";
/// Large batches: few enough of them for an inbox to be empty soon.
const LARGE_BATCHES: &str = "[load]\nbatch = 40\n";
/// Repeats at the same moment, so that another request repeats what a kill interrupts.
const SINGLE_OFTEN_AT_ONCE: &str =
    "[load]\nbatch = 1\ndup = \"0.6\"\n[mix]\nin_batch = 0\nconcurrent = 1\nnext = 0\ndelayed = 0\n";
/// Repeats later, so that most of what a kill interrupts comes again.
const SINGLE_OFTEN_LATER: &str =
    "[load]\nbatch = 1\ndup = \"0.6\"\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 1\ndelayed = 1\n";
const LATE_REPEATS: &str = "[load]\nbatch = 10\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n";
const EQUAL_PAYLOADS: &str = "[load]\nbatch = 10\n[events.payload]\ntemplate = '{\"level\":\"info\"}'\n";
const SPOILT: &str = "[load]\nbatch = 10\n[traps]\ninvalid = 8\n";
const WITH_RETRIES: &str = "[load]\nbatch = 10\nretries = 2\n";
/// Slow enough for reads of the counters meanwhile, and for time to pass between repeats.
const SLOW: &str = "[load]\nbatch = 1\nconcurrency = 4\n";
const SLOW_LATE_REPEATS: &str =
    "[load]\nbatch = 1\nconcurrency = 4\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n";
/// Faults of the scenario: a pause, so that the first process is old enough for its uptime to tell,
/// and then a kill.
const PAUSE_AND_KILL: &str =
    "[[faults]]\nat = \"20%\"\ndo = \"pause\"\nfor = \"4s\"\n[[faults]]\nat = \"60%\"\ndo = \"kill\"\n";
const REST: &[Fault] = &[Fault::Rest { percent: 50 }];
const TWO_KILLS: &[Fault] = &[Fault::Kill { percent: 30 }, Fault::Kill { percent: 50 }];
const KILL: &[Fault] = &[Fault::Kill { percent: 40 }];

/// Load of the target without a defect, with every trap.
const EVERYTHING: &str = "[load]\nbatch = 10\ntimeout = \"300ms\"\n\
 [traps]\nsame_id = 16\ncase = 16\ntrailing_space = 16\nnormalisation = 16\nlong_id = 16\n\
     numeric_id = 16\nother_payload = 16\nkey_order = 16\nnumber_spelling = 16\ninvalid = 20\nempty = 3\n\
     same_timestamp = 16\nsame_payload = 16\nother_timestamp = 16\nother_source = 16\n";
const EVERY_FAULT: &[Fault] =
    &[Fault::Kill { percent: 25 }, Fault::Pause { percent: 45 }, Fault::Kill { percent: 60 }];

/// Returns the target without a defect.
#[must_use]
pub const fn sound(mode: &'static Mode) -> Mutant {
    Mutant::new("none", "nothing", "").in_mode(mode).loaded(EVERYTHING).struck(EVERY_FAULT)
}

/// Every defect of the target.
pub const MUTANTS: &[Mutant] = &[
    Mutant::new(
        "check-then-insert",
        "looks whether a key is there, and inserts it later, without a constraint",
        "stored-twice",
    ),
    Mutant::new(
        "claim-before-write",
        "marks a key as known, and writes the event later; killed in between",
        "lost",
    )
    .loaded(SINGLE_OFTEN_LATER)
    .struck(TWO_KILLS),
    Mutant::new(
        "duplicate-before-first",
        "tells repeats of a key to be known before it is stored; killed",
        "lost",
    )
    .loaded(SINGLE_OFTEN_AT_ONCE)
    .struck(TWO_KILLS),
    Mutant::new("acked-before-stored", "answers before the events are stored; killed", "lost").struck(KILL),
    Mutant::new("queue-lost-at-kill", "keeps the inbox in memory; killed", "lost")
        .in_mode(&modes::QUEUED)
        .loaded(LARGE_BATCHES)
        .struck(KILL),
    Mutant::new(
        "popped-then-killed",
        "takes a batch out of the inbox and stores it later; killed in between",
        "lost",
    )
    .in_mode(&modes::QUEUED)
    .loaded(LARGE_BATCHES)
    .struck(KILL),
    Mutant::new(
        "never-reclaimed",
        "never takes up again what was begun by a process that is gone; killed",
        "liveness",
    )
    .in_mode(&modes::QUEUED_IN_TIME)
    .loaded(LARGE_BATCHES)
    .struck(KILL),
    Mutant::new("two-workers-on-one", "lets two workers store one batch of the inbox", "counters")
        .in_mode(&modes::QUEUED)
        .loaded(LARGE_BATCHES)
        .attempts(16_000),
    Mutant::new("lost-at-restart", "keeps everything in memory; killed", "lost").struck(KILL),
    Mutant::new("failure-is-duplicate", "tells a failure to be a duplicate", "lost"),
    Mutant::new(
        "partly-stored",
        "refuses a batch with an invalid event, and stores the others of it",
        "rejected-but-stored",
    )
    .loaded(SPOILT)
    .attempts(8_000),
    Mutant::new(
        "invalid-swallowed",
        "takes a batch with an invalid event, and drops that one",
        "invalid-taken",
    )
    .loaded(SPOILT)
    .attempts(8_000),
    Mutant::new(
        "refuses-what-is-stored",
        "answers 503 after the commit, one batch in fifty",
        "rejected-but-stored",
    ),
    Mutant::new("stops-at-conflict", "stops storing a batch at its first duplicate", "lost"),
    Mutant::new("drops-one", "drops one new event in 10,000", "lost").attempts(16_000),
    Mutant::new(
        "drops-one-doubles-one",
        "drops one event and stores another twice: all counts add up",
        "lost",
    )
    .attempts(16_000),
    Mutant::new("dedup-by-id", "takes two events with one id for one, whatever their topics", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nsame_id = 16\n"),
    Mutant::new("dedup-by-payload", "takes two events with one payload for one", "lost")
        .loaded(EQUAL_PAYLOADS),
    Mutant::new("key-is-payload", "the same, where two events have one payload by a trap", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nsame_payload = 16\n"),
    Mutant::new("key-is-timestamp", "takes two events of one moment for one", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nsame_timestamp = 16\n"),
    Mutant::new(
        "key-has-timestamp",
        "takes an event that comes again with another timestamp for another event",
        "stored-twice",
    )
    .loaded("[load]\nbatch = 10\n[traps]\nother_timestamp = 16\n"),
    Mutant::new(
        "key-has-source",
        "takes an event that comes again from another source for another event",
        "stored-twice",
    )
    .loaded("[load]\nbatch = 10\n[traps]\nother_source = 16\n"),
    Mutant::new("lower-cased-id", "takes ids that differ in case for one", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\ncase = 16\n"),
    Mutant::new("trimmed-id", "takes ids that differ in white space at the end for one", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\ntrailing_space = 16\n"),
    Mutant::new("normalised-id", "takes ids that differ in their normal form for one", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nnormalisation = 16\n"),
    Mutant::new("truncated-id", "takes ids for one that begin with the same 36 bytes", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\ntrailing_space = 16\n"),
    Mutant::new("truncated-long-id", "takes ids for one that begin with the same 128 bytes", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nlong_id = 16\n"),
    Mutant::new("integer-affine-id", "takes ids for one that are the same number", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nnumeric_id = 16\n"),
    Mutant::new(
        "last-writer-wins",
        "lets an event that comes again take the place of the first",
        "wrong-winner",
    )
    .loaded("[load]\nbatch = 10\n[traps]\nother_payload = 16\n")
    .attempts(4_000),
    Mutant::new("short-memory", "remembers the last 10,000 keys", "stored-twice")
        .loaded(LATE_REPEATS)
        .attempts(32_000),
    Mutant::new("short-window", "forgets a key after two seconds", "stored-twice")
        .loaded(SLOW_LATE_REPEATS)
        .struck(REST),
    Mutant::new("every-second-duplicate", "lets every second duplicate through", "stored-twice"),
    Mutant::new("stored-twice", "stores one event in 10,000 a second time", "stored-twice").attempts(16_000),
    Mutant::new("all-stored-twice", "stores every event twice", "stored-twice"),
    Mutant::new("all-stored-four-times", "stores every event four times", "stored-twice"),
    Mutant::new("in-batch-repeat-is-new", "tells a repeat inside a batch to be new", "answer-order"),
    Mutant::new(
        "in-batch-repeat-counted-new",
        "the same, in answers that tell how many were new and not which",
        "batch-counts",
    )
    .in_mode(&modes::COUNTS_ONLY),
    Mutant::new(
        "tells-one-new-too-few",
        "tells one new event too few and one duplicate too many, one batch in fifty",
        "batch-counts",
    )
    .in_mode(&modes::COUNTS_ONLY),
    Mutant::new("drops-with-200-text", "answers `200 OK` to one batch in twenty, and drops it", "lost")
        .in_mode(&modes::STATUS_ALONE),
    Mutant::new(
        "drops-with-accepted-0",
        "answers 200 and `{\"accepted\":0}` to one batch in twenty, and drops it",
        "lost",
    )
    .in_mode(&modes::STATUS_ALONE),
    Mutant::new("refuses-repeats-500", "answers 500 to a key that is stored", "repeat-refused")
        .loaded(SINGLE),
    Mutant::new("refuses-repeats-409", "answers 409 to a key that is stored", "repeat-refused")
        .loaded(SINGLE),
    Mutant::new("stores-in-parts", "stores a batch event by event; killed", "torn-batch").struck(KILL),
    Mutant::new("counter-outside-the-insert", "reads a counter, and writes it back later", "counters"),
    Mutant::new("counts-what-is-empty", "counts a request without an event as one", "counters")
        .loaded("[load]\nbatch = 10\n[traps]\nempty = 1\n"),
    Mutant::new("counts-twice", "counts a batch with a duplicate in it twice", "counters"),
    Mutant::new(
        "counts-what-is-refused",
        "counts a batch, answers 503, and counts it again when it is tried again",
        "counters",
    )
    .loaded(WITH_RETRIES),
    Mutant::new("counters-flushed-later", "makes counters durable once a second; killed", "counters")
        .struck(KILL),
    Mutant::new("torn-stats", "answers `/stats` from several moments", "counters")
        .loaded(SLOW)
        .attempts(24_000),
    Mutant::new(
        "uptime-not-reset",
        "tells since when its first process was up, whichever answers; killed",
        "epochs",
    )
    .started_by_the_scenario(PAUSE_AND_KILL),
    Mutant::new("numbers-through-float", "stores numbers as floating-point ones", "payload-changed"),
    Mutant::new("page-off-by-one", "leaves out a row at every page's end", "routes-disagree").attempts(4_000),
    Mutant::new("scope-leak", "shows the newest event to those who ask for another topic", "scope-leak"),
    Mutant::new(
        "cursor-ties-lost",
        "goes on after the last row's moment, and leaves out the others of that moment",
        "routes-disagree",
    )
    .attempts(4_000),
    Mutant::new("listing-truncated", "shows 1,000 rows, and says that these are all", "lost").attempts(4_000),
];
