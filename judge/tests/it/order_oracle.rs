//! `answer-order` against brute force: every linearization of a register that stores once.

use std::ops::Range;

use judge::books::interval::Interval;
use judge::books::keys::{Class, Keys};
use judge::books::order::{self, Order, Said};
use proptest::prelude::*;

/// One attempt on the one key.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    said: Said,
    start: u64,
    end: u64,
}

/// Moments are few, so that equal ones are common.
const MOMENTS: Range<u64> = 0..8;

fn attempt() -> impl Strategy<Value = Attempt> {
    let said = prop_oneof![
        3 => Just(Said::New),
        4 => Just(Said::Duplicate),
        1 => Just(Said::Unreported),
        2 => Just(Said::Nothing),
    ];
    (said, MOMENTS, MOMENTS).prop_map(|(said, a, b)| Attempt { said, start: a.min(b), end: a.max(b) })
}

/// Whether some order of effects explains the answers: the attempt that takes effect first stored
/// the key and is told `new`, all others `duplicate`; one that does not tell may be either, one
/// without an answer may never take effect.
///
/// Tries every attempt as the first. It takes effect as early as it can, and each other
/// acknowledged one must then have a moment left at or after that, inside its own interval.
fn linearizable(history: &[Attempt]) -> bool {
    let acked = |attempt: &Attempt| attempt.said != Said::Nothing;
    if !history.iter().any(acked) {
        return true;
    }
    history.iter().enumerate().any(|(first, storing)| {
        storing.said != Said::Duplicate
            && history
                .iter()
                .enumerate()
                .filter(|(other, attempt)| *other != first && acked(attempt))
                .all(|(_, attempt)| attempt.said != Said::New && attempt.end >= storing.start)
    })
}

/// The same by permutations and moments, for the oracle's own sake: every order of every subset of
/// attempts in which all acknowledged ones occur, each as early as its interval and the one before
/// it allow.
fn linearizable_by_permutation(history: &[Attempt], done: u32, now: u64) -> bool {
    let left = |attempt: usize| done & (1 << attempt) == 0;
    if (0..history.len()).all(|at| !left(at) || history[at].said == Said::Nothing) {
        return true;
    }
    (0..history.len()).filter(|at| left(*at)).any(|at| {
        let attempt = history[at];
        let moment = now.max(attempt.start);
        let fits = match attempt.said {
            Said::New => done == 0 && moment <= attempt.end,
            Said::Duplicate => done != 0 && moment <= attempt.end,
            Said::Unreported => moment <= attempt.end,
            Said::Nothing => true,
        };
        fits && linearizable_by_permutation(history, done | (1 << at), moment)
    })
}

/// What the judge says: fed in the order of ends, as the ledger is.
fn accepted(history: &[Attempt]) -> bool {
    let (mut order, mut keys) = (Order::default(), Keys::new(0..1));
    let mut sorted = history.to_vec();
    // What has no answer may end at any time; what was answered is merged by its end.
    sorted.sort_by_key(|attempt| attempt.end);
    for attempt in sorted {
        let state = keys.get(0);
        let Attempt { said, start, end } = attempt;
        order.take(0, state, order::Attempt { said, interval: Interval { start, end } });
        match attempt.said {
            Said::Nothing => keys.book_unknown(0),
            told => keys.book_acked(0, told == Said::New),
        }
    }
    let faults = order.finish();
    !keys.get(0).is(Class::DoubleNew) && faults.late_new.count + faults.phantom_duplicate.count == 0
}

/// The only case in which the judge is weaker on purpose: the earliest acknowledgement does not
/// tell, so no moment is kept to compare a later `new` with.
fn is_let_go(history: &[Attempt]) -> bool {
    let acked = || history.iter().filter(|attempt| attempt.said != Said::Nothing);
    let earliest = acked().map(|attempt| attempt.end).min();
    acked().any(|attempt| Some(attempt.end) == earliest && attempt.said == Said::Unreported)
}

fn has_late_new(history: &[Attempt]) -> bool {
    let acked = history.iter().filter(|attempt| attempt.said != Said::Nothing);
    let earliest = acked.map(|attempt| attempt.end).min();
    history.iter().any(|attempt| attempt.said == Said::New && Some(attempt.start) > earliest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, ..ProptestConfig::default() })]

    #[test]
    fn the_judge_agrees_with_every_linearization(history in prop::collection::vec(attempt(), 1..=6)) {
        let truth = linearizable(&history);
        let judged = accepted(&history);
        if is_let_go(&history) {
            prop_assert!(judged || !truth, "a failure that is wrong: {:?}", history);
            prop_assert!(judged == truth || has_late_new(&history), "{:?}", history);
        } else {
            prop_assert_eq!(judged, truth, "{:?}", history);
        }
    }

    #[test]
    fn the_oracle_agrees_with_a_plainer_one(history in prop::collection::vec(attempt(), 1..=5)) {
        prop_assert_eq!(linearizable(&history), linearizable_by_permutation(&history, 0, 0), "{:?}", history);
    }
}

#[test]
fn the_case_that_is_let_go_is_really_let_go() {
    let late =
        [Attempt { said: Said::Unreported, start: 0, end: 1 }, Attempt { said: Said::New, start: 2, end: 3 }];
    assert!(!linearizable(&late) && is_let_go(&late));
    assert!(accepted(&late), "else the specification is stricter than it says");
}
