//! Table of the attempts of a key, for a reader who does not see the picture.

use judge::verdict::Attempt;

use super::markup::{Markup, html, text};
use crate::story::groups;
use crate::units::moment;

/// Writes the table; nothing without an attempt.
pub(super) fn write(out: &mut Markup, attempts: &[Attempt]) {
    if attempts.is_empty() {
        return;
    }
    let has_traces = attempts.iter().any(|attempt| attempt.traceparent.is_some());
    let heads = ["due", "left", "ended"].map(|head| format!("<th class=\"n\">{head}</th>")).concat();
    let trace = if has_traces { "<th>trace</th>" } else { "" };
    html!(out, "<details><summary>The attempts as a table</summary>");
    html!(
        out,
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"attempts\"><thead><tr>{heads}<th>response</th><th>connection</th><th>request</th><th>place</th>{trace}</tr></thead><tbody>"
    );
    for group in groups(attempts) {
        let attempt = group.first;
        let due = attempt.planned_us.map_or_else(|| "-".to_owned(), moment);
        let end = attempt.end_us.map_or_else(|| "no end".to_owned(), moment);
        let trace = attempt.traceparent.as_deref().and_then(|trace| trace.split('-').nth(1));
        let trace = trace.map_or_else(String::new, |trace| format!("<td>{}</td>", text(trace)));
        html!(
            out,
            "<tr><td class=\"n\">{due}</td><td class=\"n\">{}</td><td class=\"n\">{end}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>{trace}</tr>",
            moment(attempt.start_us),
            group.answer(),
            group.connection(),
            text(&group.request()),
            group.places(),
        );
    }
    html!(out, "</tbody></table></div></details>");
}
