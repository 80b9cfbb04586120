//! Premises: the same finding under promises, without them, and where the run shows what they say.

use std::time::Duration;

use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Judgement, Premise, Standing, Status, Verdict};
use truth::observed::Settled;
use truth::observed::looks::KeyHistory;
use truth::record::ledger::Done;
use truth::scenario::promises::{Ack, PayloadEquality, Promises, Refused, Unique};
use truth::target::answer::Kind;

use crate::forge::{Fate, Forge, Forged, assert_fails, check, foreign, row};

/// A correct run whose target promises nothing.
pub(crate) fn undeclared() -> Forged {
    let mut forge = Forge::default();
    forge.scenario.promises = Promises::default();
    Forged { is_complete: false, ..forge.run() }
}

/// The standing of a premise under the finding of a check.
fn standing(verdict: &Judgement, id: CheckId, premise: Premise) -> Standing {
    let check = check(verdict, id);
    let ground = check.premises.iter().find(|ground| ground.premise == premise);
    ground.unwrap_or_else(|| panic!("{check:#?}")).standing
}

pub(crate) fn assert_open(verdict: &Judgement, id: CheckId, premise: Premise) {
    assert_fails(verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    assert_eq!(check(verdict, id).status, Status::Unknown, "{:#?}", check(verdict, id));
    assert!(matches!(standing(verdict, id, premise), Standing::Assumed | Standing::Refuted));
}

fn assert_observed(verdict: &Judgement, id: CheckId) {
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(check(verdict, id).status, Status::NotTested);
    let told = |line: &String| line.contains("nobody promised");
    assert!(verdict.observations.iter().map(ToString::to_string).any(|line| told(&line)));
}

#[test]
fn a_correct_target_that_promises_nothing_passes() {
    let verdict = undeclared().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(verdict.premises.iter().any(|ground| ground.standing == Standing::Assumed));
}

#[test]
fn a_key_between_others_is_lost_and_one_at_an_end_may_be_out_of_sight() {
    let mut forged = undeclared();
    let keys = forged.plan.keys().unwrap();
    let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
    forged.lose(middle);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::Lost]);
    for premise in [Premise::Whole, Premise::Fresh, Premise::NothingWaits] {
        assert_eq!(standing(&verdict, CheckId::Lost, premise), Standing::Shown);
    }
    for end in [0, keys - 1] {
        let mut forged = undeclared();
        forged.lose(end);
        assert_open(&forged.verdict(), CheckId::Lost, Premise::Whole);
    }
}

#[test]
fn a_view_of_a_part_of_the_rows_loses_nothing() {
    let views: [fn(usize, usize) -> bool; 4] = [
        |nth, rows| nth >= rows / 2,
        |nth, rows| nth < rows / 2,
        |nth, _| nth % 10 == 0,
        |nth, rows| nth > rows / 4 && nth % 9 > 0,
    ];
    for view in views {
        let mut forged = undeclared();
        let rows = forged.rows.len();
        let mut nth = 0;
        forged.rows.retain(|_| {
            nth += 1;
            view(nth - 1, rows)
        });
        assert_open(&forged.verdict(), CheckId::Lost, Premise::Whole);
        // The promise that the listing shows all is then what is broken.
        let mut promised = Forged { is_complete: true, ..forged };
        promised.promises.visible = Some(Duration::ZERO);
        assert_eq!(check(&promised.verdict(), CheckId::Lost).status, Status::Fail);
    }
}

#[test]
fn what_may_be_stored_later_is_not_lost_yet() {
    let mut forged = undeclared();
    let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
    forged.lose(middle);
    let mut later = forged.clone();
    later.dones().for_each(|done: &mut Done| done.status = 202);
    assert_open(&later.verdict(), CheckId::Lost, Premise::NothingWaits);
    later.promises.ack = Some(Ack::Committed);
    assert_fails(&later.verdict(), &[CheckId::Lost]);
    forged.promises.ack = Some(Ack::Queued);
    assert_open(&forged.verdict(), CheckId::Lost, Premise::NothingWaits);
    // What was stored last need not be what was sent last.
    forged.promises.drain = Some(Duration::from_secs(1));
    assert_open(&forged.verdict(), CheckId::Lost, Premise::Whole);
    forged.is_complete = true;
    forged.promises.visible = Some(Duration::from_secs(1));
    assert_fails(&forged.verdict(), &[CheckId::Lost]);
}

