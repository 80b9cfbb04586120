//! What a forged run leaves behind, to be damaged, judged and written to disk.

use std::collections::BTreeMap;
use std::path::Path;

use judge::books::ages::Looked;
use judge::books::polled::Polled;
use judge::evidence::{Evidence, Frames};
use judge::judge;
use judge::verdict::{Check, CheckId, Judgement, Status};
use truth::observed::counters::Counters;
use truth::observed::looks::Looks;
use truth::observed::rows::{Row, RowTally};
use truth::observed::{ListingObservation, Observed, Settled, StatsObservation};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::shard::Shard;
use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Done, Foundation, Frame, Header, Scope};
use truth::record::manifest::{FolderFormat, MANIFEST_VERSION, Machine, Manifest};
use truth::record::polls::{self, Poll};
use truth::record::seal::{seal_look, seal_run};
use truth::record::trouble::Trouble;
use truth::scenario::Scenario;
use truth::scenario::promises::Promises;
use truth::target::RowOrder;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

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
    /// The counters under load; the last poll is the closing one, which takes its answer from
    /// `closing`.
    pub(crate) polls: Vec<Poll>,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) settled: Settled,
    /// Whether the listing is promised to show everything.
    pub(crate) is_complete: bool,
    /// End of the looking.
    pub(crate) looked: Option<Looked>,
    /// What was seen before `verify` sent.
    pub(crate) earlier: Option<Observed>,
    /// The release whose format the folder is written in, and whether the run came to its end there.
    pub(crate) folder: Folder,
}

/// The folder of a forged run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Folder {
    /// Of a run that came to its end, and was sealed.
    Sealed,
    /// Of a run whose sender was killed: no segment is closed, and nothing is sealed but the looks.
    Killed,
    /// Of 0.1.
    Old,
}

impl Forged {
    /// All tries, to be damaged.
    pub(crate) fn dones(&mut self) -> impl Iterator<Item = &mut Done> {
        self.lanes.iter_mut().flatten().filter_map(|frame| match frame {
            Frame::Done(done) => Some(done),
            Frame::Header(_) | Frame::Open { .. } | Frame::Resend { .. } | Frame::Closed { .. } => None,
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
                // What an answer names and what it counts go together.
                let count = |wanted: Kind| kinds.iter().filter(|kind| **kind == wanted).count() as u32;
                let taken = kinds.iter().filter(|kind| kind.is_taken()).count() as u32;
                done.answer.accepted = done.answer.accepted.map(|_| taken);
                done.answer.inserted = done.answer.inserted.map(|_| count(Kind::New));
                done.answer.duplicates = done.answer.duplicates.map(|_| count(Kind::Duplicate));
                done.answer.kinds = Kinds::Each(kinds);
            }
        }
    }

    /// Answers requests with this status that hold a key of an earlier round, if they are asked
    /// for by their number. An answer with 5xx leaves open what became of the request.
    pub(crate) fn refuse_repeats(&mut self, status: u16, is_asked: impl Fn(usize) -> bool) {
        let plan = self.plan.clone();
        let outcome = if status >= 500 && status != 503 { Outcome::Unknown } else { Outcome::Rejected };
        let is_repeat = |done: &&mut Done| {
            let Scope::Round(round) = done.scope else { return false };
            let first = plan.ordinals_of(round).start;
            plan.round(round).request(done.request).iter().any(|ordinal| *ordinal < first)
        };
        for (_, done) in self.dones().filter(is_repeat).enumerate().filter(|(nth, _)| is_asked(*nth)) {
            (done.status, done.answer) = (status, Answer::bare(outcome));
        }
    }

    /// Takes a key's rows away.
    pub(crate) fn lose(&mut self, ordinal: u64) {
        let (topic, id) = (self.events.topic(ordinal), self.events.id_text(ordinal));
        self.rows.retain(|row| (row.topic.as_str(), &row.event_id) != (topic, &id));
    }

