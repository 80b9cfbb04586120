//! Traces of what was found, and the troubles that the sender tells of.

use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Verdict};
use truth::plan::trace::{Departure, Traces};
use truth::record::trouble::{LostBecause, Specimen, Trouble};

use crate::forge::{Forge, Forged, check};

/// Returns the evidence of a run whose requests were traced.
fn traced(forged: &Forged) -> Evidence {
    Evidence { traces: Some(Traces::new(&forged.plan)), ..forged.evidence() }
}

#[test]
fn each_attempt_of_a_key_names_its_trace_if_the_run_was_traced() {
    let mut forged = Forge::default().run();
    let key = forged.key_where(|attempts| attempts.len() == 2);
    forged.lose(key);
    let [first, second] = *forged.attempts_of(key) else { panic!("two attempts") };
    let verdict = judge(&traced(&forged));
    let finding = &check(&verdict, CheckId::Lost).findings[0];
    let mut named: Vec<&str> =
        finding.history.iter().map(|attempt| attempt.traceparent.as_deref().unwrap()).collect();
    let of = |(round, request, _): (u64, u32, usize)| {
        let departure = Departure { round, request, try_number: 0 };
        let ordinals = forged.plan.round(round);
        Traces::new(&forged.plan).of_request(departure, ordinals.request(request)).to_string()
    };
    let mut expected = [of(first), of(second)];
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected);

    let untraced = forged.verdict();
    let finding = &check(&untraced, CheckId::Lost).findings[0];
    assert!(finding.history.iter().all(|attempt| attempt.traceparent.is_none()), "{finding:#?}");
    assert_eq!(untraced.verdict, verdict.verdict);
}

#[test]
fn a_response_at_fault_names_the_trace_of_its_request() {
    let mut forged = Forge::default().run();
    forged.dones().nth(9).unwrap().answer.accepted = Some(21);
    let verdict = judge(&traced(&forged));
    let finding = &check(&verdict, CheckId::AnswerSum).findings[0];
    assert!(finding.traceparent.as_ref().is_some_and(|text| text.len() == 55), "{finding:#?}");
    let untraced = forged.verdict();
    assert_eq!(check(&untraced, CheckId::AnswerSum).findings[0].traceparent, None);
}

#[test]
fn the_events_of_a_key_name_a_trace_of_their_own() {
    let mut forge = Forge::default();
    forge.scenario.events.payload.template = Some(r#"{"n":{{n}},"t":"{{traceparent}}"}"#.to_owned());
    let mut forged = forge.run();
    let key = forged.key_where(|attempts| attempts.len() == 1);
    forged.lose(key);
    let verdict = forged.verdict();
    let finding = &check(&verdict, CheckId::Lost).findings[0];
    let own = Traces::new(&forged.plan).of_event(key).to_string();
    assert_eq!(finding.traceparent.as_deref(), Some(&*own));
}

#[test]
fn the_senders_troubles_are_told_and_decide_nothing() {
    let forged = Forge::default().run();
    let lost = |cause: &str, requests, example: &str| LostBecause {
        cause: cause.to_owned(),
        requests,
        example: example.to_owned(),
    };
    let one = Trouble { lost_because: vec![lost("chunks", 3, "chunks are broken")], ..Trouble::default() };
    let first = Specimen { status: 302, location: Some("/login".to_owned()), body: "\u{1b}[2J".to_owned() };
    let other = Trouble {
        lost_because: vec![lost("length", 1, "no length"), lost("chunks", 1_000, "chunks are broken")],
        first_unexpected: Some(first),
        first_unclear: Some(Specimen { status: 200, location: None, body: "<html>".to_owned() }),
        ..Trouble::default()
    };
    let trouble = Trouble::sum([one, other].iter());
    let verdict = judge(&Evidence { trouble, ..forged.evidence() });
    let told: Vec<String> = verdict.observations.iter().map(ToString::to_string).collect();
    for sentence in [
        "requests without a whole response: chunks are broken (1,003), no length (1)",
        "first response that does not acknowledge: status 302 to /login, body `\\u{1b}[2J`",
        "no response fits [target.answer], so each 2xx acknowledges; the first is status 200, body `<html>`",
    ] {
        assert!(told.iter().any(|told| told == sentence), "{sentence}: {told:#?}");
    }
    assert_eq!(verdict.verdict, Verdict::Pass);
}
