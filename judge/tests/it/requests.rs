//! The checks of whole requests: `torn-batch` and `batch-counts`; and `foreign-lost`.

use judge::verdict::{CheckId, Judgement, Status, Verdict};
use truth::record::ledger::{Done, Scope};
use truth::scenario::promises::{Ack, Batch};
use truth::target::answer::Kinds;

use crate::forge::{Fate, Forge, Forged, assert_fails, assert_names, check, row};

/// One request of round 2 has no answer: executed, or not.
fn in_doubt(executed: bool, silent: bool) -> Forged {
    let fates = match (executed, silent) {
        (true, false) => |round, request| one(round, request, Fate::Unknown { executed: true }),
        (false, false) => |round, request| one(round, request, Fate::Unknown { executed: false }),
        (true, true) => |round, request| one(round, request, Fate::Silent { executed: true }),
        (false, true) => |round, request| one(round, request, Fate::Silent { executed: false }),
    };
    Forge { fates, ..Forge::default() }.run()
}

fn one(round: u64, request: u32, fate: Fate) -> Vec<Fate> {
    if (round, request) == (2, 5) { vec![fate] } else { vec![Fate::Acked] }
}

/// Lets a response count one new event less or more, and one duplicate more or less.
fn shift(done: &mut Done, by: i64) {
    let plus =
        |count: Option<u32>, by: i64| count.and_then(|count| u32::try_from(i64::from(count) + by).ok());
    done.answer.inserted = plus(done.answer.inserted, by);
    done.answer.duplicates = plus(done.answer.duplicates, -by);
}

#[test]
fn counts_of_new_events_add_up_to_the_keys() {
    let forged = Forge { fates: |_, _| vec![Fate::Untold], ..Forge::default() }.run();
    let sound = forged.verdict();
    let summary = &check(&sound, CheckId::BatchCounts).summary;
    assert!(summary.ends_with("count each key once"), "{summary}");
    let mut one_too_few = forged.clone();
    shift(one_too_few.dones().nth(9).expect("a response"), -1);
    let verdict = one_too_few.verdict();
    assert_fails(&verdict, &[CheckId::BatchCounts]);
    let summary = &check(&verdict, CheckId::BatchCounts).summary;
    assert_eq!(summary, "all responses together count 1,399 new events, but 1,400 keys were acknowledged");
    // A later copy of a key of the same round can have been new, as far as its request alone says.
    let too_many = (0..forged.clone().dones().count()).find_map(|nth| {
        let mut forged = forged.clone();
        shift(forged.dones().nth(nth).expect("a response"), 1);
        let verdict = forged.verdict();
        let check = check(&verdict, CheckId::BatchCounts).clone();
        check.summary.starts_with("all responses together count 1,401").then_some(check.status)
    });
    assert_eq!(too_many, Some(Status::Fail));
}

#[test]
fn an_attempt_whose_effect_is_open_may_have_stored_what_no_response_counts_as_new() {
    for fate in [Fate::Unknown { executed: false }, Fate::Rejected, Fate::Silent { executed: false }] {
        let fates = match fate {
            Fate::Rejected => |round, request| {
                if (round, request) == (2, 5) { vec![Fate::Rejected] } else { vec![Fate::Untold] }
            },
            Fate::Silent { .. } => |round, request| {
                if (round, request) == (2, 5) {
                    vec![Fate::Silent { executed: false }]
                } else {
                    vec![Fate::Untold]
                }
            },
            _ => |round, request| {
                if (round, request) == (2, 5) {
                    vec![Fate::Unknown { executed: false }]
                } else {
                    vec![Fate::Untold]
                }
            },
        };
        let mut forged = Forge { fates, ..Forge::default() }.run();
        shift(forged.dones().nth(9).expect("a response"), -1);
        let verdict = forged.verdict();
        let check = check(&verdict, CheckId::BatchCounts);
        assert_eq!(check.status, Status::Pass, "{fate:?} {check:#?}");
    }
    let mut forged = Forge { fates: |_, _| vec![Fate::Untold], ..Forge::default() }.run();
    shift(forged.dones().nth(9).expect("a response"), -1);
    let mut queued = forged.clone();
    queued.promises.ack = Some(Ack::Queued);
    assert_eq!(check(&queued.verdict(), CheckId::BatchCounts).status, Status::Pass);
    forged.dones().next().expect("a response").status = 202;
    assert_eq!(check(&forged.verdict(), CheckId::BatchCounts).status, Status::Pass);
}