#[test]
fn copies_of_a_key_that_was_sent_again_may_merge() {
    let mut forged = undeclared();
    let once = forged.key_where(|attempts| attempts.len() == 1);
    let again = forged.key_where(|attempts| attempts.len() > 1);
    let mut repeated = forged.clone();
    repeated.rows.push(row(&repeated.events, again));
    assert_open(&repeated.verdict(), CheckId::StoredTwice, Premise::CopiesSettled);
    // Copies are seldom shown for a minute, so the remedy names first what decides at once.
    let remedy = Premise::CopiesSettled.promised_by();
    assert!(remedy.starts_with("`merge = \"0s\"` under `[promises]`"), "{remedy}");
    repeated.promises.merge = Some(Duration::ZERO);
    assert_fails(&repeated.verdict(), &[CheckId::StoredTwice]);
    forged.rows.push(row(&forged.events, once));
    assert_fails(&forged.verdict(), &[CheckId::StoredTwice]);
}

#[test]
fn copies_of_a_key_that_others_may_have_sent_again_may_merge() {
    let mut forged = undeclared();
    let once = forged.key_where(|attempts| attempts.len() == 1);
    forged.rows.push(row(&forged.events, once));
    let mut sent_again = forged.clone();
    sent_again.promises.intermediary_resends = Some(true);
    assert_open(&sent_again.verdict(), CheckId::StoredTwice, Premise::CopiesSettled);
    forged.now.received = forged.now.received.map(|count| count + 1);
    assert_open(&forged.verdict(), CheckId::StoredTwice, Premise::CopiesSettled);
    forged.promises.shared = Some(false);
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::StoredTwice).status, Status::Fail, "{verdict:#?}");
}

#[test]
fn copies_of_a_key_that_was_refused_before_may_merge() {
    let mut forged = undeclared();
    let key = forged.key_where(|attempts| matches!(attempts, [(first, ..), (second, ..)] if second > first));
    for (attempt, kind) in forged.attempts_of(key).into_iter().zip([Kind::Rejected, Kind::New]) {
        forged.tell(attempt, kind);
    }
    forged.rows.push(row(&forged.events, key));
    assert_open(&forged.verdict(), CheckId::StoredTwice, Premise::CopiesSettled);
    forged.promises.refused = Some(Refused::NoEffect);
    assert_fails(&forged.verdict(), &[CheckId::StoredTwice]);
}

#[test]
fn a_key_that_was_new_twice_fails_and_one_that_was_new_late_needs_a_promise() {
    let forged = undeclared();
    let key = forged.key_where(|attempts| matches!(attempts, [(first, ..), (second, ..)] if second > first));
    let attempts = forged.attempts_of(key);
    let mut twice = forged.clone();
    attempts.iter().for_each(|attempt| twice.tell(*attempt, Kind::New));
    assert_fails(&twice.verdict(), &[CheckId::AnswerOrder]);
    let mut late = forged;
    late.tell(attempts[0], Kind::Duplicate);
    late.tell(attempts[1], Kind::New);
    assert_open(&late.verdict(), CheckId::AnswerOrder, Premise::Committed);
    late.promises.ack = Some(Ack::Committed);
    late.promises.intermediary_resends = Some(false);
    assert_fails(&late.verdict(), &[CheckId::AnswerOrder]);
}

#[test]
fn counters_decide_nothing_that_nobody_promised() {
    let mut forged = undeclared();
    forged.now.received = forged.now.received.map(|received| received - 1);
    assert_open(&forged.verdict(), CheckId::Counters, Premise::Counters);
    let mut above = undeclared();
    for counters in above.closing.iter_mut().chain([&mut above.now]) {
        counters.received = counters.received.map(|received| received + 1);
        counters.duplicates = counters.duplicates.map(|duplicates| duplicates + 1);
    }
    above.promises = truth::scenario::promises::Preset::Reference.promises();
    assert_fails(&above.verdict(), &[CheckId::Counters]);
    above.promises.shared = None;
    assert_open(&above.verdict(), CheckId::Counters, Premise::NobodyElse);
}

