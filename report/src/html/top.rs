//! Top of the page: the verdict in a sentence, why, and what to do next.

use judge::numbers::grouped;
use judge::verdict::{Judgement, Observation, Verdict};

use super::brief;
use super::markup::{Markup, html, isolated, prose};
use super::material::Material;
use crate::advice::next_steps;
use crate::fault::FaultSpan;
use crate::findings::open_checks;
use crate::text::sentence;
use crate::units::time;

/// Class of a verdict, which gives it its color.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unknown => "open",
        Verdict::Void => "void",
    }
}

/// Writes the verdict, its reasons, the next steps and the key numbers.
pub(super) fn write(out: &mut Markup, verdict: &Judgement, material: &Material<'_>, faults: &[FaultSpan]) {
    let class = class(verdict.verdict);
    html!(out, "<header class=\"{class}\"><p class=\"verdict\">{}</p>", verdict.verdict.text());
    html!(out, "<h1>{}</h1>\n", isolated(sentence(verdict)));
    if !verdict.reasons.is_empty() {
        html!(out, "<ul class=\"reasons\">");
        for reason in reasons(verdict) {
            html!(out, "<li>{}</li>", named(&reason));
        }
        html!(out, "</ul>\n");
    }
    brief::write(out, verdict, material, faults);
    numbers(out, verdict, material);
    html!(out, "<section class=\"next\"><h2>What to do next</h2><ol>");
    for step in next_steps(verdict) {
        html!(out, "<li>{}</li>", prose(&step));
    }
    html!(out, "</ol></section>");
    for observation in verdict.observations.iter().filter(|one| is_first(one)) {
        html!(out, "<p class=\"note\">{}</p>", prose(&observation.to_string()));
    }
    html!(out, "</header>\n");
}

/// Returns the reasons, those of checks in the order in which their findings are shown.
fn reasons(verdict: &Judgement) -> Vec<String> {
    let checks = open_checks(verdict);
    let place = |reason: &String| {
        let name = reason.split(": ").next().unwrap_or_default();
        checks.iter().position(|check| check.name.text() == name)
    };
    let mut reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
    reasons.sort_by_key(|reason| place(reason).unwrap_or(checks.len()));
    reasons
}

/// Writes a reason, with the name of its check set apart.
fn named(reason: &str) -> String {
    match reason.split_once(": ").filter(|(name, _)| !name.contains(' ')) {
        Some((name, rest)) => format!("<b>{}</b>: {}", isolated(name), prose(rest)),
        None => prose(reason),
    }
}

/// Returns true for an observation that comes before all else.
fn is_first(observation: &Observation) -> bool {
    matches!(
        observation,
        Observation::OfFirstRelease | Observation::Unfinished { .. } | Observation::SentinelsAdded { .. }
    )
}

fn numbers(out: &mut Markup, verdict: &Judgement, material: &Material<'_>) {
    let sent = &verdict.attempts;
    let series = &material.series;
    let sum = series.sum();
    let seconds = series.length_ns() as f64 / 1e9;
    let rate = if seconds > 0.0 { sum.sent.sum() as f64 / seconds } else { 0.0 };
    let mut numbers = vec![
        ("attempts sent", grouped(sent.sent)),
        ("keys acknowledged", grouped(sent.acked_keys)),
        ("keys of unknown fate", grouped(sent.doubtful_keys)),
    ];
    if !series.bins.is_empty() {
        numbers.push(("sending took", time(series.length_ns() / 1000)));
        numbers.push(("events a second", grouped(rate.round() as u64)));
    }
    if let Some(p99) = sum.response.quantile_us(0.99) {
        numbers.push(("response time p99", time(p99)));
    }
    html!(out, "<dl class=\"numbers\">");
    for (name, number) in numbers {
        html!(out, "<div><dt>{name}</dt><dd>{number}</dd></div>");
    }
    html!(out, "</dl>\n");
    if sent.doubtful_keys > 0 {
        html!(
            out,
            "<p class=\"note\">A key is of unknown fate if it was sent and no response told its fate: it may be stored once, or not at all.</p>\n"
        );
    }
}
