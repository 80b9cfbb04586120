//! Sentinels in the books: the target counts and lists them as keys, and no key is judged by them.

use judge::evidence::Evidence;
use judge::facts::Facts;
use judge::judge;
use judge::resend::{Lists, hangs_on_sentinels};
use judge::verdict::{CheckId, Judgement, Status, Verdict};
use truth::observed::Settled;
use truth::observed::sentinels::Sentinels;
use truth::plan::sentinel::Sender;
use truth::plan::shard::Shard;
use truth::record::ledger::{Frame, Purpose};
use truth::target::answer::{Kind, Kinds, Outcome};

use crate::forge::{Fate, Forge, Forged, assert_fails, assert_names, check, row};
use crate::resent::{frames, lists, resend, told};

fn run() -> Forged {
    Forge::default().run()
}

/// Sends sentinels to the store, and returns them with the evidence of a look after that.
fn sent(forged: &mut Forged, outcome: Outcome) -> (Evidence, Vec<u64>) {
    let sentinels = lists(&forged.evidence()).sentinels;
    if outcome == Outcome::Acked {
        store(forged, &sentinels);
    }
    (with_list(forged, &sentinels, outcome), sentinels)
}

fn store(forged: &mut Forged, sentinels: &[u64]) {
    let rows: Vec<_> = sentinels.iter().map(|ordinal| row(&forged.events, *ordinal)).collect();
    forged.rows.extend(rows);
    let grow = |counter: &mut Option<u64>| *counter = counter.map(|count| count + sentinels.len() as u64);
    grow(&mut forged.now.received);
    grow(&mut forged.now.unique);
}

/// The evidence of a run whose sentinels are in the ledger, with their outcome.
fn with_list(forged: &Forged, sentinels: &[u64], outcome: Outcome) -> Evidence {
    let mut evidence = forged.evidence();
    resend(&mut evidence, Purpose::Sentinel, sentinels, told(outcome));
    evidence
}

fn first_line(verdict: &Judgement) -> String {
    verdict.observations.first().expect("an observation").to_string()
}

#[test]
fn stored_sentinels_are_ours_and_their_number_is_told_first() {
    let mut forged = run();
    let before = forged.verdict();
    let (evidence, sentinels) = sent(&mut forged, Outcome::Acked);
    assert_eq!(sentinels.len(), 24);
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(check(&verdict, CheckId::Stranger).status, Status::Pass);
    assert_eq!(first_line(&verdict), "24 events were added to the target (sentinels)");
    assert_eq!(verdict.attempts, before.attempts, "they are no attempts of the run");
    let received = |verdict: &Judgement| verdict.counters.as_ref().expect("counters").received;
    assert_eq!(received(&verdict).low, received(&before).low + 24);
}

#[test]
fn counters_that_lack_an_acknowledged_sentinel_fail() {
    let mut forged = run();
    let (mut evidence, _) = sent(&mut forged, Outcome::Acked);
    let counters = evidence.observed.stats.stats.as_mut().expect("counters");
    counters.received = counters.received.map(|count| count - 1);
    counters.unique = counters.unique.map(|count| count - 1);
    assert_fails(&judge(&evidence), &[CheckId::RoutesDisagree, CheckId::Counters]);
}

#[test]
fn an_unknown_sentinel_may_be_counted_or_not() {
    for stored in [0, 11, 24] {
        let mut forged = run();
        let sentinels = lists(&forged.evidence()).sentinels;
        store(&mut forged, &sentinels[..stored]);
        let verdict = judge(&with_list(&forged, &sentinels, Outcome::Unknown));
        assert_eq!(verdict.verdict, Verdict::Pass, "{stored}: {:#?}", verdict.reasons);
        assert_eq!(first_line(&verdict), "24 events were added to the target (sentinels)");
    }
}

#[test]
fn sentinels_that_never_left_or_were_rejected_change_nothing() {
    for outcome in [Outcome::NeverSent, Outcome::Rejected] {
        let mut forged = run();
        let (evidence, _) = sent(&mut forged, outcome);
        let verdict = judge(&evidence);
        assert_eq!(verdict.verdict, Verdict::Pass, "{outcome:?}: {:#?}", verdict.reasons);
        assert!(
            verdict.observations.iter().all(|line| !line.to_string().contains("sentinels")),
            "{outcome:?}"
        );
    }
}

#[test]
fn one_event_more_than_the_run_and_its_sentinels_is_not_explained() {
    let mut forged = run();
    let (mut evidence, _) = sent(&mut forged, Outcome::Acked);
    for counters in [evidence.observed.stats.stats.as_mut(), evidence.closing.as_mut()] {
        let counters = counters.expect("counters");
        counters.received = counters.received.map(|count| count + 1);
        counters.duplicates = counters.duplicates.map(|count| count + 1);
    }
    assert_fails(&judge(&evidence), &[CheckId::Counters]);
}

#[test]
fn a_sentinel_under_another_topic_is_in_the_wrong_place() {
    let mut forged = run();
    let sentinels = lists(&forged.evidence()).sentinels;
    store(&mut forged, &sentinels);
    let topics = forged.events.topics().to_vec();
    let last = forged.rows.last_mut().expect("a sentinel");
    last.topic.clone_from(topics.iter().find(|topic| **topic != last.topic).expect("several topics"));
    let verdict = judge(&with_list(&forged, &sentinels, Outcome::Acked));
    assert_eq!(check(&verdict, CheckId::WrongTopic).count, 1);
}

