//! Acknowledgements: when the target answers, in which words, and what it does with a part of a
//! request or with other content.

use super::{Oddity, Premise, Remedy, set};

const NOTHING_WAITS: &[Premise] = &[Premise::NothingWaits];

const NOTHING_TOLD: &str = "[target]\nanswer = {}\n";
const OTHER_WORDS: &str = "[target.answer]\naccepted = \"/accepted\"\nresults = \"/results\"\n\
     new = [\"created\"]\nduplicate = [\"exists\"]\n";
const REFUSED_WORD: &str = "[target.answer]\naccepted = \"/accepted\"\ninserted = \"/inserted\"\n\
     duplicates = \"/duplicates\"\nresults = \"/results\"\nnew = [\"inserted\"]\n\
     duplicate = [\"duplicate\"]\nrejected = [\"refused\"]\n";
const CONFLICT_ACKNOWLEDGES: &str = "[target.publish]\nack = [\"2xx\", \"409\"]\n";
/// Counters that do not tell what waits.
const HIDDEN_QUEUE: &str = "[target.answer]\naccepted = \"/accepted\"\n[target.stats]\npath = \"/stats\"\n\
     received = \"/received\"\nunique = \"/unique_processed\"\nduplicates = \"/duplicate_dropped\"\n\
     instance = \"/instance_id\"\nuptime = \"/uptime\"\n";

const SINGLE: &str = "batch = 1\n";
const RETRIES: &str = "batch = 10\nretries = 3\n";
const SPOILT: &str = "batch = 10\n[traps]\ninvalid = 8\n";
const OTHER_PAYLOADS: &str = "batch = 10\n[traps]\nother_payload = 16\n";
const OTHER_PAYLOADS_ALONE: &str = "batch = 1\n[traps]\nother_payload = 16\n";

/// The order of storing is not that of the responses, so no key lies between others.
const QUEUED: Remedy =
    Remedy::promises("preset = \"queued\"\ndrain = \"@100s\"\nvisible = \"@5s\"\n").and_complete();

pub(super) const ACKS: &[Oddity] = &[
    Oddity::new("queue", "answers 202 and stores later, 20 ms for each request", &[set("ACK", "queued")])
        .speaking(HIDDEN_QUEUE)
        .wants(NOTHING_WAITS, QUEUED)
        .hiding("drops", "lost")
        .also_unscaled(),
    Oddity::new("queue-counted", "the same, and the counters tell what waits", &[set("ACK", "queued")])
        .wants(NOTHING_WAITS, QUEUED)
        .hiding("drops", "lost"),
    Oddity::new(
        "queue-with-200",
        "the same with 200 and a queue that is not counted",
        &[set("ACK", "queued-ok")],
    )
    .speaking(HIDDEN_QUEUE)
    .wants(&[Premise::NothingWaits, Premise::Fresh], QUEUED)
    .hiding("drops", "lost"),
    Oddity::new("micro-batch", "answers 202 and stores every 15 s", &[set("ACK", "micro-batch")])
        .speaking(HIDDEN_QUEUE)
        .wants(NOTHING_WAITS, QUEUED)
        .hiding("drops", "lost")
        .also_unscaled(),
    Oddity::new(
        "conflict-for-repeats",
        "answers 409 to an event that it knows, and counts it as a duplicate",
        &[set("ACK", "conflict")],
    )
    .loaded(SINGLE)
    .wants(&[Premise::Counters], Remedy::target(CONFLICT_ACKNOWLEDGES)),
    Oddity::new("no-body", "answers 200 without a body", &[set("ACK", "empty")]).speaking(NOTHING_TOLD),
    Oddity::new(
        "no-body-where-one-is-expected",
        "the same, where the scenario expects words",
        &[set("ACK", "empty")],
    ),
    Oddity::new("counts-alone", "answers with counts alone", &[set("ACK", "counts")]),
    Oddity::new("other-words", "answers created or exists for each event", &[set("ACK", "other-words")])
        .speaking(OTHER_WORDS),
    Oddity::new(
        "words-not-described",
        "the same, where the scenario expects other words",
        &[set("ACK", "other-words")],
    ),
    Oddity::new(
        "busy",
        "answers every 20th request with 503 and Retry-After, and does nothing",
        &[set("TROUBLE", "unavailable")],
    )
    .loaded(RETRIES),
    Oddity::new("fails", "answers every 30th request with 500, and does nothing", &[set("TROUBLE", "fails")])
        .loaded(SINGLE),
    Oddity::new(
        "fails-after-storing",
        "answers every 30th request with 500 after it is stored",
        &[set("TROUBLE", "fails-stored")],
    ),
    Oddity::new(
        "cut-responses",
        "cuts every 30th response after the request is stored",
        &[set("TROUBLE", "cut")],
    ),
    Oddity::new(
        "part-refused",
        "refuses invalid events and stores the others of their request",
        &[set("BATCH", "partial")],
    )
    .loaded(SPOILT)
    .speaking(REFUSED_WORD),
    Oddity::new("last-wins", "replaces the content of a known key", &[set("CONFLICT", "last-wins")])
        .loaded(OTHER_PAYLOADS),
    Oddity::new(
        "other-content-rejected",
        "answers 409 to a known key with another payload",
        &[set("CONFLICT", "rejected")],
    )
    .loaded(OTHER_PAYLOADS_ALONE),
];
