//! Forged runs: a correct target is simulated exactly over a plan, and a test then damages one thing.
//!
//! The simulation shares nothing with the judge but the plan: its store is a set of keys, its clock a counter.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use truth::answer::{Answer, Kind, Kinds, Outcome};
use truth::event::Events;
use truth::folder::{MANIFEST_VERSION, Machine, Manifest, RunFolder};
use truth::ledger::writer::SegmentWriter;
use truth::ledger::{Done, Frame, Header, Scope};
use truth::plan::{Plan, Shard};
use truth::promises::{PayloadEquality, Promises, Received};
use truth::scenario::Scenario;
use verify::baseline::{Baseline, ListedBaseline};
use verify::evidence::{Evidence, Frames};
use verify::judge::judge;
use verify::observe::stats::Counters;
use verify::observed::{ListingObservation, Observed, Settled, StatsObservation};
use verify::polls::{Poll, PollWriter};
use verify::rows::{Row, RowTally};
use verify::verdict::{Check, Status, Verdict};

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
    /// Events of others, stored before the run.
    pub(crate) earlier: u64,
    /// Which part of the plan is sent.
    pub(crate) shard: Shard,
}

impl Default for Forge {
    /// 2,000 attempts of 1,400 keys in seven rounds of sixteen requests, all acknowledged.
    fn default() -> Self {
        let mut scenario = Scenario::default();
        (scenario.load.count, scenario.load.batch) = (2000, 20);
        Self {
            scenario,
            seed: 7,
            nonce: 0x9f3c_61d2_a4b0_7e55,
            lanes: 1,
            width: 8,
            fates: |_, _| vec![Fate::Acked],
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
            for request in 0..plan.round(round).requests() {
                let fates = (self.fates)(round, request);
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
            offered += if sent.fate == Fate::Rejected { ordinals.len() as u64 } else { 0 };
            let mut kinds = Vec::new();
            if sent.fate.is_executed() {
                received += ordinals.len() as u64;
                for ordinal in ordinals {
                    let is_new = stored.insert(*ordinal);
                    kinds.push(if is_new { Kind::New } else { Kind::Duplicate });
                    rows.extend(is_new.then(|| row(&events, *ordinal)));
                }
            }
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
        let offered = if self.scenario.promises.received == Received::Offered { offered } else { 0 };
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
            now,
            baseline: Some(Baseline {
                schema_version: 1,
                stats: Some(before),
                unread: None,
                moving: false,
                listed: Some(listed),
            }),
            settled: Settled::Reached,
        }
    }
}

fn done(sent: &Try, kinds: Vec<Kind>) -> Done {
    let news = kinds.iter().filter(|kind| **kind == Kind::New).count() as u32;
    let all = kinds.len() as u32;
    let told = |kinds| Answer {
        outcome: Outcome::Acked,
        accepted: Some(all),
        inserted: Some(news),
        duplicates: Some(all - news),
        kinds,
    };
    let (status, answer) = match sent.fate {
        Fate::Acked if news == all => (200, told(Kinds::AllNew)),
        Fate::Acked if news == 0 => (200, told(Kinds::AllDuplicate)),
        Fate::Acked => (200, told(Kinds::Each(kinds))),
        Fate::Untold => (200, told(Kinds::Untold)),
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
        payload: Some(events.payload(ordinal)),
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
    }
}

fn listed(plan: &Plan, events: &Events, rows: &[Row]) -> ListedBaseline {
    let keys = plan.keys().expect("a plan with a count");
    let mut tally = RowTally::new(events, plan.nonce, keys, PayloadEquality::None);
    rows.iter().for_each(|row| tally.take(row));
    ListedBaseline { rows: tally.rows, foreign: tally.foreign }
}

/// A run that happened, with what the target showed afterwards; everything may be damaged.
#[derive(Clone)]
pub(crate) struct Forged {
    pub(crate) scenario: Scenario,
    pub(crate) promises: Promises,
    pub(crate) shard: Shard,
    pub(crate) plan: Plan,
    pub(crate) events: Events,
    pub(crate) lanes: Vec<Vec<Frame>>,
    pub(crate) rows: Vec<Row>,
    pub(crate) now: Counters,
    pub(crate) closing: Option<Counters>,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) settled: Settled,
}

