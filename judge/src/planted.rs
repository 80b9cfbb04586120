//! Trust in the judge: on a slice of the run's own evidence, one defect of each class is planted, and the check that
//! has to name it must. Verifiers rot silently; this one is proven on every run.
//!
//! The slice is the last round that was answered whole, and the keys that are new in it. Defects are planted in the
//! evidence (frames, rows, counters), so each passes through all the code between evidence and verdict.

use std::collections::HashMap;
use std::ops::Range;

use truth::observed::counters::Counters;
use truth::observed::rows::{Row, RowTally, SetSum};
use truth::observed::{ListingObservation, Observed, Settled};
use truth::plan::shard::Shard;
use truth::plan::variant::{Side, Variant};
use truth::record::baseline::{Baseline, ListedBaseline};
use truth::record::ledger::{Done, Frame, Scope};
use truth::record::polls::Poll;
use truth::scenario::promises::{CounterPromise, PayloadEquality, Promises, StatsPromise};
use truth::target::answer::{Kind, Kinds, Outcome};

use crate::books::contests::Contests;
use crate::books::keys::{Class, KeyState};
use crate::books::polled::Polled;
use crate::books::sums::fault_in_sums;
use crate::books::walk::WalkError;
use crate::checks::examine;
use crate::evidence::{Evidence, Frames};
use crate::facts::{Facts, book};
use crate::verdict::{Check, CheckId, Examined, Planted, Status};

/// A slice of a run that defects are planted in.
#[derive(Clone, Debug)]
struct Slice {
    frames: Vec<Frame>,
    rows: Vec<Row>,
    counters: Counters,
    /// How they came to rest.
    settled: Settled,
    /// What the counters said under load.
    polls: Vec<Poll>,
    /// A key with at least two attempts that ended one after the other, each as (request, place).
    target: u64,
    attempts: Vec<(u32, usize)>,
    /// Events of each request of the round.
    lengths: Vec<usize>,
    /// A key of two payloads whose attempts leave but one, and that one.
    forced: Option<(u64, Side)>,
}

/// One defect: its name, the check that must name it, and how it is planted; `None` for want of material.
struct Defect {
    name: &'static str,
    check: CheckId,
    plant: fn(&Evidence, &mut Slice) -> Option<()>,
}

/// For runs with keys of two payloads (`[traps]`).
const OF_TWO_PAYLOADS: Defect =
    Defect { name: "second payload that stays", check: CheckId::WrongWinner, plant: keep_the_other };

const DEFECTS: [Defect; 15] = [
    Defect { name: "loss", check: CheckId::Lost, plant: lose },
    Defect { name: "stranger that decodes", check: CheckId::Stranger, plant: add_unattempted },
    Defect { name: "stranger that does not decode", check: CheckId::Stranger, plant: add_foreign },
    Defect { name: "wrong topic", check: CheckId::WrongTopic, plant: move_topic },
    Defect { name: "second copy", check: CheckId::StoredTwice, plant: store_twice },
    Defect { name: "stored rejection", check: CheckId::RejectedButStored, plant: reject },
    Defect { name: "changed payload", check: CheckId::PayloadChanged, plant: change_payload },
    Defect { name: "double-new", check: CheckId::AnswerOrder, plant: tell_new_twice },
    Defect { name: "late-new", check: CheckId::AnswerOrder, plant: tell_new_late },
    Defect { name: "phantom-duplicate", check: CheckId::AnswerOrder, plant: tell_duplicates_only },
    Defect { name: "wrong sum", check: CheckId::AnswerSum, plant: raise_accepted },
    Defect { name: "counter too high", check: CheckId::Counters, plant: raise_received },
    Defect { name: "counter ahead of the load", check: CheckId::Counters, plant: run_ahead },
    Defect { name: "counter that falls", check: CheckId::Epochs, plant: fall },
    Defect { name: "event that waits for ever", check: CheckId::Liveness, plant: stall },
];

