//! Events that `verify` sends again: the keys, the judgement of the responses, and the program
//! doing it.

use std::fs;

use judge::evidence::Evidence;
use judge::facts::Facts;
use judge::judge;
use judge::resend::{Lists, Wish};
use judge::verdict::{CheckId, Judgement, Observation, SentAgain, Status, Verdict};
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Done, Frame, Header, Purpose, Scope};
use truth::scenario::promises::PayloadEquality;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};
use truth::target::{RequestText, Template};

use crate::binary::{saved, stderr, stdout, verify_at};
use crate::forge::{Fate, Folder, Forge, Forged, assert_fails, assert_names, check, row};
use crate::stub::{Published, Script, Stub};

/// One request of the run was lost on the way, another was executed without an answer.
pub(crate) fn in_doubt() -> Forge {
    let fates = |round, request| match (round, request) {
        (1, 3) => vec![Fate::Unknown { executed: false }],
        (2, 5) => vec![Fate::Unknown { executed: true }],
        _ => vec![Fate::Acked],
    };
    let mut forge = Forge { fates, ..Forge::default() };
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(600), 16);
    forge.scenario.promises.payload = PayloadEquality::Json;
    forge.scenario.promises.zombie = std::time::Duration::from_millis(1);
    forge
}

pub(crate) fn wish(resolve: bool, replay: Option<&str>) -> Wish {
    Wish { resolve, replay: replay.map(|share| share.parse().expect("a share")) }
}

pub(crate) fn choose(wish: &Wish, evidence: &Evidence) -> Lists {
    Lists::choose(wish, &Facts::gather(evidence).expect("a ledger that can be booked"))
}

#[test]
fn only_what_is_in_doubt_and_absent_is_resolved_and_only_what_is_there_is_replayed() {
    let mut forged = in_doubt().run();
    let facts_of = |forged: &Forged| choose(&wish(true, Some("1")), &forged.evidence());
    let lists = facts_of(&forged);
    let evidence = forged.evidence();
    let facts = Facts::gather(&evidence).expect("a forged run");
    assert!(!lists.resolve.is_empty() && lists.withheld.is_empty());
    for ordinal in 0..forged.plan.keys().expect("a forged run") {
        let key = facts.tally.keys.get(ordinal);
        assert_eq!(lists.resolve.contains(&ordinal), key.acked() == 0 && key.seen() == 0);
        assert_eq!(lists.replay.contains(&ordinal), key.acked() > 0);
    }
    // A loss would be mended by sending it again.
    let lost = lists.replay[7];
    forged.lose(lost);
    assert!(!facts_of(&forged).replay.contains(&lost));
    let half = choose(&wish(false, Some("50%")), &evidence);
    assert_eq!((half.resolve.len(), half.replay.len()), (0, lists.replay.len() / 2));
}

#[test]
fn nothing_is_sent_where_a_first_look_does_not_tell_enough() {
    let mut forged = in_doubt().run();
    let mut moving = forged.evidence();
    forged.is_complete = false;
    forged.lose(choose(&wish(false, Some("1")), &moving).replay[7]);
    let lists = choose(&wish(true, Some("1")), &forged.evidence());
    assert!(lists.resolve.is_empty() && !lists.replay.is_empty() && lists.withheld.len() == 1);
    moving.observed.stats.settled = truth::observed::Settled::Moving;
    let lists = choose(&wish(true, Some("1")), &moving);
    assert!(lists.is_empty() && lists.withheld.len() == 1);
}

