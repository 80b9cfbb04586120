//! The words: what is void, what is unknown, and which word outranks which.

use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Observation, Status, Verdict};
use truth::observed::{ListingObservation, Settled};
use truth::record::faults::{FaultRecord, Struck};
use truth::scenario::fault::Action;

use crate::forge::{Fate, Forge, assert_fails, check};

#[test]
fn the_words_are_ranked_and_have_their_exit_codes() {
    assert!(
        Verdict::Fail > Verdict::Unknown && Verdict::Unknown > Verdict::Void && Verdict::Void > Verdict::Pass
    );
    let codes = [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::Void].map(Verdict::exit_code);
    assert_eq!(codes, [0, 1, 3, 4]);
}

#[test]
fn a_run_without_an_acknowledgement_is_void() {
    for fate in [Fate::Rejected, Fate::NeverSent, Fate::Unknown { executed: false }] {
        let fates = match fate {
            Fate::Rejected => |_, _| vec![Fate::Rejected],
            Fate::NeverSent => |_, _| vec![Fate::NeverSent],
            _ => |_, _| vec![Fate::Unknown { executed: false }],
        };
        let verdict = Forge { fates, ..Forge::default() }.run().verdict();
        assert_eq!(verdict.verdict, Verdict::Void, "{fate:?}: {:#?}", verdict.reasons);
        assert!(verdict.reasons[0].to_string().contains("nothing was acknowledged"), "{:?}", verdict.reasons);
    }
}

#[test]
fn a_target_that_shows_neither_events_nor_a_unique_count_is_void() {
    let forged = Forge::default().run();
    let mut evidence = forged.evidence();
    evidence.observed.listing = ListingObservation::none(false, None);
    evidence.observed.stats.stats.as_mut().unwrap().unique = None;
    assert_eq!(judge(&evidence).verdict, Verdict::Void);
    // That reading failed is another thing.
    evidence.observed.stats.stats = None;
    evidence.observed.stats.unread = Some("status 500".to_owned());
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    assert!(verdict.reasons.iter().any(|reason| reason.to_string().contains("status 500")));
}

#[test]
fn counters_alone_may_pass_and_say_what_they_rest_on() {
    let mut evidence = Forge::default().run().evidence();
    evidence.observed.listing = ListingObservation::none(false, None);
    evidence.observed.presence = truth::observed::presence::Presence::new(evidence.plan.keys().unwrap());
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(verdict.not_tested.iter().any(|line| line.starts_with("lost: ")), "{:#?}", verdict.not_tested);
    // Without a baseline there is nothing left to rest on.
    evidence.baseline = None;
    assert_eq!(judge(&evidence).verdict, Verdict::Unknown);
}

#[test]
fn a_planned_fault_without_proof_makes_a_pass_void() {
    let record = |proof: Option<&str>, missed: Option<&str>| FaultRecord {
        number: Some(0),
        planned: "kill at 30%".to_owned(),
        begun_ns: 5,
        ended_ns: 6,
        after_ms: 1_204,
        attempts_ended: 600,
        proof: proof.map(str::to_owned),
        missed: missed.map(str::to_owned),
    };
    let with = |record: Option<FaultRecord>| {
        let mut evidence = Forge::default().run().evidence();
        evidence.faults =
            vec![Struck { planned: "kill at 30%".to_owned(), action: Some(Action::Kill), record }];
        judge(&evidence)
    };
    let bit = with(Some(record(Some("ended by signal: 9 (SIGKILL), and ready again"), None)));
    assert_eq!(bit.verdict, Verdict::Pass, "{:#?}", bit.reasons);
    let told =
        "kill at 30%: 1,204 ms after the first send, with 600 attempts ended: ended by signal: 9 (SIGKILL)";
    assert!(
        bit.observations.iter().any(|line| line.to_string().starts_with(told)),
        "{:#?}",
        bit.observations
    );
    for (unproven, why) in [
        (None, "there is no record of it"),
        (Some(record(None, Some("the run was over before"))), "the run was over before"),
        (Some(record(Some("ended"), Some("all attempts had ended before"))), "all attempts had ended before"),
    ] {
        let verdict = with(unproven);
        assert_eq!(verdict.verdict, Verdict::Void, "{:#?}", verdict.reasons);
        assert_eq!(
            verdict.reasons[0].to_string(),
            format!("the planned fault had no effect: kill at 30%: {why}")
        );
    }
}

