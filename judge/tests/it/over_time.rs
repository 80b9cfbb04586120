//! What a target says of itself over time: the counters under load, and from one answer to the
//! next.

use std::time::Duration;

use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Judgement, Status, Verdict};
use truth::observed::counters::Counters;
use truth::record::faults::{FaultRecord, Struck};
use truth::record::polls::Poll;
use truth::scenario::fault::Action;
use truth::scenario::promises::{Ack, CounterPromise, Received, StatsPromise};

use crate::forge::{Fate, Forge, Forged, assert_fails, check, foreign};

/// The poll of this number, and its answer.
fn poll(forged: &mut Forged, nth: usize) -> &mut Poll {
    let poll = &mut forged.polls[nth];
    assert!(poll.stats.is_some(), "a poll under load");
    poll
}

/// Sets a counter of a poll to this growth since a baseline of zero; the others so that the answer
/// adds up.
fn say(poll: &mut Poll, [received, unique, duplicates]: [u64; 3]) {
    let stats = poll.stats.as_mut().expect("a poll under load");
    (stats.received, stats.unique, stats.duplicates) = (Some(received), Some(unique), Some(duplicates));
}

fn observed(verdict: &Judgement, words: &str) -> bool {
    verdict.observations.iter().any(|line| line.to_string().contains(words))
}

#[test]
fn answers_at_the_very_bounds_hold_and_one_beyond_fails() {
    let forged = Forge::default().run();
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    let sums = |poll: &Poll| (poll.started, poll.reported_new, poll.reported_duplicate);
    let (started, new, duplicate) = sums(&forged.polls[4]);
    assert!(new > 0 && duplicate > 0 && started > new + duplicate, "under way: {started} {new} {duplicate}");
    for (at_most, beyond) in [
        ([started, started - duplicate, duplicate], [started + 1, started - duplicate, duplicate + 1]),
        ([started, started - duplicate, duplicate], [started, started - duplicate + 1, duplicate - 1]),
        ([started, new, started - new], [started, new - 1, started - new + 1]),
    ] {
        for (sums, failing) in [(at_most, &[][..]), (beyond, &[CheckId::Counters][..])] {
            let mut forged = Forge::default().run();
            forged.polls.drain(5..9);
            say(poll(&mut forged, 4), sums);
            assert_fails(&forged.verdict(), failing);
        }
    }
}

#[test]
fn the_pass_says_how_many_answers_were_compared() {
    let mut forged = Forge::default().run();
    let polls = forged.polls.len();
    let summary = |forged: &Forged| check(&forged.verdict(), CheckId::Counters).summary.clone();
    assert!(summary(&forged).ends_with(&format!("{polls} polls under load agreed")), "{}", summary(&forged));
    poll(&mut forged, 3).stats = None;
    assert!(summary(&forged).ends_with(&format!("{} polls under load agreed", polls - 1)));
    forged.polls.clear();
    assert!(summary(&forged).ends_with("exactly the events sent are counted"), "{}", summary(&forged));
}

#[test]
fn more_than_was_started_is_no_finding_where_others_may_have_sent_it() {
    let mut ahead = Forge::default().run();
    let started = ahead.polls[9].started;
    say(poll(&mut ahead, 9), [started + 1, started + 1, 0]);
    ahead.polls.truncate(10);
    ahead.promises.stats = Some(StatsPromise::Eventual);
    assert_fails(&ahead.verdict(), &[CheckId::Counters]);
    let mut resent = ahead.clone();
    resent.promises.intermediary_resends = Some(true);
    assert_fails(&resent.verdict(), &[]);
    let mut moved = ahead.clone();
    let baseline = moved.baseline.as_mut().unwrap();
    (baseline.moving, baseline.listed) = (true, None);
    assert_fails(&moved.verdict(), &[]);
    let mut shared = ahead.clone();
    shared.promises.shared = Some(true);
    assert_fails(&shared.verdict(), &[]);
    // Rows of others that were counted by the closing poll.
    for counters in [&mut ahead.now, ahead.closing.as_mut().unwrap()] {
        (counters.received, counters.unique) =
            (counters.received.map(|n| n + 1), counters.unique.map(|n| n + 1));
    }
    ahead.rows.push(foreign(0));
    assert_fails(&ahead.verdict(), &[CheckId::Stranger]);
    ahead.promises.shared = None;
    assert_fails(&ahead.verdict(), &[]);
    assert_eq!(ahead.verdict().verdict, Verdict::Unknown);
}