/// Sends keys again, to a target that stores what is new, and tells what `tells` makes of it.
pub(crate) fn send(
    forged: &mut Forged,
    purpose: Purpose,
    ordinals: &[u64],
    tells: impl FnOnce(Answer) -> Answer,
) {
    forged.earlier = Some(forged.observed());
    let is_known = |forged: &Forged, ordinal: u64| {
        let id = forged.events.id_text(ordinal);
        forged.rows.iter().any(|row| row.event_id == id)
    };
    let mut kinds = Vec::new();
    for ordinal in ordinals {
        let kind = if is_known(forged, *ordinal) { Kind::Duplicate } else { Kind::New };
        if kind == Kind::New {
            let stored = row(&forged.events, *ordinal);
            forged.rows.push(stored);
        }
        kinds.push(kind);
    }
    let all = ordinals.len() as u64;
    let news = kinds.iter().filter(|kind| **kind == Kind::New).count() as u64;
    let counters = &mut forged.now;
    let grow = |counter: &mut Option<u64>, by: u64| *counter = counter.map(|count| count + by);
    grow(&mut counters.received, all);
    grow(&mut counters.unique, news);
    grow(&mut counters.duplicates, all - news);
    let answer = Answer {
        accepted: Some(all as u32),
        inserted: Some(news as u32),
        duplicates: Some((all - news) as u32),
        kinds: Kinds::Each(kinds),
        ..Answer::bare(Outcome::Acked)
    };
    let t = forged.lanes.iter().flatten().filter_map(Frame::t).max().expect("a run") + 1_000;
    let batch = forged.plan.batch as usize;
    assert!(ordinals.len() <= batch, "one request is enough here");
    let done = Done {
        scope: Scope::Resend(0),
        request: 0,
        try_number: 0,
        is_final: true,
        connection: 0,
        t_planned: t,
        t_start: t,
        t_end: t + 500,
        status: 200,
        answer: tells(answer),
    };
    let extra = Frame::Resend { id: 0, purpose, ordinals: ordinals.to_vec() };
    forged.lanes.push(vec![extra, Frame::Done(done), Frame::Closed { t: t + 600 }]);
}

/// The verdict on the folder: frames of lists have no time of their own, so they are merged by
/// segment.
pub(crate) fn verdict(forged: &Forged) -> Judgement {
    let out = tempfile::tempdir().expect("a folder");
    let folder = forged.write(out.path());
    let run = judge::evidence::Run::open(folder).expect("a forged run");
    judge(&Evidence::assemble(&[run], forged.observed(), forged.earlier.clone()).expect("a forged run"))
}

fn first_acked(forged: &Forged, count: usize) -> Vec<u64> {
    let mut replay = choose(&wish(false, Some("1")), &forged.evidence()).replay;
    replay.truncate(count);
    replay
}

#[test]
fn a_replay_that_is_known_passes_and_is_told() {
    let mut forged = in_doubt().run();
    let keys = first_acked(&forged, 10);
    send(&mut forged, Purpose::Replay, &keys, |answer| answer);
    let verdict = verdict(&forged);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(
        check(&verdict, CheckId::Replay).summary,
        "10 acknowledged keys sent again, and all of them deduplicated"
    );
    assert_eq!(check(&verdict, CheckId::Stillness).status, Status::Pass);
    let again = SentAgain { keys: 10, reported_duplicate: 10, ..SentAgain::default() };
    assert_eq!((verdict.replayed, verdict.resolved), (Some(again), None));
    assert_eq!(verdict.attempts.sent, 600, "the run's own");
}

#[test]
fn replayed_keys_that_are_refused_are_not_known() {
    for (status, outcome) in [(503, Outcome::Rejected), (500, Outcome::Unknown), (409, Outcome::Rejected)] {
        let mut forged = in_doubt().run();
        let keys = first_acked(&forged, 10);
        let before = forged.now.clone();
        send(&mut forged, Purpose::Replay, &keys, |_| Answer::bare(outcome));
        forged.now = before;
        forged.dones().last().expect("a response").status = status;
        let promised = verdict(&forged);
        let refused = check(&promised, CheckId::RepeatRefused);
        assert_eq!(refused.status, Status::Unknown, "no first copy was sent meanwhile: {refused:?}");
        // The preset would say it again when the folder is read.
        (forged.promises.preset, forged.promises.repeat) = (None, None);
        let verdict = verdict(&forged);
        let replay = check(&verdict, CheckId::Replay);
        assert_eq!(replay.status, Status::NotTested, "{replay:?}");
        assert!(replay.summary.contains("none of them acknowledged"), "{replay:?}");
        let is_told = |observation: &Observation| {
            let text = observation.to_string();
            text.starts_with("repeats are refused: after the run") && text.contains(&status.to_string())
        };
        assert!(verdict.observations.iter().any(is_told), "{:#?}", verdict.observations);
    }
}