/// The keys that the request in doubt alone carried.
fn its_own(forged: &Forged) -> Vec<u64> {
    let keys = forged.plan.round(2).request(5).to_vec();
    let alone = |ordinal: &u64| forged.attempts_of(*ordinal).len() == 1;
    keys.into_iter().filter(alone).collect()
}

#[test]
fn a_request_in_doubt_is_there_as_a_whole_or_not_at_all() {
    for (executed, silent) in [(true, false), (false, false), (true, true), (false, true)] {
        let forged = in_doubt(executed, silent);
        let verdict = forged.verdict();
        assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
        assert_eq!(check(&verdict, CheckId::TornBatch).status, Status::Pass);
    }
}

#[test]
fn a_request_in_doubt_that_is_stored_in_part_is_torn() {
    for silent in [false, true] {
        let mut forged = in_doubt(true, silent);
        let lost = its_own(&forged)[1];
        forged.lose(lost);
        for counters in [&mut forged.now, forged.closing.as_mut().unwrap()] {
            counters.unique = counters.unique.map(|unique| unique - 1);
            counters.received = counters.received.map(|received| received - 1);
        }
        let verdict = forged.verdict();
        assert_fails(&verdict, &[CheckId::TornBatch]);
        assert_names(&verdict, CheckId::TornBatch, lost);
        // A target that takes parts of a request may take a part of this one.
        forged.promises.batch = Some(Batch::Partial);
        assert_ne!(check(&forged.verdict(), CheckId::TornBatch).status, Status::Fail);
    }
}

#[test]
fn a_key_that_another_request_carried_too_tells_nothing_of_a_tear() {
    let mut forged = in_doubt(false, false);
    let carried = forged.plan.round(2).request(5).to_vec();
    let shared = carried.into_iter().filter(|ordinal| forged.attempts_of(*ordinal).len() > 1).count();
    assert!(shared > 0, "some of its keys are there by others");
    assert_eq!(check(&forged.verdict(), CheckId::TornBatch).status, Status::Pass);
    forged.settled = truth::observed::Settled::Moving;
    assert_eq!(check(&forged.verdict(), CheckId::TornBatch).status, Status::NotTested);
}

/// A run whose answers tell how many, and not which; `raise` is added to what one request with
/// repeats inside tells.
fn counting(raise: u32) -> (Judgement, u32) {
    let mut forged = Forge::default().run();
    let plan = forged.plan.clone();
    let ordinals = |scope, request| match scope {
        Scope::Round(round) => plan.round(round).request(request).to_vec(),
        Scope::Resend(_) => unreachable!("nothing was sent again"),
    };
    let mut room = None;
    for done in forged.dones() {
        done.answer.kinds = Kinds::Unreported;
        let sent = ordinals(done.scope, done.request);
        let distinct: std::collections::HashSet<&u64> = sent.iter().collect();
        let inserted = done.answer.inserted.expect("counts");
        // All of its keys were new: what is left of it are repeats inside.
        if room.is_none() && distinct.len() < sent.len() && inserted as usize == distinct.len() {
            room = Some(sent.len() as u32 - inserted);
            done.answer.inserted = Some(inserted + raise);
            done.answer.duplicates = done.answer.duplicates.map(|duplicates| duplicates - raise);
        }
    }
    (forged.verdict(), room.expect("a request with repeats inside"))
}