#[test]
fn a_promise_that_nobody_made_is_broken_by_nobody() {
    // Counters would tell of the rejected event too.
    let mut refused = Forged { baseline: None, ..undeclared() };
    let key = refused.key_where(|attempts| attempts.len() == 1);
    refused.tell(refused.attempts_of(key)[0], Kind::Rejected);
    assert_observed(&refused.verdict(), CheckId::RejectedButStored);
    let fates = |round, request| match (round, request) {
        (2, 5) => vec![Fate::Unknown { executed: true }],
        _ => vec![Fate::Acked],
    };
    let mut forge = Forge { fates, ..Forge::default() };
    forge.scenario.promises = Promises::default();
    let mut torn = Forged { is_complete: false, ..forge.run() };
    let alone =
        torn.key_where(|attempts| matches!(attempts, [(round, request, _)] if (*round, *request) == (2, 5)));
    torn.rows.retain(|row| row.event_id != torn.events.id_text(alone));
    assert_eq!(check(&torn.verdict(), CheckId::TornBatch).status, Status::NotTested);
}

#[test]
fn rows_of_others_are_blamed_on_the_target_only_if_nobody_else_writes() {
    let mut forged = Forge { earlier: 5, ..Forge::default() }.run();
    forged.rows.push(foreign(99));
    assert_eq!(check(&forged.verdict(), CheckId::Stranger).status, Status::Fail);
    forged.promises.shared = None;
    assert_open(&forged.verdict(), CheckId::Stranger, Premise::NobodyElse);
}

#[test]
fn looks_that_contradict_each_other_show_nothing_whole() {
    let mut forged = undeclared();
    let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
    forged.lose(middle);
    let mut evidence = forged.evidence();
    evidence.observed.looks.more_by_topic = true;
    assert_open(&judge(&evidence), CheckId::Lost, Premise::Whole);
    let mut evidence = forged.evidence();
    evidence.observed.looks.http_age = Some(9);
    assert_open(&judge(&evidence), CheckId::Lost, Premise::Fresh);
    // Pages of one size showed a key, and pages of another did not.
    let mut evidence = forged.evidence();
    let [first_missed_ms, first_seen_ms] = [Some(0), Some(10_000)];
    let skipped = KeyHistory { ordinal: 7, first_missed_ms, first_seen_ms, ..KeyHistory::default() };
    evidence.observed.looks.missing.push(skipped.clone());
    assert_open(&judge(&evidence), CheckId::Lost, Premise::Whole);
    // One that came late did so in pages of either size.
    evidence.observed.looks.missing = vec![KeyHistory { changes: 1, ..skipped }];
    assert_fails(&judge(&evidence), &[CheckId::Lost]);
}

#[test]
fn a_failed_read_of_a_listing_that_drains_may_have_taken_what_is_absent() {
    let mut forged = Forge::default().run();
    forged.lose(3);
    let mut evidence = forged.evidence();
    assert_fails(&judge(&evidence), &[CheckId::Lost, CheckId::RoutesDisagree]);
    evidence.observed.looks.failed_read = Some("status 500".to_owned());
    assert_open(&judge(&evidence), CheckId::Lost, Premise::Whole);
}

#[test]
fn rows_of_others_are_gone_only_if_no_page_can_have_repeated_one() {
    let mut forged = Forge { earlier: 5, ..Forge::default() }.run();
    forged.rows.remove(2);
    let status = |pages, rows_have_an_order| {
        let mut evidence = Evidence { rows_have_an_order, ..forged.evidence() };
        evidence.observed.listing.pages = pages;
        check(&judge(&evidence), CheckId::ForeignLost).status
    };
    assert_eq!(status(1, false), Status::Fail);
    assert_eq!(status(2, true), Status::Fail);
    assert_eq!(status(2, false), Status::Unknown);
}

#[test]
fn what_is_shown_in_time_waits_for_nothing_even_if_some_of_it_came_late() {
    for (visible, ack, is_decided) in [
        (None, None, false),
        (Some(Duration::from_secs(5)), None, true),
        (Some(Duration::from_secs(5)), Some(Ack::Queued), false),
    ] {
        let mut forged = undeclared();
        forged.promises.visible = visible;
        forged.promises.ack = ack;
        let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
        forged.lose(middle);
        let mut evidence = forged.evidence();
        evidence.observed.listing.missing_at_first = 40;
        let verdict = judge(&evidence);
        match is_decided {
            true => assert_fails(&verdict, &[CheckId::Lost]),
            false => assert_open(&verdict, CheckId::Lost, Premise::NothingWaits),
        }
    }
}