#[test]
fn a_replayed_key_that_is_told_to_be_new_fails() {
    let mut forged = in_doubt().run();
    let keys = first_acked(&forged, 10);
    send(&mut forged, Purpose::Replay, &keys, |answer| {
        let mut kinds = vec![Kind::Duplicate; 10];
        kinds[4] = Kind::New;
        Answer { kinds: Kinds::Each(kinds), inserted: Some(1), duplicates: Some(9), ..answer }
    });
    let verdict = verdict(&forged);
    assert_names(&verdict, CheckId::Replay, keys[4]);
    assert!(verdict.verdict == Verdict::Fail && check(&verdict, CheckId::StoredTwice).status == Status::Pass);
}

#[test]
fn a_replay_that_tells_counts_alone_is_judged_by_them() {
    let mut forged = in_doubt().run();
    let keys = first_acked(&forged, 10);
    let mut known = forged.clone();
    send(&mut known, Purpose::Replay, &keys, |answer| Answer { kinds: Kinds::Unreported, ..answer });
    let fine = verdict(&known);
    assert_eq!(fine.verdict, Verdict::Pass, "{:#?}", fine.reasons);
    assert_eq!(
        check(&fine, CheckId::Replay).summary,
        "10 acknowledged keys sent again, and none of them counted as unique"
    );
    send(&mut forged, Purpose::Replay, &keys, |answer| Answer {
        kinds: Kinds::Unreported,
        inserted: Some(3),
        duplicates: Some(7),
        ..answer
    });
    let wrong = verdict(&forged);
    assert_eq!(
        (check(&wrong, CheckId::Replay).status, check(&wrong, CheckId::Replay).count),
        (Status::Fail, 3)
    );
}

/// Answers that tell nothing, counters alone: ten keys replayed, `unique` grown by three.
fn counted_again(received: u64) -> Judgement {
    let mut forged = in_doubt().run();
    let keys = first_acked(&forged, 10);
    send(&mut forged, Purpose::Replay, &keys, |answer| Answer {
        kinds: Kinds::Unreported,
        accepted: None,
        inserted: None,
        duplicates: None,
        ..answer
    });
    let in_doubt = choose(&wish(true, None), &forged.evidence()).resolve.len() as u64;
    forged.now.unique = forged.now.unique.map(|unique| unique + in_doubt + 3);
    forged.now.received = forged.now.received.map(|count| count + received);
    forged.now.duplicates = None;
    let mut evidence = forged.evidence();
    evidence.observed.listing.offered = false;
    let out = tempfile::tempdir().expect("a folder");
    let run = judge::evidence::Run::open(forged.write(out.path())).expect("a forged run");
    judge(&Evidence::assemble(&[run], evidence.observed, forged.earlier.clone()).expect("a forged run"))
}

#[test]
fn a_unique_count_that_grows_by_replayed_keys_fails_unless_another_writer_explains_it() {
    let ours = counted_again(0);
    assert_eq!(check(&ours, CheckId::Replay).status, Status::Fail, "{:#?}", ours.reasons);
    let others = counted_again(200);
    assert_eq!(check(&others, CheckId::Replay).status, Status::Unknown, "{:#?}", others.reasons);
}

#[test]
fn a_key_that_is_resolved_is_in_doubt_no_longer() {
    let mut forged = in_doubt().run();
    let before = forged.verdict();
    let keys = choose(&wish(true, None), &forged.evidence()).resolve;
    send(&mut forged, Purpose::Resolve, &keys, |answer| answer);
    let after = verdict(&forged);
    assert_eq!(after.verdict, Verdict::Pass, "{:#?}", after.reasons);
    let keys = keys.len() as u64;
    assert_eq!(after.resolved, Some(SentAgain { keys, reported_new: keys, ..SentAgain::default() }));
    assert_eq!(after.attempts.doubtful_keys + keys, before.attempts.doubtful_keys);
    let unique = |verdict: &Judgement| verdict.counters.as_ref().expect("a forged run").unique;
    assert!(unique(&after).slack() < unique(&before).slack());
    // From now on its loss is one.
    forged.lose(choose(&wish(true, None), &in_doubt().run().evidence()).resolve[0]);
    assert!(check(&verdict(&forged), CheckId::Lost).status == Status::Fail);
}

