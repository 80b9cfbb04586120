//! Keys that are sent with two payloads: which one a store may hold.

use judge::verdict::{CheckId, Status, Verdict};
use truth::plan::variant::{Origin, Side};
use truth::scenario::promises::{Ack, Conflict, PayloadEquality, Refused};
use truth::target::answer::Kind;

use crate::forge::{Fate, Forge, Forged, assert_fails, assert_names, check};

fn forge() -> Forge {
    let mut forge = Forge::default();
    forge.scenario.traps.other_payload = 4;
    forge
}

#[test]
fn a_store_that_keeps_its_promise_passes_and_one_that_keeps_the_other_fails() {
    for (last_wins, conflict) in [(false, Conflict::FirstWins), (true, Conflict::LastWins)] {
        let mut forged = Forge { last_wins, ..forge() }.run();
        forged.promises.conflict = Some(conflict);
        let verdict = forged.verdict();
        assert_eq!(verdict.verdict, Verdict::Pass, "{conflict:?}: {:#?}", verdict.reasons);
        assert_eq!(check(&verdict, CheckId::WrongWinner).status, Status::Pass);
        forged.promises.conflict = Some(match conflict {
            Conflict::FirstWins => Conflict::LastWins,
            Conflict::LastWins | Conflict::Reject => Conflict::FirstWins,
        });
        assert_fails(&forged.verdict(), &[CheckId::WrongWinner]);
    }
}

#[test]
fn one_key_that_holds_the_other_payload_is_named_with_it() {
    let mut forged = forge().run();
    let key = contested(&forged);
    hold_the_other(&mut forged, key);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::WrongWinner]);
    assert_names(&verdict, CheckId::WrongWinner, key);
    let found = &check(&verdict, CheckId::WrongWinner).findings[0];
    assert!(found.detail.contains("cannot have been the first") && !found.history.is_empty(), "{found:?}");
}

/// A key of two payloads.
fn contested(forged: &Forged) -> u64 {
    (0..).find(|key| forged.events.variant(*key).is_some()).expect("one key in four")
}

/// Gives a key's row its other payload.
fn hold_the_other(forged: &mut Forged, key: u64) {
    let payloads = [Side::Plain, Side::Other].map(|side| Some(forged.events.payload(key, side)));
    let id = forged.events.id_text(key);
    let row = forged.rows.iter_mut().find(|row| row.event_id == id).expect("stored");
    row.payload = payloads.into_iter().find(|payload| *payload != row.payload).expect("two payloads");
}

#[test]
fn attempts_whose_fate_is_unknown_never_make_a_wrong_winner() {
    for (last_wins, conflict) in [(false, Conflict::FirstWins), (true, Conflict::LastWins)] {
        for seed in 0..12 {
            let fates = |round: u64, request: u32| match (round + u64::from(request)) % 5 {
                0 => vec![Fate::Unknown { executed: true }],
                1 => vec![Fate::Unknown { executed: false }],
                2 => vec![Fate::Unknown { executed: request.is_multiple_of(2) }, Fate::Untold],
                3 => vec![Fate::Untold],
                _ => vec![Fate::Acked],
            };
            let mut forged = Forge { fates, last_wins, seed, ..forge() }.run();
            forged.promises.conflict = Some(conflict);
            assert_fails(&forged.verdict(), &[]);
        }
    }
}

#[test]
fn a_request_that_was_refused_may_have_stored_its_payload_unless_refusals_have_no_effect() {
    let fates = |round: u64, _: u32| if round == 0 { vec![Fate::Rejected] } else { vec![Fate::Acked] };
    let mut forged = Forge { fates, ..forge() }.run();
    let side = |forged: &Forged, key: u64, (round, request, place): (u64, u32, usize)| {
        forged.events.side(key, Origin::Planned { round, request }, place)
    };
    let refused_first = |key: &u64| {
        let attempts = forged.attempts_of(*key);
        let [first, others @ ..] = attempts.as_slice() else { return false };
        forged.events.variant(*key).is_some()
            && first.0 == 0
            && others
                .iter()
                .all(|other| other.0 > 0 && side(&forged, *key, *other) != side(&forged, *key, *first))
            && !others.is_empty()
    };
    let key = forged.evidence().keys.find(refused_first).expect("a key of two payloads, one of them refused");
    hold_the_other(&mut forged, key);
    // To the target all further copies are repeats.
    for attempt in forged.attempts_of(key).into_iter().skip(1) {
        forged.tell(attempt, Kind::Duplicate);
    }
    forged.promises.refused = None;
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::WrongWinner).status, Status::Pass, "{:#?}", verdict.checks);
    forged.promises.refused = Some(Refused::NoEffect);
    assert_names(&forged.verdict(), CheckId::WrongWinner, key);
}

