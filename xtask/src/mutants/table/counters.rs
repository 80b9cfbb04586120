//! Defects of the counters.

use super::KILL;
use crate::mutants::loads::{SLOW, WITH_RETRIES};
use crate::mutants::mutant::{Mutant, Promise, Undeclared};

/// Faults of the scenario: a pause, so that the first process is old enough for its uptime to tell,
/// and then a kill.
const PAUSE_AND_KILL: &str =
    "[[faults]]\nat = \"20%\"\ndo = \"pause\"\nfor = \"4s\"\n[[faults]]\nat = \"60%\"\ndo = \"kill\"\n";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("counter-outside-the-insert", "reads a counter, and writes it back later", "counters")
        .breaking(Promise::Counters)
        .undeclared(Undeclared::Open),
    Mutant::new("counts-what-is-empty", "counts a request without an event as one", "counters")
        .breaking(Promise::Counters)
        .undeclared(Undeclared::Open)
        .loaded("[load]\nbatch = 10\n[traps]\nempty = 1\n"),
    Mutant::new("counts-twice", "counts a batch with a duplicate in it twice", "counters")
        .breaking(Promise::Counters)
        .undeclared(Undeclared::Open),
    Mutant::new(
        "counts-what-is-refused",
        "counts a batch, answers 503, and counts it again when it is tried again",
        "counters",
    )
    .breaking(Promise::Counters)
    .undeclared(Undeclared::Told)
    .loaded(WITH_RETRIES),
    Mutant::new("counters-flushed-later", "makes counters durable once a second; killed", "counters")
        .breaking(Promise::CountersPersist)
        .undeclared(Undeclared::Told)
        .struck(KILL),
    Mutant::new("torn-stats", "answers `/stats` from several moments", "counters")
        .breaking(Promise::Counters)
        .undeclared(Undeclared::Told)
        .loaded(SLOW)
        .attempts(24_000),
    Mutant::new(
        "uptime-not-reset",
        "tells since when its first process was up, whichever answers; killed",
        "epochs",
    )
    .breaking(Promise::Uptime)
    .undeclared(Undeclared::Told)
    .started_by_the_scenario(PAUSE_AND_KILL),
];