#[test]
fn each_invocation_has_sentinels_of_its_own() {
    let mut forged = run();
    let (evidence, first) = sent(&mut forged, Outcome::Acked);
    let second = lists(&evidence).sentinels;
    assert!(first.iter().all(|ordinal| !second.contains(ordinal)));
    let senders: Vec<u64> = [&first, &second].map(|list| Sender::of(list[0]).invocation).to_vec();
    assert_eq!(senders, [0, 1]);
    // Another shard counts its own invocations.
    let facts = Facts::gather(&evidence).expect("a good ledger");
    let other = Lists::of_sentinels(&facts, Shard { index: 3, of: 4 }).sentinels;
    assert_eq!(Sender::of(other[0]), Sender { invocation: 0, shard: 2 });
    let beyond = Lists::of_sentinels(&facts, Shard { index: 1_025, of: 2_000 });
    assert!(beyond.is_empty() && beyond.withheld.len() == 1);
}

#[test]
fn a_list_of_sentinels_names_no_keys_and_a_list_of_keys_no_sentinels() {
    let forged = run();
    let verdict = judge(&with_list(&forged, &[3], Outcome::Acked));
    assert_eq!(verdict.verdict, Verdict::Unknown);
    let mut evidence = forged.evidence();
    let ordinals = lists(&evidence).sentinels;
    frames(&mut evidence).push(Frame::Resend { id: 0, purpose: Purpose::Replay, ordinals });
    assert_eq!(judge(&evidence).verdict, Verdict::Unknown);
}

#[test]
fn an_absent_key_that_the_view_may_not_show_hangs_on_sentinels_and_a_loss_does_not() {
    let mut forged = run();
    assert!(!hangs_on_sentinels(&forged.verdict()), "nothing is absent");
    // No later key of its topic is shown, so it lies in no bracket.
    let newest = forged.plan.keys().expect("a plan with a count") - 1;
    forged.lose(newest);
    assert!(!hangs_on_sentinels(&forged.verdict()), "a FAIL, as the listing is promised to be complete");
    let mut evidence = forged.evidence();
    evidence.listing_is_complete = false;
    assert!(hangs_on_sentinels(&judge(&evidence)));
    // What still waits is shown by no sentinel.
    evidence.observed.stats.settled = Settled::Moving;
    assert!(!hangs_on_sentinels(&judge(&evidence)));
}

/// The newest key is lost, and nobody promises that the listing is complete.
fn newest_lost() -> (Evidence, u64) {
    let mut forged = run();
    let newest = forged.plan.keys().expect("a plan with a count") - 1;
    forged.lose(newest);
    forged.is_complete = false;
    let (evidence, _) = sent(&mut forged, Outcome::Acked);
    (evidence, newest)
}

#[test]
fn sentinels_that_are_shown_stand_in_for_keys_after_a_loss() {
    let (evidence, newest) = newest_lost();
    assert_names(&judge(&evidence), CheckId::Lost, newest);
    // Without them, a view that is behind would explain it.
    let mut unseen = evidence;
    unseen.observed.listing.sentinels.clear();
    assert_eq!(check(&judge(&unseen), CheckId::Lost).status, Status::Unknown);
}

#[test]
fn sentinels_that_pushed_a_key_out_stand_in_for_nothing() {
    let (mut evidence, _) = newest_lost();
    evidence.observed.sentinels = Some(Sentinels {
        schema_version: 1,
        sent: Vec::new(),
        looks: 1,
        looked_ms: 1,
        fallen_out: 1,
        fallen_out_keys: vec![11],
    });
    assert_eq!(check(&judge(&evidence), CheckId::Lost).status, Status::Unknown);
}

#[test]
fn with_many_topics_those_of_absent_keys_get_sentinels() {
    let mut forge = Forge { fates: |_, _| vec![Fate::Acked], ..Forge::default() };
    forge.scenario.events.topics = (0..100).map(|topic| format!("t{topic}")).collect();
    let mut forged = forge.run();
    let none = lists(&forged.evidence());
    assert!(none.is_empty() && none.withheld.len() == 1, "no topic is in question");
    forged.lose(11);
    let topic = forged.events.topic(11).to_owned();
    let sentinels = lists(&forged.evidence()).sentinels;
    assert_eq!(sentinels.len(), 24);
    assert!(sentinels.iter().all(|ordinal| forged.events.topic(*ordinal) == topic));
}

#[test]
fn a_response_about_sentinels_is_held_to_its_numbers() {
    let mut forged = run();
    let (mut evidence, _) = sent(&mut forged, Outcome::Acked);
    let Some(Frame::Done(done)) = frames(&mut evidence).last_mut() else {
        unreachable!("the last request of the list")
    };
    done.answer.kinds = Kinds::Each(vec![Kind::New; 4]);
    done.answer.accepted = Some(3);
    assert_eq!(check(&judge(&evidence), CheckId::AnswerSum).status, Status::Fail);
}
