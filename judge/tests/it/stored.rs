//! The checks of what is stored: evidence that each must reject, and evidence near the line that it
//! must accept.

use judge::judge;
use judge::verdict::{CheckId, Judgement, Status, Verdict};
use truth::observed::rows::Row;
use truth::scenario::promises::{PayloadEquality, TimestampEquality};
use truth::target::answer::Kind;

use crate::forge::{Fate, Forge, assert_fails, assert_names, check, foreign, row};

#[test]
fn a_correct_target_passes_whatever_the_shape_of_the_run() {
    for (lanes, width, earlier) in [(1, 1, 0), (1, 8, 3), (2, 8, 0), (3, 4, 1)] {
        let verdict = Forge { lanes, width, earlier, ..Forge::default() }.run().verdict();
        // In sequence nothing overlaps, and the plan wanted races.
        let expected = if width == 1 { Verdict::Void } else { Verdict::Pass };
        assert_eq!(verdict.verdict, expected, "{lanes} {width} {earlier}: {:#?}", verdict.reasons);
    }
}

#[test]
fn an_acknowledged_key_that_is_absent_is_lost() {
    let mut forged = Forge::default().run();
    forged.lose(11);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::Lost, 11);
    assert_fails(&verdict, &[CheckId::Lost, CheckId::RoutesDisagree]);
    let finding = &check(&verdict, CheckId::Lost).findings[0];
    assert_eq!(finding.event_id.as_deref(), Some(forged.events.id_text(11).as_str()));
    assert_eq!(finding.history.len(), forged.attempts_of(11).len());
}

#[test]
fn a_key_whose_attempts_are_all_unknown_may_be_present_or_absent() {
    for executed in [true, false] {
        let fates = match executed {
            true => |round, request| one_unknown(round, request, true),
            false => |round, request| one_unknown(round, request, false),
        };
        let verdict = Forge { fates, ..Forge::default() }.run().verdict();
        assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
        assert!(verdict.attempts.doubtful_keys > 0);
    }
}

fn one_unknown(round: u64, request: u32, executed: bool) -> Vec<Fate> {
    if (round, request) == (1, 15) { vec![Fate::Unknown { executed }] } else { vec![Fate::Acked] }
}

#[test]
fn rejected_and_never_sent_attempts_leave_no_trace_and_retries_are_attempts_of_their_own() {
    let fates = |round, request| match (round, request) {
        (1, 3) => vec![Fate::Rejected, Fate::Acked],
        (2, 5) => vec![Fate::Unknown { executed: true }, Fate::Acked],
        (3, 7) => vec![Fate::Unknown { executed: false }, Fate::Acked],
        (4, 9) => vec![Fate::Rejected],
        (4, 10) => vec![Fate::NeverSent],
        (5, 2) => vec![Fate::Unknown { executed: true }, Fate::Rejected, Fate::Untold],
        _ => vec![Fate::Acked],
    };
    for lanes in [1, 2] {
        let verdict = Forge { fates, lanes, ..Forge::default() }.run().verdict();
        assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
        assert_eq!(verdict.attempts.rejected, 60);
    }
}

#[test]
fn a_row_that_decodes_and_was_never_attempted_is_a_stranger() {
    let mut forged = Forge { fates: never_sent_last, ..Forge::default() }.run();
    let key = forged.plan.keys().unwrap() - 1;
    forged.rows.push(row(&forged.events, key));
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::Stranger, key);
    assert_eq!(check(&verdict, CheckId::RejectedButStored).status, Status::Pass);

    let mut beyond = Forge::default().run();
    let key = beyond.plan.keys().unwrap();
    beyond.rows.push(row(&beyond.events, key));
    assert_names(&beyond.verdict(), CheckId::Stranger, key);
}

fn never_sent_last(round: u64, _: u32) -> Vec<Fate> {
    if round == 6 { vec![Fate::NeverSent] } else { vec![Fate::Acked] }
}

