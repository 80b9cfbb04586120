//! Others who use the target beside the run.

use super::{Oddity, Premise, Remedy, set};

const NOBODY_ELSE: &[Premise] = &[Premise::NobodyElse];
const NOBODY_ELSE_OR_COUNTER: &[Premise] = &[Premise::NobodyElse, Premise::Counters];
const SHARED: Remedy = Remedy::promises("shared = true\n");

pub(super) const OTHERS: &[Oddity] = &[
    Oddity::new("earlier-rows", "holds 300 rows of others", &[set("OTHERS", "before")]),
    Oddity::new("second-writer", "stores an event of somebody else every 500 ms", &[set("OTHERS", "writer")])
        .wants(NOBODY_ELSE, SHARED),
    Oddity::new("monitor", "is sent the same event by a monitor every 500 ms", &[set("OTHERS", "monitor")])
        .wants(NOBODY_ELSE_OR_COUNTER, SHARED),
    Oddity::new(
        "tenant",
        "counts events of another tenant, whom the listing does not show",
        &[set("OTHERS", "tenant")],
    )
    .wants(NOBODY_ELSE_OR_COUNTER, SHARED),
    Oddity::new(
        "retention",
        "deletes rows of others while the run goes on and after it",
        &[set("OTHERS", "retention")],
    )
    .wants(NOBODY_ELSE, SHARED),
    Oddity::new(
        "retention-counted",
        "the same, and the unique ones are a COUNT(*)",
        &[set("OTHERS", "retention"), set("STATS", "rows")],
    )
    .wants(NOBODY_ELSE_OR_COUNTER, Remedy::promises("shared = true\nunique = \"rows\"\n")),
];
