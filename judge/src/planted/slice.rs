//! Slice of a run: the last round with an acknowledged key of its own, with the store of a target that did
//! everything right.

use std::ops::Range;

use foldhash::HashMap;
use truth::observed::counters::Counters;
use truth::observed::looks::Looks;
use truth::observed::rows::{Row, RowTally, SetSum};
use truth::observed::{ListingObservation, Observed, Settled};
use truth::plan::shard::Shard;
use truth::plan::variant::{Side, Variant};
use truth::record::baseline::{Baseline, ListedBaseline};
use truth::record::ledger::{Done, Frame, Scope};
use truth::record::polls::Poll;
use truth::record::trouble::Trouble;
use truth::scenario::promises::{CounterPromise, Preset, Promises};
use truth::target::answer::{Kind, Outcome};

use crate::books::contests::Contests;
use crate::books::keys::{Class, KeyState};
use crate::books::polled::Polled;
use crate::books::walk::WalkError;
use crate::evidence::{Evidence, Frames};
use crate::facts::{Facts, book};

/// Slice of a run that defects are planted in.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) frames: Vec<Frame>,
    pub(super) rows: Vec<Row>,
    pub(super) counters: Counters,
    /// State of the counters when they were read last.
    pub(super) settled: Settled,
    /// Counters under load.
    pub(super) polls: Vec<Poll>,
    /// Key that defects are planted on: the one whose attempts lie furthest apart.
    pub(super) target: u64,
    /// Attempts of that key.
    pub(super) attempts: Vec<Place>,
    /// Number of events in each request of the round.
    pub(super) lengths: Vec<usize>,
    /// A key of two payloads that can hold only one of them.
    pub(super) forced: Option<Forced>,
}

/// Place of an event in the round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) request: u32,
    pub(super) place: usize,
}

/// A key of two payloads, and the only one that it can hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forced {
    pub(super) ordinal: u64,
    pub(super) kept: Side,
}

/// Slice of a run, and the keys that are new in it.
pub(super) struct Cut {
    pub(super) keys: Range<u64>,
    pub(super) slice: Slice,
}

impl Slice {
    /// Stored row of a key.
    pub(super) fn stored(&mut self, evidence: &Evidence, ordinal: u64) -> Option<&mut Row> {
        let topic = evidence.events.topic(ordinal);
        let id = evidence.events.id_text(ordinal);
        self.rows.iter_mut().find(|row| row.topic == topic && row.event_id == id)
    }
}

