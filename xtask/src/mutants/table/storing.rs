//! Defects of storing: events that are lost, doubled, torn or deleted.

use super::{KILL, TWO_KILLS};
use crate::mutants::loads::{
    FEW_REPEATS, LARGE_BATCHES, LATE_REPEATS, NO_REPEATS, OFTEN_ONCE, SINGLE_OFTEN_AT_ONCE,
    SINGLE_OFTEN_LATER, SPOILT, WITH_RETRIES,
};
use crate::mutants::modes;
use crate::mutants::mutant::{Mutant, Promise, Undeclared};

pub(super) const MUTANTS: &[Mutant] = &[
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
        .undeclared(Undeclared::Open)
        .in_mode(&modes::QUEUED)
        .loaded(LARGE_BATCHES)
        .struck(KILL),
    Mutant::new("queue-drops-when-full", "answers 202, and drops a batch if four others wait", "lost")
        .undeclared(Undeclared::Open)
        .in_mode(&modes::QUEUED)
        .loaded(LARGE_BATCHES)
        .attempts(8_000),
    Mutant::new(
        "popped-then-killed",
        "takes a batch out of the inbox and stores it later; killed in between",
        "lost",
    )
    .undeclared(Undeclared::Open)
    .in_mode(&modes::QUEUED)
    .loaded(LARGE_BATCHES)
    .struck(KILL),
    Mutant::new(
        "never-reclaimed",
        "never takes up again what was begun by a process that is gone; killed",
        "liveness",
    )
    .breaking(Promise::Drain)
    .undeclared(Undeclared::Open)
    .in_mode(&modes::QUEUED_IN_TIME)
    .loaded(LARGE_BATCHES)
    .struck(KILL),
    Mutant::new("two-workers-on-one", "lets two workers store one batch of the inbox", "counters")
        .breaking(Promise::Counters)
        .undeclared(Undeclared::Open)
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
    .breaking(Promise::RefusedWithoutEffect)
    .undeclared(Undeclared::Told)
    .loaded(SPOILT)
    .attempts(8_000),
    Mutant::new(
        "invalid-swallowed",
        "takes a batch with an invalid event, and drops that one",
        "invalid-taken",
    )
    .breaking(Promise::Atomic)
    .undeclared(Undeclared::Told)
    .loaded(SPOILT)
    .attempts(8_000),
    Mutant::new(
        "refuses-what-is-stored",
        "answers 503 after the commit, one batch in fifty",
        "rejected-but-stored",
    )
    .breaking(Promise::RefusedWithoutEffect)
    .undeclared(Undeclared::Told),
    Mutant::new(
        "forgets-what-is-refused",
        "answers 503 after the commit, one batch in fifty, and stores it again when it is tried again",
        "stored-twice",
    )
    .undeclared(Undeclared::Open)
    .loaded(WITH_RETRIES),
    Mutant::new("stops-at-conflict", "stops storing a batch at its first duplicate", "lost")
        .loaded(FEW_REPEATS)
        .attempts(4_000),
    Mutant::new("repeat-rolls-back", "acknowledges a batch with a duplicate, and rolls it back", "lost")
        .loaded(FEW_REPEATS)
        .attempts(4_000),
    Mutant::new("repeat-deletes", "deletes the row of a key that comes again", "stillness")
        .undeclared(Undeclared::Open)
        .loaded(NO_REPEATS)
        .verified(&["--replay=0.1"]),
    Mutant::new("drops-one", "drops one new event in 10,000", "lost").attempts(16_000),
    Mutant::new(
        "drops-one-doubles-one",
        "drops one event and stores another twice: all counts add up",
        "lost",
    )
    .attempts(16_000),
    Mutant::new("stored-twice", "stores one event in 10,000 a second time", "stored-twice")
        .loaded(OFTEN_ONCE)
        .attempts(32_000),
    Mutant::new("all-stored-twice", "stores every event twice", "stored-twice"),
    Mutant::new("all-stored-four-times", "stores every event four times", "stored-twice"),
    Mutant::new("stores-in-parts", "stores a batch event by event; killed", "torn-batch")
        .breaking(Promise::Atomic)
        .undeclared(Undeclared::Told)
        .struck(KILL),
    Mutant::new("drops-with-200-text", "answers `200 OK` to one batch in twenty, and drops it", "lost")
        .in_mode(&modes::STATUS_ALONE),
    Mutant::new(
        "drops-with-accepted-0",
        "answers 200 and `{\"accepted\":0}` to one batch in twenty, and drops it",
        "lost",
    )
    .in_mode(&modes::STATUS_ALONE),
    Mutant::new("vanishes-later", "deletes one row in a hundred a while after it was stored", "lost"),
    Mutant::new("ring-of-rows", "keeps the newest 1,000 rows, and forgets the keys of the others", "lost")
        .loaded(LATE_REPEATS)
        .attempts(4_000),
    Mutant::new(
        "deletes-rows-of-others",
        "keeps the newest 1,000 rows, so that an earlier run loses some, and counts what is left",
        "foreign-lost",
    )
    .breaking(Promise::NobodyElse)
    .undeclared(Undeclared::Open)
    .after_a_run_of(600)
    .attempts(1_000),
];
