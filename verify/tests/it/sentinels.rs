//! Sentinels as `verify` sends them: what is asked for, what is recorded, and what stays sound.

use std::process::Output;

use axum::http::HeaderMap;
use judge::verdict::{CheckId, Status, Verdict};
use truth::observed::Observed;
use truth::plan::trace::Traces;
use truth::record::folder::RunFolder;
use truth::record::ledger::reader::SegmentReader;
use truth::record::ledger::{Frame, Purpose, Scope};
use truth::scenario::Scenario;
use truth::target::answer::Kinds;

use crate::binary::{saved, stderr, stdout, verify_at};
use crate::forge::{Forged, check};
use crate::looked::{brief, script};
use crate::stub::{Pages, Published, Script, Stub};

const FIRST_LINE: &str = "24 events were added to the target (sentinels)\n";

/// A brief run. Nobody promises that the listing is complete.
fn run() -> Forged {
    Forged { is_complete: false, ..brief().run() }
}

/// A target that shows its newest rows only after further events came.
fn late(forged: &Forged) -> Script {
    let mut rows = forged.rows.clone();
    let hidden = rows.split_off(rows.len() - 10);
    Script { hidden, by_topic: false, ..Script::of(rows, forged.now.clone()) }
}

fn verify(folder: &RunFolder, stub: &Stub, arguments: &[&str]) -> Output {
    verify_at(stub, folder, &[&["--settle", "1s"], arguments].concat())
}

