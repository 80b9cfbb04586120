//! Findings: each fault with its swim lane or another picture, its story, its attempts, and what it
//! rests on.

use std::collections::BTreeMap;

use judge::checks::REGISTRY;
use judge::numbers::{counted, grouped};
use judge::verdict::{Check, CheckId, Finding, Judgement, Status};

use super::charts::Charts;
use super::markup::{Markup, html, isolated, prose};
use super::material::Material;
use super::swimlane::Swimlane;
use super::{attempts, detail, pictures, premises, words};
use crate::fault::FaultSpan;
use crate::findings::{in_order, open_checks};
use crate::pattern::patterns;
use crate::sight::{Sight, sights};
use crate::story::{Protagonist, Story};

/// Findings of a check that are shown at once. The others are folded, so that they bury nothing.
const UNFOLDED: usize = 1;

/// Writes the findings of all checks that did not pass; nothing if there are none.
pub(super) fn write(out: &mut Markup, verdict: &Judgement, material: &Material<'_>, charts: &mut Charts<'_>) {
    let checks = open_checks(verdict);
    if checks.is_empty() {
        return;
    }
    html!(out, "<section id=\"findings\"><h2>Findings</h2>\n");
    for note in notes(verdict) {
        html!(out, "<p>{note}</p>\n");
    }
    let mut findings = checks.iter().flat_map(|check| &check.findings);
    if findings.any(|finding| !finding.history.is_empty() || finding.topic.is_some()) {
        legend(out);
    }
    words::write(out);
    let mut number = 1;
    let mut told = BTreeMap::new();
    for check in checks {
        begin(out, check);
        let faults = charts.axis.faults;
        let mut section = Section { check, first_number: number, material, faults, told: &mut told };
        section.write(out, verdict, charts);
        number += check.findings.len();
        html!(out, "</section>\n");
    }
    html!(out, "</section>\n");
}

/// Sentences that tell consequences from causes.
fn notes(verdict: &Judgement) -> Vec<&'static str> {
    let checks = open_checks(verdict);
    let is_open = |id: CheckId| checks.iter().any(|check| check.name == id);
    let passed =
        |id: CheckId| verdict.checks.iter().any(|check| check.name == id && check.status == Status::Pass);
    let mut notes = Vec::new();
    if !checks.iter().any(|check| check.findings.iter().any(|finding| finding.ordinal.is_some()))
        && passed(CheckId::Lost)
        && passed(CheckId::StoredTwice)
    {
        notes.push("No finding is on a key: each acknowledged event is listed, and none is stored twice.");
    }
    if is_open(CheckId::ListingUnsound) && is_open(CheckId::StoredTwice) {
        notes.push(
            "A key that is stored twice is listed twice. Where a page of the listing ends between its copies, \
             <code>listing-unsound</code> counts them, too.",
        );
    }
    notes
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
         <span class=\"key missed\"><i></i>not seen</span>\
         <span class=\"key cut\"><i></i>time left out</span></p>\n\
         <p class=\"note\">The left part of a picture has the clock of the run. The right part begins when verify \
         began to look, after the run.</p>\n"
    );
}

fn begin(out: &mut Markup, check: &Check) {
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
        counted(check.count, "case", "cases"),
        prose(&check.summary)
    );
    if let Some(registered) = REGISTRY.iter().find(|registered| registered.id == check.name) {
        html!(out, "<p class=\"note\">This check fails when {}.</p>\n", prose(registered.fails_when));
    }
}

/// Section of a check.
struct Section<'a> {
    check: &'a Check,
    /// Number of its first finding, as `verify explain --finding` takes it.
    first_number: usize,
    material: &'a Material<'a>,
    faults: &'a [FaultSpan],
    /// Keys that were told of, each with the number of its finding.
    told: &'a mut BTreeMap<u64, usize>,
}

