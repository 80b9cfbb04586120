//! Forged runs: a correct target is simulated exactly over a plan, and a test then damages one
//! thing.
//!
//! The simulation shares nothing with the judge but the plan: its store is a set of keys, its clock
//! a counter.

use std::collections::HashSet;

use truth::observed::Settled;
use truth::observed::counters::Counters;
use truth::observed::rows::{Equality, Row, RowTally};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::invalid::Invalid;
use truth::plan::shard::Shard;
use truth::plan::variant::Side;
use truth::record::baseline::{Baseline, ListedBaseline};
use truth::record::ledger::{Done, Frame, Scope};
use truth::record::polls::Poll;
use truth::scenario::Scenario;
use truth::scenario::promises::{Preset, Received};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

pub(crate) use crate::forged::{Folder, Forged, assert_fails, assert_names, check};

/// What becomes of one try of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Executed, and answered with the kind of each event.
    Acked,
    /// Executed, and answered with counts alone.
    Untold,
    /// No answer; executed or not.
    Unknown { executed: bool },
    /// Refused.
    Rejected,
    /// No byte left.
    NeverSent,
    /// The sender died: no record of an end.
    Silent { executed: bool },
}

impl Fate {
    fn is_executed(self) -> bool {
        match self {
            Self::Acked | Self::Untold => true,
            Self::Unknown { executed } | Self::Silent { executed } => executed,
            Self::Rejected | Self::NeverSent => false,
        }
    }
}

/// The shape of a run.
pub(crate) struct Forge {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u32,
    pub(crate) nonce: u64,
    pub(crate) lanes: u64,
    /// Requests of a lane that are under way at once.
    pub(crate) width: u64,
    /// The tries of a request of a round.
    pub(crate) fates: fn(u64, u32) -> Vec<Fate>,
    /// Whether requests with an event that is none are taken as any other; else they are refused.
    pub(crate) takes_spoilt: bool,
    /// Whether a key that comes again takes the payload that it comes with.
    pub(crate) last_wins: bool,
    /// Events of others, stored before the run.
    pub(crate) earlier: u64,
    /// Which part of the plan is sent.
    pub(crate) shard: Shard,
}

impl Default for Forge {
    /// 2,000 attempts of 1,400 keys in seven rounds of sixteen requests, all acknowledged.
    fn default() -> Self {
        let mut scenario = Scenario { promises: Preset::Reference.promises(), ..Scenario::default() };
        (scenario.load.count, scenario.load.batch) = (Some(2000), 20);
        Self {
            scenario,
            seed: 7,
            nonce: 0x9f3c_61d2_a4b0_7e55,
            lanes: 1,
            width: 8,
            fates: |_, _| vec![Fate::Acked],
            takes_spoilt: false,
            last_wins: false,
            earlier: 0,
            shard: Shard::WHOLE,
        }
    }
}

/// One try, before it is known what it answers.
struct Try {
    lane: u64,
    round: u64,
    request: u32,
    try_number: u16,
    is_final: bool,
    fate: Fate,
    t_start: u64,
    t_end: u64,
}

impl Forge {
    /// 2,000 attempts, each a request of its own.
    pub(crate) fn of_single_events() -> Self {
        let mut forge = Self::default();
        forge.scenario.load.batch = 1;
        forge
    }
}

/// Nanoseconds between the begins of two waves of requests.
const WAVE: u64 = 10_000_000;

impl Forge {
    /// The tries of all requests, lane by lane: waves of `width` requests that overlap each other.
    fn tries(&self, plan: &Plan) -> Vec<Try> {
        let rounds = plan.rounds().expect("a plan with a count");
        let mut clocks = vec![WAVE; self.lanes as usize];
        let mut tries = Vec::new();
        let mine =
            (0..rounds).filter(|round| round % u64::from(self.shard.of) == u64::from(self.shard.index) - 1);
        for (nth, round) in (0_u64..).zip(mine) {
            let lane = nth % self.lanes;
            let clock = &mut clocks[lane as usize];
            let planned = plan.round(round);
            for request in 0..planned.requests() {
                let is_spoilt = Invalid::of(plan, &planned, request).is_some();
                let fates = match is_spoilt && !self.takes_spoilt {
                    true => vec![Fate::Rejected],
                    false => (self.fates)(round, request),
                };
                let place = u64::from(request) % self.width;
                let last = fates.len() - 1;
                for (nth_try, fate) in fates.into_iter().enumerate() {
                    let t_start = *clock + place * 10_000 + nth_try as u64 * WAVE / 10 + lane * 500;
                    tries.push(Try {
                        lane,
                        round,
                        request,
                        try_number: nth_try as u16,
                        is_final: nth_try == last,
                        fate,
                        t_start,
                        t_end: t_start + WAVE / 20,
                    });
                }
                if place + 1 == self.width {
                    *clock += WAVE;
                }
            }
            *clock += WAVE;
        }
        tries
    }