#[test]
fn races_that_were_planned_and_did_not_happen_are_void() {
    let verdict = Forge { width: 1, ..Forge::default() }.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Void);
    assert!(
        verdict.reasons[0].to_string().contains("overlapping pairs were planned and none was observed"),
        "{:?}",
        verdict.reasons
    );
    // One connection a lane cannot race, and was not planned to.
    let mut evidence = Forge { width: 1, ..Forge::default() }.run().evidence();
    evidence.can_race = false;
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert!(verdict.not_tested.iter().any(|line| line.starts_with("overlapping pairs")));
}

#[test]
fn races_over_several_addresses_are_told_with_their_number() {
    let mut evidence = Forge::default().run().evidence();
    let told = |evidence: &Evidence| {
        let observations = judge(evidence).observations;
        observations.iter().map(ToString::to_string).find(|line| line.contains("addresses"))
    };
    assert_eq!(told(&evidence), None);
    evidence.addresses = 3;
    let expected = "races were held over 3 addresses of the target, which connections took in turn";
    assert_eq!(told(&evidence).as_deref(), Some(expected));
}

#[test]
fn a_listing_between_two_unequal_readings_is_unknown() {
    let forged = Forge::default().run();
    let mut evidence = forged.evidence();
    (evidence.observed.listing.bracketed, evidence.observed.listing.brackets) = (false, 5);
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    assert!(verdict.reasons.iter().any(|reason| reason.to_string().contains("5 times in a row")));
}

#[test]
fn what_lies_beyond_a_listing_is_unseen_and_the_way_out_is_named() {
    let mut forged = Forge::default().run();
    forged.rows.truncate(1000);
    forged.is_complete = false;
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    let said = verdict.reasons[0].to_string();
    assert!(said.contains("the listing ended after 1,000 rows, and the target counts 1,400"), "{said}");
    assert!(said.contains("may be unseen, not lost"), "{said}");
    assert!(said.contains("`complete = true` under `[target.listing]`, or a `[database]` decides"), "{said}");
}

#[test]
fn a_target_that_still_moves_is_unknown_and_has_lost_nothing_yet() {
    let mut forged = Forge::default().run();
    forged.settled = Settled::Moving;
    forged.lose(5);
    forged.now.pending = Some(1);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    assert!(verdict.reasons.iter().any(|reason| reason.to_string().contains("--settle")));
    // One that stands still is judged.
    forged.settled = Settled::Stuck;
    forged.now.pending = Some(0);
    assert_fails(&forged.verdict(), &[CheckId::Lost, CheckId::RoutesDisagree]);
}

#[test]
fn events_that_wait_while_nothing_moves_are_still_on_their_way() {
    let mut forged = Forge::default().run();
    forged.lose(5);
    forged.now.processing = Some(1);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown);
}

#[test]
fn a_missing_shard_leaves_five_checks_and_at_best_unknown() {
    let mut forged = Forge::default().run();
    forged.lose(9);
    let mut evidence = forged.evidence();
    evidence.missing_shards = 2;
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Fail);
    let tested: Vec<CheckId> = verdict
        .checks
        .iter()
        .filter(|check| check.status != Status::NotTested)
        .map(|check| check.name)
        .collect();
    let left = [
        CheckId::Lost,
        CheckId::WrongTopic,
        CheckId::ListingUnsound,
        CheckId::StoredTwice,
        CheckId::PayloadChanged,
    ];
    assert_eq!(tested, left);
    let mut whole = Forge::default().run().evidence();
    whole.missing_shards = 1;
    assert_eq!(judge(&whole).verdict, Verdict::Unknown);
}

