//! Trust in the judge: the defects planted after a verdict are seen on every ordinary run, and
//! never falsely missed.

use judge::judge;
use judge::verdict::{Judgement, Verdict};
use truth::observed::ListingObservation;
use truth::scenario::promises::{
    Ack, Batch, CounterPromise, PayloadEquality, Promises, Received, StatsPromise,
};
use truth::target::answer::Kind;

use crate::forge::{Fate, Forge, foreign};

/// Names of the planted defects that were seen; asserts that none was missed.
#[track_caller]
fn seen(verdict: &Judgement) -> Vec<&str> {
    assert_eq!(verdict.planted.len(), 17, "{:#?}", verdict.reasons);
    let missed: Vec<_> = verdict.planted.iter().filter(|planted| planted.seen == Some(false)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    verdict.planted.iter().filter(|p| p.seen == Some(true)).map(|p| p.defect.as_str()).collect()
}

/// A run with every kind of trouble, the last rounds included.
fn troubled(round: u64, request: u32) -> Vec<Fate> {
    match (round * 31 + u64::from(request) * 7) % 23 {
        0 => vec![Fate::Unknown { executed: true }, Fate::Acked],
        1 => vec![Fate::Unknown { executed: false }, Fate::Acked],
        2 => vec![Fate::Rejected, Fate::Acked],
        3 => vec![Fate::NeverSent, Fate::Acked],
        4 => vec![Fate::Untold],
        _ => vec![Fate::Acked],
    }
}

fn promise_sets() -> Vec<Promises> {
    let strict = Promises::default();
    vec![
        strict.clone(),
        Promises { received: Some(Received::Offered), ..strict.clone() },
        Promises { batch: Some(Batch::Partial), payload: PayloadEquality::Json, ..strict.clone() },
        Promises {
            counters: Some(CounterPromise::Volatile),
            payload: PayloadEquality::None,
            ..strict.clone()
        },
        Promises { ack: Some(Ack::Queued), stats: Some(StatsPromise::Eventual), ..strict.clone() },
        Promises { shared: Some(true), intermediary_resends: Some(true), ..strict },
    ]
}

#[test]
fn all_are_seen_on_the_default_run() {
    let mut forge = Forge { width: 50, lanes: 1, ..Forge::default() };
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(20_000), 100);
    let verdict = forge.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(seen(&verdict).len(), 17, "{:?}", verdict.planted);
}

#[test]
fn none_is_missed_whatever_the_seed_the_plan_and_the_promises() {
    let shapes = [
        (600, 1, "0.3"),
        (900, 7, "0.5"),
        (1500, 20, "0.05"),
        (3000, 50, "0.9"),
        (2000, 250, "0.3"),
        (1200, 10, "0"),
    ];
    for (nth, promises) in (0_u32..).zip(promise_sets()) {
        for (shape, (count, batch, dup)) in (0_u32..).zip(shapes) {
            let fates = if (nth + shape) % 2 == 0 { troubled } else { |_, _| vec![Fate::Acked] };
            let seed = nth * 100 + batch;
            let lanes = u64::from(nth % 2) + 1;
            let mut forge = Forge { seed, nonce: u64::from(seed) * 77, lanes, fates, ..Forge::default() };
            let load = &mut forge.scenario.load;
            (load.count, load.batch, load.dup) = (Some(count), batch, dup.to_owned());
            forge.scenario.promises = promises.clone();
            let verdict = forge.run().verdict();
            seen(&verdict);
            assert_ne!(
                verdict.verdict,
                Verdict::Fail,
                "{count} {batch} {dup} {promises:?}: {:#?}",
                verdict.reasons
            );
        }
    }
}

#[test]
fn none_is_missed_on_a_target_that_is_really_broken() {
    for seed in 0..12 {
        let mut forged = Forge { seed, fates: troubled, earlier: 3, ..Forge::default() }.run();
        let last = forged.plan.keys().unwrap();
        // Damage of every kind, the keys of the last rounds first among it.
        (1..40).for_each(|back| forged.lose(last - 3 * back));
        let copies: Vec<_> = forged.rows.iter().rev().take(30).cloned().collect();
        forged.rows.extend(copies);
        forged.rows.push(foreign(500));
        for back in 1..30 {
            let key = last - 5 * back;
            let attempt = forged.attempts_of(key)[0];
            forged.tell(attempt, if back % 2 == 0 { Kind::Duplicate } else { Kind::New });
        }
        for (nth, done) in forged.dones().enumerate().filter(|(nth, _)| nth % 4 == 0) {
            done.answer.accepted = done.answer.accepted.map(|accepted| accepted + nth as u32);
        }
        let verdict = forged.verdict();
        assert_eq!(verdict.verdict, Verdict::Fail);
        seen(&verdict);
    }
}

#[test]
fn what_the_target_does_not_offer_is_not_proven_and_said_so() {
    let mut evidence = Forge::default().run().evidence();
    evidence.observed.listing = ListingObservation::none(false, None);
    evidence.observed.presence = truth::observed::presence::Presence::new(evidence.plan.keys().unwrap());
    let verdict = judge(&evidence);
    let seen = seen(&verdict);
    let of_answers = ["double-new", "late-new", "phantom-duplicate", "wrong sum"];
    let of_counters =
        ["counter too high", "counter ahead of the load", "counter that falls", "event that waits for ever"];
    assert_eq!(seen, [&of_answers[..], &of_counters[..]].concat());
    assert!(verdict.not_tested.iter().any(|line| {
        line.starts_with("self-test skipped: their checks were not made") && line.contains("loss")
    }));
}

#[test]
fn a_judge_that_could_not_be_proven_does_not_pass() {
    let fates = |_: u64, _: u32| vec![Fate::Unknown { executed: true }, Fate::Acked];
    let verdict = Forge { fates, ..Forge::default() }.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    let why =
        "self-test skipped: no key of the last answered round was acknowledged, and stored, as it should be";
    assert_eq!(verdict.reasons[0].to_string(), why);
    assert!(verdict.planted.iter().all(|planted| planted.seen.is_none()));
}

#[test]
fn an_unanswered_request_in_each_round_leaves_material_enough() {
    let verdict = Forge { fates: one_silent_in_each_round, ..Forge::default() }.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(seen(&verdict).len() >= 10, "{:?}", verdict.planted);
}

fn one_silent_in_each_round(_: u64, request: u32) -> Vec<Fate> {
    if request == 3 { vec![Fate::Unknown { executed: true }] } else { vec![Fate::Acked] }
}

#[test]
fn at_a_share_near_one_the_last_round_with_a_key_of_its_own_serves() {
    let mut forge = Forge::default();
    (forge.scenario.load.count, forge.scenario.load.dup) = (Some(20_000), "0.999".to_owned());
    let verdict = forge.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(seen(&verdict).len() >= 10, "{:?}", verdict.planted);
}

#[test]
fn a_run_with_keys_of_two_payloads_plants_one_that_stays_wrongly() {
    let mut forge = Forge::default();
    forge.scenario.traps.other_payload = 4;
    let verdict = forge.run().verdict();
    assert_eq!(verdict.planted.len(), 18);
    assert!(verdict.planted.iter().all(|planted| planted.seen == Some(true)), "{:#?}", verdict.planted);
}
