//! Counter-example in brief, at the top of the page: key, fault, attempts with their connections, looks
//! and likely cause.

use judge::numbers::{counted, grouped};
use judge::verdict::{Attempt, Check, Fate, Finding, Judgement, Status};

use super::detail;
use super::markup::{Markup, html, isolated, prose, text};
use super::material::Material;
use crate::advice::{counter_example, first_check};
use crate::cause;
use crate::fault::FaultSpan;
use crate::findings::numbered;
use crate::sight::{sights, summary};
use crate::story::{Group, Protagonist, groups};
use crate::units::moment;

/// Most requests that are listed.
const MOST_REQUESTS: usize = 6;

/// Writes the counter-example; nothing where every check passed.
pub(super) fn write(out: &mut Markup, verdict: &Judgement, material: &Material<'_>, faults: &[FaultSpan]) {
    let example = counter_example(verdict);
    let Some(check) = first_check(verdict) else { return };
    let title = if check.status == Status::Fail { "The counter-example" } else { "What is in question" };
    html!(out, "<section class=\"brief\"><h2>{title}</h2><dl>");
    match example.map(|(_, finding)| finding) {
        Some(finding) if finding.ordinal.is_some() => write_key(out, verdict, material, faults, finding),
        other => write_other(out, check, other),
    }
    if let Some(cause) = cause::of_first(verdict, faults) {
        row(out, "Likely cause", |out| {
            html!(
                out,
                "<p>{} <small>A guess: the finding is proven, its cause is not.</small></p>",
                prose(cause)
            );
        });
    }
    html!(out, "</dl>");
    if let Some(began) = example.and(verdict.began_utc.as_deref()) {
        html!(out, "<p class=\"note\">Times count from {}.</p>", text(began));
    }
    html!(out, "</section>\n");
}

fn row(out: &mut Markup, name: &str, write: impl FnOnce(&mut Markup)) {
    html!(out, "<div><dt>{name}</dt><dd>");
    write(out);
    html!(out, "</dd></div>");
}

/// Writes what is wrong with a key, and all that was sent of it.
fn write_key(
    out: &mut Markup,
    verdict: &Judgement,
    material: &Material<'_>,
    faults: &[FaultSpan],
    finding: &Finding,
) {
    let Finding { ordinal: Some(ordinal), topic: Some(topic), event_id: Some(event_id), .. } = finding else {
        return;
    };
    row(out, "Key", |out| {
        html!(
            out,
            "<b>{}</b>, topic <bdi class=\"id\">{}</bdi>, id <bdi class=\"id\">{}</bdi>",
            grouped(*ordinal),
            isolated(topic),
            isolated(event_id)
        );
    });
    row(out, "Wrong with it", |out| {
        let of_it = |(_, one): &&(&Check, &Finding)| one.ordinal == Some(*ordinal);
        for (check, finding) in numbered(verdict).iter().filter(of_it) {
            html!(
                out,
                "<p>{} <small>({})</small></p>",
                detail::marked(check.name, &finding.detail),
                check.name
            );
        }
    });
    row(out, "Its attempts", |out| attempts(out, &finding.history));
    if let Some(twin) = material.twins.get(ordinal) {
        row(out, "The other key", |out| {
            html!(
                out,
                "<b>{}</b>, topic <bdi class=\"id\">{}</bdi>, id <bdi class=\"id\">{}</bdi>",
                grouped(twin.ordinal),
                isolated(&twin.topic),
                isolated(&twin.event_id)
            );
            attempts(out, &twin.attempts);
        });
    }
    let sights = sights(material.observed, *ordinal, topic);
    let key = Protagonist {
        ordinal: Some(*ordinal),
        topic,
        event_id,
        attempts: &finding.history,
        sights: &sights,
        faults,
    };
    let struck = key.struck_by();
    if !struck.is_empty() {
        row(out, "Faults after it left", |out| {
            struck.iter().for_each(|fault| html!(out, "<p>{}</p>", isolated(&fault.label())));
        });
    }
    if !sights.is_empty() {
        row(out, "After the run", |out| html!(out, "{}", summary(&sights)));
    }
}

/// Writes a fault that is on no key.
fn write_other(out: &mut Markup, check: &Check, finding: Option<&Finding>) {
    let detail = finding.map_or(&check.summary, |finding| &finding.detail);
    row(out, "Wrong", |out| html!(out, "<p>{} <small>({})</small></p>", prose(detail), check.name));
    let row_of_target = finding.and_then(|finding| finding.topic.as_ref().zip(finding.event_id.as_ref()));
    match row_of_target {
        Some((topic, event_id)) => row(out, "Row", |out| {
            html!(
                out,
                "topic <bdi class=\"id\">{}</bdi>, id <bdi class=\"id\">{}</bdi>",
                isolated(topic),
                isolated(event_id)
            );
        }),
        None => row(out, "Key", |out| html!(out, "none: the fault is on no single key")),
    }
    let history = finding.map_or(&[][..], |finding| &finding.history);
    if !history.is_empty() {
        row(out, "Its request", |out| attempts(out, history));
    }
}

/// Returns at most [`MOST_REQUESTS`] groups. Of more, those that a response called a duplicate are left out
/// first, because they tell the least.
fn telling<'a, 'b>(groups: &'a [Group<'b>]) -> Vec<&'a Group<'b>> {
    let is_duplicate = |group: &Group<'_>| group.copies.iter().all(|copy| copy.outcome == Fate::Duplicate);
    let mut places: Vec<usize> = (0..groups.len()).collect();
    places.sort_by_key(|place| is_duplicate(&groups[*place]));
    places.truncate(MOST_REQUESTS);
    places.sort_unstable();
    places.into_iter().map(|place| &groups[place]).collect()
}

/// Lists attempts, a line for each request.
fn attempts(out: &mut Markup, attempts: &[Attempt]) {
    let groups = groups(attempts);
    html!(out, "<ol>");
    for group in telling(&groups) {
        html!(
            out,
            "<li>at {} on <b>{}</b> ({}, {}): <b>{}</b></li>",
            moment(group.first.start_us),
            group.connection(),
            text(&group.request()),
            group.places(),
            group.answer()
        );
    }
    html!(out, "</ol>");
    let left_out = groups.len().saturating_sub(MOST_REQUESTS) as u64;
    if left_out > 0 {
        html!(
            out,
            "<p class=\"note\">and {}, shown below</p>",
            counted(left_out, "more request", "more requests")
        );
    }
}