#[test]
fn a_pass_names_what_it_did_not_see() {
    let told = |evidence: &Evidence| {
        let verdict = judge(evidence);
        assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
        let order = check(&verdict, CheckId::AnswerOrder).summary.clone();
        let looked_once = |line: &String| {
            [
                "stillness: ",
                "replay: ",
                "key-merged: ",
                "foreign-lost: ",
                "batch-counts: ",
                "torn-batch: ",
                "scope-leak: ",
                "invalid-taken: ",
                "wrong-winner: ",
                "repeats with another ",
            ]
            .iter()
            .any(|name| line.starts_with(name))
        };
        let not_tested: Vec<String> =
            verdict.not_tested.into_iter().filter(|line| !looked_once(line)).collect();
        [not_tested, vec![order]].concat().join("\n")
    };
    let mut evidence = Forge::default().run().evidence();
    assert_eq!(told(&evidence), "2,000 new/duplicate responses are consistent with storing each key once");
    evidence.observed.listing.all_topics = false;
    assert!(told(&evidence).contains("rows under topics of others"));
    evidence.observed.listing.all_topics = true;
    evidence.baseline.as_mut().unwrap().listed = None;
    assert!(told(&evidence).contains("rows of others: the target was not listed before the run"));
    evidence.one_clock = false;
    assert!(told(&evidence).contains("order in time is not judged across machines"));
    let fates = |round, _| if round == 0 { vec![Fate::Untold] } else { vec![Fate::Acked] };
    let untold = Forge { fates, ..Forge::default() }.run().evidence();
    assert!(told(&untold).contains("320 report neither"));
}

#[test]
fn baselines_that_differ_leave_the_counters_open() {
    let mut evidence = Forge::default().run().evidence();
    (evidence.baseline, evidence.baselines_differ) = (None, true);
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    assert_eq!(check(&verdict, CheckId::Counters).status, Status::Unknown);
}

#[test]
fn a_failure_outranks_every_doubt_and_a_doubt_outranks_emptiness() {
    let mut forged = Forge { width: 1, ..Forge::default() }.run();
    let mut evidence = forged.evidence();
    evidence.observed.listing.bracketed = false;
    assert_eq!(judge(&evidence).verdict, Verdict::Unknown, "unknown and void");
    forged.dones().next().unwrap().answer.accepted = Some(1);
    let mut evidence = forged.evidence();
    evidence.observed.listing.bracketed = false;
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Fail, "fail, unknown and void");
    assert!(verdict.reasons[0].to_string().starts_with("answer-sum: "), "{:#?}", verdict.reasons);
}

#[test]
fn a_run_that_did_not_finish_says_so_first_and_may_pass() {
    let fates = |round, request| match (round, request) {
        (0..=3, _) => vec![Fate::Acked],
        (4, 0..=6) => vec![Fate::Acked],
        (4, 7..=9) => vec![Fate::Silent { executed: true }],
        _ => vec![Fate::Silent { executed: false }],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    forged.closing = None;
    for lane in &mut forged.lanes {
        lane.retain(|frame| !matches!(frame, truth::record::ledger::Frame::Closed { .. }));
        lane.retain(|frame| !matches!(frame, truth::record::ledger::Frame::Open { round: 5.., .. }));
    }
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(verdict.observations[0].to_string(), "run did not finish: sent 1,600 of 2,000");
}

#[test]
fn a_run_that_was_stopped_in_order_says_so_too() {
    let fates = |round, _| if round < 4 { vec![Fate::Acked] } else { vec![Fate::NeverSent] };
    let verdict = Forge { fates, ..Forge::default() }.run().verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(verdict.observations[0].to_string(), "run did not finish: sent 1,280 of 2,000");
}

#[test]
fn what_became_visible_late_is_an_observation() {
    let mut evidence = Forge::default().run().evidence();
    (evidence.observed.listing.missing_at_first, evidence.observed.listing.looked_ms) = (3, 1200);
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert_eq!(verdict.observations, [Observation::SeenLate { keys: 3, looked_ms: 1200 }]);
}

#[test]
fn a_ledger_that_contradicts_itself_is_unknown() {
    let mut twice = Forge::default().run();
    let open = twice.lanes[0][0].clone();
    let last = twice.lanes[0].len() - 1;
    twice.lanes[0].insert(last, open);
    let again: Vec<_> = twice.lanes[0][1..17].to_vec();
    twice.lanes[0].splice(last + 1..last + 1, again);
    let mut evidence = twice.evidence();
    evidence.frames = judge::evidence::Frames::Memory(twice.lanes[0].clone());
    let verdict = judge(&evidence);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    assert!(verdict.reasons[0].to_string().contains("contradicts itself"), "{:?}", verdict.reasons);

    let mut unopened = Forge::default().run();
    unopened.lanes[0].remove(0);
    assert_eq!(unopened.verdict().verdict, Verdict::Unknown);
}
