//! Words of the page, each in a sentence.

use super::markup::{Markup, html};

const WORDS: [(&str, &str); 9] = [
    ("key", "a topic and an id; events with one key are copies of one event"),
    ("attempt", "one sending of one event; a request with 20 events is 20 attempts"),
    (
        "round, request, place",
        "the list of requests that a thread sends next, the number of a request in it, and of an event in that, each from 0",
    ),
    ("connection", "one TCP connection; one that is opened anew has a new number"),
    ("new, duplicate", "what a response said of an event"),
    ("unknown", "without a response: executed once, or not at all"),
    ("look", "one reading of the target after the run"),
    (
        "rests on",
        "what has to be true for a finding to be certain; promised by the scenario, shown by the run, assumed, or refuted",
    ),
    ("case", "one fault of the kind that a check looks for; the first few are shown as findings"),
];

/// Writes the list.
pub(super) fn write(out: &mut Markup) {
    html!(out, "<details><summary>Words of this page</summary><dl class=\"words\">");
    for (word, meaning) in WORDS {
        html!(out, "<div><dt>{word}</dt><dd>{meaning}</dd></div>");
    }
    html!(out, "</dl></details>\n");
}
