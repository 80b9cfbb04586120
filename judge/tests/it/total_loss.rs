//! A listing that shows no row of the run: a loss of everything, or the wrong listing.

use judge::evidence::Evidence;
use judge::facts::Facts;
use judge::judge;
use judge::resend::hangs_on_sentinels;
use judge::total_loss::wants_another_list;
use judge::verdict::{CheckId, Ground, Judgement, Standing, Status, Verdict};
use truth::observed::Settled;
use truth::observed::sentinels::{SentSentinel, Sentinels};
use truth::record::ledger::Purpose;
use truth::scenario::promises::Promises;
use truth::target::answer::Outcome;

use crate::forge::{Forge, Forged, assert_fails, check, foreign};
use crate::resent::{lists, resend, told};

/// A run of which no row is listed, at a target that promises nothing and listed so many rows of
/// others before it.
fn vanished(earlier: u64) -> Forged {
    let mut forge = Forge { earlier, ..Forge::default() };
    forge.scenario.promises = Promises::default();
    let mut forged = Forged { is_complete: false, ..forge.run() };
    forged.rows.clear();
    forged
}

/// Sends so many lists of sentinels one after the other, and looks for the last for this time.
fn look_for(forged: &mut Forged, lists_sent: u64, looked_ms: u64) -> Evidence {
    let more = |count: &mut Option<u64>| *count = count.map(|count| count + 24 * lists_sent);
    more(&mut forged.now.received);
    more(&mut forged.now.unique);
    let mut evidence = forged.evidence();
    for _ in 0..lists_sent {
        let ordinals = lists(&evidence).sentinels;
        resend(&mut evidence, Purpose::Sentinel, &ordinals, told(Outcome::Acked));
        let unseen = |ordinal: &u64| SentSentinel {
            ordinal: *ordinal,
            topic: forged.events.topic(*ordinal).to_owned(),
            sent_ms: 0,
            acked_ms: Some(7),
            seen_ms: None,
        };
        evidence.observed.sentinels = Some(Sentinels {
            schema_version: 1,
            sent: ordinals.iter().map(unseen).collect(),
            looks: 70,
            looked_ms,
            fallen_out: 0,
            fallen_out_keys: Vec::new(),
        });
    }
    evidence
}

/// A minute from the acknowledgement at 7 ms.
const A_MINUTE: u64 = 60_007;

fn grounds(verdict: &Judgement) -> &[Ground] {
    &check(verdict, CheckId::Lost).premises
}

#[track_caller]
fn assert_open(evidence: &Evidence) {
    let verdict = judge(evidence);
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    assert_eq!(check(&verdict, CheckId::Lost).status, Status::Unknown);
}

#[test]
fn an_empty_listing_that_may_be_the_wrong_one_is_asked_about() {
    let evidence = look_for(&mut vanished(0), 2, A_MINUTE);
    assert_open(&evidence);
    let verdict = judge(&evidence);
    let question =
        "the listing shows no row: is it the right one? If not, correct `path` under `[target.listing]`";
    assert_eq!(grounds(&verdict)[0].because, question);
    let told = verdict.reasons[0].to_string();
    assert!(told.starts_with("lost: 1,400 of 1,400 acknowledged keys are absent"), "{told}");
    assert!(told.contains(question) && told.contains("`complete = true`"), "{told}");
}

#[test]
fn an_empty_listing_that_showed_rows_before_has_lost_everything_if_it_stays_empty() {
    for (named, why) in [(false, "it showed 5 rows before the run"), (true, "the scenario names its `path`")]
    {
        let mut evidence = look_for(&mut vanished(5), 2, A_MINUTE);
        evidence.listing_is_named = named;
        let verdict = judge(&evidence);
        assert_fails(&verdict, &[CheckId::Lost]);
        let lost = check(&verdict, CheckId::Lost);
        assert_eq!(lost.count, 1_400);
        assert!(
            lost.premises.iter().all(|ground| ground.standing == Standing::Shown),
            "{:#?}",
            lost.premises
        );
        let whole = format!("the listing shows no row, and is the right one: {why}");
        assert_eq!(lost.premises[0].because, whole);
    }
    let mut named = look_for(&mut vanished(0), 2, A_MINUTE);
    named.listing_is_named = true;
    assert_fails(&judge(&named), &[CheckId::Lost]);
}

