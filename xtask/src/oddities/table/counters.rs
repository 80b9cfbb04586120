//! Counters: what they count, and when.

use super::{Oddity, Premise, Remedy, set};

const COUNTER: &[Premise] = &[Premise::Counters];

const NO_COUNTERS: &str = "[target]\nstats = {}\n";
const NO_INSTANCE: &str = "[target.stats]\npath = \"/stats\"\nreceived = \"/received\"\n\
     unique = \"/unique_processed\"\nduplicates = \"/duplicate_dropped\"\n";
const NOT_RECEIVED: &str = "[target.stats]\npath = \"/stats\"\nunique = \"/unique_processed\"\n\
     duplicates = \"/duplicate_dropped\"\n";
const NO_LISTING: &str = "[target]\nlisting = {}\n";

/// Requests that are tried again after 503.
const RETRIES: &str = "batch = 10\nretries = 3\n";

pub(super) const COUNTERS: &[Oddity] = &[
    Oddity::new("no-counters", "has no counters", &[set("STATS", "absent")]).speaking(NO_COUNTERS),
    Oddity::new(
        "no-counters-described",
        "has no counters where the scenario expects them",
        &[set("STATS", "absent")],
    )
    .wants(COUNTER, Remedy::NO_COUNTERS),
    Oddity::new("no-listing", "has counters alone", &[])
        .speaking(NO_LISTING)
        .wants(
            &[],
            Remedy::promises(
                "preset = \"counters-only\"\nstats = \"snapshot\"\ncounters = \"persistent\"\n\
                 ack = \"committed\"\nreceived = \"accepted\"\nshared = false\n",
            ),
        )
        .hiding("drops", "counters"),
    Oddity::new("counters-refreshed", "refreshes its counters every 30 s", &[set("STATS", "refreshed")])
        .wants(COUNTER, Remedy::promises("stats = \"eventual\"\nstats_lag = \"@35s\"\n"))
        .also_unscaled(),
    Oddity::new(
        "duplicates-late",
        "refreshes the count of duplicates every 20 s, others at once",
        &[set("STATS", "late-duplicates")],
    )
    .wants(COUNTER, Remedy::promises("stats = \"eventual\"\nstats_lag = \"@25s\"\n"))
    .also_unscaled(),
    Oddity::new(
        "two-instances",
        "has two instances behind one address, each with counters of its own",
        &[set("STATS", "two-instances")],
    )
    .speaking(NO_INSTANCE)
    .wants(COUNTER, Remedy::NO_COUNTERS),
    Oddity::new(
        "two-instances-named",
        "the same, and the counters name the instance",
        &[set("STATS", "two-instances")],
    )
    .wants(COUNTER, Remedy::NO_COUNTERS),
    Oddity::new(
        "counted-since-deployment",
        "counts 50,000 events of earlier times, of which no row is left",
        &[set("STATS", "since-deployment")],
    ),
    Oddity::new("unique-is-count", "counts the rows as the unique ones", &[set("STATS", "rows")]),
    Oddity::new("estimated", "estimates the unique ones, 2 % too high", &[set("STATS", "estimated")])
        .wants(COUNTER, Remedy::NO_COUNTERS),
    Oddity::new("counters-still", "has counters that never move", &[set("STATS", "still")])
        .wants(COUNTER, Remedy::NO_COUNTERS),
    Oddity::new(
        "rejected-counted",
        "answers every 20th request with 503, and counts its events as received",
        &[set("STATS", "offered"), set("TROUBLE", "unavailable")],
    )
    .loaded(RETRIES)
    .wants(COUNTER, Remedy::promises("received = \"offered\"\n")),
    Oddity::new("requests-counted", "counts requests as received", &[set("STATS", "requests")])
        .wants(COUNTER, Remedy::target(NOT_RECEIVED)),
];