    /// Runs the load against a correct target.
    pub(crate) fn run(self) -> Forged {
        let plan = self.scenario.plan(self.seed, self.nonce).expect("a plan");
        let events = Events::new(&plan);
        let mut tries = self.tries(&plan);
        // Each takes effect in the middle of its time.
        tries.sort_by_key(|sent| (sent.t_start + sent.t_end, sent.lane));
        let mut stored = HashSet::new();
        let (mut received, mut offered) = (0, 0);
        let mut lanes: Vec<Vec<Frame>> = vec![Vec::new(); self.lanes as usize];
        let mut opened = HashSet::new();
        let mut polls = Polling::over(&tries, &plan, self.earlier);
        let mut rows: Vec<Row> = (0..self.earlier).map(foreign).collect();
        let rounds: Vec<_> =
            (0..plan.rounds().expect("a plan with a count")).map(|b| plan.round(b)).collect();
        for sent in tries {
            let round = &rounds[sent.round as usize];
            let ordinals = round.request(sent.request);
            let frames = &mut lanes[sent.lane as usize];
            if opened.insert(sent.round) {
                frames.push(Frame::Open { round: sent.round, t: sent.t_start });
            }
            polls.pass(&sent, [received, stored.len() as u64]);
            offered += if sent.fate == Fate::Rejected { ordinals.len() as u64 } else { 0 };
            let mut kinds = Vec::new();
            if sent.fate.is_executed() {
                received += ordinals.len() as u64;
                for (place, ordinal) in ordinals.iter().enumerate() {
                    let is_new = stored.insert(*ordinal);
                    kinds.push(if is_new { Kind::New } else { Kind::Duplicate });
                    let side = events.side(*ordinal, round.origin(sent.request), place);
                    let payload = Some(events.payload(*ordinal, side));
                    if is_new {
                        rows.push(Row { payload, ..row(&events, *ordinal) });
                    } else if self.last_wins {
                        let id = events.id_text(*ordinal);
                        let known = rows.iter_mut().find(|row| row.event_id == id);
                        known.expect("a duplicate is stored").payload = payload;
                    }
                }
            }
            polls.told(&sent, &kinds);
            if !matches!(sent.fate, Fate::Silent { .. }) {
                frames.push(Frame::Done(done(&sent, kinds)));
            }
        }
        for frames in &mut lanes {
            frames.sort_by_key(|frame| (frame.t(), matches!(frame, Frame::Done(_))));
            let end = frames.last().and_then(Frame::t).unwrap_or(WAVE);
            frames.push(Frame::Closed { t: end + 1 });
        }
        let unique = stored.len() as u64;
        let offered = if self.scenario.promises.received == Some(Received::Offered) { offered } else { 0 };
        let before = counters(self.earlier, self.earlier, 0);
        let now = counters(self.earlier + received + offered, self.earlier + unique, received - unique);
        let listed = listed(&plan, &events, &rows[..self.earlier as usize]);
        Forged {
            promises: self.scenario.promises.clone(),
            scenario: self.scenario,
            shard: self.shard,
            plan,
            events,
            lanes,
            rows,
            closing: Some(now.clone()),
            polls: polls.close(),
            now,
            baseline: Some(Baseline {
                schema_version: 1,
                stats: Some(before),
                unread: None,
                asked_ns: Some(1),
                taken_ns: Some(1),
                moving: false,
                listed: Some(listed),
                stored: None,
            }),
            settled: Settled::Reached,
            is_complete: true,
            looked: None,
            earlier: None,
            folder: Folder::Sealed,
        }
    }
}

/// The counters asked for while the load goes on, at the instants at which every so many requests
/// take effect.
struct Polling {
    /// Start of each try, and its events.
    starts: Vec<(u64, u64)>,
    /// End of each acknowledged try, and its events: all, new, duplicate.
    acks: Vec<(u64, [u64; 3])>,
    earlier: u64,
    passed: usize,
    polls: Vec<Poll>,
}

impl Polling {
    const EVERY: usize = 10;

    fn over(tries: &[Try], plan: &Plan, earlier: u64) -> Self {
        let left = tries.iter().filter(|sent| sent.fate != Fate::NeverSent);
        let events = |sent: &Try| plan.round(sent.round).request(sent.request).len() as u64;
        let starts = left.map(|sent| (sent.t_start, events(sent))).collect();
        Self { starts, acks: Vec::new(), earlier, passed: 0, polls: Vec::new() }
    }

