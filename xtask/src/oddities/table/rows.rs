//! Rows: the form in which a listing shows an event, and copies of it.

use super::{Oddity, Premise, Remedy, set};

pub(super) const ROWS: &[Oddity] = &[
    Oddity::new(
        "rewritten-json",
        "shows JSON as json.dumps writes it: sorted names, blanks, escapes",
        &[set("FORM", "rewritten")],
    )
    .hiding("changes-payload", "payload-changed"),
    Oddity::new(
        "payload-as-text",
        "shows the payload as JSON in a string",
        &[set("FORM", "payload-as-text")],
    )
    .hiding("changes-payload", "payload-changed"),
    Oddity::new("no-payload", "shows no payload", &[set("FORM", "no-payload")]),
    Oddity::new("null-source", "shows null as the source", &[set("FORM", "null-source")])
        .hiding("changes-payload", "payload-changed"),
    Oddity::new("further-fields", "shows further fields, some of them null", &[set("FORM", "extra")])
        .hiding("changes-payload", "payload-changed"),
    Oddity::new(
        "time-in-milliseconds",
        "shows the timestamp in milliseconds since 1970",
        &[set("FORM", "epoch-ms")],
    )
    .hiding("changes-timestamp", "payload-changed"),
    Oddity::new(
        "time-with-offset",
        "shows the timestamp with the offset +02:00",
        &[set("FORM", "with-offset")],
    )
    .hiding("changes-timestamp", "payload-changed"),
    Oddity::new(
        "time-in-microseconds",
        "shows the timestamp with six digits behind the second",
        &[set("FORM", "micros")],
    )
    .hiding("changes-timestamp", "payload-changed"),
    Oddity::new("first-time-stays", "keeps the timestamp of the first copy where repeats have another", &[])
        .loaded("batch = 10\n[traps]\nother_timestamp = 16\n")
        .hiding("key-has-timestamp", "stored-twice"),
    Oddity::new(
        "copies-merged-later",
        "shows each repeat as a copy until it is merged away after 30 s",
        &[set("VIEW", "merging")],
    )
    .wants(&[Premise::CopiesSettled], Remedy::promises("merge = \"@35s\"\n"))
    .hiding("stores-twice", "stored-twice")
    .also_unscaled(),
];