/// Plants every defect in turn and tells which were seen. `made` are the checks of the run itself: where one could not
/// be made, there is nothing to prove.
pub fn prove(facts: &Facts<'_>, made: &[Check]) -> Result<Vec<Planted>, WalkError> {
    let told = |defect: &Defect, seen: Option<bool>| Planted {
        defect: defect.name.to_owned(),
        check: defect.check,
        seen,
    };
    let of_two = facts.evidence.events.has_variants().then_some(&OF_TWO_PAYLOADS);
    let defects = || DEFECTS.iter().chain(of_two);
    let Some((keys, slice)) = cut(facts)? else {
        return Ok(defects().map(|defect| told(defect, None)).collect());
    };
    let sound = look(facts.evidence, &keys, &slice)?;
    let was_made =
        |name: CheckId| made.iter().any(|check| check.name == name && check.status != Status::NotTested);
    let prove_one = |defect: &Defect| {
        let before = find(&sound, defect.check)?;
        if before.status == Status::NotTested || !was_made(defect.check) {
            return None;
        }
        let mut planted = slice.clone();
        (defect.plant)(facts.evidence, &mut planted)?;
        let after = look(facts.evidence, &keys, &planted);
        let after = after.ok().and_then(|examined| find(&examined, defect.check));
        Some(after.is_some_and(|after| after.status == Status::Fail && after.count > before.count))
    };
    Ok(defects().map(|defect| told(defect, prove_one(defect))).collect())
}

fn find(examined: &Examined, name: CheckId) -> Option<Check> {
    examined.checks.iter().find(|check| check.name == name).cloned()
}

/// Cuts the slice out of the run; `None` if no round was answered whole.
fn cut(facts: &Facts<'_>) -> Result<Option<(Range<u64>, Slice)>, WalkError> {
    let evidence = facts.evidence;
    let Some((run, round_index)) = facts.tally.last_answered else {
        return Ok(None);
    };
    let runs = evidence.frames.runs();
    let mut frames = Vec::new();
    evidence.frames.for_each(|segment, frame| {
        let of_round = match frame {
            Frame::Open { round, .. } => *round == round_index,
            Frame::Done(done) => done.scope == Scope::Round(round_index),
            Frame::Header(_) | Frame::Resend { .. } | Frame::Closed { .. } => false,
        };
        if of_round && runs[segment] == run {
            frames.push(frame.clone());
        }
        Ok(())
    })?;
    let keys = evidence.plan.ordinals_of(round_index);
    let round = evidence.plan.round(round_index);
    let mut attempts: HashMap<u64, Vec<(u32, usize)>> = HashMap::new();
    for request in 0..round.requests() {
        for (place, ordinal) in round.request(request).iter().enumerate() {
            attempts.entry(*ordinal).or_default().push((request, place));
        }
    }
    let sound = |ordinal: &u64| {
        let state = facts.tally.keys.get(*ordinal);
        let is_told = || evidence.observed.listing.tells_topic(evidence.events.topic(*ordinal));
        let faulty = |class: Class| state.is(class) && (class != Class::Lost || is_told());
        state.unknown() == 0
            && !Class::ALL.into_iter().any(faulty)
            && answers_fit(&frames, &attempts[ordinal])
    };
    // The key whose attempts lie furthest apart holds the most material.
    let spread = |ordinal: &u64| spread(&frames, &attempts[ordinal]);
    let Some(target) = keys.clone().filter(sound).max_by_key(spread) else {
        return Ok(None);
    };
    let attempts = attempts.remove(&target).unwrap_or_default();
    let lengths = (0..round.requests()).map(|request| round.request(request).len()).collect();
    let counters = Counters::default();
    let mut slice = Slice {
        frames,
        rows: Vec::new(),
        counters,
        settled: Settled::Reached,
        polls: Vec::new(),
        target,
        attempts,
        lengths,
        forced: None,
    };
    stock(evidence, &keys, &mut slice)?;
    Ok(Some((keys, slice)))
}