#[test]
fn another_shard_sends_what_this_one_did_not_start() {
    let mut forged = Forge::default().run();
    let started = forged.polls[9].started;
    say(poll(&mut forged, 9), [started + 1, started, 1]);
    forged.polls.truncate(10);
    forged.promises.stats = Some(StatsPromise::Eventual);
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    forged.shard = truth::plan::shard::Shard { index: 1, of: 2 };
    assert_fails(&forged.verdict(), &[]);
}

#[test]
fn rejected_attempts_may_be_received_where_all_that_arrive_are_counted() {
    let fates = |round, _| if round == 1 { vec![Fate::Rejected, Fate::Acked] } else { vec![Fate::Acked] };
    let mut forge = Forge { fates, ..Forge::default() };
    forge.scenario.promises.received = Some(Received::Offered);
    let forged = forge.run();
    assert_eq!(forged.verdict().verdict, Verdict::Pass, "{:#?}", forged.verdict().reasons);
}

/// Keeps the polls from this one on at what they said before it, for so many polls.
fn freeze(forged: &mut Forged, from: usize, polls: usize) {
    let frozen = forged.polls[from - 1].stats.clone();
    (from..from + polls).for_each(|nth| poll(forged, nth).stats.clone_from(&frozen));
}

#[test]
fn a_lag_is_told_and_judged_only_if_one_is_promised() {
    let mut forged = Forge::default().run();
    assert!(!observed(&forged.verdict(), "stats_lag"));
    freeze(&mut forged, 4, 4);
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(observed(&verdict, "under load received had grown by"), "{:?}", verdict.observations);
    assert!(observed(&verdict, "no `stats_lag` is promised"), "{:?}", verdict.observations);
    // What had been told at the fourth poll was still left out at the seventh.
    let nanos = forged.polls[7].t_sent_ns - forged.polls[4].t_sent_ns;
    forged.promises.stats_lag = Some(Duration::from_nanos(nanos + 1));
    assert_eq!(forged.verdict().verdict, Verdict::Pass);
    forged.promises.stats_lag = Some(Duration::from_nanos(nanos));
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    forged.promises.stats_lag = Some(Duration::ZERO);
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
    let mut prompt = Forge::default().run();
    prompt.promises.stats_lag = Some(Duration::ZERO);
    assert_eq!(prompt.verdict().verdict, Verdict::Pass);
}

#[test]
fn what_queued_answers_tell_of_kinds_is_no_bound() {
    let mut forge = Forge::default();
    forge.scenario.promises.ack = Some(Ack::Queued);
    forge.scenario.promises.stats = Some(StatsPromise::Eventual);
    let mut forged = forge.run();
    // All that had been started may still turn out to be new.
    let started = forged.polls[4].started;
    say(poll(&mut forged, 4), [started, started, 0]);
    assert_eq!(forged.promises.ack, Some(Ack::Queued));
    assert_fails(&forged.verdict(), &[]);
    say(poll(&mut forged, 4), [started, started + 1, 0]);
    assert_fails(&forged.verdict(), &[CheckId::Counters]);
}

#[test]
fn a_counter_that_falls_is_named_with_the_time() {
    for counter in 0..3 {
        let mut forged = Forge::default().run();
        let before = forged.polls[4].stats.clone().unwrap();
        let [mut received, mut unique, mut duplicates] =
            [before.received, before.unique, before.duplicates].map(Option::unwrap);
        match counter {
            0 => (received, unique) = (received - 1, unique - 1),
            1 => (unique, duplicates) = (unique - 1, duplicates + 1),
            _ => (unique, duplicates) = (unique + 1, duplicates - 1),
        }
        say(poll(&mut forged, 5), [received, unique, duplicates]);
        let verdict = forged.verdict();
        assert_fails(&verdict, &[CheckId::Epochs]);
        let summary = &check(&verdict, CheckId::Epochs).summary;
        let name = ["received", "unique", "duplicates"][counter];
        assert!(summary.starts_with(&format!("{name} fell from ")), "{summary}");
        assert!(summary.contains("after the first send"), "{summary}");
    }
}

#[test]
fn only_promised_snapshots_never_fall_and_others_may_lower_counters() {
    let mut forged = Forge::default().run();
    say(poll(&mut forged, 5), [20, 20, 0]);
    let mut shared = forged.clone();
    shared.promises.shared = Some(true);
    assert_fails(&shared.verdict(), &[]);
    forged.promises.stats = Some(StatsPromise::Eventual);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    assert!(check(&verdict, CheckId::Epochs).summary.contains("only promised snapshots rule that out"));
}

