//! The checks of sums: `routes-disagree` and `counters`.

use judge::verdict::{CheckId, Premise, Status, Verdict};
use truth::observed::counters::Counters;
use truth::scenario::promises::{CounterPromise, Promises, Received, StatsPromise};

use crate::forge::{Fate, Forge, Forged, assert_fails, check, foreign};

pub(crate) fn raise(counters: &mut Counters, [received, unique, duplicates]: [i64; 3]) {
    let add = |count: &mut Option<u64>, by: i64| *count = count.map(|count| count.saturating_add_signed(by));
    add(&mut counters.received, received);
    add(&mut counters.unique, unique);
    add(&mut counters.duplicates, duplicates);
}

/// The same damage at the closing poll and now.
pub(crate) fn raise_all(forged: &mut Forged, by: [i64; 3]) {
    raise(&mut forged.now, by);
    raise(forged.closing.as_mut().expect("a closing poll"), by);
}

#[test]
fn a_counter_that_is_off_by_one_breaks_the_sum() {
    for by in [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]] {
        let mut forged = Forge::default().run();
        raise(&mut forged.now, by);
        let verdict = forged.verdict();
        assert_eq!(check(&verdict, CheckId::Counters).status, Status::Fail, "{by:?}");
    }
}

#[test]
fn counters_below_what_was_acknowledged_fail_and_above_what_was_sent_too() {
    for by in [[-1, 0, -1], [-1, -1, 0], [1, 0, 1], [1, 1, 0], [0, 1, -1], [0, -1, 1]] {
        let mut forged = Forge::default().run();
        raise_all(&mut forged, by);
        let verdict = forged.verdict();
        assert_eq!(check(&verdict, CheckId::Counters).status, Status::Fail, "{by:?}");
    }
}

#[test]
fn what_came_after_the_closing_poll_and_adds_up_is_another_writer() {
    let mut forged = Forge::default().run();
    raise(&mut forged.now, [5, 3, 2]);
    assert_fails(&forged.verdict(), &[CheckId::RoutesDisagree, CheckId::Counters]);
    forged.promises.shared = None;
    let verdict = forged.verdict();
    let counters = check(&verdict, CheckId::Counters);
    assert_eq!(counters.status, Status::Unknown);
    let open = counters.premises.iter().filter(|ground| !ground.holds());
    assert_eq!(open.map(|ground| ground.premise).collect::<Vec<_>>(), [Premise::NobodyElse]);
    // With their rows listed, all of it is explained.
    forged.rows.extend((0..3).map(foreign));
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(verdict.observations.iter().any(|line| line.to_string().contains("others have stored 3 events")));
}

#[test]
fn a_baseline_that_moved_leaves_lower_bounds_only() {
    let mut forged = Forge::default().run();
    let baseline = forged.baseline.as_mut().unwrap();
    (baseline.moving, baseline.listed) = (true, None);
    let mut above = forged.clone();
    raise_all(&mut above, [7, 0, 7]);
    assert_fails(&above.verdict(), &[]);
    let summary = check(&above.verdict(), CheckId::Counters).summary.clone();
    assert!(summary.contains("no upper bound"), "{summary}");
    for by in [[-1, 0, 0], [0, -1, 0], [0, 0, -1]] {
        let mut below = forged.clone();
        raise_all(&mut below, by);
        assert_fails(&below.verdict(), &[CheckId::Counters]);
    }
}

#[test]
fn events_that_waited_at_the_baseline_do_not_break_the_sum() {
    let mut forged = Forge { earlier: 4, ..Forge::default() }.run();
    let before = forged.baseline.as_mut().unwrap().stats.as_mut().unwrap();
    // Four were received and none was stored yet; by now they are.
    (before.unique, before.pending) = (Some(0), Some(4));
    forged.baseline.as_mut().unwrap().listed = None;
    assert_fails(&forged.verdict(), &[]);
}

#[test]
fn unknown_attempts_leave_slack_of_exactly_their_number() {
    let fates = |round, request| match (round, request) {
        (0, 4) => vec![Fate::Unknown { executed: false }, Fate::Acked],
        _ => vec![Fate::Acked],
    };
    let forged = Forge { fates, ..Forge::default() }.run();
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    let mut all = forged;
    raise_all(&mut all, [20, 0, 20]);
    let verdict = all.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(verdict.counters.unwrap().received.slack(), 20);
    raise_all(&mut all, [1, 0, 1]);
    assert_fails(&all.verdict(), &[CheckId::Counters]);
}