impl Forged {
    /// All tries, to be damaged.
    pub(crate) fn dones(&mut self) -> impl Iterator<Item = &mut Done> {
        self.lanes.iter_mut().flatten().filter_map(|frame| match frame {
            Frame::Done(done) => Some(done),
            Frame::Header(_) | Frame::Open { .. } | Frame::Extra { .. } | Frame::Closed { .. } => None,
        })
    }

    /// Every attempt of every key: round, request, place.
    fn attempts(&self) -> BTreeMap<u64, Vec<(u64, u32, usize)>> {
        let mut attempts: BTreeMap<u64, Vec<(u64, u32, usize)>> = BTreeMap::new();
        for index in 0..self.plan.rounds().expect("a plan with a count") {
            let round = self.plan.round(index);
            for request in 0..round.requests() {
                for (place, key) in round.request(request).iter().enumerate() {
                    attempts.entry(*key).or_default().push((index, request, place));
                }
            }
        }
        attempts
    }

    /// Every attempt of a key.
    pub(crate) fn attempts_of(&self, ordinal: u64) -> Vec<(u64, u32, usize)> {
        self.attempts().remove(&ordinal).expect("a key of the plan")
    }

    /// The first key whose attempts satisfy this.
    pub(crate) fn key_where(&self, wanted: impl Fn(&[(u64, u32, usize)]) -> bool) -> u64 {
        let mut attempts = self.attempts().into_iter();
        attempts.find(|(_, attempts)| wanted(attempts)).expect("the plan holds such a key").0
    }

    /// Changes what was told of a key at one of its attempts.
    pub(crate) fn tell(&mut self, (round, request, place): (u64, u32, usize), kind: Kind) {
        let length = self.plan.round(round).request(request).len();
        for done in self.dones() {
            if done.scope == Scope::Round(round) && done.request == request {
                let mut kinds: Vec<Kind> = (0..length).map(|at| done.answer.kinds.of(at)).collect();
                kinds[place] = kind;
                done.answer.kinds = Kinds::Each(kinds);
            }
        }
    }

    /// Takes a key's rows away.
    pub(crate) fn lose(&mut self, ordinal: u64) {
        let id = self.events.id_text(ordinal);
        self.rows.retain(|row| row.event_id != id);
    }

    /// What reading the target gives.
    pub(crate) fn observed(&self) -> Observed {
        let keys = self.plan.keys().expect("a plan with a count");
        let mut tally = RowTally::new(&self.events, self.plan.nonce, keys, self.promises.payload);
        self.rows.iter().for_each(|row| tally.take(row));
        let mut listing =
            ListingObservation::none(true, None).with_rows(&tally, self.rows.len().div_ceil(1000) as u64);
        (listing.bracketed, listing.all_topics, listing.brackets, listing.looked_ms) =
            (true, true, 1, 10_000);
        Observed {
            stats: StatsObservation {
                schema_version: 1,
                target: "http://127.0.0.1:8080".to_owned(),
                stats: Some(self.now.clone()),
                unread: None,
                settled: self.settled,
                waited_ms: 500,
            },
            listing,
            presence: tally.presence,
            anomalies: tally.anomalies,
        }
    }

    /// All of it, at hand.
    pub(crate) fn evidence(&self) -> Evidence {
        let mut frames: Vec<Frame> = self.lanes.iter().flatten().cloned().collect();
        frames.retain(|frame| !matches!(frame, Frame::Closed { .. }));
        frames.sort_by_key(Frame::t);
        let closed = self.lanes.iter().all(|lane| matches!(lane.last(), Some(Frame::Closed { .. })));
        frames.extend(closed.then_some(Frame::Closed { t: u64::MAX }));
        Evidence {
            plan: self.plan.clone(),
            events: self.events.clone(),
            promises: self.promises.clone(),
            keys: 0..self.plan.keys().expect("a plan with a count"),
            frames: Frames::Memory(frames),
            can_race: true,
            one_clock: true,
            missing_shards: 0,
            baseline: self.baseline.clone(),
            baselines_differ: false,
            closing: self.closing.clone(),
            observed: self.observed(),
        }
    }

