//! Defects of responses.

use crate::mutants::loads::SINGLE;
use crate::mutants::modes;
use crate::mutants::mutant::{Mutant, Promise, Undeclared};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("in-batch-repeat-is-new", "tells a repeat inside a batch to be new", "answer-order")
        .breaking(Promise::Words),
    Mutant::new(
        "in-batch-repeat-counted-new",
        "the same, in answers that tell how many were new and not which",
        "batch-counts",
    )
    .breaking(Promise::Words)
    .in_mode(&modes::COUNTS_ONLY),
    // A proxy that sends a request again would explain it.
    Mutant::new(
        "tells-one-new-too-few",
        "tells one new event too few and one duplicate too many, one batch in fifty",
        "batch-counts",
    )
    .breaking(Promise::Words)
    .undeclared(Undeclared::Open)
    .in_mode(&modes::COUNTS_ONLY),
    Mutant::new(
        "sum-is-off",
        "tells one duplicate too few, one batch in fifty, so that its numbers do not add up",
        "answer-sum",
    )
    .breaking(Promise::Words),
    Mutant::new("results-out-of-order", "tells the results of a batch in reverse order", "answer-order")
        .breaking(Promise::Words),
    Mutant::new("refuses-repeats-500", "answers 500 to a key that is stored", "repeat-refused")
        .breaking(Promise::RepeatAccepted)
        .undeclared(Undeclared::Told)
        .loaded(SINGLE),
    Mutant::new("refuses-repeats-409", "answers 409 to a key that is stored", "repeat-refused")
        .breaking(Promise::RepeatAccepted)
        .undeclared(Undeclared::Told)
        .loaded(SINGLE),
];