#[test]
fn a_look_shows_what_is_lost_once_nothing_moved_for_three_times_the_longest_lateness() {
    for (quiet_ms, is_decided) in [(2_999, false), (3_000, true)] {
        let mut forged = undeclared();
        let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
        forged.lose(middle);
        let mut evidence = forged.evidence();
        evidence.observed.looks.lag_ms = Some(1_000);
        evidence.observed.looks.quiet_ms = quiet_ms;
        let verdict = judge(&evidence);
        match is_decided {
            true => assert_fails(&verdict, &[CheckId::Lost]),
            false => assert_open(&verdict, CheckId::Lost, Premise::Fresh),
        }
    }
}

#[test]
fn counters_that_never_rest_are_not_compared_and_the_rows_are_judged() {
    let mut forged = undeclared();
    forged.settled = Settled::Moving;
    let rested = |forged: &Forged| {
        let mut evidence = forged.evidence();
        evidence.observed.looks.listing_rested = true;
        judge(&evidence)
    };
    // Rows and counters moved: the target was not at rest.
    assert_eq!(forged.verdict().verdict, Verdict::Unknown);
    assert!(forged.verdict().reasons.iter().any(|reason| reason.to_string().contains("--settle")));
    let verdict = rested(&forged);
    assert_open(&verdict, CheckId::Counters, Premise::NobodyElse);
    assert_eq!(verdict.reasons.len(), 1, "{:#?}", verdict.reasons);
    // Whatever is promised, counters that move say nothing.
    let mut promised = Forge::default().run();
    promised.settled = Settled::Moving;
    assert_open(&rested(&promised), CheckId::Counters, Premise::NothingWaits);
    let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
    forged.lose(middle);
    assert_fails(&rested(&forged), &[CheckId::Lost]);
}

#[test]
fn what_a_cache_answered_is_old_unless_that_is_promised_to_be_new_enough() {
    let mut forged = undeclared();
    let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
    forged.lose(middle);
    let cached = |forged: &Forged| {
        let mut evidence = forged.evidence();
        evidence.observed.looks.http_age = Some(40);
        judge(&evidence)
    };
    assert_open(&cached(&forged), CheckId::Lost, Premise::Fresh);
    // The forged looks took ten seconds.
    forged.promises.visible = Some(Duration::from_secs(60));
    assert_open(&cached(&forged), CheckId::Lost, Premise::Fresh);
    forged.promises.visible = Some(Duration::from_secs(10));
    assert_fails(&cached(&forged), &[CheckId::Lost]);
    let mut forged = undeclared();
    forged.now.unique = forged.now.unique.map(|unique| unique - 9);
    let verdict = cached(&forged);
    assert_open(&verdict, CheckId::Counters, Premise::Counters);
    assert_eq!(standing(&verdict, CheckId::Counters, Premise::Counters), Standing::Refuted);
}

