//! Stories of keys: five findings, and a key without a fault.

use std::fmt::Write;

use judge::history::histories;
use judge::verdict::{Check, Finding};
use report::fault::FaultSpan;
use report::sight::sights;
use report::story::{Protagonist, Story};
use truth::target::answer::Kind;

use crate::forge::{Fate, Forge, Forged, row};

/// Tells the story of a key and of all faults on it.
fn story(forged: &Forged, ordinal: u64) -> String {
    story_with(forged, ordinal, &[])
}

/// Tells the story of a key in a run with these faults.
fn story_with(forged: &Forged, ordinal: u64, faults_of_run: &[FaultSpan]) -> String {
    let evidence = forged.evidence();
    let verdict = forged.verdict();
    let attempts = histories(&evidence, &std::iter::once(ordinal).collect())
        .expect("a ledger that can be read")
        .remove(&ordinal)
        .unwrap_or_default();
    let topic = forged.events.topic(ordinal);
    let sights = sights(&evidence.observed, ordinal, topic);
    let faults =
        verdict.checks.iter().flat_map(|check| check.findings.iter().map(move |finding| (check, finding)));
    let faults: Vec<(&Check, &Finding)> =
        faults.filter(|(_, finding)| finding.ordinal == Some(ordinal)).collect();
    let key = Protagonist {
        ordinal: Some(ordinal),
        topic,
        event_id: &forged.events.id_text(ordinal),
        attempts: &attempts,
        sights: &sights,
        faults: faults_of_run,
    };
    let Story { sentences, rests_on } = Story::of(&key, &faults);
    sentences.iter().chain(&rests_on).fold(String::new(), |mut out, sentence| {
        writeln!(out, "{sentence}").expect("a String");
        out
    })
}

#[test]
fn five_findings_and_a_sound_key_are_told() {
    let fates = |round, request| match (round, request) {
        (2, 5) => vec![Fate::Unknown { executed: true }, Fate::Acked],
        (6, _) => vec![Fate::Rejected],
        _ => vec![Fate::Acked],
    };
    let sound = || Forge { fates, ..Forge::default() }.run();
    let mut out = String::new();
    let mut tell = |title: &str, text: String| writeln!(out, "## {title}\n{text}").unwrap();

    let mut forged = sound();
    forged.lose(449);
    tell("lost", story(&forged, 449));
    let kill = |from_us, took_effect| FaultSpan {
        planned: "kill at 40%".to_owned(),
        from_us,
        to_us: from_us + 2_000,
        remark: "signal 9 ended process 17".to_owned(),
        took_effect,
    };
    let faults = [kill(1_000, true), kill(90_000, true), kill(95_000, false)];
    tell("lost around a fault", story_with(&forged, 449, &faults));
    let mut forged = sound();
    forged.rows.push(row(&forged.events, 8));
    tell("stored twice", story(&forged, 8));
    let mut forged = sound();
    let key = forged
        .key_where(|attempts| attempts.len() == 2 && attempts[0].0 < attempts[1].0 && attempts[1].0 < 6);
    let second = forged.attempts_of(key)[1];
    forged.tell(second, Kind::New);
    tell("reported as new twice", story(&forged, key));
    let mut forged = sound();
    let alone = forged.key_where(|attempts| attempts.iter().all(|(round, ..)| *round == 6));
    forged.rows.push(row(&forged.events, alone));
    tell("rejected and stored", story(&forged, alone));
    let mut forged = sound();
    forged.lose(449);
    forged.is_complete = false;
    tell("lost, where the listing may not show all", story(&forged, 449));
    let forged = sound();
    let retried =
        forged.key_where(|attempts| attempts.iter().any(|(round, request, _)| (*round, *request) == (2, 5)));
    tell("sound", story(&forged, retried));
    insta::assert_snapshot!("stories", out);
}
