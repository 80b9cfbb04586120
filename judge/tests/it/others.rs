//! Rows of others, where nobody else is said to write and where somebody may.

use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Status, Verdict};
use truth::scenario::promises::Promises;

use crate::forge::{Forge, Forged, assert_fails, check, foreign};
use crate::totals::{raise, raise_all};

/// A run beside which three rows appeared, which the counters hold since the closing poll or before.
fn three_rows() -> Forged {
    let mut forged = Forge { earlier: 2, ..Forge::default() }.run();
    forged.rows.extend((10..13).map(foreign));
    raise_all(&mut forged, [5, 3, 2]);
    forged
}

fn assert_doubt(evidence: &Evidence, sentence: &str) {
    let verdict = judge(evidence);
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.observations);
    let said: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|reason| reason.contains(sentence)), "{sentence}: {said:#?}");
}

#[test]
fn rows_that_appear_during_the_run_break_the_promise_that_nobody_else_writes() {
    let mut forged = three_rows();
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::Stranger]);
    assert_eq!(check(&verdict, CheckId::Stranger).count, 3);
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::Unknown);
    // They may hide a counter that is too high, but not one that is too low.
    let mut low = forged.clone();
    raise_all(&mut low, [-6, 0, -6]);
    assert_fails(&low.verdict(), &[CheckId::Stranger, CheckId::Counters]);
    forged.promises.shared = None;
    assert_doubt(&forged.evidence(), "another writer; set `shared = true`");
    forged.promises.shared = Some(true);
    assert_eq!(forged.verdict().verdict, Verdict::Pass, "{:#?}", forged.verdict().reasons);
}

#[test]
fn a_listing_by_topic_shows_rows_that_nobody_sent_as_well() {
    let mut by_topic = three_rows().evidence();
    by_topic.observed.listing.all_topics = false;
    assert_fails(&judge(&by_topic), &[CheckId::Stranger]);
}

#[test]
fn rows_whose_time_is_unknown_are_neither_a_finding_nor_nothing() {
    let counted = three_rows().evidence();
    // A listing without counters: the rows may be of a later run.
    let mut uncounted = counted.clone();
    uncounted.observed.stats.stats = None;
    uncounted.baseline.as_mut().unwrap().stats = None;
    uncounted.closing = None;
    assert_doubt(&uncounted, "3 foreign rows appeared since the run began, though `shared = false`");
    // Without a listing before the run, they may be older.
    uncounted.baseline.as_mut().unwrap().listed = None;
    assert_doubt(&uncounted, "5 foreign rows are listed that may be older than the run");
    let mut unlisted = counted.clone();
    unlisted.baseline.as_mut().unwrap().listed = None;
    assert_doubt(&unlisted, "3 foreign rows are listed that may be older");
    // A listing that may not have shown them before dates nothing.
    let mut partial = counted;
    partial.listing_is_complete = false;
    assert_doubt(&partial, "or with `complete = true`");
}

#[test]
fn rows_of_before_the_run_are_nobodys_fault() {
    let mut evidence = Forge { earlier: 5, ..Forge::default() }.run().evidence();
    evidence.observed.listing.all_topics = false;
    assert_eq!(judge(&evidence).verdict, Verdict::Pass);
    // The target counted as many before the run.
    evidence.baseline.as_mut().unwrap().listed = None;
    assert_eq!(judge(&evidence).verdict, Verdict::Pass);
}

#[test]
fn rows_that_came_after_the_run_are_of_others_unless_nobody_else_is_said_to_write() {
    let mut forged = Forge::default().run();
    forged.now.instance = Some("two".to_owned());
    forged.promises = Promises::default();
    forged.rows.push(foreign(0));
    raise(&mut forged.now, [1, 1, 0]);
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    // What was counted since the closing poll may as well be keys of the run that waited.
    forged.promises.shared = Some(false);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.observations);
}
