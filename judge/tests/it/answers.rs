//! The checks of what was answered: `answer-order` and `answer-sum`.

use judge::judge;
use judge::verdict::{CheckId, Status, Verdict};
use truth::record::ledger::{Done, Scope};
use truth::scenario::promises::Ack;
use truth::target::answer::{Kind, Kinds};

use crate::forge::{Fate, Forge, Forged, assert_fails, assert_names, check};

/// A key whose copies stand in two requests that do not overlap: (round, request, place) of each,
/// in order.
fn spread_key(forged: &Forged) -> (u64, Vec<(u64, u32, usize)>) {
    let spread = |attempts: &[(u64, u32, usize)]| attempts.len() == 2 && attempts[1].0 > attempts[0].0;
    let key = forged.key_where(spread);
    (key, forged.attempts_of(key))
}

/// A key whose copies stand in two requests of one release.
fn racing_key(forged: &Forged) -> (u64, Vec<(u64, u32, usize)>) {
    let racing = |attempts: &[(u64, u32, usize)]| {
        let [first, second] = attempts else { return false };
        first.0 == second.0 && first.1 / 4 == second.1 / 4 && first.1 != second.1
    };
    let key = forged.key_where(racing);
    (key, forged.attempts_of(key))
}

#[test]
fn two_answers_that_claim_to_have_stored_one_key_are_double_new() {
    let mut forged = Forge::default().run();
    let (key, attempts) = spread_key(&forged);
    forged.tell(attempts[1], Kind::New);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::AnswerOrder, key);
    assert_fails(&verdict, &[CheckId::AnswerOrder]);
    assert!(check(&verdict, CheckId::AnswerOrder).summary.contains("1 key reported as new more than once"));
}

#[test]
fn new_after_the_key_was_acknowledged_is_late_new() {
    let mut forged = Forge::default().run();
    let (key, attempts) = spread_key(&forged);
    forged.tell(attempts[0], Kind::Duplicate);
    forged.tell(attempts[1], Kind::New);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::AnswerOrder, key);
    assert!(
        check(&verdict, CheckId::AnswerOrder)
            .summary
            .contains("1 key reported as new after an acknowledgement")
    );
}

#[test]
fn duplicate_before_anything_can_have_stored_the_key_is_phantom_duplicate() {
    let mut forged = Forge::default().run();
    let (key, attempts) = spread_key(&forged);
    forged.tell(attempts[0], Kind::Duplicate);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::AnswerOrder, key);
    assert!(
        check(&verdict, CheckId::AnswerOrder)
            .summary
            .contains("1 key reported as a duplicate before anything can have been stored")
    );
}

#[test]
fn either_of_two_racing_requests_may_be_the_one_that_stored_it() {
    let mut forged = Forge::default().run();
    let (_, attempts) = racing_key(&forged);
    forged.tell(attempts[0], Kind::Duplicate);
    forged.tell(attempts[1], Kind::New);
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
}

#[test]
fn an_attempt_that_begins_in_the_moment_of_the_first_answer_may_have_stored_it() {
    let mut forged = Forge::default().run();
    let (_, attempts) = racing_key(&forged);
    forged.tell(attempts[0], Kind::Duplicate);
    forged.tell(attempts[1], Kind::New);
    let round = attempts[0].0;
    let at =
        |request: u32| move |done: &&mut Done| done.scope == Scope::Round(round) && done.request == request;
    let end = forged.dones().find(at(attempts[0].1)).unwrap().t_end;
    forged.dones().find(at(attempts[1].1)).unwrap().t_start = end;
    assert_fails(&forged.verdict(), &[]);
    forged.dones().find(at(attempts[1].1)).unwrap().t_start = end + 1;
    assert!(
        check(&forged.verdict(), CheckId::AnswerOrder)
            .summary
            .contains("1 key reported as new after an acknowledgement")
    );
}