/// A run of a target that restarted after the poll of this number, with its counters kept or not.
fn restarted(after: usize, promised: CounterPromise) -> Forged {
    let mut forged = Forge::default().run();
    forged.promises.counters = Some(promised);
    let lost = forged.polls[after].stats.clone().expect("a poll under load");
    let since = |count: Option<u64>, lost: Option<u64>| count.zip(lost).map(|(count, lost)| count - lost);
    let restart = |stats: &mut Counters| {
        stats.instance = Some("two".to_owned());
        if promised == CounterPromise::Volatile {
            stats.received = since(stats.received, lost.received);
            stats.unique = since(stats.unique, lost.unique);
            stats.duplicates = since(stats.duplicates, lost.duplicates);
        }
    };
    forged.polls[after + 1..].iter_mut().filter_map(|poll| poll.stats.as_mut()).for_each(restart);
    forged.closing.iter_mut().chain([&mut forged.now]).for_each(restart);
    forged
}

#[test]
fn a_restart_that_nothing_planned_is_told_and_counters_that_persist_are_judged_across_it() {
    let verdict = restarted(5, CounterPromise::Persistent).verdict();
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(observed(&verdict, "the target restarted between"), "{:?}", verdict.observations);
    assert!(observed(&verdict, "after the first send; nothing planned did that"));
    // They start from zero, though they are promised to survive.
    let mut forged = restarted(5, CounterPromise::Volatile);
    forged.promises.counters = Some(CounterPromise::Persistent);
    let verdict = forged.verdict();
    assert_eq!(check(&verdict, CheckId::Epochs).status, Status::Fail);
    assert!(check(&verdict, CheckId::Epochs).summary.ends_with("across a restart"));
}

#[test]
fn volatile_counters_are_judged_until_the_restart_and_not_after_it() {
    let forged = restarted(5, CounterPromise::Volatile);
    let verdict = forged.verdict();
    assert_fails(&verdict, &[]);
    let counters = check(&verdict, CheckId::Counters);
    assert_eq!(counters.status, Status::NotTested);
    assert!(counters.summary.contains("the target restarted"), "{}", counters.summary);
    let mut ahead = forged.clone();
    let started = ahead.polls[5].started;
    say(poll(&mut ahead, 5), [started + 1, started + 1, 0]);
    assert_fails(&ahead.verdict(), &[CheckId::Counters, CheckId::Epochs]);
    let mut after = forged.clone();
    let started = after.polls[9].started;
    say(poll(&mut after, 9), [started + 1, started + 1, 0]);
    assert_eq!(check(&after.verdict(), CheckId::Counters).status, Status::NotTested);
    // Where counters are all that the target offers, nothing is left.
    let mut evidence = forged.evidence();
    evidence.observed.listing = truth::observed::ListingObservation::none(false, None);
    assert_eq!(judge(&evidence).verdict, Verdict::Unknown);
}

/// Takes the instance away from all answers and lets them tell an uptime, in milliseconds, by the
/// time of the answer.
fn by_uptime(forged: &mut Forged, uptime: impl Fn(u64) -> u64) {
    let tell = |stats: &mut Counters, t_ns: u64| {
        (stats.instance, stats.uptime_ms) = (None, Some(uptime(t_ns / 1_000_000)));
    };
    let closed = forged.polls.last().expect("a closing poll").t_answered_ns;
    for poll in &mut forged.polls {
        let t = poll.t_answered_ns;
        poll.stats.iter_mut().for_each(|stats| tell(stats, t));
    }
    forged.closing.iter_mut().for_each(|stats| tell(stats, closed));
    tell(&mut forged.now, closed + 1_000_000_000);
    let before = forged.baseline.as_mut().and_then(|baseline| baseline.stats.as_mut()).expect("a baseline");
    tell(before, 0);
}

#[test]
fn an_uptime_that_goes_on_shows_volatile_counters_to_be_of_one_process() {
    let mut forged = Forge::default().run();
    forged.promises.counters = Some(CounterPromise::Volatile);
    by_uptime(&mut forged, |t| 60_000 + t);
    assert_eq!(check(&forged.verdict(), CheckId::Counters).status, Status::Pass);
    // Up for no longer than it was not asked: it may be another.
    by_uptime(&mut forged, |t| t / 10);
    assert_eq!(check(&forged.verdict(), CheckId::Counters).status, Status::NotTested);
    assert!(check(&forged.verdict(), CheckId::Counters).summary.contains("there may have been one"));
}

