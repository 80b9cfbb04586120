//! Repeats that are refused while first copies are taken, and first copies that are refused.

use judge::verdict::{CheckId, Judgement, Observation, Premise, Reason, Status, Verdict};
use truth::scenario::promises::Repeat;

use crate::forge::{Fate, Forge, assert_fails, check};

/// Observation on refused repeats, if there is one.
fn observed(verdict: &Judgement) -> Option<&str> {
    verdict.observations.iter().find_map(|observation| match observation {
        Observation::RepeatsRefused { detail } => Some(detail.as_str()),
        Observation::Unpromised { summary, premise: Premise::RepeatAccepted } => Some(summary.as_str()),
        _ => None,
    })
}

#[test]
fn a_store_that_answers_each_repeat_with_500_is_told_of_and_fails_where_it_promises_to_accept() {
    let mut forged = Forge::of_single_events().run();
    forged.refuse_repeats(500, |_| true);
    forged.promises.repeat = None;
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "what it took is stored once: {:#?}", verdict.reasons);
    let detail = observed(&verdict).expect("an observation");
    assert!(detail.contains("with status 500)"), "{detail}");
    assert!(verdict.not_tested.contains(&"delayed repeats: none was observed".to_owned()));
    let unpromised = check(&verdict, CheckId::RepeatRefused);
    assert_eq!(unpromised.status, Status::NotTested, "{unpromised:?}");
    forged.promises.repeat = Some(Repeat::Accepted);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::RepeatRefused]);
    assert_eq!(observed(&verdict), None, "the check says it");
}

#[test]
fn a_share_of_refused_repeats_fails_too_if_chance_does_not_explain_it() {
    let status = |is_asked: fn(usize) -> bool, fates: fn(u64, u32) -> Vec<Fate>| {
        let mut forged = Forge { fates, ..Forge::of_single_events() }.run();
        forged.promises.repeat = Some(Repeat::Accepted);
        forged.refuse_repeats(409, is_asked);
        check(&forged.verdict(), CheckId::RepeatRefused).status
    };
    let all_taken = |_, _| vec![Fate::Acked];
    assert_eq!(status(|nth| nth % 4 == 0, all_taken), Status::Fail);
    assert_eq!(status(|nth| nth == 0, all_taken), Status::Pass);
    // A target that refuses one request in four refuses repeats too.
    let overloaded = |_, request: u32| match request % 4 {
        1 => vec![Fate::Rejected],
        _ => vec![Fate::Acked],
    };
    assert_eq!(status(|nth| nth % 4 == 0, overloaded), Status::Pass);
}

#[test]
fn a_bad_time_in_which_all_is_refused_is_no_finding() {
    // From the third round on, the target takes nothing more.
    let fates = |round, _| match round {
        0..=2 => vec![Fate::Acked],
        _ => vec![Fate::Rejected],
    };
    let mut forged = Forge { fates, ..Forge::of_single_events() }.run();
    forged.promises.repeat = Some(Repeat::Accepted);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    let refused = check(&verdict, CheckId::RepeatRefused);
    assert_eq!(refused.status, Status::Unknown, "{refused:?}");
    assert!(!refused.summary.contains("--batch"), "these are single events: {}", refused.summary);
    let is_bulk = |observation: &Observation| matches!(observation, Observation::FirstRefused { .. });
    assert!(verdict.observations.iter().any(is_bulk), "{:#?}", verdict.observations);
}

#[test]
fn most_repeats_refused_without_first_copies_in_between_is_unknown() {
    // Every request after the first round holds a repeat, and is refused.
    let fates = |round, _| match round {
        0 => vec![Fate::Acked],
        _ => vec![Fate::Rejected],
    };
    let mut forge = Forge { fates, ..Forge::default() };
    forge.scenario.load.batch = 100;
    forge.scenario.load.count = Some(8_000);
    let mix = &mut forge.scenario.mix;
    (mix.in_batch, mix.concurrent, mix.next) = (0, 0, 0);
    let mut forged = forge.run();
    let verdict = forged.verdict();
    let refused = check(&verdict, CheckId::RepeatRefused);
    assert_eq!(refused.status, Status::Unknown);
    assert!(refused.summary.ends_with("; single events (`--batch 1`) would tell"), "{}", refused.summary);
    forged.promises.repeat = None;
    assert!(observed(&forged.verdict()).is_some());
}

#[test]
fn a_run_without_a_repeat_that_was_taken_is_void_unless_the_target_refuses_repeats() {
    // From the second round on, the target takes nothing more.
    let fates = |round, _| match round {
        0 => vec![Fate::Acked],
        _ => vec![Fate::Rejected],
    };
    let mut forged = Forge { fates, ..Forge::of_single_events() }.run();
    forged.promises.repeat = None;
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Void, "{:#?}", verdict.reasons);
    let is_about_repeats =
        |reason: &Reason| matches!(reason, Reason::NoneObserved { kind, .. } if kind == "delayed repeats");
    assert!(verdict.reasons.iter().any(is_about_repeats), "{:#?}", verdict.reasons);
    assert!(observed(&verdict).is_some());
}

#[test]
fn a_few_refused_first_copies_are_not_bulk() {
    let told = |fates: fn(u64, u32) -> Vec<Fate>| {
        let verdict = Forge { fates, ..Forge::of_single_events() }.run().verdict();
        let first = verdict.observations.iter().find_map(|observation| match observation {
            Observation::FirstRefused { detail } => Some(detail.clone()),
            _ => None,
        });
        first.unwrap_or_default()
    };
    assert_eq!(
        told(|round, request| vec![if (round, request) < (0, 9) { Fate::Rejected } else { Fate::Acked }]),
        ""
    );
    let many = told(|_, request| vec![if request % 10 == 0 { Fate::Rejected } else { Fate::Acked }]);
    assert!(many.contains("with status 503"), "{many}");
}