    /// What reading the target gives.
    pub(crate) fn observed(&self) -> Observed {
        let keys = self.plan.keys().expect("a plan with a count");
        let mut tally = RowTally::new(&self.events, self.plan.nonce, keys, (&self.promises).into());
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
                asked_ns: None,
                read_ns: self.polls.last().map(|closing| closing.t_answered_ns + 1_000_000_000),
                ended_ns: None,
                ended_utc_ms: None,
                follows: None,
                segments: None,
            },
            listing,
            database: None,
            anomalies: tally.anomalies(),
            presence: tally.presence,
            winners: tally.winners,
            sentinels: None,
            looks: Looks::default(),
        }
    }

    /// All of it, at hand.
    pub(crate) fn evidence(&self) -> Evidence {
        let mut frames: Vec<Frame> = self.lanes.iter().flatten().cloned().collect();
        frames.retain(|frame| !matches!(frame, Frame::Closed { .. }));
        frames.sort_by_key(Frame::t);
        frames.insert(0, Frame::Header(self.header(0, None)));
        let closed = self.lanes.iter().all(|lane| matches!(lane.last(), Some(Frame::Closed { .. })));
        frames.extend(closed.then_some(Frame::Closed { t: u64::MAX }));
        Evidence {
            plan: self.plan.clone(),
            events: self.events.clone(),
            promises: self.promises.clone(),
            listing_is_complete: self.is_complete,
            listing_is_named: self.is_complete,
            topic_is_heeded: true,
            rows_have_an_order: true,
            listing_is_one_page: false,
            listing_drains: false,
            format: FolderFormat::Sealed,
            keys: 0..self.plan.keys().expect("a plan with a count"),
            frames: Frames::Memory(frames),
            unclear_acknowledges: true,
            traces: None,
            can_race: true,
            addresses: 1,
            one_clock: true,
            looked: self.looked,
            gone: None,
            ended: vec![false],
            polls_end: true,
            ended_by_time: false,
            missing_shards: 0,
            shards: vec![None],
            baseline: self.baseline.clone(),
            baselines_differ: false,
            closing: self.closing.clone(),
            polled: vec![self.polled()],
            faults: Vec::new(),
            trouble: Trouble::default(),
            observed: self.observed(),
            earlier: self.earlier.clone(),
        }
    }

    /// The polls with the answer of the closing one; without that one if there is none.
    fn all_polls(&self) -> impl Iterator<Item = Poll> {
        let closing = self.closing.clone();
        self.polls.iter().cloned().filter_map(move |poll| match (poll.closing, &closing) {
            (false, _) => Some(poll),
            (true, Some(_)) => Some(Poll { stats: closing.clone(), ..poll }),
            (true, None) => None,
        })
    }

    /// What the polls come to.
    fn polled(&self) -> Polled {
        let mut polled = Polled::new(self.baseline.as_ref(), &self.promises, self.shard);
        self.all_polls().for_each(|poll| polled.take(&poll));
        polled
    }

    /// The answers of the counters under load, to be damaged.
    pub(crate) fn under_load(&mut self) -> impl Iterator<Item = &mut Counters> {
        self.polls.iter_mut().filter_map(|poll| poll.stats.as_mut())
    }

    /// The verdict on it.
    pub(crate) fn verdict(&self) -> Judgement {
        judge(&self.evidence())
    }

    /// The scenario, with the promises of the run.
    fn promised(&self) -> Scenario {
        let mut scenario = Scenario { promises: self.promises.clone(), ..self.scenario.clone() };
        let listing = &mut scenario.target.listing;
        (listing.complete, listing.filter) = (Some(self.is_complete), Some(true));
        listing.order = Some(RowOrder::NewestFirst);
        scenario
    }

    /// Writes the run folder, without an observation.
    pub(crate) fn write(&self, out: &Path) -> RunFolder {
        let manifest = Manifest {
            schema_version: if self.folder == Folder::Old { 1 } else { MANIFEST_VERSION },
            onceproof: env!("CARGO_PKG_VERSION").to_owned(),
            started_utc: "2026-01-02T03:04:05Z".parse().expect("a moment"),
            plan: self.plan.clone(),
            shard: self.shard,
            concurrency: 8,
            lanes: self.lanes.len() as u32,
            scenario: self.promised(),
            machine: Machine { cpus: 2, boot_id: "a boot".to_owned() },
            rerun: "loadgen --count 600 --dup 0.3 --seed 7".to_owned(),
        };
        let (folder, _lock) = RunFolder::create(out, &manifest).expect("a new run folder");
        if let Some(baseline) = &self.baseline {
            baseline.save(&folder).expect("a baseline that can be written");
        }
        for (lane, frames) in (0_u16..).zip(&self.lanes) {
            self.write_segment(&folder, lane, frames);
        }
        let mut polls = polls::create(&folder).expect("a file of polls");
        for poll in self.all_polls() {
            polls.write(&poll).expect("a poll that can be written");
        }
        if self.folder == Folder::Sealed {
            seal_run(&folder, Vec::new(), 0).expect("a run that can be sealed");
        }
        folder
    }

    /// Beginning of a lane's segment.
    fn header(&self, lane: u16, foundation: Option<Foundation>) -> Header {
        Header {
            nonce: self.plan.nonce,
            lane,
            boot_id: "a boot".to_owned(),
            monotonic_ns: 1,
            utc_ms: 1_767_323_045_000,
            foundation,
        }
    }

    fn write_segment(&self, folder: &RunFolder, lane: u16, frames: &[Frame]) {
        let foundation =
            (self.folder != Folder::Old).then(|| Foundation::of(folder).expect("files that can be read"));
        let header = self.header(lane, foundation);
        let mut writer = SegmentWriter::create(&folder.segment(lane), header).expect("a new segment");
        for frame in frames {
            match frame {
                Frame::Open { round, t } => writer.open(*round, *t),
                Frame::Done(done) => writer.done(done.clone()),
                Frame::Resend { id, purpose, ordinals } => writer.extra(*id, *purpose, ordinals),
                Frame::Closed { t } if self.folder != Folder::Killed => {
                    writer.close(*t).expect("a segment that can be closed");
                    return;
                }
                Frame::Header(_) | Frame::Closed { .. } => Ok(()),
            }
            .expect("a segment that can be written");
        }
        writer.flush().expect("a segment that can be written");
    }

    /// Writes the run folder with one observation.
    pub(crate) fn write_observed(&self, out: &Path) -> RunFolder {
        let folder = self.write(out);
        let observation = folder.observation(1);
        self.observed().save(&observation).expect("an observation that can be written");
        if self.folder != Folder::Old {
            seal_look(&observation).expect("an observation that can be sealed");
        }
        folder
    }
}

/// The check of this name.
pub(crate) fn check(verdict: &Judgement, name: CheckId) -> &Check {
    verdict.checks.iter().find(|check| check.name == name).expect("a check of this name")
}

/// Asserts that exactly these checks fail.
#[track_caller]
pub(crate) fn assert_fails(verdict: &Judgement, names: &[CheckId]) {
    let failing = |check: &&Check| check.status == Status::Fail;
    let failed: Vec<CheckId> = verdict.checks.iter().filter(failing).map(|check| check.name).collect();
    assert_eq!(failed, names, "{:#?}", verdict.reasons);
}

/// Asserts that a check fails and names this key.
#[track_caller]
pub(crate) fn assert_names(verdict: &Judgement, name: CheckId, ordinal: u64) {
    let check = check(verdict, name);
    assert_eq!(check.status, Status::Fail, "{check:?}");
    let named = check.findings.iter().filter_map(|finding| finding.ordinal);
    assert!(named.clone().any(|named| named == ordinal), "{ordinal} in {:?}", named.collect::<Vec<_>>());
}
