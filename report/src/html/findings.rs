//! Findings: each fault with its swim lane, its story, its attempts, and what it rests on.

use judge::numbers::{counted, grouped};
use judge::verdict::{Check, Finding, Ground, Judgement, SHOWN_KEYS, Standing, Status};

use super::lane;
use super::markup::{Markup, html, prose, text};
use super::material::Material;
use crate::sight::{Sight, sights};
use crate::story::{Protagonist, Story, groups};
use crate::units::moment;

/// Writes the findings of all checks that did not pass; nothing if there are none.
pub(super) fn write(out: &mut Markup, verdict: &Judgement, material: &Material<'_>) {
    let checks: Vec<&Check> = verdict
        .checks
        .iter()
        .filter(|check| matches!(check.status, Status::Fail | Status::Unknown))
        .collect();
    if checks.is_empty() {
        return;
    }
    html!(out, "<section id=\"findings\"><h2>Findings</h2>\n");
    legend(out);
    let mut number = 0;
    for check in checks {
        write_check(out, check, number, material);
        number += check.findings.len();
    }
    html!(out, "</section>\n");
}

fn legend(out: &mut Markup) {
    html!(
        out,
        "<p class=\"legend\"><span class=\"key planned\"><i></i>due</span>\
         <span class=\"key new\"><i></i>first byte to response: new</span>\
         <span class=\"key duplicate\"><i></i>duplicate</span>\
         <span class=\"key accepted\"><i></i>accepted</span>\
         <span class=\"key rejected\"><i></i>rejected</span>\
         <span class=\"key unknown\"><i></i>unknown</span>\
         <span class=\"key fault\"><i></i>fault</span>\
         <span class=\"key seen\"><i></i>seen by a look</span>\
         <span class=\"key missed\"><i></i>not seen</span></p>\n"
    );
}

fn write_check(out: &mut Markup, check: &Check, before: usize, material: &Material<'_>) {
    let (class, word) = match check.status {
        Status::Fail => ("fail", "FAIL"),
        _ => ("open", "UNKNOWN"),
    };
    html!(
        out,
        "<section class=\"check {class}\" id=\"check-{}\"><h3><span class=\"word\">{word}</span> {}",
        check.name,
        check.name
    );
    html!(
        out,
        " <small>{}</small></h3><p>{}</p>\n",
        counted(check.count, "fault", "faults"),
        prose(&check.summary)
    );
    for (nth, finding) in check.findings.iter().enumerate() {
        write_finding(out, check, finding, Number { of_all: before + nth + 1, is_first: nth == 0 }, material);
    }
    let shown = check.findings.len();
    if (shown as u64) < check.count && shown == SHOWN_KEYS {
        html!(out, "<p class=\"note\">The first {shown} of {} are shown.</p>", grouped(check.count));
    }
    premises(out, &check.premises);
    html!(out, "</section>\n");
}

/// Place of a finding.
#[derive(Clone, Copy)]
struct Number {
    /// Number among all findings, from 1, as `verify explain --finding` takes it.
    of_all: usize,
    /// True for the first of its check.
    is_first: bool,
}

fn write_finding(
    out: &mut Markup,
    check: &Check,
    finding: &Finding,
    number: Number,
    material: &Material<'_>,
) {
    let (Some(topic), Some(event_id)) = (&finding.topic, &finding.event_id) else {
        if finding.detail != check.summary {
            html!(out, "<article class=\"finding\"><p>{}</p></article>\n", prose(&finding.detail));
        }
        return;
    };
    let sights: Vec<Sight> =
        finding.ordinal.map(|ordinal| sights(material.observed, ordinal, topic)).unwrap_or_default();
    let key = Protagonist {
        ordinal: finding.ordinal,
        topic,
        event_id,
        attempts: &finding.history,
        sights: &sights,
        is_sharded: material.shards > 1,
    };
    html!(out, "<article class=\"finding\"><h4><small>Finding {}</small> ", number.of_all);
    match finding.ordinal {
        Some(ordinal) => html!(out, "Key {}", grouped(ordinal)),
        None => html!(out, "Row"),
    }
    html!(
        out,
        " <bdi class=\"id\">{}</bdi> <bdi class=\"id\">{}</bdi></h4><p>{}</p>\n",
        text(topic),
        text(event_id),
        prose(&finding.detail)
    );
    lane::draw(out, &key, &material.faults);
    let is_open = if number.is_first { " open" } else { "" };
    html!(out, "<details{is_open}><summary>The story</summary><ol class=\"story\">");
    for sentence in Story::of(&key, &[(check, finding)]).sentences {
        html!(out, "<li>{}</li>", prose(&sentence));
    }
    html!(out, "</ol>");
    attempts(out, &key);
    html!(out, "</details></article>\n");
}

/// Table of the attempts, for a reader who does not see the picture.
fn attempts(out: &mut Markup, key: &Protagonist<'_>) {
    if key.attempts.is_empty() {
        return;
    }
    let has_traces = key.attempts.iter().any(|attempt| attempt.traceparent.is_some());
    let heads = ["due", "left", "ended"].map(|head| format!("<th class=\"n\">{head}</th>")).concat();
    let trace = if has_traces { "<th>trace</th>" } else { "" };
    html!(
        out,
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"attempts\"><thead><tr>{heads}<th>response</th><th>connection</th><th>request</th><th>place</th>{trace}</tr></thead><tbody>"
    );
    for group in groups(key.attempts) {
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
            group.connection(key.is_sharded),
            text(&group.request()),
            group.places(),
        );
    }
    html!(out, "</tbody></table></div>");
}

/// Class of a standing.
fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Promised | Standing::Shown => "holds",
        Standing::Assumed | Standing::Refuted => "lacks",
    }
}

/// Table of premises.
pub(super) fn premises(out: &mut Markup, premises: &[Ground]) {
    if premises.is_empty() {
        return;
    }
    html!(
        out,
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"premises\"><thead><tr><th>rests on</th><th>standing</th><th>because</th></tr></thead><tbody>"
    );
    for ground in premises {
        let Ground { premise, standing, because } = ground;
        html!(
            out,
            "<tr><td>{}</td><td><span class=\"standing {}\">{}</span></td>",
            text(premise.statement()),
            class(*standing),
            standing.text()
        );
        let remedy =
            ground.remedy().map(|remedy| format!("; to decide: {}", prose(remedy))).unwrap_or_default();
        html!(out, "<td>{}{remedy}</td></tr>", prose(because));
    }
    html!(out, "</tbody></table></div>\n");
}