#[test]
fn an_unknown_attempt_explains_a_duplicate() {
    let fates = |round, request| match (round, request) {
        (0, 5) => vec![Fate::Unknown { executed: true }],
        (1, 5) => vec![Fate::Untold],
        _ => vec![Fate::Acked],
    };
    let verdict = Forge { fates, ..Forge::default() }.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

#[test]
fn a_request_that_never_ended_explains_a_duplicate_unless_its_round_was_opened_later() {
    let fates = |round, request| match (round, request) {
        (0, 5) => vec![Fate::Silent { executed: true }],
        _ => vec![Fate::Acked],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    assert_fails(&forged.verdict(), &[]);
    // Told of a key that no request before had carried: nothing explains it.
    let late = |attempts: &[(u64, u32, usize)]| attempts.len() == 1 && attempts[0].0 == 3;
    let key = forged.key_where(late);
    forged.tell(forged.attempts_of(key)[0], Kind::Duplicate);
    assert_names(&forged.verdict(), CheckId::AnswerOrder, key);
}

#[test]
fn repeats_inside_one_request_may_be_told_in_any_order() {
    let mut forged = Forge::default().run();
    let key = forged.key_where(|attempts| {
        attempts.len() == 2 && attempts[0].1 == attempts[1].1 && attempts[0].0 == attempts[1].0
    });
    let attempts = forged.attempts_of(key);
    forged.tell(attempts[0], Kind::Duplicate);
    forged.tell(attempts[1], Kind::New);
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
}

#[test]
fn order_is_not_judged_where_it_means_nothing() {
    let mut forged = Forge::default().run();
    let (key, attempts) = spread_key(&forged);
    forged.tell(attempts[0], Kind::Duplicate);
    forged.tell(attempts[1], Kind::New);
    let mut queued = forged.clone();
    queued.promises.ack = Some(Ack::Queued);
    assert_eq!(check(&queued.verdict(), CheckId::AnswerOrder).status, Status::Pass);
    forged.attempts_of(key).into_iter().for_each(|attempt| queued.tell(attempt, Kind::New));
    assert_fails(&queued.verdict(), &[CheckId::AnswerOrder]);
    let mut resent = forged.clone();
    resent.promises.intermediary_resends = Some(true);
    assert_eq!(check(&resent.verdict(), CheckId::AnswerOrder).status, Status::Pass);
    let mut evidence = forged.evidence();
    evidence.one_clock = false;
    assert_eq!(
        check(&judge(&evidence), CheckId::AnswerOrder).status,
        Status::Pass,
        "no common clock, no order"
    );
    forged.tell(attempts[0], Kind::New);
    let mut evidence = forged.evidence();
    evidence.one_clock = false;
    assert_names(&judge(&evidence), CheckId::AnswerOrder, key);
}

#[test]
fn answers_that_tell_nothing_are_not_judged() {
    let verdict = Forge { fates: |_, _| vec![Fate::Untold], ..Forge::default() }.run().verdict();
    assert_eq!(check(&verdict, CheckId::AnswerOrder).status, Status::NotTested);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(verdict.not_tested.iter().any(|line| line.starts_with("answer-order")));
}

#[test]
fn an_answer_whose_numbers_do_not_add_up_is_named() {
    for damage in 0..4 {
        let mut forged = Forge::default().run();
        let answer = &mut forged.dones().nth(9).unwrap().answer;
        match damage {
            0 => answer.accepted = Some(21),
            1 => answer.inserted = answer.inserted.map(|inserted| inserted + 1),
            2 => {
                (answer.accepted, answer.inserted) = (Some(19), answer.inserted.map(|inserted| inserted - 1));
            }
            _ => (answer.accepted, answer.inserted) = (None, Some(40)),
        }
        let verdict = forged.verdict();
        assert_fails(&verdict, &[CheckId::AnswerSum]);
        let finding = &check(&verdict, CheckId::AnswerSum).findings[0];
        let [attempt] = finding.history.as_slice() else { panic!("{finding:?}") };
        let request = format!("{}, request {}: ", attempt.scope, attempt.request);
        assert!(finding.detail.starts_with(&request) && attempt.scope == "round 0", "{finding:?}");
    }
}

#[test]
fn an_answer_that_names_other_events_than_it_counts_is_named() {
    let each = |kinds: &[Kind]| Kinds::Each(kinds.to_vec());
    let mixed = |new: usize| [vec![Kind::New; new], vec![Kind::Duplicate; 20 - new]].concat();
    let untold = [vec![Kind::Accepted; 19], vec![Kind::Rejected]].concat();
    let table = [
        (Some(20), Some(7), Some(13), each(&mixed(7)), true),
        (Some(20), Some(7), Some(13), each(&mixed(8)), false),
        (None, Some(20), None, Kinds::AllNew, true),
        (None, Some(19), None, Kinds::AllNew, false),
        (Some(20), Some(1), None, Kinds::AllDuplicate, false),
        (Some(19), None, None, each(&untold), true),
        (Some(18), None, None, each(&untold), false),
        (Some(20), Some(21), None, Kinds::Unreported, false),
        (Some(20), Some(20), None, Kinds::Unreported, true),
    ];
    for (accepted, inserted, duplicates, kinds, adds_up) in table {
        let mut forged = Forge::default().run();
        forged.promises.batch = Some(truth::scenario::promises::Batch::Partial);
        let answer = &mut forged.dones().nth(9).unwrap().answer;
        (answer.accepted, answer.inserted, answer.duplicates) = (accepted, inserted, duplicates);
        answer.kinds = kinds.clone();
        let status = check(&forged.verdict(), CheckId::AnswerSum).status;
        assert_eq!(status == Status::Pass, adds_up, "{accepted:?} {inserted:?} {duplicates:?} {kinds:?}");
    }
}

#[test]
fn an_answer_may_leave_numbers_out_and_a_partial_one_may_take_less() {
    let mut forged = Forge::default().run();
    for (nth, done) in forged.dones().enumerate() {
        match nth % 3 {
            0 => done.answer.accepted = None,
            1 => (done.answer.inserted, done.answer.duplicates) = (None, None),
            _ => {}
        }
    }
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    let answer = &mut forged.dones().nth(1).unwrap().answer;
    (answer.accepted, answer.kinds) = (Some(19), Kinds::Unreported);
    assert_fails(&forged.verdict(), &[CheckId::AnswerSum]);
    forged.promises.batch = Some(truth::scenario::promises::Batch::Partial);
    assert_fails(&forged.verdict(), &[]);
}
