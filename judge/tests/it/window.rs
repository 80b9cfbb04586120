//! A target that promises to know a key again for so long only: what comes later may be stored
//! again.

use std::time::Duration;

use judge::books::ages::Looked;
use judge::judge;
use judge::verdict::{CheckId, Premise, Standing, Status, Verdict};
use truth::scenario::promises::{Ack, Refused};
use truth::target::answer::{Answer, Kind, Kinds};

use crate::forge::{Fate, Forge, Forged, assert_fails, check, row};

/// A run in which one key that comes in two rounds was stored in both, and told so.
fn stored_again() -> Forged {
    let mut forged = Forge::default().run();
    let key = forged.key_where(|attempts| matches!(attempts, [first, .., last] if first.0 + 1 < last.0));
    let last = *forged.attempts_of(key).last().expect("at least two");
    forged.tell(last, Kind::New);
    let again = row(&forged.events, key);
    forged.rows.push(again);
    for counters in [&mut forged.now, forged.closing.as_mut().expect("a closing poll")] {
        counters.unique = counters.unique.map(|count| count + 1);
        counters.duplicates = counters.duplicates.map(|count| count - 1);
    }
    // What the polls had been told by then.
    for poll in &mut forged.polls {
        poll.reported_duplicate = poll.reported_duplicate.saturating_sub(1);
    }
    forged
}

#[test]
fn a_key_that_comes_after_the_window_may_be_stored_again() {
    let mut forged = stored_again();
    assert_fails(&forged.verdict(), &[CheckId::StoredTwice, CheckId::AnswerOrder, CheckId::Counters]);
    // Waves of requests are ten milliseconds apart, the rounds of the key two rounds at least.
    forged.promises.window = Some(Duration::from_millis(20));
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let said = &check(&verdict, CheckId::StoredTwice).summary;
    assert!(said.ends_with("within the promised 20ms; 1 key was stored again after it"), "{said}");
}

#[test]
fn a_key_that_comes_within_the_window_may_not() {
    let mut forged = stored_again();
    forged.promises.window = Some(Duration::from_secs(3600));
    assert_fails(&forged.verdict(), &[CheckId::StoredTwice, CheckId::AnswerOrder, CheckId::Counters]);
}

#[test]
fn counters_are_held_to_how_often_keys_can_have_been_stored_again() {
    let mut forged = Forge::default().run();
    forged.promises.window = Some(Duration::from_millis(20));
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    let counters = [&mut forged.now, forged.closing.as_mut().expect("a closing poll")];
    for counters in counters {
        counters.unique = counters.unique.map(|count| count + 600);
        counters.duplicates = counters.duplicates.map(|count| count - 600);
    }
    let verdict = forged.verdict();
    assert_eq!(
        check(&verdict, CheckId::Counters).status,
        Status::Fail,
        "all repeats cannot have come so late"
    );
}

#[test]
fn an_attempt_whose_fate_is_unknown_may_be_executed_after_the_window() {
    let fates = |round: u64, request: u32| match (round, request) {
        (0, 0) => vec![Fate::Unknown { executed: true }],
        _ => vec![Fate::Acked],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    forged.promises.window = Some(Duration::from_secs(3600));
    let unknown = forged.plan.round(0).request(0).to_vec();
    let key = forged.key_where(|attempts| attempts[0] == (0, 0, 0) && attempts.len() > 1);
    assert!(unknown.contains(&key));
    let again = row(&forged.events, key);
    forged.rows.push(again);
    for counters in [&mut forged.now, forged.closing.as_mut().expect("a closing poll")] {
        counters.unique = counters.unique.map(|count| count + 1);
        counters.duplicates = counters.duplicates.map(|count| count - 1);
    }
    assert_fails(&forged.verdict(), &[]);
    forged.promises.window = None;
    assert_fails(&forged.verdict(), &[CheckId::StoredTwice, CheckId::Counters]);
}

#[test]
fn a_key_that_came_once_is_stored_once_however_short_the_window() {
    let mut forged = Forge::default().run();
    forged.promises.window = Some(Duration::from_nanos(1));
    let key = forged.key_where(|attempts| attempts.len() == 1);
    let again = row(&forged.events, key);
    forged.rows.push(again);
    assert_eq!(check(&forged.verdict(), CheckId::StoredTwice).count, 1);
}

#[test]
fn a_store_that_keeps_one_row_of_a_key_that_it_counts_again_is_sound() {
    let mut forged = stored_again();
    forged.rows.pop().expect("the second row");
    forged.promises.window = Some(Duration::from_millis(20));
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let said = &check(&verdict, CheckId::RoutesDisagree).summary;
    assert!(said.ends_with("1 key that was forgotten may have been counted again"), "{said}");
    forged.promises.window = Some(Duration::from_secs(3600));
    assert_fails(&forged.verdict(), &[CheckId::AnswerOrder, CheckId::RoutesDisagree, CheckId::Counters]);
}

/// The same, but that no response says that the key was new again.
fn silently_stored_again() -> Forged {
    let mut forged = stored_again();
    forged.dones().for_each(|done| {
        let Answer { inserted, duplicates, kinds, .. } = &mut done.answer;
        (*inserted, *duplicates, *kinds) = (None, None, Kinds::Unreported);
    });
    forged.baseline = None;
    forged.promises.window = Some(Duration::from_secs(3600));
    forged
}

#[test]
fn what_may_be_stored_later_may_be_stored_after_the_window() {
    for (ack, standing) in [(None, Standing::Assumed), (Some(Ack::Queued), Standing::Refuted)] {
        let mut forged = silently_stored_again();
        forged.promises.ack = ack;
        let verdict = forged.verdict();
        assert_fails(&verdict, &[]);
        let check = check(&verdict, CheckId::StoredTwice);
        assert_eq!((check.status, check.count), (Status::Unknown, 1), "{check:#?}");
        let committed = check.premises.iter().find(|ground| ground.premise == Premise::Committed);
        assert_eq!(committed.map(|ground| ground.standing), Some(standing), "{check:#?}");
    }
}

#[test]
fn what_is_shown_before_the_window_has_passed_was_stored_within_it() {
    for ack in [None, Some(Ack::Queued), Some(Ack::Committed)] {
        let mut forged = silently_stored_again();
        forged.promises.ack = ack;
        forged.looked = Some(Looked { ended_ns: 3_600_000_000_000, asleep_ns: 0 });
        assert_fails(&forged.verdict(), &[CheckId::StoredTwice]);
        forged.looked = Some(Looked { ended_ns: 3_600_000_000_000, asleep_ns: 3_600_000_000_000 });
        assert_fails(&forged.verdict(), &[]);
    }
}

#[test]
fn a_window_excuses_no_response_that_calls_a_known_key_new() {
    for ack in [None, Some(Ack::Queued)] {
        let mut forged = stored_again();
        forged.promises.ack = ack;
        forged.promises.window = Some(Duration::from_secs(3600));
        assert_eq!(check(&forged.verdict(), CheckId::AnswerOrder).status, Status::Fail);
        forged.promises.window = Some(Duration::from_millis(20));
        assert_fails(&forged.verdict(), &[]);
    }
}

/// A run in which a key was refused in its first request, stored all the same, and stored again by a
/// second request a second later.
fn refused_and_stored() -> (Forged, u64) {
    let fates = |round: u64, request: u32| match (round, request) {
        (0, 0) => vec![Fate::Rejected, Fate::Acked],
        _ => vec![Fate::Acked],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    forged.baseline = None;
    forged.promises.refused = None;
    forged.promises.window = Some(Duration::from_micros(1));
    let key = forged.key_where(|attempts| matches!(attempts, [(0, 0, _)]));
    let again = row(&forged.events, key);
    forged.rows.push(again);
    (forged, key)
}

#[test]
fn a_refused_request_may_have_stored_what_is_stored_again_after_the_window() {
    let (mut forged, _) = refused_and_stored();
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::StoredTwice).status, Status::Pass, "{:#?}", verdict.checks);
    forged.promises.refused = Some(Refused::NoEffect);
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::StoredTwice).status, Status::Fail, "{:#?}", verdict.checks);
    forged.promises.refused = None;
    forged.promises.window = Some(Duration::from_secs(3600));
    forged.looked = Some(Looked { ended_ns: 3_000_000_000_000, asleep_ns: 0 });
    let verdict = forged.verdict();
    assert_ne!(check(&verdict, CheckId::StoredTwice).status, Status::Pass, "{:#?}", verdict.checks);
}