    /// A try is about to take effect.
    fn pass(&mut self, sent: &Try, [received, unique]: [u64; 2]) {
        self.passed += 1;
        if self.passed.is_multiple_of(Self::EVERY) {
            let stats = counters(self.earlier + received, self.earlier + unique, received - unique);
            let poll = self.poll(u64::midpoint(sent.t_start, sent.t_end), Some(stats));
            self.polls.push(poll);
        }
    }

    /// A try has taken effect.
    fn told(&mut self, sent: &Try, kinds: &[Kind]) {
        let of = |wanted| kinds.iter().filter(|kind| **kind == wanted).count() as u64;
        match sent.fate {
            Fate::Acked => {
                self.acks.push((sent.t_end, [kinds.len() as u64, of(Kind::New), of(Kind::Duplicate)]));
            }
            Fate::Untold => self.acks.push((sent.t_end, [kinds.len() as u64, 0, 0])),
            Fate::Unknown { .. } | Fate::Silent { .. } | Fate::Rejected | Fate::NeverSent => {}
        }
    }

    fn poll(&self, t: u64, stats: Option<Counters>) -> Poll {
        let told = |at: usize| self.acks.iter().filter(|(end, _)| *end < t).map(|(_, of)| of[at]).sum();
        Poll {
            t_sent_ns: t,
            t_answered_ns: t,
            acked: told(0),
            reported_new: told(1),
            reported_duplicate: told(2),
            started: self.starts.iter().filter(|(start, _)| *start <= t).map(|(_, events)| events).sum(),
            stats,
            error: None,
            closing: false,
        }
    }

    /// All polls, and the closing one, still without its counters.
    fn close(mut self) -> Vec<Poll> {
        let last = self.starts.iter().map(|(start, _)| *start).max().unwrap_or(0);
        let closing = self.poll(last + 2 * WAVE, None);
        self.polls.push(Poll { closing: true, ..closing });
        self.polls
    }
}

fn done(sent: &Try, kinds: Vec<Kind>) -> Done {
    let news = kinds.iter().filter(|kind| **kind == Kind::New).count() as u32;
    let all = kinds.len() as u32;
    let told = |kinds| Answer {
        accepted: Some(all),
        inserted: Some(news),
        duplicates: Some(all - news),
        kinds,
        ..Answer::bare(Outcome::Acked)
    };
    let (status, answer) = match sent.fate {
        Fate::Acked if news == all => (200, told(Kinds::AllNew)),
        Fate::Acked if news == 0 => (200, told(Kinds::AllDuplicate)),
        Fate::Acked => (200, told(Kinds::Each(kinds))),
        Fate::Untold => (200, told(Kinds::Unreported)),
        Fate::Unknown { .. } | Fate::Silent { .. } => (0, Answer::bare(Outcome::Unknown)),
        Fate::Rejected => (503, Answer::bare(Outcome::Rejected)),
        Fate::NeverSent => (0, Answer::bare(Outcome::NeverSent)),
    };
    Done {
        scope: Scope::Round(sent.round),
        request: sent.request,
        try_number: sent.try_number,
        is_final: sent.is_final,
        connection: sent.request % 8,
        t_planned: sent.t_start,
        t_start: sent.t_start,
        t_end: sent.t_end,
        status,
        answer,
    }
}

/// The stored row of a key.
pub(crate) fn row(events: &Events, ordinal: u64) -> Row {
    Row {
        topic: events.topic(ordinal).to_owned(),
        event_id: events.id_text(ordinal),
        timestamp: Some(events.timestamp(ordinal)),
        source: Some(events.source().to_owned()),
        payload: Some(events.payload(ordinal, Side::Plain)),
    }
}

/// A row of somebody else.
pub(crate) fn foreign(number: u64) -> Row {
    Row {
        topic: "others".to_owned(),
        event_id: format!("other-{number}"),
        timestamp: Some("2024-06-01T00:00:00Z".to_owned()),
        source: Some("somebody".to_owned()),
        payload: Some("{}".to_owned()),
    }
}

/// What `/stats` says.
pub(crate) fn counters(received: u64, unique: u64, duplicates: u64) -> Counters {
    Counters {
        received: Some(received),
        unique: Some(unique),
        duplicates: Some(duplicates),
        pending: Some(0),
        processing: Some(0),
        instance: Some("one".to_owned()),
        uptime_ms: None,
    }
}

fn listed(plan: &Plan, events: &Events, rows: &[Row]) -> ListedBaseline {
    let keys = plan.keys().expect("a plan with a count");
    let mut tally = RowTally::new(events, plan.nonce, keys, Equality::NONE);
    rows.iter().for_each(|row| tally.take(row));
    ListedBaseline { rows: tally.rows, foreign: tally.foreign }
}