/// Cuts the slice out of the run. None if there is none.
pub(super) fn cut(facts: &Facts<'_>) -> Result<Option<Cut>, WalkError> {
    let evidence = facts.evidence;
    let Some((run, round_index)) = facts.tally.last_answered else {
        return Ok(None);
    };
    let runs = evidence.frames.runs();
    let mut frames = Vec::new();
    evidence.for_each_frame(|segment, frame| {
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
    let mut attempts: HashMap<u64, Vec<Place>> = HashMap::default();
    for request in 0..round.requests() {
        for (place, ordinal) in round.request(request).iter().enumerate() {
            attempts.entry(*ordinal).or_default().push(Place { request, place });
        }
    }
    let sound = |ordinal: &u64| {
        let state = facts.tally.keys.get(*ordinal);
        let faulty = |class: Class| state.is(class) && (class != Class::Lost || facts.tells_presence());
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
    let mut slice = Slice {
        frames,
        rows: Vec::new(),
        counters: Counters::default(),
        settled: Settled::Reached,
        polls: Vec::new(),
        target,
        attempts,
        lengths,
        forced: None,
    };
    stock(evidence, &keys, &mut slice)?;
    Ok(Some(Cut { keys, slice }))
}

/// Fills the store of a target that did everything right: all acknowledged keys of the slice, and
/// matching counters.
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
    let received = tally.sums.acked;
    let unique = slice.rows.len() as u64;
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

/// Finds a key of the slice that can hold only one of its two payloads.
fn forced(evidence: &Evidence, contests: &Contests, keys: &Range<u64>) -> Option<Forced> {
    let is_other = |ordinal: &u64| evidence.events.variant(*ordinal) == Some(Variant::OtherPayload);
    let forced = |ordinal| {
        let kept = contests.forced(ordinal, promises_of(evidence).conflict?)?;
        Some(Forced { ordinal, kept })
    };
    keys.clone().filter(is_other).find_map(forced)
}

/// Acknowledgements of these attempts, each with the kind that it reports.
pub(super) fn acks<'a>(frames: &'a [Frame], attempts: &'a [Place]) -> impl Iterator<Item = (&'a Done, Kind)> {
    let acked = dones(frames).filter(|done| done.answer.outcome == Outcome::Acked);
    acked.flat_map(move |done| {
        let here = attempts.iter().filter(|at| at.request == done.request);
        here.map(move |at| (done, done.answer.kinds.of(at.place)))
    })
}

/// Returns true if the responses to these attempts alone are consistent with storing the key once.
fn answers_fit(frames: &[Frame], attempts: &[Place]) -> bool {
    let earliest = acks(frames, attempts).map(|(done, _)| done.t_end).min();
    let mut news = acks(frames, attempts).filter(|(_, kind)| *kind == Kind::New);
    let is_unreported = || acks(frames, attempts).any(|(_, kind)| kind == Kind::Accepted);
    match (news.next(), news.next()) {
        (None, _) => is_unreported(),
        (Some((new, _)), None) => Some(new.t_start) <= earliest,
        (Some(_), Some(_)) => false,
    }
}

/// Time from the earliest end of these attempts to the latest start.
fn spread(frames: &[Frame], attempts: &[Place]) -> i128 {
    let latest = acks(frames, attempts).map(|(done, _)| done.t_start).max().unwrap_or(0);
    let earliest = acks(frames, attempts).map(|(done, _)| done.t_end).min().unwrap_or(0);
    i128::from(latest) - i128::from(earliest)
}

pub(super) fn dones(frames: &[Frame]) -> impl Iterator<Item = &Done> {
    frames.iter().filter_map(|frame| match frame {
        Frame::Done(done) => Some(done),
        Frame::Header(_) | Frame::Open { .. } | Frame::Resend { .. } | Frame::Closed { .. } => None,
    })
}

/// Row of a key, as it was sent.
pub(super) fn row(evidence: &Evidence, ordinal: u64) -> Row {
    let events = &evidence.events;
    Row {
        topic: events.topic(ordinal).to_owned(),
        event_id: events.id_text(ordinal),
        timestamp: Some(events.timestamp(ordinal)),
        source: Some(events.source().to_owned()),
        payload: Some(events.payload(ordinal, Side::Plain)),
    }
}

/// Row of a key, with a payload that it can hold.
fn kept_row(evidence: &Evidence, contests: &Contests, ordinal: u64) -> Row {
    let conflict = promises_of(evidence).conflict;
    let kept = conflict.map_or(Side::Plain, |conflict| contests.possible_side(ordinal, conflict));
    Row { payload: Some(evidence.events.payload(ordinal, kept)), ..row(evidence, ordinal) }
}

/// Promises that the slice is judged by: those of the run, and what it leaves unsaid as the
/// reference target promises it. So every check can fail, and the self-test shows that it does.
fn promises_of(whole: &Evidence) -> Promises {
    let said = Promises {
        shared: Some(false),
        counters: Some(CounterPromise::Persistent),
        // Its key was stored once.
        window: None,
        drain: Some(whole.promises.drain.unwrap_or_default()),
        ..whole.promises.clone()
    };
    said.or(Preset::Reference.promises())
}

/// Baseline of a target that was empty.
fn empty_before() -> Baseline {
    let zero = Counters { received: Some(0), unique: Some(0), duplicates: Some(0), ..Counters::default() };
    let listed = ListedBaseline { rows: 0, foreign: SetSum::default() };
    Baseline {
        schema_version: 1,
        stats: Some(zero),
        unread: None,
        asked_ns: None,
        taken_ns: None,
        moving: false,
        listed: Some(listed),
        stored: None,
    }
}

/// Makes evidence of the slice, with a target that was empty before.
pub(super) fn evidence_of(whole: &Evidence, keys: &Range<u64>, slice: &Slice) -> Evidence {
    let plan_keys = whole.plan.keys().unwrap_or(keys.end);
    let mut rows = RowTally::new(&whole.events, whole.plan.nonce, plan_keys, (&whole.promises).into());
    for row in &slice.rows {
        rows.take(row);
    }
    let mut listing = ListingObservation::none(true, None).with_rows(&rows, 1);
    listing.bracketed = true;
    listing.all_topics = true;
    listing.brackets = 1;
    let mut stats = whole.observed.stats.clone();
    stats.settled = slice.settled;
    stats.unread = None;
    // Whatever is promised to take a time has taken it.
    stats.waited_ms = u64::MAX;
    stats.stats = Some(slice.counters.clone());
    let baseline = empty_before();
    let promises = promises_of(whole);
    let mut polled = Polled::new(Some(&baseline), &promises, Shard::WHOLE);
    slice.polls.iter().for_each(|poll| polled.take(poll));
    Evidence {
        plan: whole.plan.clone(),
        events: whole.events.clone(),
        promises,
        listing_is_complete: true,
        listing_is_named: true,
        topic_is_heeded: true,
        rows_have_an_order: true,
        listing_is_one_page: false,
        listing_drains: false,
        format: whole.format,
        keys: keys.clone(),
        frames: Frames::Memory(slice.frames.iter().cloned().chain([Frame::Closed { t: u64::MAX }]).collect()),
        unclear_acknowledges: whole.unclear_acknowledges,
        traces: None,
        can_race: whole.can_race,
        addresses: whole.addresses,
        one_clock: true,
        looked: None,
        gone: None,
        ended: vec![true],
        polls_end: true,
        ended_by_time: false,
        missing_shards: 0,
        shards: vec![None],
        baseline: Some(baseline),
        baselines_differ: false,
        closing: Some(slice.counters.clone()),
        polled: vec![polled],
        faults: Vec::new(),
        trouble: Trouble::default(),
        observed: Observed {
            stats,
            listing,
            database: None,
            anomalies: rows.anomalies(),
            presence: rows.presence,
            winners: rows.winners,
            sentinels: None,
            looks: Looks::default(),
        },
        earlier: None,
    }
}