#[test]
fn rows_that_others_may_delete_are_not_counted_on() {
    let mut forged = undeclared();
    forged.promises.shared = Some(true);
    forged.now.unique = forged.now.unique.map(|unique| unique - 9);
    assert_open(&forged.verdict(), CheckId::Counters, Premise::Counters);
    forged.promises.unique = Some(Unique::Rows);
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

/// The observation on a promise that nobody made.
fn unpromised(verdict: &Judgement, words: &str) -> String {
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let mut lines = verdict.observations.iter().map(ToString::to_string);
    let told = lines.find(|line| line.contains(words) && line.contains("; nobody promised that "));
    told.unwrap_or_else(|| panic!("{words}: {:#?}", verdict.observations))
}

#[test]
fn what_a_refused_request_may_have_stored_contradicts_nothing() {
    // Round 2 is refused at first, and then retried.
    let mut forge = Forge {
        fates: |round, _| if round == 2 { vec![Fate::Rejected, Fate::Acked] } else { vec![Fate::Acked] },
        ..Forge::default()
    };
    forge.scenario.load.retries = 1;
    let mut forged = forge.run();
    let first = forged.key_where(|attempts| matches!(attempts, [(2, _, _)]));
    let place = forged.attempts_of(first)[0];
    let told = |forged: &mut Forged| {
        forged.tell(place, Kind::Duplicate);
        forged.verdict()
    };
    assert_fails(&told(&mut forged), &[CheckId::AnswerOrder]);
    forged.promises.refused = None;
    unpromised(&forged.verdict(), "responses contradict each other");
}

#[test]
fn counters_that_a_refused_request_may_have_moved_contradict_nothing() {
    let mut forge = Forge {
        fates: |round, _| if round == 2 { vec![Fate::Rejected, Fate::Acked] } else { vec![Fate::Acked] },
        ..Forge::default()
    };
    forge.scenario.load.retries = 1;
    let mut forged = forge.run();
    for counters in [&mut forged.now, forged.closing.as_mut().unwrap()] {
        counters.received = counters.received.map(|count| count + 5);
        counters.duplicates = counters.duplicates.map(|count| count + 5);
    }
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    forged.promises.refused = None;
    unpromised(&forged.verdict(), "received grew by 2,005");
}

#[test]
fn counters_of_several_moments_are_told_where_nobody_promised_one() {
    let mut forged = undeclared();
    for polled in forged.under_load() {
        polled.received = polled.received.map(|count| count + 1);
    }
    unpromised(&forged.verdict(), "which does not add up");
    // Counters that do not add up at rest either count something else.
    forged.now.received = forged.now.received.map(|count| count + 1);
    let lines: Vec<String> = forged.verdict().observations.iter().map(ToString::to_string).collect();
    assert!(!lines.iter().any(|line| line.contains("does not add up")), "{lines:#?}");
}

#[test]
fn counters_that_fell_short_are_told_where_nobody_said_that_they_survive_a_restart() {
    let mut forged = undeclared();
    forged.now.unique = forged.now.unique.map(|count| count - 9);
    forged.now.received = forged.now.received.map(|count| count - 9);
    forged.now.uptime_ms = None;
    forged.now.instance = None;
    unpromised(&forged.verdict(), "received grew by 1,991");
}

#[test]
fn a_payload_that_is_spelt_otherwise_is_told_where_nobody_promised_the_letter() {
    let mut forged = undeclared();
    forged.promises.payload = PayloadEquality::Json;
    let payload = forged.rows[7].payload.as_mut().unwrap();
    payload.push(' ');
    unpromised(&forged.verdict(), "1 payload means what was sent and is spelt otherwise");
}

#[test]
fn a_key_that_still_waits_may_come_and_go() {
    let mut forged = undeclared();
    forged.is_complete = true;
    (forged.promises.visible, forged.promises.ack) = (Some(Duration::from_secs(1)), Some(Ack::Committed));
    let flickers = |forged: &Forged| {
        let mut evidence = forged.evidence();
        evidence.rows_have_an_order = true;
        let looks = &mut evidence.observed.looks;
        looks.missing.push(KeyHistory {
            ordinal: 3,
            first_seen_ms: Some(100),
            first_missed_ms: Some(500),
            last_missed_ms: Some(4_000),
            last_seen_ms: Some(5_000),
            changes: 2,
            ..KeyHistory::default()
        });
        looks.missing_count = 1;
        judge(&evidence)
    };
    assert_fails(&flickers(&forged), &[CheckId::ListingUnsound]);
    forged.promises.ack = Some(Ack::Queued);
    assert_open(&flickers(&forged), CheckId::ListingUnsound, Premise::NothingWaits);
}

#[test]
fn a_key_among_few_may_be_one_that_the_view_leaves_out() {
    for (count, is_lost) in [(40, false), (60, true)] {
        let mut forge = Forge::of_single_events();
        forge.scenario.promises = Promises::default();
        forge.scenario.load.count = Some(count);
        forge.scenario.events.topics = vec!["a".to_owned()];
        let mut forged = Forged { is_complete: false, ..forge.run() };
        let keys = forged.plan.keys().unwrap();
        // 20 keys in between would be enough to show 95 % of them.
        assert_eq!((20..32).contains(&keys), !is_lost, "{keys}");
        forged.lose(keys / 2);
        match is_lost {
            true => assert_fails(&forged.verdict(), &[CheckId::Lost]),
            false => assert_open(&forged.verdict(), CheckId::Lost, Premise::Whole),
        }
    }
}