/// Fills the store of a target that did right by the slice: all that was acknowledged in it, and counters to match.
fn stock(evidence: &Evidence, keys: &Range<u64>, slice: &mut Slice) -> Result<(), WalkError> {
    let (tally, _) = book(&evidence_of(evidence, keys, slice))?;
    let acked = |(ordinal, state): (u64, KeyState)| (state.acked() > 0).then_some(ordinal);
    slice.rows = tally
        .keys
        .iter()
        .filter_map(acked)
        .map(|ordinal| kept_row(evidence, &tally.contests, ordinal))
        .collect();
    slice.forced = forced(evidence, &tally.contests, keys);
    let (received, unique) = (tally.sums.acked, slice.rows.len() as u64);
    slice.counters = Counters {
        received: Some(received),
        unique: Some(unique),
        duplicates: Some(received - unique),
        pending: Some(0),
        ..Counters::default()
    };
    slice.polls = vec![Poll {
        t_sent_ns: 1,
        t_answered_ns: 1,
        acked: 0,
        reported_new: 0,
        reported_duplicate: 0,
        started: received,
        stats: Some(slice.counters.clone()),
        error: None,
        closing: false,
    }];
    Ok(())
}

/// A key that is stored in the slice, and can hold but one of its two payloads.
fn forced(evidence: &Evidence, contests: &Contests, keys: &Range<u64>) -> Option<(u64, Side)> {
    let is_other = |ordinal: &u64| evidence.events.variant(*ordinal) == Some(Variant::OtherPayload);
    let forced = |ordinal| Some((ordinal, contests.forced(ordinal, evidence.promises.conflict)?));
    keys.clone().filter(is_other).find_map(forced)
}

/// The acknowledgements of these attempts: when each began and ended, and what it told.
fn acks<'a>(frames: &'a [Frame], attempts: &'a [(u32, usize)]) -> impl Iterator<Item = (&'a Done, Kind)> {
    let acked = dones(frames).filter(|done| done.answer.outcome == Outcome::Acked);
    acked.flat_map(move |done| {
        let here = attempts.iter().filter(|(request, _)| *request == done.request);
        here.map(move |(_, place)| (done, done.answer.kinds.of(*place)))
    })
}

/// Whether these attempts alone were answered as by a store that stores once: other rounds may have told the rest.
fn answers_fit(frames: &[Frame], attempts: &[(u32, usize)]) -> bool {
    let earliest = acks(frames, attempts).map(|(done, _)| done.t_end).min();
    let mut news = acks(frames, attempts).filter(|(_, kind)| *kind == Kind::New);
    let told_none = || acks(frames, attempts).any(|(_, kind)| kind == Kind::Accepted);
    match (news.next(), news.next()) {
        (None, _) => told_none(),
        (Some((new, _)), None) => Some(new.t_start) <= earliest,
        (Some(_), Some(_)) => false,
    }
}

/// By how much the latest start of these attempts lies after the earliest end.
fn spread(frames: &[Frame], attempts: &[(u32, usize)]) -> i128 {
    let latest = acks(frames, attempts).map(|(done, _)| done.t_start).max().unwrap_or(0);
    let earliest = acks(frames, attempts).map(|(done, _)| done.t_end).min().unwrap_or(0);
    i128::from(latest) - i128::from(earliest)
}

fn dones(frames: &[Frame]) -> impl Iterator<Item = &Done> {
    frames.iter().filter_map(|frame| match frame {
        Frame::Done(done) => Some(done),
        Frame::Header(_) | Frame::Open { .. } | Frame::Resend { .. } | Frame::Closed { .. } => None,
    })
}

fn row(evidence: &Evidence, ordinal: u64) -> Row {
    let events = &evidence.events;
    Row {
        topic: events.topic(ordinal).to_owned(),
        event_id: events.id_text(ordinal),
        timestamp: Some(events.timestamp(ordinal)),
        source: Some(events.source().to_owned()),
        payload: Some(events.payload(ordinal, Side::Plain)),
    }
}

/// The row of a target that holds of a key's payloads the one that its attempts leave, if they leave but one.
fn kept_row(evidence: &Evidence, contests: &Contests, ordinal: u64) -> Row {
    let kept = contests.possible_side(ordinal, evidence.promises.conflict);
    Row { payload: Some(evidence.events.payload(ordinal, kept)), ..row(evidence, ordinal) }
}