    /// The verdict on it.
    pub(crate) fn verdict(&self) -> Verdict {
        judge(&self.evidence())
    }

    /// Writes the run folder, without an observation.
    pub(crate) fn write(&self, out: &Path) -> RunFolder {
        let manifest = Manifest {
            schema_version: MANIFEST_VERSION,
            onceproof: "0.1.0".to_owned(),
            started_utc: "2026-01-02T03:04:05Z".parse().expect("a moment"),
            plan: self.plan.clone(),
            shard: self.shard,
            concurrency: 8,
            lanes: self.lanes.len() as u32,
            scenario: Scenario { promises: self.promises.clone(), ..self.scenario.clone() },
            machine: Machine { cpus: 2, boot_id: "a boot".to_owned() },
        };
        let (folder, _lock) = RunFolder::create(out, &manifest).expect("a new run folder");
        for (lane, frames) in (0_u16..).zip(&self.lanes) {
            self.write_segment(&folder, lane, frames);
        }
        if let Some(baseline) = &self.baseline {
            baseline.save(&folder).expect("a baseline that can be written");
        }
        let poll = Poll {
            t_sent_ns: 1,
            t_answered_ns: 2,
            acked: 0,
            told_new: 0,
            told_duplicate: 0,
            started: 0,
            stats: self.closing.clone(),
            error: None,
            closing: true,
        };
        PollWriter::create(&folder)
            .and_then(|mut polls| polls.write(&poll))
            .expect("polls that can be written");
        folder
    }

    fn write_segment(&self, folder: &RunFolder, lane: u16, frames: &[Frame]) {
        let header = Header {
            nonce: self.plan.nonce,
            lane,
            boot_id: "a boot".to_owned(),
            monotonic_ns: 1,
            utc_ms: 1_767_323_045_000,
        };
        let mut writer = SegmentWriter::create(&folder.segment(lane), header).expect("a new segment");
        for frame in frames {
            match frame {
                Frame::Open { round, t } => writer.open(*round, *t),
                Frame::Done(done) => writer.done(done.clone()),
                Frame::Extra { id, purpose, ordinals } => writer.extra(*id, *purpose, ordinals),
                Frame::Closed { t } => return writer.close(*t).expect("a segment that can be closed"),
                Frame::Header(_) => Ok(()),
            }
            .expect("a segment that can be written");
        }
        writer.flush().expect("a segment that can be written");
    }

    /// Writes the run folder with one observation.
    pub(crate) fn write_observed(&self, out: &Path) -> RunFolder {
        let folder = self.write(out);
        self.observed().save(&folder.observation(1)).expect("an observation that can be written");
        folder
    }
}

/// The check of this name.
pub(crate) fn check<'a>(verdict: &'a Verdict, name: &str) -> &'a Check {
    verdict.checks.iter().find(|check| check.name == name).expect("a check of this name")
}

/// Asserts that exactly these checks fail.
#[track_caller]
pub(crate) fn assert_fails(verdict: &Verdict, names: &[&str]) {
    let failing = |check: &&Check| check.status == Status::Fail;
    let failed: Vec<&str> = verdict.checks.iter().filter(failing).map(|check| check.name.as_str()).collect();
    assert_eq!(failed, names, "{:#?}", verdict.reasons);
}

/// Asserts that a check fails and names this key.
#[track_caller]
pub(crate) fn assert_names(verdict: &Verdict, name: &str, ordinal: u64) {
    let check = check(verdict, name);
    assert_eq!(check.status, Status::Fail, "{check:?}");
    let named = check.findings.iter().filter_map(|finding| finding.ordinal);
    assert!(named.clone().any(|named| named == ordinal), "{ordinal} in {:?}", named.collect::<Vec<_>>());
}