/// Lists of sentinels in the ledger.
fn lists(folder: &RunFolder) -> Vec<Vec<u64>> {
    let segments = folder.segments().expect("a ledger");
    let frames = segments.iter().flat_map(|path| SegmentReader::open(path).expect("a segment"));
    let list = |frame| match frame {
        Frame::Resend { purpose: Purpose::Sentinel, ordinals, .. } => Some(ordinals),
        _ => None,
    };
    frames.map(|frame| frame.expect("a good frame")).filter_map(list).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_that_hangs_on_sentinels_is_looked_at_again_after_they_were_sent() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = run();
    let stub = Stub::start(late(&forged)).await;
    let folder = forged.write(out.path());
    let output = verify(&folder, &stub, &["--sentinels"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).starts_with(FIRST_LINE), "{}", stdout(&output));
    assert!(stderr(&output).contains("sending 24 sentinels"), "{}", stderr(&output));
    // The finding is saved before the sentinels are.
    let first = Observed::load(&folder.observation(1)).expect("the first look");
    assert_eq!((first.sentinels, first.listing.sentinels.len()), (None, 0));
    let second = Observed::load(&folder.observation(2)).expect("the second look");
    let sentinels = second.sentinels.expect("a record of the sentinels");
    assert_eq!((sentinels.sent.len(), sentinels.fallen_out), (24, 0));
    assert!(sentinels.all_seen() && sentinels.looks > 0 && sentinels.slowest_ms().is_some());
    for topic in forged.events.topics() {
        assert_eq!(sentinels.sent.iter().filter(|sentinel| sentinel.topic == *topic).count(), 8);
    }
    assert_eq!((second.listing.sentinels.len(), second.stats.follows), (24, Some(1)));
    assert_eq!(lists(&folder).concat().len(), 24);
    // They stay ours, whoever looks, and the verdict can be had again from the files.
    let offline = verify(&folder, &stub, &["--offline"]);
    assert_eq!(stdout(&offline), stdout(&output));
    let again = verify(&folder, &stub, &[]);
    assert_eq!(again.status.code(), Some(0), "{}{}", stdout(&again), stderr(&again));
    assert!(stdout(&again).starts_with(FIRST_LINE), "{}", stdout(&again));
    assert_eq!(check(&saved(&folder), CheckId::Stranger).status, Status::Pass);
    assert_eq!(stub.published(), 2, "requests of 16 and 8 sentinels");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_traced_if_the_run_was() {
    for is_traced in [true, false] {
        let out = tempfile::tempdir().expect("a folder");
        let mut forge = brief();
        forge.scenario.load.trace = is_traced;
        let forged = Forged { is_complete: false, ..forge.run() };
        let stub = Stub::start(late(&forged)).await;
        let folder = forged.write(out.path());
        let output = verify(&folder, &stub, &["--sentinels"]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        let traceparent = |headers: &HeaderMap| Some(headers.get("traceparent")?.to_str().ok()?.to_owned());
        let mut sent: Vec<String> = stub.posted().iter().filter_map(traceparent).collect();
        let traces = Traces::new(&forged.plan);
        let listed = |(request, ordinals)| traces.of_listed(0, request, ordinals).to_string();
        let ordinals = lists(&folder).concat();
        let mut planned: Vec<String> = (0..).zip(ordinals.chunks(16)).map(listed).collect();
        if !is_traced {
            planned.clear();
        }
        sent.sort_unstable();
        planned.sort_unstable();
        assert_eq!(sent, planned);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_responses_to_sentinels_are_read_by_the_rules_of_the_target() {
    let out = tempfile::tempdir().expect("a folder");
    let mut forged = run();
    // The short form would call each of them new.
    let rules = "[[target.answers]]\nwhere = { \"header:content-type\" = \"application/json\" }\n\
                 each = \"/results/*\"\nwords = { inserted = \"accepted\", duplicate = \"duplicate\" }\n";
    let rules = Scenario::parse(rules, "rules.toml").expect("sound rules");
    forged.scenario.target.answers = rules.target.answers;
    let stub = Stub::start(late(&forged)).await;
    let folder = forged.write(out.path());
    let output = verify(&folder, &stub, &["--sentinels"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let segments = folder.segments().expect("a ledger");
    let frames = segments.iter().flat_map(|path| SegmentReader::open(path).expect("a segment"));
    let of_list = |frame| match frame {
        Frame::Done(done) if matches!(done.scope, Scope::Resend(_)) => Some(done.answer.kinds),
        _ => None,
    };
    let kinds: Vec<Kinds> = frames.map(|frame| frame.expect("a good frame")).filter_map(of_list).collect();
    assert_eq!(kinds, [Kinds::Unreported, Kinds::Unreported]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sentinel_is_sent_without_being_asked_for_or_where_nothing_hangs_on_it() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = run();
    let stub = Stub::start(late(&forged)).await;
    let folder = forged.write(out.path());
    let unasked = verify(&folder, &stub, &[]);
    assert_eq!(unasked.status.code(), Some(3), "{}", stdout(&unasked));
    assert_eq!((stub.published(), lists(&folder).len()), (0, 0));
    // By now all rows are shown: a PASS needs nothing.
    let sound = Stub::start(script(&forged)).await;
    let passed = verify(&folder, &sound, &["--sentinels"]);
    assert_eq!(passed.status.code(), Some(0), "{}", stdout(&passed));
    assert_eq!((sound.published(), lists(&folder).len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sentinel_is_sent_over_a_fail() {
    let out = tempfile::tempdir().expect("a folder");
    let mut forged = run();
    // Keys that were sent before and after it are shown.
    forged.lose(100);
    let stub = Stub::start(script(&forged)).await;
    let folder = forged.write(out.path());
    let output = verify(&folder, &stub, &["--sentinels"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!((stub.published(), saved(&folder).verdict), (0, Verdict::Fail));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_show_that_a_full_view_pushes_old_rows_out() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = run();
    let script = script(&forged);
    let stub = Stub::start(Script { pages: Pages::Newest { of: 150 }, by_topic: false, ..script }).await;
    let folder = forged.write(out.path());
    let output = verify(&folder, &stub, &["--sentinels"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let second = Observed::load(&folder.observation(2)).expect("the second look");
    let sentinels = second.sentinels.expect("a record of the sentinels");
    assert!(sentinels.all_seen());
    assert_eq!((sentinels.fallen_out, sentinels.fallen_out_keys.len()), (24, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_without_an_answer_are_not_waited_for() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = run();
    let script = Script { on_publish: Box::new(|_| Published::Unknown), ..late(&forged) };
    let stub = Stub::start(script).await;
    let folder = forged.write(out.path());
    let output = verify(&folder, &stub, &["--sentinels"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let second = Observed::load(&folder.observation(2)).expect("the second look");
    let sentinels = second.sentinels.expect("a record of the sentinels");
    assert!(sentinels.sent.iter().all(|sentinel| sentinel.acked_ms.is_none() && sentinel.seen_ms.is_none()));
    assert_eq!((sentinels.looks, lists(&folder).concat().len()), (0, 24));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_invocation_sends_sentinels_of_its_own() {
    let out = tempfile::tempdir().expect("a folder");
    let forged = run();
    let script = script(&forged);
    let stub = Stub::start(Script { pages: Pages::Newest { of: 150 }, by_topic: false, ..script }).await;
    let folder = forged.write(out.path());
    for invocation in 1..=2 {
        let output = verify(&folder, &stub, &["--sentinels"]);
        assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
        let added = format!("{} events were added", 24 * invocation);
        assert!(stdout(&output).starts_with(&added), "{}", stdout(&output));
    }
    let mut all = lists(&folder).concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 48);
}