#[test]
fn of_no_row_before_none_is_still_there() {
    let mut forged = vanished(5);
    let mut evidence = look_for(&mut forged, 1, A_MINUTE);
    evidence.earlier = Some(forged.observed());
    let verdict = judge(&evidence);
    let stillness = check(&verdict, CheckId::Stillness);
    assert_eq!(stillness.status, Status::NotTested, "{stillness:?}");
}

#[test]
fn an_empty_listing_that_the_counters_contradict_is_not_cut_off() {
    let mut evidence = look_for(&mut vanished(5), 2, A_MINUTE);
    assert_fails(&judge(&evidence), &[CheckId::Lost]);
    evidence.observed.sentinels = None;
    assert_open(&evidence);
    let reasons: Vec<String> = judge(&evidence).reasons.iter().map(ToString::to_string).collect();
    assert!(reasons.iter().all(|reason| !reason.contains("unseen, not lost")), "{reasons:#?}");
}

#[test]
fn sentinels_have_to_be_looked_for_in_vain_for_a_minute_and_twice() {
    for (lists_sent, looked_ms) in [(0, 0), (1, A_MINUTE), (2, A_MINUTE - 1)] {
        assert_open(&look_for(&mut vanished(5), lists_sent, looked_ms));
    }
    let mut seen = look_for(&mut vanished(5), 2, A_MINUTE);
    let sentinels = seen.observed.sentinels.as_mut().expect("sentinels");
    sentinels.sent[3].seen_ms = Some(9);
    assert_open(&seen);
    // The first list may have been shown late.
    let mut late = look_for(&mut vanished(5), 2, A_MINUTE);
    let first = lists(&vanished(5).evidence()).sentinels;
    late.observed.listing.sentinels = first;
    assert_open(&late);
}

#[test]
fn one_row_of_anybody_may_be_what_a_limit_leaves() {
    let mut forged = vanished(5);
    forged.rows.push(foreign(4));
    let evidence = look_for(&mut forged, 2, A_MINUTE);
    assert_open(&evidence);
    let verdict = judge(&evidence);
    let shows = "the listing ended after 1 row, and the target counts 1,453";
    assert!(grounds(&verdict)[0].because.starts_with(shows), "{:#?}", grounds(&verdict));
}

#[test]
fn an_answer_that_is_no_plain_success_leaves_it_open() {
    for status in [202, 500] {
        let mut forged = vanished(5);
        forged.dones().next().expect("a response").status = status;
        assert_open(&look_for(&mut forged, 2, A_MINUTE));
    }
    let mut forged = vanished(5);
    forged.dones().next().expect("a response").status = 201;
    assert_fails(&judge(&look_for(&mut forged, 2, A_MINUTE)), &[CheckId::Lost]);
}

#[test]
fn looks_that_contradict_each_other_leave_it_open() {
    let mut evidence = look_for(&mut vanished(5), 2, A_MINUTE);
    evidence.observed.looks.more_by_topic = true;
    assert_open(&evidence);
    let mut evidence = look_for(&mut vanished(5), 2, A_MINUTE);
    evidence.observed.looks.http_age = Some(90);
    assert_open(&evidence);
    let mut evidence = look_for(&mut vanished(5), 2, A_MINUTE);
    evidence.observed.stats.settled = Settled::Moving;
    assert_open(&evidence);
}

#[test]
fn a_second_list_is_wanted_after_one_in_vain_where_it_decides() {
    let wants = |evidence: &Evidence| {
        let verdict = judge(evidence);
        hangs_on_sentinels(&verdict) && wants_another_list(&Facts::gather(evidence).expect("a good ledger"))
    };
    assert!(wants(&look_for(&mut vanished(5), 1, A_MINUTE)));
    assert!(!wants(&look_for(&mut vanished(5), 1, A_MINUTE - 1)), "the first was not looked for long enough");
    assert!(!wants(&look_for(&mut vanished(0), 1, A_MINUTE)), "it may be the wrong listing all the same");
    assert!(!wants(&look_for(&mut vanished(5), 2, A_MINUTE)), "it is decided");
    assert!(hangs_on_sentinels(&judge(&look_for(&mut vanished(5), 0, 0))));
}