#[test]
fn inside_one_request_the_order_is_the_targets_own_affair() {
    let forged = forge().run();
    let sides = |key: u64| {
        let carried = |(round, request, place): &(u64, u32, usize)| {
            forged.events.side(key, Origin::Planned { round: *round, request: *request }, *place)
        };
        forged.attempts_of(key).iter().map(carried).collect::<Vec<Side>>()
    };
    let in_one_request = |key: &u64| {
        let attempts = forged.attempts_of(*key);
        matches!(attempts.as_slice(), [one, two, ..] if one.0 == two.0 && one.1 == two.1) && {
            let sides = sides(*key);
            sides[0] != sides[1]
        }
    };
    let contested = (0..1_400).filter(|key| forged.events.variant(*key).is_some());
    let keys: Vec<u64> = contested.filter(in_one_request).collect();
    assert!(keys.len() > 5, "{keys:?}");
    let mut other = forged.clone();
    keys.iter().for_each(|key| hold_the_other(&mut other, *key));
    assert_fails(&other.verdict(), &[]);
}

#[test]
fn a_target_that_promises_to_refuse_and_takes_both_is_named() {
    let mut forged = forge().run();
    forged.promises.conflict = Some(Conflict::Reject);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::WrongWinner]);
    let summary = &check(&verdict, CheckId::WrongWinner).summary;
    assert!(summary.contains("differs from one that was acknowledged"), "{summary}");
}

#[test]
fn a_target_that_takes_two_spellings_for_one_payload_has_nothing_to_refuse() {
    let mut forge = Forge::default();
    (forge.scenario.traps.key_order, forge.scenario.traps.number_spelling) = (4, 4);
    let mut forged = forge.run();
    forged.promises.conflict = Some(Conflict::Reject);
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(check(&verdict, CheckId::WrongWinner).status, Status::NotTested);
}

#[test]
fn a_run_of_which_every_round_was_refused_in_part_is_judged() {
    let fates = |_: u64, request: u32| if request == 1 { vec![Fate::Rejected] } else { vec![Fate::Acked] };
    let verdict = Forge { fates, ..Forge::default() }.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let proven = verdict.planted.iter().filter(|planted| planted.seen == Some(true)).count();
    assert!(proven >= 10, "{:#?}", verdict.planted);
}

#[test]
fn what_cannot_be_told_is_not_judged() {
    let mut damaged = forge().run();
    let key = contested(&damaged);
    hold_the_other(&mut damaged, key);
    let not_tested = |forged: &Forged, why: &str| {
        let verdict = forged.verdict();
        assert_fails(&verdict, &[]);
        let check = check(&verdict, CheckId::WrongWinner);
        assert!(check.status == Status::NotTested && check.summary.contains(why), "{check:?}");
    };
    let mut forged = damaged.clone();
    forged.promises.ack = Some(Ack::Queued);
    not_tested(&forged, "only promises to store later");
    let mut forged = forge().run();
    (forged.promises.conflict, forged.promises.ack) = (Some(Conflict::Reject), Some(Ack::Queued));
    not_tested(&forged, "only promises to store later");
    let mut forged = damaged.clone();
    forged.promises.intermediary_resends = Some(true);
    not_tested(&forged, "may send a request again");
    damaged.promises.payload = PayloadEquality::None;
    not_tested(&damaged, "no payloads are shown");
    not_tested(&Forge::default().run(), "no key was sent with two payloads");
}

#[test]
fn one_json_in_two_spellings_is_told_apart_only_where_text_is_promised() {
    for trap in ["key_order", "number_spelling"] {
        let mut forge = Forge::default();
        match trap {
            "key_order" => forge.scenario.traps.key_order = 4,
            _ => forge.scenario.traps.number_spelling = 4,
        }
        let mut forged = forge.run();
        assert_eq!(forged.verdict().verdict, Verdict::Pass, "{:#?}", forged.verdict().reasons);
        let key = contested(&forged);
        hold_the_other(&mut forged, key);
        assert_fails(&forged.verdict(), &[CheckId::WrongWinner]);
        forged.promises.payload = PayloadEquality::Json;
        let verdict = forged.verdict();
        assert_fails(&verdict, &[]);
        let check = check(&verdict, CheckId::WrongWinner);
        assert_eq!(check.status, Status::NotTested);
        assert!(check.summary.contains("only under `payload = \"exact\"`"), "{}", check.summary);
    }
}