#[test]
fn the_check_of_rejected_keys_says_which_it_looked_at() {
    let (forged, _) = refused_and_stored();
    let said = check(&forged.verdict(), CheckId::RejectedButStored).summary.clone();
    let expected = "of 20 rejected attempts, each has a key with another attempt, so no effect would show";
    assert_eq!(said, expected);
}

#[test]
fn a_key_that_was_forgotten_is_stored_once_for_each_attempt() {
    let mut forged = stored_again();
    forged.promises.window = Some(Duration::from_millis(20));
    let key = forged.key_where(|attempts| matches!(attempts, [first, last] if first.0 + 1 < last.0));
    let rows = forged.rows.len();
    for (further, status) in [(1, Status::Pass), (2, Status::Fail)] {
        forged.rows.truncate(rows);
        let seen = forged.rows.iter().filter(|stored| **stored == row(&forged.events, key)).count();
        for _ in seen..=further {
            let again = row(&forged.events, key);
            forged.rows.push(again);
        }
        let verdict = forged.verdict();
        assert_eq!(check(&verdict, CheckId::StoredTwice).status, status, "{:#?}", verdict.checks);
    }
    let verdict = forged.verdict();
    let stored_twice = check(&verdict, CheckId::StoredTwice);
    assert!(stored_twice.summary.ends_with("more often than the promised window allows"), "{stored_twice:?}");
    assert!(stored_twice.premises.iter().any(|ground| ground.premise == Premise::RowsInOrder));
    // A cursor may have repeated a row, which leaves it open and is no PASS.
    let mut evidence = forged.evidence();
    evidence.rows_have_an_order = false;
    evidence.observed.listing.pages = 2;
    let verdict = judge(&evidence);
    assert_eq!(check(&verdict, CheckId::StoredTwice).status, Status::Unknown, "{:#?}", verdict.checks);
}

#[test]
fn rows_beyond_the_third_of_a_key_are_held_to_the_number_of_its_attempts() {
    const NOT_HEARD: Fate = Fate::Unknown { executed: true };
    let fates = |_: u64, _: u32| vec![NOT_HEARD, NOT_HEARD, NOT_HEARD, Fate::Acked];
    let mut forged = Forge { fates, ..Forge::default() }.run();
    forged.baseline = None;
    forged.promises.window = Some(Duration::from_millis(1));
    let key = forged.key_where(|attempts| attempts.len() == 1);
    for (further, status) in [(3, Status::Pass), (4, Status::Fail)] {
        let mut again = forged.clone();
        again.rows.extend((0..further).map(|_| row(&forged.events, key)));
        let verdict = again.verdict();
        let check = check(&verdict, CheckId::StoredTwice);
        assert_eq!(check.status, status, "{:#?}", verdict.checks);
        if status == Status::Fail {
            assert_eq!(check.summary, "1 row is listed more than the promised window of 1ms allows");
        }
    }
}