/// The slice as evidence of its own, with a target that was empty before.
fn evidence_of(whole: &Evidence, keys: &Range<u64>, slice: &Slice) -> Evidence {
    let plan_keys = whole.plan.keys().unwrap_or(keys.end);
    let mut rows = RowTally::new(&whole.events, whole.plan.nonce, plan_keys, (&whole.promises).into());
    for row in &slice.rows {
        rows.take(row);
    }
    let mut listing = ListingObservation::none(true, None).with_rows(&rows, 1);
    (listing.bracketed, listing.all_topics, listing.brackets) = (true, true, 1);
    let mut stats = whole.observed.stats.clone();
    (stats.settled, stats.unread) = (slice.settled, None);
    if slice.settled == Settled::Stalled {
        stats.waited_ms = u64::MAX;
    }
    stats.stats = Some(slice.counters.clone());
    let zero = Counters { received: Some(0), unique: Some(0), duplicates: Some(0), ..Counters::default() };
    let listed = ListedBaseline { rows: 0, foreign: SetSum::default() };
    let baseline = Baseline {
        schema_version: 1,
        stats: Some(zero),
        unread: None,
        asked_ns: None,
        taken_ns: None,
        moving: false,
        listed: Some(listed),
        stored: None,
    };
    let promises = Promises {
        shared: false,
        counters: CounterPromise::Persistent,
        // However short it is, the slice is held to more: its key is one that was stored once.
        window: None,
        drain: Some(whole.promises.drain.unwrap_or_default()),
        ..whole.promises.clone()
    };
    let mut polled = Polled::new(Some(&baseline), &promises, Shard::WHOLE);
    slice.polls.iter().for_each(|poll| polled.take(poll));
    Evidence {
        plan: whole.plan.clone(),
        events: whole.events.clone(),
        promises,
        keys: keys.clone(),
        frames: Frames::Memory(slice.frames.iter().cloned().chain([Frame::Closed { t: u64::MAX }]).collect()),
        can_race: whole.can_race,
        one_clock: true,
        gone: None,
        ended: vec![true],
        polls_end: true,
        ended_by_time: false,
        missing_shards: 0,
        baseline: Some(baseline),
        baselines_differ: false,
        closing: Some(slice.counters.clone()),
        polled: vec![polled],
        faults: Vec::new(),
        observed: Observed {
            stats,
            listing,
            database: None,
            anomalies: rows.anomalies,
            presence: rows.presence,
            winners: rows.winners,
        },
        earlier: None,
    }
}

fn look(whole: &Evidence, keys: &Range<u64>, slice: &Slice) -> Result<Examined, WalkError> {
    let evidence = evidence_of(whole, keys, slice);
    Ok(examine(&Facts::gather(&evidence)?))
}

fn lose(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let (topic, id) = (evidence.events.topic(slice.target), evidence.events.id_text(slice.target));
    slice.rows.retain(|row| (row.topic.as_str(), &row.event_id) != (topic, &id));
    Some(())
}

fn add_unattempted(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    slice.rows.push(row(evidence, evidence.plan.keys()?));
    Some(())
}

fn add_foreign(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let row = Row { event_id: "not-one-of-ours".to_owned(), ..row(evidence, slice.target) };
    slice.rows.push(row);
    Some(())
}

fn move_topic(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let topic = format!("not-{}", evidence.events.topic(slice.target));
    slice.rows.push(Row { topic, ..row(evidence, slice.target) });
    Some(())
}

fn store_twice(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    slice.rows.push(row(evidence, slice.target));
    Some(())
}

fn change_payload(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    if evidence.promises.payload == PayloadEquality::None {
        return None;
    }
    let (topic, id) = (evidence.events.topic(slice.target), evidence.events.id_text(slice.target));
    let row = slice.rows.iter_mut().find(|row| (row.topic.as_str(), &row.event_id) == (topic, &id))?;
    row.payload = Some("{\"n\":-1}".to_owned());
    Some(())
}

/// One key holds the payload that cannot have been the one to stay.
fn keep_the_other(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let (ordinal, kept) = slice.forced?;
    let other = if kept == Side::Plain { Side::Other } else { Side::Plain };
    let (topic, id) = (evidence.events.topic(ordinal), evidence.events.id_text(ordinal));
    let row = slice.rows.iter_mut().find(|row| (row.topic.as_str(), &row.event_id) == (topic, &id))?;
    row.payload = Some(evidence.events.payload(ordinal, other));
    Some(())
}