#[test]
fn an_uptime_that_falls_is_a_restart_only_if_the_process_can_be_so_young() {
    let mut forged = Forge::default().run();
    let at = forged.polls[5].t_answered_ns / 1_000_000;
    by_uptime(&mut forged, |t| if t > at { t - at } else { 60_000 + t });
    assert!(
        observed(&forged.verdict(), "the target restarted between"),
        "{:?}",
        forged.verdict().observations
    );
    // Two processes that have both been up for long serve it, or a clock was set.
    by_uptime(&mut forged, |t| if t > at { 30_000 + t } else { 60_000 + t });
    assert!(!observed(&forged.verdict(), "restarted"), "{:?}", forged.verdict().observations);
    forged.promises.counters = Some(CounterPromise::Volatile);
    assert!(check(&forged.verdict(), CheckId::Counters).summary.contains("more than one answered"));
}

#[test]
fn processes_that_take_turns_have_not_restarted_each_time() {
    let mut forged = Forge::default().run();
    for poll in forged.polls.iter_mut().step_by(2) {
        poll.stats.iter_mut().for_each(|stats| stats.instance = Some("two".to_owned()));
    }
    let restarts = |verdict: &Judgement| {
        verdict.observations.iter().filter(|line| line.to_string().contains("the target restarted")).count()
    };
    assert_eq!(restarts(&forged.verdict()), 1, "{:?}", forged.verdict().observations);
}

#[test]
fn a_restart_between_run_and_reading_is_nobodys_fault() {
    let mut forged = Forge::default().run();
    forged.now.instance = Some("two".to_owned());
    let verdict = forged.verdict();
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert!(observed(&verdict, "the target restarted after the run, before it was read"));
    assert!(!observed(&verdict, "nothing planned"));
}

/// A fault with proof, in the time after the poll of this number.
fn struck(forged: &Forged, action: Action, after: usize) -> Struck {
    let begun_ns = forged.polls[after].t_answered_ns + 1;
    let record = FaultRecord {
        number: Some(0),
        planned: "at 30%".to_owned(),
        begun_ns,
        ended_ns: begun_ns + 1,
        after_ms: 1,
        attempts_ended: 600,
        proof: Some("it is proven".to_owned()),
        missed: None,
    };
    Struck { planned: "at 30%".to_owned(), action: Some(action), record: Some(record) }
}

fn with(forged: &Forged, fault: Struck) -> Evidence {
    Evidence { faults: vec![fault], ..forged.evidence() }
}

#[test]
fn a_restart_that_was_planned_is_no_observation_of_its_own() {
    let forged = restarted(5, CounterPromise::Persistent);
    for action in [Action::Kill, Action::Terminate, Action::Run] {
        let verdict = judge(&with(&forged, struck(&forged, action, 5)));
        assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
        assert!(!observed(&verdict, "nothing planned"), "{:?}", verdict.observations);
    }
    let another = judge(&with(&forged, struck(&forged, Action::Kill, 2)));
    assert!(observed(&another, "nothing planned did that"), "{:?}", another.observations);
}

#[test]
fn an_uptime_from_before_a_proven_restart_is_a_lie() {
    let mut forged = Forge::default().run();
    let fault = struck(&forged, Action::Kill, 5);
    by_uptime(&mut forged, |t| 60_000 + t);
    assert_fails(&judge(&with(&forged, fault.clone())), &[CheckId::Epochs]);
    let verdict = judge(&with(&forged, fault.clone()));
    assert!(
        check(&verdict, CheckId::Epochs).summary.contains("though its process was ended"),
        "{:?}",
        verdict.reasons
    );
    // A pause ends nothing, and without proof nothing was ended.
    assert_fails(&judge(&with(&forged, struck(&forged, Action::Pause, 5))), &[]);
    let unproven = Struck { record: None, ..fault.clone() };
    assert_fails(&judge(&with(&forged, unproven)), &[]);
    // One that is set back is true, and so is one that is rounded up to whole seconds.
    let begun = fault.record.as_ref().unwrap().begun_ns / 1_000_000;
    by_uptime(&mut forged, |t| if t > begun { 1_000 } else { 60_000 + t });
    assert_fails(&judge(&with(&forged, fault)), &[]);
}

#[test]
fn a_process_of_the_same_name_after_a_proven_restart_is_another() {
    let mut forged = restarted(5, CounterPromise::Volatile);
    let renamed = |stats: &mut Counters| stats.instance = Some("one".to_owned());
    forged.under_load().for_each(renamed);
    forged.closing.iter_mut().chain([&mut forged.now]).for_each(renamed);
    forged.promises.stats_lag = Some(Duration::ZERO);
    let verdict = judge(&with(&forged, struck(&forged, Action::Kill, 5)));
    assert_fails(&verdict, &[]);
    assert!(check(&verdict, CheckId::Counters).summary.contains("the target was restarted"));
    assert_eq!(check(&forged.verdict(), CheckId::Epochs).status, Status::Fail, "nothing tells of a restart");
}
