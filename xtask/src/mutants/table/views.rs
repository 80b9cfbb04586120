//! Defects of rows and of listings.

use crate::mutants::loads::BIG_INTEGERS;
use crate::mutants::mutant::{Mutant, Promise, Undeclared};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("numbers-through-float", "stores 7 as 7.0", "payload-changed")
        .breaking(Promise::Exact)
        .undeclared(Undeclared::Told),
    Mutant::new(
        "big-integers-rounded",
        "stores integers beyond 53 bits as the nearest floating-point number",
        "payload-changed",
    )
    .breaking(Promise::Equal)
    .loaded(BIG_INTEGERS),
    Mutant::new("payloads-swapped", "swaps the payloads of two neighbours, one in 500", "payload-changed")
        .breaking(Promise::Equal),
    Mutant::new(
        "topic-of-the-first",
        "stores a batch under the topic of its first event, one for every 500 rows",
        "wrong-topic",
    )
    .breaking(Promise::Equal),
    Mutant::new(
        "rows-of-its-own",
        "stores a row of its own beside every 500 events, and does not count it",
        "stranger",
    )
    .breaking(Promise::NobodyElse)
    .undeclared(Undeclared::Open),
    Mutant::new(
        "counted-rows-of-its-own",
        "stores a row of its own beside every 500 events, and counts it",
        "stranger",
    )
    .breaking(Promise::NobodyElse)
    .undeclared(Undeclared::Open),
    Mutant::new("page-off-by-one", "leaves out a row at every page's end", "routes-disagree")
        .breaking(Promise::Complete)
        .undeclared(Undeclared::Told)
        .attempts(4_000),
    Mutant::new("page-overlaps", "begins a page with the last row of the page before", "listing-unsound")
        .breaking(Promise::InOrder)
        .undeclared(Undeclared::Told)
        .attempts(4_000),
    Mutant::new("scope-leak", "shows the newest event to those who ask for another topic", "scope-leak")
        .breaking(Promise::TopicHeeded)
        .undeclared(Undeclared::Told),
    Mutant::new(
        "cursor-ties-lost",
        "goes on after the last row's moment, and leaves out the others of that moment",
        "routes-disagree",
    )
    .breaking(Promise::Complete)
    .undeclared(Undeclared::Told)
    // Enough pages for one to end between rows of one moment.
    .attempts(16_000),
    Mutant::new("listing-truncated", "shows 1,000 rows, and says that these are all", "lost")
        .breaking(Promise::Complete)
        .undeclared(Undeclared::Open)
        .attempts(4_000),
];