#[test]
fn a_row_that_does_not_decode_is_a_stranger_where_the_unique_count_leaves_it_out() {
    let mut forged = Forge { earlier: 5, ..Forge::default() }.run();
    forged.rows.push(foreign(99));
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::Stranger, CheckId::RoutesDisagree]);
    let findings = &check(&verdict, CheckId::Stranger).findings;
    assert!(findings.iter().any(|finding| finding.event_id.as_deref() == Some("other-99")), "{findings:?}");
}

#[test]
fn a_row_under_another_topic_is_named_with_both_topics() {
    let mut forged = Forge::default().run();
    let stray = Row { topic: "elsewhere".to_owned(), ..row(&forged.events, 42) };
    forged.rows.push(stray);
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::WrongTopic, 42);
    assert_fails(&verdict, &[CheckId::WrongTopic, CheckId::RoutesDisagree]);
    let detail = &check(&verdict, CheckId::WrongTopic).findings[0].detail;
    assert!(detail.contains("elsewhere") && detail.contains(forged.events.topic(42)), "{detail}");
}

#[test]
fn a_key_listed_twice_is_stored_twice() {
    let mut forged = Forge::default().run();
    forged.rows.push(row(&forged.events, 8));
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::StoredTwice, 8);
    assert_fails(&verdict, &[CheckId::StoredTwice, CheckId::RoutesDisagree]);
    forged.rows.extend([row(&forged.events, 8), row(&forged.events, 8)]);
    let detail = check(&forged.verdict(), CheckId::StoredTwice).findings[0].detail.clone();
    assert_eq!(detail, "listed 3 or more times");
}

#[test]
fn a_key_listed_twice_by_a_moving_target_is_not_judged() {
    let mut forged = Forge::default().run();
    forged.rows.push(row(&forged.events, 8));
    let mut evidence = forged.evidence();
    evidence.observed.listing.bracketed = false;
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    assert_eq!(check(&verdict, CheckId::StoredTwice).status, Status::Unknown);
}

#[test]
fn a_lost_key_and_a_second_copy_do_not_cancel() {
    let mut forged = Forge::default().run();
    forged.lose(30);
    forged.rows.push(row(&forged.events, 31));
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::Lost, CheckId::StoredTwice]);
    assert_names(&verdict, CheckId::Lost, 30);
    assert_names(&verdict, CheckId::StoredTwice, 31);
}

#[test]
fn a_key_with_rejected_attempts_alone_must_not_be_stored() {
    let fates =
        |round, request| if (round, request) == (6, 3) { vec![Fate::Rejected] } else { vec![Fate::Acked] };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    let key =
        forged.key_where(|attempts| attempts.iter().all(|(round, request, _)| (*round, *request) == (6, 3)));
    forged.rows.push(row(&forged.events, key));
    let verdict = forged.verdict();
    assert_names(&verdict, CheckId::RejectedButStored, key);
    assert_fails(&verdict, &[CheckId::RejectedButStored, CheckId::RoutesDisagree]);
    assert_eq!(
        check(&verdict, CheckId::RejectedButStored).findings[0].history[0].outcome,
        judge::verdict::Fate::Rejected
    );
}

#[test]
fn a_part_of_an_acknowledged_request_can_be_rejected_and_must_not_be_stored_then() {
    let mut forged = Forge::default().run();
    forged.promises.batch = Some(truth::scenario::promises::Batch::Partial);
    let key = forged.key_where(|attempts| attempts.len() == 1);
    let attempt = forged.attempts_of(key)[0];
    forged.tell(attempt, Kind::Rejected);
    assert_names(&forged.verdict(), CheckId::RejectedButStored, key);
    forged.lose(key);
    let lower = |count: Option<u64>| count.map(|count| count - 1);
    for counters in [&mut forged.now, forged.closing.as_mut().unwrap()] {
        (counters.received, counters.unique) = (lower(counters.received), lower(counters.unique));
    }
    assert_fails(&forged.verdict(), &[]);
}

#[test]
fn a_stored_event_that_is_not_the_one_sent_is_named() {
    for field in 0..3 {
        let mut forged = Forge::default().run();
        let id = forged.events.id_text(77);
        let row = forged.rows.iter_mut().find(|row| row.event_id == id).unwrap();
        match field {
            0 => row.payload = Some("{\"n\":78}".to_owned()),
            1 => row.source = Some("another".to_owned()),
            _ => row.timestamp = Some("2025-01-01T00:00:00.000Z".to_owned()),
        }
        let verdict = forged.verdict();
        assert_names(&verdict, CheckId::PayloadChanged, 77);
        assert_fails(&verdict, &[CheckId::PayloadChanged]);
    }
}