#[test]
fn a_counter_that_was_too_high_before_is_too_high_still() {
    let mut forged = in_doubt().run();
    let high = 5 + forged.now.received.expect("a forged run") + 100;
    for counters in [&mut forged.now, forged.closing.as_mut().expect("a forged run")] {
        (counters.received, counters.duplicates) =
            (Some(high), Some(high - counters.unique.expect("a forged run")));
    }
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    let keys = first_acked(&forged, 16);
    send(&mut forged, Purpose::Replay, &keys, |answer| answer);
    assert_fails(&verdict(&forged), &[CheckId::Counters]);
    // Had somebody else sent meanwhile, nobody could tell but the sender, which knew what it had
    // started.
    forged.now.received = forged.now.received.map(|count| count + 1);
    forged.now.duplicates = forged.now.duplicates.map(|count| count + 1);
    assert_fails(&verdict(&forged), &[CheckId::Counters]);
    forged.polls.clear();
    assert_eq!(verdict(&forged).verdict, Verdict::Unknown);
}

#[test]
fn a_row_that_vanishes_between_the_looks_fails_though_nobody_acknowledged_it() {
    let mut forged = in_doubt().run();
    let keys = first_acked(&forged, 3);
    send(&mut forged, Purpose::Replay, &keys, |answer| answer);
    let evidence = forged.evidence();
    let facts = Facts::gather(&evidence).expect("a forged run");
    let unacked = |(_, key): &(u64, judge::books::keys::KeyState)| key.acked() == 0 && key.seen() > 0;
    let stored = facts.tally.keys.iter().find(unacked).expect("an unknown attempt was executed").0;
    forged.lose(stored);
    forged.now.unique = forged.now.unique.map(|unique| unique - 1);
    let verdict = verdict(&forged);
    assert_names(&verdict, CheckId::Stillness, stored);
    assert_ne!(check(&verdict, CheckId::Lost).status, Status::Fail);
}

#[test]
fn a_list_that_was_cut_short_is_unknown_and_not_unsent() {
    let mut forged = in_doubt().run();
    let keys = choose(&wish(true, None), &forged.evidence()).resolve;
    send(&mut forged, Purpose::Resolve, &keys, |answer| answer);
    let lane = forged.lanes.last_mut().expect("a forged run");
    lane.truncate(1);
    let verdict = verdict(&forged);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(verdict.resolved.expect("a forged run").unknown, keys.len() as u64);
    assert!(
        verdict.observations.iter().all(|line| !line.to_string().starts_with("run did not finish")),
        "the run did"
    );
}

#[test]
fn order_in_time_is_not_judged_across_the_clocks_of_two_machines() {
    let mut forged = Forged { folder: Folder::Old, ..in_doubt().run() };
    let keys = first_acked(&forged, 3);
    send(&mut forged, Purpose::Replay, &keys, |answer| answer);
    let out = tempfile::tempdir().expect("a folder");
    let folder = forged.write(out.path());
    let assembled = |folder: &RunFolder| {
        let run = judge::evidence::Run::open(folder.clone()).expect("a forged run");
        Evidence::assemble(&[run], forged.observed(), None).expect("a forged run").one_clock
    };
    assert!(assembled(&folder));
    let segment = folder.segment(1);
    fs::remove_file(&segment).expect("a forged run");
    let header = Header {
        nonce: forged.plan.nonce,
        lane: 1,
        boot_id: "another boot".to_owned(),
        monotonic_ns: 1,
        utc_ms: 1,
        foundation: None,
    };
    drop(SegmentWriter::create(&segment, header).expect("a forged run"));
    assert!(!assembled(&folder));
}

