//! Restarts: each of these targets is killed once while the run goes on.

use super::{Oddity, Premise, Remedy, set};

const HIDDEN_QUEUE: &str = "[target.answer]\naccepted = \"/accepted\"\n[target.stats]\npath = \"/stats\"\n\
     received = \"/received\"\nunique = \"/unique_processed\"\nduplicates = \"/duplicate_dropped\"\n\
     instance = \"/instance_id\"\nuptime = \"/uptime\"\n";
const NO_INSTANCE: &str = "[target.stats]\npath = \"/stats\"\nreceived = \"/received\"\n\
     unique = \"/unique_processed\"\nduplicates = \"/duplicate_dropped\"\n";

/// The order of storing is not that of the responses, so no key lies between others.
const QUEUED: Remedy =
    Remedy::promises("preset = \"queued\"\ndrain = \"@100s\"\nvisible = \"@5s\"\n").and_complete();

pub(super) const RESTARTS: &[Oddity] = &[
    Oddity::new("killed", "keeps all it answered for", &[]).killed().hiding("forgets-keys", "stored-twice"),
    Oddity::new(
        "rows-of-this-process",
        "lists rows that the process has stored; killed",
        &[set("VIEW", "since-start")],
    )
    .killed()
    .wants(&[Premise::Whole], Remedy::DATABASE),
    Oddity::new("volatile-counters", "counts anew with each process; killed", &[set("STATS", "volatile")])
        .killed()
        .wants(&[Premise::Counters], Remedy::promises("counters = \"volatile\"\n"))
        .hiding("forgets-keys", "stored-twice"),
    Oddity::new(
        "volatile-counters-not-named",
        "the same, and nothing tells one process from the next",
        &[set("STATS", "volatile")],
    )
    .killed()
    .speaking(NO_INSTANCE)
    .wants(&[Premise::Counters], Remedy::NO_COUNTERS)
    .hiding("forgets-keys", "stored-twice"),
    Oddity::new(
        "uptime-in-whole-seconds",
        "tells its uptime in whole seconds; killed",
        &[set("UPTIME", "whole-seconds")],
    )
    .killed()
    .hiding("forgets-keys", "stored-twice"),
    Oddity::new(
        "uptime-in-milliseconds",
        "tells its uptime in milliseconds; killed",
        &[set("UPTIME", "milliseconds")],
    )
    .killed()
    .hiding("forgets-keys", "stored-twice"),
    Oddity::new(
        "uptime-since-deployment",
        "tells the time since its first start as its uptime; killed",
        &[set("UPTIME", "since-deployment")],
    )
    .killed()
    .hiding("forgets-keys", "stored-twice"),
    Oddity::new(
        "event-by-event",
        "stores the events of a request one by one, each durably; killed",
        &[set("BATCH", "each-alone")],
    )
    .killed(),
    Oddity::new(
        "reclaimed-later",
        "takes up again after 20 s what a killed consumer had claimed from its queue",
        &[set("ACK", "reclaiming")],
    )
    .killed()
    .speaking(HIDDEN_QUEUE)
    .wants(&[Premise::NothingWaits], QUEUED)
    .hiding("drops", "lost")
    .also_unscaled(),
];