#[test]
fn keys_that_are_not_listed_took_no_attempt_and_those_listed_took_one() {
    let fates = |round, request| match (round, request) {
        (6, 3) => vec![Fate::Unknown { executed: false }],
        _ => vec![Fate::Acked],
    };
    let forged = Forge { fates, ..Forge::default() }.run();
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    // As many keys are open as the request has keys of its own, but none of them is listed.
    let mut counted = forged;
    raise_all(&mut counted, [1, 1, 0]);
    assert_eq!(check(&counted.verdict(), CheckId::Counters).status, Status::Fail);
    let mut executed = Forge {
        fates: |round, request| match (round, request) {
            (6, 3) => vec![Fate::Unknown { executed: true }],
            _ => vec![Fate::Acked],
        },
        ..Forge::default()
    }
    .run();
    assert_eq!(executed.verdict().verdict, Verdict::Pass);
    raise_all(&mut executed, [-1, -1, 0]);
    assert_eq!(check(&executed.verdict(), CheckId::Counters).status, Status::Fail);
}

#[test]
fn rejected_attempts_count_where_received_counts_all_that_arrived() {
    let fates = |round, request| match (round, request) {
        (2, 4) => vec![Fate::Rejected, Fate::Acked],
        (3, 1) => vec![Fate::Rejected],
        _ => vec![Fate::Acked],
    };
    let mut forge = Forge { fates, ..Forge::default() };
    forge.scenario.promises.received = Some(Received::Offered);
    let mut forged = forge.run();
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let summary = &check(&verdict, CheckId::Counters).summary;
    assert!(summary.starts_with("within the bounds that 40 unknown or rejected attempts leave"), "{summary}");
    raise_all(&mut forged, [1, 0, 0]);
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    forged.promises.received = Some(Received::Accepted);
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
}

#[test]
fn counters_that_do_not_survive_a_restart_are_not_judged_after_one() {
    let mut forged = Forge::default().run();
    forged.now = crate::forge::counters(3, 1, 2);
    forged.now.instance = Some("two".to_owned());
    assert!(
        check(&forged.verdict(), CheckId::Counters).status == Status::Fail,
        "they are promised to survive"
    );
    forged.promises.counters = Some(CounterPromise::Volatile);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::NotTested);
    assert_eq!(check(&verdict, CheckId::RoutesDisagree).status, Status::NotTested);
    // A target that does not say which process answers may have started again.
    forged.now.instance = None;
    forged.baseline.as_mut().unwrap().stats.as_mut().unwrap().instance = None;
    assert_fails(&forged.verdict(), &[]);
}

#[test]
fn counters_that_are_not_there_are_not_judged() {
    let mut forged = Forge::default().run();
    (forged.now.received, forged.now.duplicates) = (None, None);
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::Pass);
    raise(&mut forged.now, [0, 1, 0]);
    assert_eq!(check(&forged.verdict(), CheckId::Counters).status, Status::Fail);
    forged.now.unique = None;
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::NotTested);
    assert_eq!(check(&verdict, CheckId::RoutesDisagree).status, Status::NotTested);
    assert_eq!(verdict.verdict, Verdict::Pass, "the listing is enough: {:#?}", verdict.reasons);
}

#[test]
fn rows_and_unique_count_must_tell_the_same_total() {
    let mut forged = Forge { earlier: 6, ..Forge::default() }.run();
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    raise_all(&mut forged, [0, 1, -1]);
    assert!(check(&forged.verdict(), CheckId::RoutesDisagree).status == Status::Fail);
    // What differed before the run, by as much, is not this run's.
    let baseline = forged.baseline.as_mut().unwrap();
    baseline.listed.as_mut().unwrap().rows -= 1;
    assert_eq!(check(&forged.verdict(), CheckId::RoutesDisagree).status, Status::Pass);
    forged.baseline.as_mut().unwrap().listed = None;
    assert_eq!(check(&forged.verdict(), CheckId::RoutesDisagree).status, Status::Unknown);
}

/// The second answer under load with its parts read at different moments, so many of them waiting.
fn tear(forged: &mut Forged, pending: u64) {
    let torn = forged.under_load().nth(1).expect("an answer under load");
    *torn = Counters {
        pending: Some(pending),
        duplicates: torn.duplicates.map(|count| count - 1),
        ..torn.clone()
    };
}

#[test]
fn an_answer_under_load_that_does_not_add_up_breaks_a_promised_snapshot() {
    let mut forged = Forge::default().run();
    tear(&mut forged, 0);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::Counters]);
    let summary = &check(&verdict, CheckId::Counters).summary;
    assert!(summary.contains("unique 255, duplicates 124, waiting 0, which does not add up"), "{summary}");
}

