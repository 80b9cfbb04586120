//! Tables: checks, topics, statuses, errors by cause, thresholds, races, coverage and power.

use judge::numbers::{grouped, grouped_signed};
use judge::verdict::{Judgement, Status};

use super::gauge::must_be;
use super::markup::{Markup, html, isolated, prose};
use super::material::Material;
use super::premises;
use crate::text::bound_in_percent;
use crate::units::digits;

/// Writes all tables.
pub(super) fn write(out: &mut Markup, verdict: &Judgement, material: &Material<'_>) {
    html!(out, "<section id=\"tables\"><h2>Checks</h2>\n");
    checks(out, verdict);
    html!(out, "<h2>Coverage and power</h2>\n");
    coverage(out, verdict);
    thresholds(out, material);
    html!(out, "<div class=\"columns\">");
    statuses(out, material);
    topics(out, material);
    html!(out, "</div>");
    errors(out, material);
    observed(out, verdict);
    if !verdict.premises.is_empty() {
        html!(out, "<details><summary>All premises of this run</summary>");
        premises::write(out, &verdict.premises);
        html!(out, "</details>");
    }
    html!(out, "</section>\n");
}

fn begin(out: &mut Markup, heads: &[&str]) {
    html!(out, "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
    for head in heads {
        let class = if head.starts_with('#') { " class=\"n\"" } else { "" };
        html!(out, "<th{class}>{}</th>", head.trim_start_matches('#'));
    }
    html!(out, "</tr></thead><tbody>");
}

fn end(out: &mut Markup) {
    html!(out, "</tbody></table></div>\n");
}

fn checks(out: &mut Markup, verdict: &Judgement) {
    begin(out, &["check", "result", "compared"]);
    let is_made = |status: Status| status != Status::NotTested;
    for check in verdict.checks.iter().filter(|check| is_made(check.status)) {
        let (class, word) = match check.status {
            Status::Pass => ("pass", "ok"),
            Status::Fail => ("fail", "FAIL"),
            Status::Unknown => ("open", "UNKNOWN"),
            Status::NotTested => ("void", "not tested"),
        };
        html!(
            out,
            "<tr><td>{}</td><td><span class=\"result {class}\">{word}</span></td><td>{}</td></tr>",
            check.name,
            prose(&check.summary)
        );
    }
    end(out);
    let planted = |seen: Option<bool>| verdict.planted.iter().filter(|one| one.seen == seen).count();
    let (found, missed) = (planted(Some(true)), planted(Some(false)));
    match found + missed {
        0 => html!(out, "<p>Self-test skipped: no suitable evidence in this run.</p>"),
        tried => html!(
            out,
            "<p>Self-test: {found} of {tried} defects planted in this run’s evidence were found.</p>"
        ),
    }
    if verdict.not_tested.is_empty() {
        return;
    }
    html!(out, "<details><summary>{} things were not tested</summary><ul>", verdict.not_tested.len());
    for line in &verdict.not_tested {
        html!(out, "<li>{}</li>", prose(line));
    }
    html!(out, "</ul></details>\n");
}

fn coverage(out: &mut Markup, verdict: &Judgement) {
    begin(out, &["repeats and races", "#planned", "#observed", "power"]);
    for (name, seen) in verdict.coverage.kinds() {
        let power = bound_in_percent(seen.observed).map_or_else(
            || "too few to bound a fault".to_owned(),
            |bound| format!("a fault in {bound} of them shows with 95 % confidence"),
        );
        html!(
            out,
            "<tr><td>{name}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{power}</td></tr>",
            grouped(seen.planned),
            grouped(seen.observed)
        );
    }
    end(out);
    if let Some(slack) = &verdict.counters {
        begin(out, &["counter", "#grown by", "must be"]);
        let deltas = &slack.deltas;
        for (name, grown, bounds) in [
            ("received", deltas.received, slack.received),
            ("unique", deltas.unique, slack.unique),
            ("duplicates", deltas.duplicates, slack.duplicates),
        ] {
            let said = grown.map_or_else(|| "not reported".to_owned(), grouped_signed);
            html!(out, "<tr><td>{name}</td><td class=\"n\">{said}</td><td>{}</td></tr>", must_be(bounds));
        }
        end(out);
    }
}

fn thresholds(out: &mut Markup, material: &Material<'_>) {
    if material.thresholds.is_empty() {
        return;
    }
    html!(out, "<h2>Thresholds</h2>\n");
    begin(out, &["threshold", "result", "measured"]);
    for checked in &material.thresholds {
        let (class, word) = if checked.ok { ("pass", "ok") } else { ("fail", "missed") };
        html!(
            out,
            "<tr><td><code>{}</code></td><td><span class=\"result {class}\">{word}</span></td><td>{}</td></tr>",
            isolated(&checked.threshold),
            isolated(&checked.remarks())
        );
    }
    end(out);
}

fn statuses(out: &mut Markup, material: &Material<'_>) {
    let statuses = &material.series.statuses;
    if statuses.is_empty() {
        return;
    }
    html!(out, "<div><h2>Statuses</h2>\n");
    begin(out, &["status", "#requests", "#share"]);
    let all: u64 = statuses.values().sum();
    for (status, requests) in statuses {
        let name = if *status == 0 { "no response".to_owned() } else { status.to_string() };
        let share = digits(*requests as f64 * 100.0 / all.max(1) as f64);
        html!(
            out,
            "<tr><td>{name}</td><td class=\"n\">{}</td><td class=\"n\">{share} %</td></tr>",
            grouped(*requests)
        );
    }
    end(out);
    html!(
        out,
        "<p class=\"note\">{} of the requests were retries.</p></div>",
        grouped(material.series.retries)
    );
}

fn topics(out: &mut Markup, material: &Material<'_>) {
    if material.topics.is_empty() {
        return;
    }
    html!(out, "<div><h2>Topics</h2>\n");
    begin(out, &["topic", "#keys", "#shown at last"]);
    for topic in &material.topics {
        let number = |number: Option<u64>| number.map_or_else(|| "not counted".to_owned(), grouped);
        html!(
            out,
            "<tr><td><bdi class=\"id\">{}</bdi></td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            isolated(&topic.name),
            number(topic.keys),
            number(topic.shown)
        );
    }
    end(out);
    if material.topics_left_out > 0 {
        html!(out, "<p class=\"note\">and {} more topics</p>", grouped(material.topics_left_out as u64));
    }
    html!(out, "</div>");
}

fn errors(out: &mut Markup, material: &Material<'_>) {
    let trouble = &material.trouble;
    let specimens = [
        ("first response that does not acknowledge", &trouble.first_unexpected),
        ("first unclear response", &trouble.first_unclear),
        ("first redirect", &trouble.first_redirect),
    ];
    if trouble.lost_because.is_empty() && specimens.iter().all(|(_, specimen)| specimen.is_none()) {
        return;
    }
    html!(out, "<h2>Errors by cause</h2>\n");
    begin(out, &["cause", "#requests", "first of them"]);
    for lost in &trouble.lost_because {
        html!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            isolated(&lost.cause),
            grouped(lost.requests),
            isolated(&lost.example)
        );
    }
    for (name, specimen) in specimens {
        if let Some(specimen) = specimen {
            html!(
                out,
                "<tr><td>{name}</td><td class=\"n\">-</td><td>{}</td></tr>",
                isolated(&specimen.to_string())
            );
        }
    }
    end(out);
}

fn observed(out: &mut Markup, verdict: &Judgement) {
    if verdict.observations.is_empty() {
        return;
    }
    html!(out, "<h2>Observed besides</h2><ul>");
    for observation in &verdict.observations {
        html!(out, "<li>{}</li>", prose(&observation.to_string()));
    }
    html!(out, "</ul>\n");
}
