//! What waits beyond the promised time, and what was refused again and again.

use std::time::Duration;

use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Judgement, Observation, Status, Verdict};
use truth::observed::Settled;

use crate::forge::{Fate, Forge, Forged, assert_fails, check};

/// Seven events wait, and nothing moves, ten seconds after the last answer.
fn stalled(forged: &mut Forged) -> Evidence {
    (forged.settled, forged.now.pending) = (Settled::Stalled, Some(7));
    let mut evidence = forged.evidence();
    evidence.observed.stats.waited_ms = 10_000;
    evidence
}

fn status(evidence: &Evidence) -> Status {
    check(&judge(evidence), CheckId::Liveness).status
}

#[test]
fn what_stands_still_beyond_the_promised_time_fails_and_at_no_promise_is_unknown() {
    let mut evidence = stalled(&mut Forge::default().run());
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    assert!(check(&verdict, CheckId::Liveness).summary.contains("[promises] drain"), "{:?}", verdict.reasons);
    assert!(check(&verdict, CheckId::Liveness).summary.contains("--settle"));
    evidence.promises.drain = Some(Duration::from_secs(10));
    let verdict = judge(&evidence);
    assert_fails(&verdict, &[CheckId::Liveness]);
    let summary = &check(&verdict, CheckId::Liveness).summary;
    assert_eq!(summary, "7 events are still waiting 10s after the last response, and nothing moves");
    evidence.promises.drain = Some(Duration::from_millis(10_001));
    assert_eq!(status(&evidence), Status::Unknown, "within the promised time");
}

#[test]
fn what_may_be_of_others_or_still_moves_is_unknown() {
    let mut forged = Forge::default().run();
    forged.promises.drain = Some(Duration::from_secs(1));
    let evidence = stalled(&mut forged);
    assert_eq!(status(&evidence), Status::Fail);
    let mut moving = evidence.clone();
    moving.observed.stats.settled = Settled::Moving;
    assert_eq!(status(&moving), Status::Unknown);
    let mut shared = evidence.clone();
    shared.promises.shared = Some(true);
    assert_eq!(status(&shared), Status::Unknown);
    let mut blind = evidence.clone();
    blind.baseline = None;
    assert_eq!(status(&blind), Status::Unknown);
    let mut earlier = evidence;
    let before = earlier.baseline.as_mut().and_then(|baseline| baseline.stats.as_mut()).unwrap();
    before.pending = Some(6);
    assert_eq!(check(&judge(&earlier), CheckId::Liveness).count, 1, "six of them waited before the run");
    earlier.baseline.as_mut().and_then(|baseline| baseline.stats.as_mut()).unwrap().pending = Some(7);
    assert_eq!(status(&earlier), Status::Unknown);
}

#[test]
fn a_target_that_does_not_tell_what_waits_is_not_judged() {
    let mut forged = Forge::default().run();
    assert_eq!(status(&forged.evidence()), Status::Pass);
    (forged.now.pending, forged.now.processing) = (None, None);
    assert_eq!(status(&forged.evidence()), Status::NotTested);
}

/// Sets the status of all tries that were left in doubt.
fn fail_with(forged: &mut Forged, status: u16) {
    forged.dones().filter(|done| done.status == 0).for_each(|done| done.status = status);
}

fn poisoned(verdict: &Judgement) -> bool {
    verdict.observations.iter().any(|told| matches!(told, Observation::Poisoned { .. }))
}

#[test]
fn keys_that_get_nothing_but_faults_while_others_are_acknowledged_are_told() {
    const DOUBT: Fate = Fate::Unknown { executed: false };
    let fates = |round, request| match (round, request) {
        (1, 1) => vec![DOUBT, DOUBT, DOUBT],
        (5, 1) => vec![DOUBT, DOUBT, Fate::Acked],
        _ => vec![Fate::Acked],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    assert!(!poisoned(&forged.verdict()), "without an answer");
    fail_with(&mut forged, 500);
    let verdict = forged.verdict();
    assert!(poisoned(&verdict), "{:?}", verdict.observations);
    let errors = Observation::ServerErrors { responses: vec![(500, 5)] };
    assert!(verdict.observations.contains(&errors), "{:?}", verdict.observations);
    // Twice is no pattern.
    let fates = |round, request| match (round, request) {
        (1, 1) => vec![DOUBT, DOUBT],
        _ => vec![Fate::Acked],
    };
    let mut twice = Forge { fates, ..Forge::default() }.run();
    fail_with(&mut twice, 500);
    assert!(!poisoned(&twice.verdict()));
    // Nor is an outage.
    let fates = |round, _| if round == 1 { vec![DOUBT, DOUBT, DOUBT] } else { vec![Fate::Acked] };
    let mut outage = Forge { width: 16, fates, ..Forge::default() }.run();
    fail_with(&mut outage, 500);
    assert!(!poisoned(&outage.verdict()), "{:?}", outage.verdict().observations);
}