#[test]
fn what_waits_belongs_to_the_sum_and_without_the_promise_nothing_has_to_add_up() {
    let mut forged = Forge::default().run();
    tear(&mut forged, 1);
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    tear(&mut forged, 1);
    forged.promises.stats = Some(StatsPromise::Eventual);
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
}

/// Lets the counters count each event of a kind so many times, during the run.
fn multiply(forged: &mut Forged, [received, unique, duplicates]: [u64; 3]) {
    for counters in [&mut forged.now, forged.closing.as_mut().expect("a closing poll")] {
        counters.received = counters.received.map(|count| count * received);
        counters.unique = counters.unique.map(|count| count * unique);
        counters.duplicates = counters.duplicates.map(|count| count * duplicates);
    }
}

/// A correct run of so many attempts, whose target promises nothing.
fn undeclared(count: u64) -> Forged {
    let mut forge = Forge::default();
    forge.scenario.promises = Promises::default();
    forge.scenario.load.count = Some(count);
    Forged { is_complete: false, ..forge.run() }
}

#[test]
fn counters_that_fit_a_multiple_are_told_with_the_factor() {
    let received = "received grew by 8,000, 4 times the 2,000 events that were sent";
    let unique = "unique grew by 4,200, 3 times the 1,400 keys that were sent";
    let duplicates = "duplicates grew by 1,200, 2 times the 600 repeats that were sent";
    for (by, said) in [
        ([4, 1, 1], received.to_owned()),
        ([1, 3, 1], unique.to_owned()),
        ([1, 1, 2], duplicates.to_owned()),
        ([4, 3, 2], format!("{received}; {unique}; {duplicates}")),
    ] {
        let mut forged = undeclared(2_000);
        multiply(&mut forged, by);
        let verdict = forged.verdict();
        let counters = check(&verdict, CheckId::Counters);
        assert_eq!((counters.status, &counters.summary), (Status::Unknown, &said));
        let open = counters.premises.iter().find(|ground| !ground.holds()).expect("an open premise");
        assert_eq!(open.premise, Premise::NobodyElse);
        forged.promises.shared = Some(false);
        let verdict = forged.verdict();
        assert_fails(&verdict, &[CheckId::Counters]);
        assert_eq!(check(&verdict, CheckId::Counters).summary, said);
        // Others who write may send as much.
        forged.promises.shared = Some(true);
        assert_eq!(check(&forged.verdict(), CheckId::Counters).status, Status::Pass, "{said}");
    }
}

#[test]
fn a_multiple_that_is_not_exact_or_of_few_events_is_no_factor() {
    let mut inexact = undeclared(2_000);
    multiply(&mut inexact, [4, 1, 1]);
    raise_all(&mut inexact, [1, 0, 0]);
    let mut few = undeclared(90);
    multiply(&mut few, [4, 1, 1]);
    let fates = |round, request| match (round, request) {
        (0, 4) => vec![Fate::Unknown { executed: false }, Fate::Acked],
        _ => vec![Fate::Acked],
    };
    let mut forge = Forge { fates, ..Forge::default() };
    forge.scenario.promises = Promises::default();
    let mut slack = Forged { is_complete: false, ..forge.run() };
    multiply(&mut slack, [4, 1, 1]);
    for mut forged in [inexact, few, slack] {
        forged.promises.shared = Some(false);
        let verdict = forged.verdict();
        assert_fails(&verdict, &[]);
        let counters = check(&verdict, CheckId::Counters);
        assert_eq!(counters.status, Status::Unknown, "{counters:#?}");
        assert!(!counters.summary.contains("times"), "{}", counters.summary);
    }
}

#[test]
fn a_multiple_that_came_after_the_run_is_another_run_if_its_rows_are_there() {
    let mut forged = undeclared(2_000);
    let closing = forged.closing.clone();
    multiply(&mut forged, [2, 2, 2]);
    forged.closing = closing;
    assert_eq!(check(&forged.verdict(), CheckId::Counters).status, Status::Unknown);
    // A target may count late what it was sent.
    forged.promises.shared = Some(false);
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    forged.rows.extend((0..1_400).map(foreign));
    assert_eq!(forged.verdict().verdict, Verdict::Unknown);
    forged.promises.shared = None;
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::Pass, "{:#?}", verdict.reasons);
}

#[test]
fn a_multiple_of_counters_of_an_unknown_start_stays_open() {
    let mut forged = undeclared(2_000);
    forged.promises.shared = Some(false);
    multiply(&mut forged, [4, 1, 1]);
    forged.now.instance = Some("two".to_owned());
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::Unknown);
    assert!(check(&verdict, CheckId::Counters).summary.contains("4 times"));
}