#[test]
fn an_answer_cannot_count_a_repeat_inside_it_as_new() {
    let (verdict, room) = counting(0);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(check(&verdict, CheckId::BatchCounts).status, Status::Pass);
    assert!(room > 0);
    let (verdict, _) = counting(1);
    assert_fails(&verdict, &[CheckId::BatchCounts]);
    assert!(check(&verdict, CheckId::BatchCounts).findings[0].detail.contains("at most can have been new"));
}

#[test]
fn an_answer_cannot_count_what_was_acknowledged_long_before_as_new() {
    let mut forged = Forge::default().run();
    let plan = forged.plan.clone();
    let mut raised = false;
    for done in forged.dones() {
        done.answer.kinds = Kinds::Unreported;
        let Scope::Round(round) = done.scope else { continue };
        let sent = plan.round(round).request(done.request).to_vec();
        let distinct: std::collections::HashSet<u64> = sent.iter().copied().collect();
        let first = plan.ordinals_of(round).start;
        // No repeat inside it, one of an earlier round: told to be new.
        let earlier = sent.iter().filter(|ordinal| **ordinal < first).count();
        let inserted = done.answer.inserted.expect("counts");
        if !raised && distinct.len() == sent.len() && earlier > 0 && inserted as usize == sent.len() - earlier
        {
            raised = true;
            done.answer.inserted = Some(inserted + 1);
            done.answer.duplicates = done.answer.duplicates.map(|duplicates| duplicates - 1);
        }
    }
    assert!(raised, "a request with a repeat of an earlier round");
    assert_fails(&forged.verdict(), &[CheckId::BatchCounts]);
}

#[test]
fn a_row_of_others_that_is_gone_is_missed() {
    let mut forged = Forge { earlier: 5, ..Forge::default() }.run();
    assert_eq!(check(&forged.verdict(), CheckId::ForeignLost).status, Status::Pass);
    let gone = forged.rows.remove(2);
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::ForeignLost).status, Status::Fail);
    // Another in its place hides it from counts, not from the sum.
    forged.rows.push(truth::observed::rows::Row { event_id: "in its place".to_owned(), ..gone });
    assert_eq!(check(&forged.verdict(), CheckId::ForeignLost).status, Status::Fail);
    forged.promises.shared = Some(true);
    assert_eq!(check(&forged.verdict(), CheckId::ForeignLost).status, Status::NotTested);
}

/// A run some requests of which hold an event that is none.
fn spoilt(takes_spoilt: bool) -> Forged {
    let mut forge = Forge { takes_spoilt, ..Forge::default() };
    forge.scenario.traps.invalid = 4;
    forge.run()
}

#[test]
fn a_request_with_an_invalid_event_has_to_be_refused_where_batches_are_whole() {
    let refused = spoilt(false).verdict();
    assert_eq!(refused.verdict, Verdict::Pass, "{:#?}", refused.reasons);
    let summary = &check(&refused, CheckId::InvalidTaken).summary;
    assert!(
        summary.starts_with("none of ") && summary.ends_with(" with an invalid event was acknowledged"),
        "{summary}"
    );

    let mut taken = spoilt(true);
    let verdict = taken.verdict();
    assert_fails(&verdict, &[CheckId::InvalidTaken]);
    let finding = &check(&verdict, CheckId::InvalidTaken).findings[0].detail;
    assert!(finding.contains("request ") && finding.contains("one of its events is invalid"), "{finding}");
    taken.promises.batch = Some(Batch::Partial);
    assert_fails(&taken.verdict(), &[]);
}

#[test]
fn what_is_stored_of_a_refused_request_is_named() {
    let mut forged = spoilt(false);
    let spoilt = |attempts: &[(u64, u32, usize)]| {
        let [(round, request, _)] = attempts else { return false };
        let plan = &forged.plan;
        truth::plan::invalid::Invalid::of(plan, &plan.round(*round), *request).is_some()
    };
    let key = forged.key_where(spoilt);
    let stored = row(&forged.events, key);
    forged.rows.push(stored);
    assert_names(&forged.verdict(), CheckId::RejectedButStored, key);
}