fn reject(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let target = slice.attempts.clone();
    retell(slice, &target, Kind::Rejected);
    Some(())
}

fn tell_new_twice(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let attempts = slice.attempts.clone();
    // What was never answered tells nothing.
    (acks(&slice.frames, &attempts).count() >= 2).then_some(())?;
    retell(slice, &attempts, Kind::New);
    Some(())
}

fn tell_duplicates_only(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let attempts = slice.attempts.clone();
    retell(slice, &attempts, Kind::Duplicate);
    Some(())
}

/// The attempt that ended last is told `new`, all others `duplicate`, and it begins after the first of them has ended.
fn tell_new_late(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let attempts = slice.attempts.clone();
    let last = acks(&slice.frames, &attempts).max_by_key(|(done, _)| done.t_end)?.0.request;
    let others = acks(&slice.frames, &attempts).filter(|(done, _)| done.request != last);
    let earliest = others.map(|(done, _)| done.t_end).min()?;
    let place = attempts.iter().copied().find(|(request, _)| *request == last)?;
    retell(slice, &attempts, Kind::Duplicate);
    retell(slice, &[place], Kind::New);
    for frame in &mut slice.frames {
        if let Frame::Done(done) = frame
            && done.request == last
        {
            done.t_start = done.t_start.max(earliest + 1);
            done.t_end = done.t_end.max(done.t_start);
        }
    }
    Some(())
}

/// One answer that adds up claims one event more than was sent.
fn raise_accepted(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let lengths = &slice.lengths;
    slice.frames.iter_mut().find_map(|frame| {
        let Frame::Done(done) = frame else { return None };
        let sent = lengths[done.request as usize];
        let adds_up = done.answer.outcome == Outcome::Acked
            && fault_in_sums(&done.answer, sent as u64, evidence.promises.batch).is_none();
        let (answer, more) = (&mut done.answer, sent as u32 + 1);
        if !adds_up {
            return None;
        }
        match (answer.accepted, answer.inserted, answer.duplicates) {
            (Some(_), ..) => answer.accepted = Some(more),
            (None, Some(_), Some(_)) => answer.inserted = Some(more),
            _ => return None,
        }
        Some(())
    })
}

/// More than all attempts of the slice together can have been, the refused ones too.
fn raise_received(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let tries: usize = dones(&slice.frames).map(|done| slice.lengths[done.request as usize]).sum();
    slice.counters.received = Some(tries as u64 + 1);
    Some(())
}

/// An answer under load counts one more than had been started, and adds up. Something that sends again could do that.
fn run_ahead(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    (!evidence.promises.intermediary_resends).then_some(())?;
    let poll = slice.polls.first_mut()?;
    poll.started = slice.counters.received?.checked_sub(1)?;
    Some(())
}

/// An answer under load counted more than the target counts in the end. Only promised snapshots rule that out.
fn fall(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    (evidence.promises.stats == StatsPromise::Snapshot).then_some(())?;
    let poll = slice.polls.first_mut()?;
    let counters = poll.stats.as_mut()?;
    (counters.received, counters.duplicates) = (Some(counters.received? + 1), Some(counters.duplicates? + 1));
    poll.started += 1;
    Some(())
}

/// One event waits, and nothing moves any more.
fn stall(_: &Evidence, slice: &mut Slice) -> Option<()> {
    (slice.settled, slice.counters.pending) = (Settled::Stalled, Some(1));
    Some(())
}

/// Changes what was told of one key at these places, in every try.
fn retell(slice: &mut Slice, attempts: &[(u32, usize)], kind: Kind) {
    let frames = slice.frames.iter_mut().filter_map(|frame| match frame {
        Frame::Done(done) => Some(done),
        Frame::Header(_) | Frame::Open { .. } | Frame::Resend { .. } | Frame::Closed { .. } => None,
    });
    for done in frames {
        for (_, place) in attempts.iter().filter(|(request, _)| *request == done.request) {
            let length = slice.lengths[done.request as usize];
            let mut kinds: Vec<Kind> = (0..length).map(|at| done.answer.kinds.of(at)).collect();
            kinds[*place] = kind;
            done.answer.kinds = Kinds::Each(kinds);
        }
    }
}
