//! Responses whose status acknowledges and whose body contradicts the description of the target.

use judge::evidence::Evidence;
use judge::verdict::{CheckId, Fate, Judgement, Status, Verdict};
use truth::observed::ListingObservation;
use truth::observed::presence::Presence;
use truth::record::ledger::{Done, Scope};
use truth::target::answer::{Answer, Kind, Outcome};

use crate::forge::{Fate as Try, Forge, Forged, assert_fails, assert_names, check};

fn unclear(body: &str) -> Answer {
    Answer { excerpt: Some(body.into()), ..Answer::bare(Outcome::Unclear) }
}

/// Makes the response to one request unclear, which was executed or not.
fn with_one(body: &str, is_executed: bool) -> Forged {
    let fates = match is_executed {
        true => |round, request| vec![of_one(round, request, Try::Unknown { executed: true })],
        false => |round, request| vec![of_one(round, request, Try::Unknown { executed: false })],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    let is_it = |done: &&mut Done| (done.scope, done.request) == (Scope::Round(2), 5);
    let done = forged.dones().find(is_it).expect("a response");
    (done.status, done.answer) = (200, unclear(body));
    forged
}

fn of_one(round: u64, request: u32, fate: Try) -> Try {
    if (round, request) == (2, 5) { fate } else { Try::Acked }
}

fn doubts(verdict: &Judgement) -> Vec<String> {
    verdict.reasons.iter().map(ToString::to_string).collect()
}

#[test]
fn a_key_that_is_there_needs_no_clear_response() {
    let verdict = with_one("OK", true).verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!((verdict.attempts.unclear, verdict.attempts.unknown), (20, 0));
    let slack = verdict.counters.expect("counters");
    assert_eq!(slack.received.slack(), 20, "it may have had an effect or not");
}

#[test]
fn an_absent_key_of_an_unclear_response_is_neither_lost_nor_fine() {
    let verdict = with_one("{\"accepted\":0}", false).verdict();
    assert_eq!(verdict.verdict, Verdict::Unknown);
    let told = doubts(&verdict).join("\n");
    assert!(told.contains("keys are not shown to be stored"), "{told}");
    assert!(told.contains("status 200 with the body `{\"accepted\":0}`"), "{told}");
    assert_eq!(check(&verdict, CheckId::Lost).status, Status::Pass);
}

#[test]
fn an_acknowledged_copy_of_the_same_key_makes_it_lost() {
    let mut forged = Forge::default().run();
    let spread = |attempts: &[(u64, u32, usize)]| attempts.len() == 2 && attempts[1].0 > attempts[0].0;
    let key = forged.key_where(spread);
    let (round, request, _) = forged.attempts_of(key)[1];
    let is_it = |done: &&mut Done| (done.scope, done.request) == (Scope::Round(round), request);
    forged.dones().find(is_it).expect("a response").answer = unclear("OK");
    forged.lose(key);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::Lost, key);
    let history = &check(&verdict, CheckId::Lost).findings[0].history;
    assert_eq!(history[1].outcome, Fate::Unclear);
}

#[test]
fn where_no_response_fits_the_status_acknowledges() {
    let mut forged = Forge::default().run();
    forged.dones().for_each(|done| done.answer = unclear("OK"));
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!((verdict.attempts.acked, verdict.attempts.unclear), (2_000, 0));
    forged.lose(1_000);
    assert_fails(&forged.verdict(), &[CheckId::Lost, CheckId::RoutesDisagree]);
    // One response that fits is enough for all others to contradict it.
    forged.dones().next().expect("a response").answer = Answer::bare(Outcome::Acked);
    let verdict = forged.verdict();
    assert_eq!(verdict.attempts.acked, 20);
    assert_eq!(check(&verdict, CheckId::Lost).status, Status::Pass);
}

#[test]
fn beside_rules_no_unclear_response_acknowledges() {
    let mut forged = Forge::default().run();
    forged.dones().for_each(|done| done.answer = unclear("OK"));
    let judged =
        |forged: &Forged| judge::judge(&Evidence { unclear_acknowledges: false, ..forged.evidence() });
    let verdict = judged(&forged);
    assert_eq!((verdict.attempts.acked, verdict.attempts.unclear), (0, 2_000));
    assert_ne!(verdict.verdict, Verdict::Fail, "{:#?}", verdict.reasons);
    let told = doubts(&judged(&with_one("OK", false))).join("\n");
    assert!(
        told.contains("not shown to be stored") && told.contains("rule of `[[target.answers]]`"),
        "{told}"
    );
}

/// Makes the fate of one event of an answered request unknown, which was executed or not, and of
/// which no other copy was sent.
fn with_one_unknown(is_executed: bool) -> Forged {
    let mut forged = Forge::default().run();
    let key = forged.key_where(|attempts| attempts.len() == 1);
    forged.tell(forged.attempts_of(key)[0], Kind::Unknown);
    if !is_executed {
        forged.lose(key);
    }
    forged
}

#[test]
fn an_unknown_event_of_an_answered_request_is_as_an_unanswered_attempt() {
    for is_executed in [true, false] {
        let verdict = with_one_unknown(is_executed).verdict();
        assert_eq!((verdict.attempts.unknown, verdict.attempts.acked), (1, 1_999), "{is_executed}");
        assert_eq!(check(&verdict, CheckId::Lost).status, Status::Pass, "{is_executed}");
        assert_eq!(check(&verdict, CheckId::AnswerOrder).status, Status::Pass, "{is_executed}");
        let slack = verdict.counters.as_ref().expect("counters");
        assert_eq!(slack.received.slack(), 1, "it may have had an effect or not");
    }
    let verdict = with_one_unknown(true).verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

#[test]
fn an_unknown_event_that_is_stored_may_be_known_to_a_later_copy() {
    let mut forged = Forge::default().run();
    let spread = |attempts: &[(u64, u32, usize)]| attempts.len() == 2 && attempts[1].0 > attempts[0].0;
    let key = forged.key_where(spread);
    let attempts = forged.attempts_of(key);
    forged.tell(attempts[0], Kind::Unknown);
    forged.tell(attempts[1], Kind::Duplicate);
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::AnswerOrder).status, Status::Pass);
    forged.lose(key);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::Lost, key);
    let history = &check(&verdict, CheckId::Lost).findings[0].history;
    assert_eq!((history[0].outcome, history[1].outcome), (Fate::Unknown, Fate::Duplicate));
}

#[test]
fn without_a_listing_a_unique_count_may_have_all_of_them() {
    let judged = |is_executed| {
        let mut evidence = with_one("", is_executed).evidence();
        evidence.observed.listing = ListingObservation::none(false, None);
        evidence.observed.presence = Presence::new(1_400);
        judge::judge(&evidence)
    };
    let verdict = judged(true);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let verdict = judged(false);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    assert!(doubts(&verdict).join("\n").contains("an empty body"), "{:#?}", verdict.reasons);
}