impl Section<'_> {
    fn write(&mut self, out: &mut Markup, verdict: &Judgement, charts: &mut Charts<'_>) {
        let findings = in_order(self.check);
        let patterns = patterns(self.check, self.faults);
        for pattern in &patterns {
            html!(out, "<p class=\"pattern\">{}</p>\n", prose(&pattern.sentence));
        }
        let is_plain = |finding: &&&Finding| finding.topic.is_none() && finding.history.is_empty();
        let plain = findings.iter().take_while(is_plain).count();
        self.write_plain(out, &findings[..plain]);
        if plain > 0 || findings.is_empty() {
            pictures::draw(out, self.check, verdict, charts, &self.material.readings);
        }
        let unfolded = (plain + UNFOLDED).min(findings.len());
        for (nth, finding) in findings[..unfolded].iter().enumerate().skip(plain) {
            self.write_finding(out, finding, nth);
        }
        premises::write(out, &self.check.premises);
        if unfolded < findings.len() {
            self.begin_folded(out, findings.len() - unfolded);
            for (nth, finding) in findings.iter().enumerate().skip(unfolded) {
                self.write_finding(out, finding, nth);
            }
            html!(out, "</details>\n");
        }
    }

    /// Writes the findings that are one sentence each.
    fn write_plain(&self, out: &mut Markup, findings: &[&Finding]) {
        if findings.is_empty() {
            return;
        }
        html!(out, "<ul class=\"plain\">");
        for (number, finding) in (self.first_number..).zip(findings) {
            html!(out, "<li><small>Finding {number}</small> {}</li>", prose(&finding.detail));
        }
        html!(out, "</ul>\n");
    }

    fn begin_folded(&self, out: &mut Markup, folded: usize) {
        let all = self.check.count;
        let name = self.check.name;
        let of = if self.check.findings.len() as u64 == all {
            String::new()
        } else {
            format!(", of {} in all", grouped(all))
        };
        let more = counted(folded as u64, "more finding", "more findings");
        html!(out, "<details class=\"more\"><summary>{more} of <code>{name}</code>{of}</summary>");
    }

    fn write_finding(&mut self, out: &mut Markup, finding: &Finding, nth: usize) {
        let number = self.first_number + nth;
        html!(out, "<article class=\"finding\"><h4><small>Finding {number}</small>");
        match (&finding.topic, &finding.event_id) {
            (Some(topic), Some(event_id)) => {
                match finding.ordinal {
                    Some(ordinal) => html!(out, " Key {}", grouped(ordinal)),
                    None => html!(out, " Row"),
                }
                html!(
                    out,
                    " <bdi class=\"id\">{}</bdi> <bdi class=\"id\">{}</bdi></h4>",
                    isolated(topic),
                    isolated(event_id)
                );
                let before = finding.ordinal.and_then(|ordinal| self.told.get(&ordinal).copied());
                match before {
                    Some(before) => self.write_conclusion(out, finding, before),
                    None => self.write_key(out, finding, topic, event_id, nth),
                }
                self.told
                    .extend(finding.ordinal.map(|ordinal| (ordinal, number)).filter(|_| before.is_none()));
            }
            _ => {
                html!(out, "</h4><p>{}</p>\n", prose(&finding.detail));
                self.write_request(out, finding);
            }
        }
        html!(out, "</article>\n");
    }

    /// Writes what follows from the attempts that another finding shows.
    fn write_conclusion(&self, out: &mut Markup, finding: &Finding, before: usize) {
        let story = Story::of_fault(self.check, finding);
        let conclusion = story.sentences.last().map_or("", String::as_str);
        html!(out, "<p>{}</p>", prose(conclusion));
        html!(out, "<p class=\"note\">Finding {before} shows its attempts.</p>\n");
        self.write_twin(out, finding);
    }

    fn write_key(&self, out: &mut Markup, finding: &Finding, topic: &str, event_id: &str, nth: usize) {
        html!(out, "<p>{}</p>\n", detail::marked(self.check.name, &finding.detail));
        let observed = self.material.observed;
        let sights: Vec<Sight> =
            finding.ordinal.map(|ordinal| sights(observed, ordinal, topic)).unwrap_or_default();
        let key = Protagonist {
            ordinal: finding.ordinal,
            topic,
            event_id,
            attempts: &finding.history,
            sights: &sights,
            faults: self.faults,
        };
        let label = match finding.ordinal {
            Some(ordinal) => format!("attempts and looks of key {ordinal}"),
            None => "looks of the row".to_owned(),
        };
        let faults = key.struck_by();
        let attempts = key.attempts;
        Swimlane { label, attempts, sights: &sights, faults, has_places: true }.draw(out);
        let open = if nth == 0 { " open" } else { "" };
        html!(out, "<details{open}><summary>The story</summary><ol class=\"story\">");
        for sentence in Story::of(&key, &[(self.check, finding)]).sentences {
            html!(out, "<li>{}</li>", prose(&sentence));
        }
        html!(out, "</ol>");
        attempts::write(out, attempts);
        html!(out, "</details>");
        self.write_twin(out, finding);
    }

    /// Draws the key that this one was taken for, if it was.
    fn write_twin(&self, out: &mut Markup, finding: &Finding) {
        let twin = finding.ordinal.and_then(|ordinal| self.material.twins.get(&ordinal));
        let Some(twin) = twin.filter(|_| self.check.name == CheckId::KeyMerged) else { return };
        let ordinal = grouped(twin.ordinal);
        let (topic, event_id) = (isolated(&twin.topic), isolated(&twin.event_id));
        html!(
            out,
            "<h4>The other key: {ordinal} <bdi class=\"id\">{topic}</bdi> <bdi class=\"id\">{event_id}</bdi></h4>"
        );
        let sights = sights(self.material.observed, twin.ordinal, &twin.topic);
        let label = format!("attempts and looks of key {ordinal}");
        let faults = Vec::new();
        Swimlane { label, attempts: &twin.attempts, sights: &sights, faults, has_places: true }.draw(out);
        attempts::write(out, &twin.attempts);
    }

    /// Draws the request of a fault that is on one.
    fn write_request(&self, out: &mut Markup, finding: &Finding) {
        let lane = Swimlane {
            label: "the request".to_owned(),
            attempts: &finding.history,
            sights: &[],
            faults: Vec::new(),
            has_places: false,
        };
        lane.draw(out);
    }
}
