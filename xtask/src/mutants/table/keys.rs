//! Defects of deduplication: keys that are taken for others, or forgotten.

use super::REST;
use crate::mutants::loads::{EQUAL_PAYLOADS, LATE_REPEATS, SLOW_LATE_REPEATS};
use crate::mutants::mutant::{Mutant, Promise, Undeclared};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("dedup-by-id", "takes two events with one id for one, whatever their topics", "key-merged")
        .loaded("[load]\nbatch = 10\n[traps]\nsame_id = 16\n"),
    // All events but one are absent, so nothing shows that the listing is whole.
    Mutant::new("dedup-by-payload", "takes two events with one payload for one", "lost")
        .undeclared(Undeclared::Open)
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
    Mutant::new("short-hash", "takes keys for one whose hashes begin with the same 16 bits", "lost"),
    Mutant::new(
        "last-writer-wins",
        "lets an event that comes again take the place of the first",
        "wrong-winner",
    )
    .breaking(Promise::FirstWins)
    .undeclared(Undeclared::Told)
    .loaded("[load]\nbatch = 10\n[traps]\nother_payload = 16\n")
    .attempts(4_000),
    Mutant::new("short-memory", "remembers the last 10,000 keys", "stored-twice")
        .loaded(LATE_REPEATS)
        .attempts(32_000),
    Mutant::new("short-window", "forgets a key after two seconds", "stored-twice")
        .loaded(SLOW_LATE_REPEATS)
        .struck(REST),
    Mutant::new("forgets-when-idle", "forgets all keys when no batch came for 250 ms", "replay")
        .verified(&["--replay=0.1"]),
    Mutant::new("memory-per-worker", "has two workers, each with a memory of its own keys", "stored-twice"),
    Mutant::new("every-second-duplicate", "lets every second duplicate through", "stored-twice"),
];