pub(crate) async fn target(forged: &Forged, on_publish: fn(usize) -> Published) -> Stub {
    let script = Script::of(forged.rows.clone(), forged.now.clone());
    Stub::start(Script { on_publish: Box::new(on_publish), ..script }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_resolves_replays_and_looks_again() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = in_doubt().run();
    let lists = choose(&wish(true, Some("1")), &forged.evidence());
    let stub = target(&forged, |_| Published::Soundly).await;
    let folder = forged.write(out.path());
    let output = verify_at(&stub, &folder, &["--resolve", "--replay"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let requests = |keys: &[u64]| keys.len().div_ceil(16);
    assert_eq!(stub.published(), requests(&lists.resolve) + requests(&lists.replay));
    let verdict = saved(&folder);
    let (resolved, replayed) =
        (verdict.resolved.expect("a forged run"), verdict.replayed.expect("a forged run"));
    assert_eq!(resolved.reported_new, lists.resolve.len() as u64);
    assert_eq!(replayed.reported_duplicate, lists.replay.len() as u64);
    assert_eq!((verdict.observation, folder.observations()), (2, vec![1, 2]));
    // Both observations are judged again from the files.
    let offline = verify_at(&stub, &folder, &["--offline"]);
    assert_eq!(stdout(&offline), stdout(&output));
    // A second time nothing is in doubt any more, and what was sent before is known.
    let output = verify_at(&stub, &folder, &["--resolve", "--replay=10%"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let all = lists.replay.len() + lists.resolve.len();
    assert_eq!(saved(&folder).replayed.expect("a forged run").keys, (lists.replay.len() + all / 10) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_is_written_by_the_text_of_the_scenario() {
    let out = tempfile::tempdir().expect("a folder");
    let mut forge = in_doubt();
    let event = r#"{"event_id":"{{event_id}}","topic":"{{topic}}","timestamp":"{{timestamp}}","source":"{{source}}","payload":{{payload}}}"#;
    let template = |text: &str| Template::parse(text).expect("a template");
    forge.scenario.target.publish.text = Some(RequestText {
        body: template("[{{events}}]"),
        event: Some(template(event)),
        separator: ",".to_owned(),
    });
    forge.scenario.target.publish.headers.insert("x-batch".to_owned(), template("{{batch_id}} of {{count}}"));
    let forged = forge.run();
    let lists = choose(&wish(true, Some("1")), &forged.evidence());
    let stub = target(&forged, |_| Published::Soundly).await;
    let folder = forged.write(out.path());
    let output = verify_at(&stub, &folder, &["--resolve", "--replay"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let verdict = saved(&folder);
    assert_eq!(verdict.replayed.expect("a forged run").reported_duplicate, lists.replay.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_forgets_is_found_by_replaying() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = in_doubt().run();
    let stub = target(&forged, |nth| if nth == 1 { Published::Again } else { Published::Soundly }).await;
    let folder = forged.write(out.path());
    assert_eq!(verify_at(&stub, &folder, &[]).status.code(), Some(0));
    let output = verify_at(&stub, &folder, &["--replay"]);
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    let verdict = saved(&folder);
    assert_eq!(check(&verdict, CheckId::Replay).count, 16);
    assert_eq!(check(&verdict, CheckId::StoredTwice).count, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_over_what_is_wrong() {
    let out = tempfile::tempdir().expect("a folder");
    let mut forge = in_doubt();
    forge.scenario.promises.window = Some(std::time::Duration::from_millis(20));
    let mut forged = forge.run();
    let key = forged.key_where(|attempts| attempts.len() == 1);
    let again = row(&forged.events, key);
    forged.rows.push(again);
    forged.now.unique = forged.now.unique.map(|count| count + 1);
    let stub = target(&forged, |_| Published::Soundly).await;
    let folder = forged.write(out.path());
    let output = verify_at(&stub, &folder, &["--replay"]);
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("nothing is sent again"), "{}", stderr(&output));
    assert_eq!((stub.published(), check(&saved(&folder), CheckId::StoredTwice).count), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_answered_stays_in_doubt() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = in_doubt().run();
    let stub = target(&forged, |_| Published::Unknown).await;
    let folder = forged.write(out.path());
    let output = verify_at(&stub, &folder, &["--resolve"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let resolved = saved(&folder).resolved.expect("a forged run");
    assert_eq!((resolved.unknown, resolved.reported_new), (resolved.keys, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_send_do_not_meet_and_what_cannot_be_recorded_is_not_sent() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = in_doubt().run();
    let stub = target(&forged, |_| Published::Soundly).await;
    let folder = forged.write(out.path());
    let lock = folder.lock_to_send().expect("a forged run");
    for arguments in [&["--resolve"][..], &["--replay"], &[]] {
        let output = verify_at(&stub, &folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("another verify works on"), "{}", stderr(&output));
    }
    drop(lock);
    // The last number is taken, so there is no segment to record in.
    let header = Header {
        nonce: forged.plan.nonce,
        lane: u16::MAX,
        boot_id: "a boot".to_owned(),
        monotonic_ns: 1,
        utc_ms: 1,
        foundation: None,
    };
    SegmentWriter::create(&folder.segment(u16::MAX), header)
        .expect("a forged run")
        .close(2)
        .expect("a forged run");
    let output = verify_at(&stub, &folder, &["--replay"]);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("cannot create ledger segment"), "{}", stderr(&output));
    assert_eq!(stub.published(), 0);
}