#[test]
fn a_payload_may_be_spelt_anew_where_only_its_structure_is_promised() {
    let mut forged = Forge::default().run();
    for row in &mut forged.rows {
        let spaced = row.payload.as_ref().unwrap().replace("{\"n\":", "{ \"n\" : ");
        row.payload = Some(spaced);
    }
    assert_fails(&forged.verdict(), &[CheckId::PayloadChanged]);
    forged.promises.payload = PayloadEquality::Json;
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    let respelt =
        |text: &str, row: &mut Row| row.payload = Some(row.payload.as_ref().unwrap().replacen(',', text, 1));
    respelt(".0,", &mut forged.rows[5]);
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    respelt("1,", &mut forged.rows[5]);
    assert_fails(&forged.verdict(), &[CheckId::PayloadChanged]);
    forged.promises.payload = PayloadEquality::None;
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let summary = &check(&verdict, CheckId::PayloadChanged).summary;
    assert_eq!(summary, "1,400 stored events are as sent in timestamp");
    forged.promises.timestamp = TimestampEquality::None;
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(check(&verdict, CheckId::PayloadChanged).status, Status::NotTested);
}

#[test]
fn a_content_that_some_rows_lack_is_a_finding_and_one_that_all_lack_is_told() {
    let mut forged = Forge::default().run();
    for row in forged.rows.iter_mut().step_by(100) {
        row.payload = None;
    }
    let verdict = forged.verdict();
    assert_fails(&verdict, &[CheckId::PayloadChanged]);
    let found = check(&verdict, CheckId::PayloadChanged);
    assert_eq!(found.count, 14);
    assert_eq!(found.findings[0].detail, "payload is missing; 1,386 of 1,400 rows show it");

    for row in &mut forged.rows {
        row.payload = None;
    }
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let said = |verdict: &Judgement| verdict.observations.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(said(&verdict), ["payloads are not shown, so they were not compared"]);
    let summary = &check(&verdict, CheckId::PayloadChanged).summary;
    assert_eq!(summary, "1,400 stored events are as sent in timestamp and source");
    let unproven = verdict.planted.iter().filter(|planted| planted.seen.is_none());
    let unproven: Vec<&str> = unproven.map(|planted| planted.defect.as_str()).collect();
    assert_eq!(unproven, ["changed payload", "missing payload"]);

    for row in &mut forged.rows {
        (row.timestamp, row.source) = (None, None);
    }
    let verdict = forged.verdict();
    assert_eq!((verdict.verdict, said(&verdict)), (Verdict::Pass, Vec::new()));
    let found = check(&verdict, CheckId::PayloadChanged);
    assert_eq!(found.status, Status::NotTested);
    assert_eq!(found.summary, "timestamps, sources and payloads are not shown, so they were not compared");
}

#[test]
fn a_form_of_time_that_is_not_understood_is_told() {
    let mut forged = Forge::default().run();
    forged.promises.timestamp = TimestampEquality::Instant;
    for row in &mut forged.rows {
        row.timestamp = row.timestamp.as_ref().map(|text| format!("on {text}"));
    }
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let told = "timestamps are shown in a form that is not understood: `on 2025-01-01T00:00:00.";
    assert!(verdict.observations[0].to_string().starts_with(told), "{:?}", verdict.observations);
    forged.rows[5].timestamp = forged.rows[5].timestamp.as_ref().map(|text| text.replace("on ", ""));
    assert_fails(&forged.verdict(), &[CheckId::PayloadChanged]);
}

#[test]
fn only_eight_keys_are_shown_and_all_are_counted() {
    let mut forged = Forge::default().run();
    (100..150).for_each(|key| forged.lose(key));
    let verdict = forged.verdict();
    let lost = check(&verdict, CheckId::Lost);
    assert_eq!((lost.count, lost.findings.len()), (50, 8));
}
