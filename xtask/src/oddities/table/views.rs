//! Views: what a listing can show of the store, and how it is read.

use super::{Oddity, Premise, Remedy, set};

const WHOLE: &[Premise] = &[Premise::Whole];
const FRESH: &[Premise] = &[Premise::Fresh];
const WHOLE_OR_FRESH: &[Premise] = &[Premise::Whole, Premise::Fresh];

const OFFSET: &str = "[target.listing]\npath = \"/events\"\npaging = \"offset\"\n";
const EACH: &str = "[target.listing]\npath = \"/events\"\ntopics = \"each\"\npaging = \"link\"\n";
const ALL_ROWS: &str = "[target.listing]\npath = \"/events\"\ncomplete = true\n";
const ONE_PAGE: &str = "[target.listing]\npath = \"/events\"\npaging = \"none\"\nlimit = 1000\n";

/// Promises without which a key that is denied might still come.
const AT_ONCE: &str = "ack = \"committed\"\nvisible = \"@5s\"\n";

/// Large batches, so that rows of one moment stand on both sides of a page's border.
const LARGE_BATCHES: &str = "batch = 50\nconcurrency = 4\n";

pub(super) const VIEWS: &[Oddity] = &[
    Oddity::new("newest-rows", "lists the newest 500 rows, in pages", &[set("VIEW", "newest")])
        .wants(WHOLE, Remedy::DATABASE),
    Oddity::new(
        "newest-rows-of-each-topic",
        "lists the newest 150 rows of each topic",
        &[set("VIEW", "newest-of-topic")],
    )
    .wants(WHOLE, Remedy::promises(AT_ONCE).and_one()),
    Oddity::new("oldest-rows", "lists the oldest 500 rows", &[set("VIEW", "oldest")])
        .wants(WHOLE, Remedy::DATABASE),
    Oddity::new("young-rows", "lists rows of the last 10 s", &[set("VIEW", "young")])
        .wants(WHOLE_OR_FRESH, Remedy::DATABASE)
        .also_unscaled(),
    Oddity::new("sampled-rows", "lists one row in ten", &[set("VIEW", "sampled")])
        .wants(WHOLE, Remedy::promises(AT_ONCE).and_one()),
    Oddity::new("one-page", "lists at most 1,000 rows and names no next page", &[set("PAGING", "one")])
        .wants(WHOLE, Remedy::DATABASE),
    Oddity::new(
        "one-page-described",
        "the same, and the scenario says that there is one page",
        &[set("PAGING", "one")],
    )
    .speaking(ONE_PAGE)
    .wants(WHOLE, Remedy::DATABASE),
    Oddity::new(
        "newest-rows-whatever-the-limit",
        "lists the newest 500 rows in one page and heeds no limit",
        &[set("VIEW", "newest"), set("PAGING", "unlimited")],
    )
    .wants(WHOLE, Remedy::promises(AT_ONCE).and_one()),
    Oddity::new(
        "all-rows-whatever-the-limit",
        "lists all rows in one page and heeds no limit",
        &[set("PAGING", "unlimited")],
    )
    .wants(&[], Remedy::target(ALL_ROWS)),
    Oddity::new("late-rows", "lists rows 20 s after they are stored", &[set("VIEW", "late")])
        .wants(FRESH, Remedy::promises("visible = \"@25s\"\n"))
        .also_unscaled(),
    Oddity::new(
        "late-topic",
        "lists the rows of one topic 20 s after they are stored, others at once",
        &[set("VIEW", "late-topic")],
    )
    .wants(FRESH, Remedy::promises("visible = \"@25s\"\n"))
    .also_unscaled(),
    Oddity::new(
        "late-shard",
        "lists a quarter of the keys 20 s after they are stored, others at once",
        &[set("VIEW", "late-shard")],
    )
    .wants(FRESH, Remedy::promises("visible = \"@25s\"\n"))
    .also_unscaled(),
    Oddity::new(
        "replica-behind",
        "answers every second page from a replica that is 30 s behind",
        &[set("VIEW", "replica")],
    )
    .wants(WHOLE_OR_FRESH, Remedy::promises("visible = \"@35s\"\n"))
    .also_unscaled(),
    Oddity::new(
        "cache-in-front",
        "has a cache in front that keeps each response for 60 s and tells its age",
        &[set("READS", "cached")],
    )
    .wants(
        &[Premise::Fresh, Premise::Counters],
        Remedy::promises("visible = \"@65s\"\nstats = \"eventual\"\nstats_lag = \"@65s\"\n"),
    )
    .also_unscaled(),
    Oddity::new(
        "inclusive-cursor",
        "begins each page with the last row of the page before",
        &[set("PAGING", "inclusive")],
    )
    .wants(WHOLE, Remedy::ONE),
    Oddity::new(
        "ties-across-pages",
        "pages by an offset, and breaks ties one way on the first page and another way behind it",
        &[set("PAGING", "offset"), set("ORDER", "ties")],
    )
    .loaded(LARGE_BATCHES)
    .speaking(OFFSET)
    .wants(WHOLE, Remedy::DATABASE),
    Oddity::new(
        "offset-while-others-write",
        "pages by an offset, newest first, while somebody else writes",
        &[set("PAGING", "offset"), set("OTHERS", "writer")],
    )
    .speaking(OFFSET)
    .wants(&[Premise::Whole, Premise::NobodyElse], Remedy::promises("shared = true\n").and_database()),
    Oddity::new("oldest-first", "lists the oldest rows first", &[set("ORDER", "oldest-first")]),
    Oddity::new("order-of-keys", "lists rows by topic and id", &[set("ORDER", "key")]),
    Oddity::new(
        "topic-ignored",
        "ignores the topic that a listing is asked for",
        &[set("FILTER", "ignored")],
    ),
    Oddity::new(
        "topic-ignored-where-each-is-asked",
        "the same, and the scenario has it asked topic by topic",
        &[set("FILTER", "ignored")],
    )
    .speaking(EACH)
    .wants(WHOLE, Remedy::ONE),
    Oddity::new(
        "unavailable-pages",
        "answers every third page with 503 first",
        &[set("READS", "unavailable")],
    ),
    Oddity::new(
        "busy-pages",
        "answers every fourth page with 429 and Retry-After first",
        &[set("READS", "busy")],
    ),
    Oddity::new("cut-pages", "closes the connection in every fourth page first", &[set("READS", "cut")]),
    Oddity::new("packed-pages", "packs pages with gzip, asked or not", &[set("READS", "gzip")]),
];
