//! One pass over a ledger, in the order of ends: every attempt is booked on its key, rounds are computed again when
//! they open and dropped when all their requests have ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::invalid::Invalid;
use truth::plan::round::Round;
use truth::plan::variant::Origin;
use truth::record::ledger::{Done, Frame, LedgerError, Purpose, Scope};
use truth::scenario::promises::{Ack, Batch};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

use crate::books::ages::Ages;
use crate::books::contests::Contests;
use crate::books::coverage::{Coverage, Ended};
use crate::books::keys::Keys;
use crate::books::order::{Order, OrderFaults, Said};
use crate::books::sums::fault_in_sums;
use crate::books::tally::{AnswerFault, Resent, Segments, Sums, Tally};

/// How many faulty sums are kept for show.
const EXAMPLES: usize = 64;

/// Why a ledger cannot be booked.
#[derive(Debug, Error)]
pub enum WalkError {
    /// It cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file of the run is gone.
    #[error("{} is gone, so it cannot be told what was sent, or onto what", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A lane that ended in order has closed its segment.
    #[error("{} has lost its end: the run came to its own, and this is not what it wrote", path.display())]
    CutOff {
        /// The segment.
        path: PathBuf,
    },
    /// Its frames contradict the plan or each other.
    #[error("the ledger contradicts itself: {reason}")]
    Contradiction {
        /// What does not fit.
        reason: String,
    },
}

/// What a walk must know of where frames come from.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// What was sent.
    pub plan: &'a Plan,
    /// What it looks like.
    pub events: &'a Events,
    /// Whether requests of a release can have been under way at once.
    pub can_race: bool,
    /// Whether a part of a request may be refused.
    pub batch: Batch,
    /// How long a key is known again; none if for ever.
    pub window: Option<Duration>,
    /// What an acknowledgement means.
    pub ack: Ack,
    /// Whether all times can be compared.
    pub one_clock: bool,
    /// For each segment, which run it belongs to.
    pub runs: &'a [usize],
    /// For each run, whether it came to its end.
    pub ended: &'a [bool],
}

/// The pass. Frames go in one by one; [`Walk::finish`] books what never ended.
#[derive(Debug)]
pub struct Walk<'a> {
    setting: Setting<'a>,
    open: HashMap<(usize, Scope), Opened>,
    /// The rounds that were ever opened, each with its run.
    rounds: HashSet<(usize, u64)>,
    /// Segments that end in order.
    closed: HashSet<usize>,
    /// Segments that `verify` wrote.
    later: HashSet<usize>,
    order: Order,
    tally: Tally,
}

/// A round or list that is under way.
#[derive(Debug)]
struct Opened {
    purpose: Option<Purpose>,
    /// Which round it is, if it is one.
    round: Option<u64>,
    ordinals: Vec<u64>,
    /// Keys of earlier rounds that were acknowledged when it was opened: no answer in it can tell them to be new.
    known: HashSet<u64>,
    /// Requests that hold an event that is none.
    spoilt: HashSet<u32>,
    batch: usize,
    releases: Vec<Range<u32>>,
    first_ordinal: u64,
    t: u64,
    requests: Vec<Progress>,
    left: usize,
}

/// A request that is under way.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    ended: bool,
    acked: bool,
    /// The end of its last try that left.
    left_until: Option<u64>,
    /// Its last try that may have had an effect. Tries before it may have overlapped others too, but only what is
    /// certain counts as tested.
    interval: Option<(u64, u64)>,
}

impl Opened {
    fn origin(&self, request: u32) -> Origin {
        self.round.map_or(Origin::Later, |round| Origin::Planned { round, request })
    }

    fn ordinals(&self, request: u32) -> &[u64] {
        let low = request as usize * self.batch;
        &self.ordinals[low..(low + self.batch).min(self.ordinals.len())]
    }
}

impl<'a> Walk<'a> {
    /// A pass over nothing yet.
    pub fn new(setting: Setting<'a>, keys: Range<u64>) -> Self {
        let tally = Tally {
            keys: Keys::new(keys.clone()),
            sums: Sums::default(),
            resent: Resent::default(),
            begun_ns: None,
            statuses: BTreeMap::new(),
            slots_sent: 0,
            order: OrderFaults::default(),
            // What is stored later may be stored when its key has long been forgotten.
            ages: Ages::new(setting.window, setting.one_clock && setting.ack == Ack::Committed, keys),
            contests: Contests::default(),
            answer_sums: Vec::new(),
            answer_sum_faults: 0,
            answers_compared: 0,
            counts_compared: 0,
            count_faults: Vec::new(),
            count_faults_total: 0,
            spoilt: 0,
            spoilt_taken: 0,
            spoilt_examples: Vec::new(),
            coverage: Coverage::default(),
            segments: Segments::default(),
            cut_off: None,
            is_open: false,
            last_answered: None,
        };
        Self {
            setting,
            open: HashMap::new(),
            rounds: HashSet::new(),
            closed: HashSet::new(),
            later: HashSet::new(),
            order: Order::default(),
            tally,
        }
    }

    /// Takes the next frame of the merged ledger.
    pub fn take(&mut self, segment: usize, frame: &Frame) -> Result<(), WalkError> {
        let run = self.setting.runs[segment];
        match frame {
            Frame::Header(header) if header.nonce != self.setting.plan.nonce => {
                Err(contradiction(format!("a segment is of run {:016x}", header.nonce)))
            }
            Frame::Header(_) => Ok(()),
            Frame::Open { round, t } => {
                self.tally.begun_ns.get_or_insert(*t);
                self.open_round(run, *round, *t)
            }
            Frame::Resend { id, purpose, ordinals } => {
                self.later.insert(segment);
                self.open_extra(run, *id, *purpose, ordinals)
            }
            Frame::Done(done) => self.done(run, done),
            Frame::Closed { .. } => {
                self.closed.insert(segment);
                Ok(())
            }
        }
    }

    fn open_round(&mut self, run: usize, index: u64, t: u64) -> Result<(), WalkError> {
        let round = self.setting.plan.round(index);
        if round.requests() == 0 {
            return Err(contradiction(format!("round {index} is beyond the plan")));
        }
        let opened = Opened {
            purpose: None,
            round: Some(index),
            known: self.known(&round),
            spoilt: (0..round.requests())
                .filter(|request| Invalid::of(self.setting.plan, &round, *request).is_some())
                .collect(),
            ordinals: round.ordinals().to_vec(),
            batch: self.setting.plan.batch as usize,
            releases: round.releases(),
            first_ordinal: self.setting.plan.ordinals_of(index).start,
            t,
            requests: vec![Progress::default(); round.requests() as usize],
            left: round.requests() as usize,
        };
        if !self.rounds.insert((run, index)) {
            return Err(contradiction(format!("round {index} was opened twice")));
        }
        self.open.insert((run, Scope::Round(index)), opened);
        Ok(())
    }

    /// The repeats of earlier rounds that were acknowledged by now, unless they may be forgotten.
    fn known(&self, round: &Round) -> HashSet<u64> {
        if self.setting.window.is_some() {
            return HashSet::new();
        }
        let (keys, first) = (&self.tally.keys, self.setting.plan.ordinals_of(round.index).start);
        let acked =
            |ordinal: &u64| *ordinal < first && keys.contains(*ordinal) && keys.get(*ordinal).acked() > 0;
        round.ordinals().iter().copied().filter(acked).collect()
    }

    fn open_extra(
        &mut self,
        run: usize,
        id: u32,
        purpose: Purpose,
        ordinals: &[u64],
    ) -> Result<(), WalkError> {
        let keys = self.setting.plan.keys().unwrap_or(u64::MAX);
        if let Some(unknown) = ordinals.iter().find(|ordinal| **ordinal >= keys) {
            return Err(contradiction(format!(
                "list {id} names key {unknown}, which the plan does not have"
            )));
        }
        let batch = self.setting.plan.batch as usize;
        let opened = self.open.entry((run, Scope::Resend(id))).or_insert_with(|| Opened {
            purpose: Some(purpose),
            round: None,
            known: HashSet::new(),
            spoilt: HashSet::new(),
            ordinals: Vec::new(),
            batch,
            releases: Vec::new(),
            first_ordinal: 0,
            t: 0,
            requests: Vec::new(),
            left: 0,
        });
        opened.ordinals.extend_from_slice(ordinals);
        opened.requests.resize(opened.ordinals.len().div_ceil(batch), Progress::default());
        opened.left = opened.requests.len();
        Ok(())
    }

    fn done(&mut self, run: usize, done: &Done) -> Result<(), WalkError> {
        let mut opened = self
            .open
            .remove(&(run, done.scope))
            .ok_or_else(|| contradiction(format!("{:?} ended without being opened", done.scope)))?;
        let request = done.request as usize;
        if opened.requests.get(request).is_none_or(|progress| progress.ended) {
            let reason = format!("request {request} of {:?} is not one that can end now", done.scope);
            return Err(contradiction(reason));
        }
        *self.tally.statuses.entry(done.status).or_default() += 1;
        self.book_try(&opened, done.request, &done.answer, (done.t_start, done.t_end));
        let slots = opened.ordinals(done.request).len() as u64;
        if opened.spoilt.contains(&done.request) {
            self.note_spoilt(done);
        } else {
            self.compare_sums(done, slots);
            self.compare_counts(done, &opened);
        }
        let is_planned = opened.purpose.is_none();
        let progress = &mut opened.requests[request];
        if done.answer.outcome != Outcome::NeverSent {
            let is_first = is_planned && progress.left_until.is_none();
            self.tally.slots_sent += if is_first { slots } else { 0 };
            progress.left_until = Some(done.t_end);
        }
        if matches!(done.answer.outcome, Outcome::Acked | Outcome::Unknown) {
            progress.interval = Some((done.t_start, done.t_end));
        }
        progress.acked |= done.answer.outcome == Outcome::Acked;
        if done.is_final {
            progress.ended = true;
            opened.left -= 1;
        }
        if opened.left > 0 {
            self.open.insert((run, done.scope), opened);
        } else {
            self.drop_round(run, done.scope, &opened);
        }
        Ok(())
    }

    /// Books one try of a request, as a part of the run or of what came after it.
    fn book_try(&mut self, opened: &Opened, request: u32, answer: &Answer, (t_start, t_end): (u64, u64)) {
        let (ordinals, before) = (opened.ordinals(request), self.tally.sums);
        self.book(ordinals, answer, t_start, t_end);
        if self.setting.events.has_variants() {
            let copies = (opened.origin(request), ordinals);
            let known = (self.setting.events, &self.tally.keys);
            self.tally.contests.take(known, copies, answer, (t_start, t_end));
        }
        let booked = self.tally.sums - before;
        let resent = &mut self.tally.resent;
        match opened.purpose {
            None => {}
            Some(Purpose::Resolve) => resent.resolve = resent.resolve + booked,
            Some(Purpose::Replay) => {
                resent.replay = resent.replay + booked;
                let is_new = |place: usize| answer.kinds.of(place) == Kind::New;
                let named = ordinals.iter().enumerate().filter(|(place, _)| is_new(*place));
                named.for_each(|(_, ordinal)| resent.replayed_new.note(*ordinal));
                if answer.kinds == Kinds::Untold {
                    resent.replayed_new.count += u64::from(answer.inserted.unwrap_or(0));
                }
            }
        }
    }

    /// Books every attempt of one try. A request's `new` answers come before its duplicates: inside one request the
    /// order of work is the target's own affair.
    fn book(&mut self, ordinals: &[u64], answer: &Answer, t_start: u64, t_end: u64) {
        let keys = &self.tally.keys;
        let booked: Vec<(usize, u64)> =
            ordinals.iter().copied().enumerate().filter(|(_, ordinal)| keys.contains(*ordinal)).collect();
        match answer.outcome {
            Outcome::NeverSent => self.tally.sums.never_sent += booked.len() as u64,
            Outcome::Rejected => self.tally.sums.rejected += booked.len() as u64,
            Outcome::Unknown => {
                for (_, ordinal) in booked {
                    self.book_unknown(ordinal, t_start, t_end);
                }
            }
            Outcome::Acked => {
                for wanted_new in [true, false] {
                    for (place, ordinal) in &booked {
                        let kind = answer.kinds.of(*place);
                        if (kind == Kind::New) == wanted_new {
                            self.book_acked(*ordinal, kind, t_start, t_end);
                        }
                    }
                }
            }
        }
    }

    fn book_unknown(&mut self, ordinal: u64, t_start: u64, t_end: u64) {
        let state = self.tally.keys.get(ordinal);
        self.order.take(ordinal, Said::Nothing, state.acked() > 0, t_start, t_end, state.unknown() > 0);
        self.tally.keys.book_unknown(ordinal);
        self.tally.ages.take_unknown(ordinal, t_start);
        self.tally.sums.unknown += 1;
    }

    fn book_acked(&mut self, ordinal: u64, kind: Kind, t_start: u64, t_end: u64) {
        let said = match kind {
            Kind::New => Said::New,
            Kind::Duplicate => Said::Duplicate,
            Kind::Accepted => Said::Unreported,
            Kind::Rejected => {
                self.tally.sums.rejected += 1;
                return;
            }
        };
        let state = self.tally.keys.get(ordinal);
        self.order.take(ordinal, said, state.acked() > 0, t_start, t_end, state.unknown() > 0);
        self.tally.keys.book_acked(ordinal, said == Said::New);
        self.tally.ages.take(ordinal, t_start, t_end);
        self.tally.sums.acked += 1;
        self.tally.sums.reported_new += u64::from(said == Said::New);
        self.tally.sums.reported_duplicate += u64::from(said == Said::Duplicate);
    }

    /// A request with an event that is none was sent, and should have been refused as a whole.
    fn note_spoilt(&mut self, done: &Done) {
        if done.answer.outcome == Outcome::NeverSent {
            return;
        }
        self.tally.spoilt += 1;
        if done.answer.outcome == Outcome::Acked {
            self.tally.spoilt_taken += 1;
            if self.tally.spoilt_examples.len() < EXAMPLES {
                let detail =
                    format!("acknowledged with status {}, though one of its events is none", done.status);
                let (scope, request) = (done.scope, done.request);
                self.tally.spoilt_examples.push(AnswerFault { scope, request, detail });
            }
        }
    }

    fn compare_sums(&mut self, done: &Done, sent: u64) {
        let answer = &done.answer;
        if answer.outcome != Outcome::Acked {
            return;
        }
        let names_new = answer.duplicates.is_some() || answer.kinds != Kinds::Untold;
        let tells = answer.accepted.is_some() || (answer.inserted.is_some() && names_new);
        self.tally.answers_compared += u64::from(tells);
        let Some(detail) = fault_in_sums(answer, sent, self.setting.batch) else { return };
        self.tally.answer_sum_faults += 1;
        if self.tally.answer_sums.len() < EXAMPLES {
            self.tally.answer_sums.push(AnswerFault { scope: done.scope, request: done.request, detail });
        }
    }

    /// An answer that counts its new events without naming them cannot count repeats inside it, nor keys that had been
    /// acknowledged before its round was opened.
    fn compare_counts(&mut self, done: &Done, opened: &Opened) {
        let answer = &done.answer;
        let is_planned = opened.purpose.is_none() && answer.outcome == Outcome::Acked;
        let Some(inserted) = answer.inserted.filter(|_| is_planned && answer.kinds == Kinds::Untold) else {
            return;
        };
        self.tally.counts_compared += 1;
        let new = opened.ordinals(done.request).iter().filter(|ordinal| !opened.known.contains(ordinal));
        let most = new.collect::<HashSet<_>>().len();
        if inserted as usize <= most {
            return;
        }
        self.tally.count_faults_total += 1;
        if self.tally.count_faults.len() < EXAMPLES {
            let detail = format!("inserted={inserted}, but {most} at most can have been new");
            let (scope, request) = (done.scope, done.request);
            self.tally.count_faults.push(AnswerFault { scope, request, detail });
        }
    }

    fn drop_round(&mut self, run: usize, scope: Scope, opened: &Opened) {
        let Scope::Round(round) = scope else { return };
        self.cover(opened);
        // A round without an acknowledged key of its own has nothing to plant a defect in.
        let is_own = |ordinal: &u64| *ordinal >= opened.first_ordinal;
        let has_keys = (0..)
            .zip(&opened.requests)
            .any(|(request, progress)| progress.acked && opened.ordinals(request).iter().any(is_own));
        let is_answered = |progress: &Progress| progress.acked || progress.interval.is_none();
        if has_keys && opened.requests.iter().all(is_answered) {
            self.tally.last_answered = self.tally.last_answered.max(Some((run, round)));
        }
    }

    fn cover(&mut self, opened: &Opened) {
        let ended: Vec<Ended> = opened
            .requests
            .iter()
            .map(|progress| Ended { interval: progress.interval, acked: progress.acked })
            .collect();
        let requests: Vec<&[u64]> = opened.ordinals.chunks(opened.batch).collect();
        let can_race = self.setting.can_race;
        self.tally.coverage.take_round(&requests, &opened.releases, &ended, opened.first_ordinal, can_race);
    }

    /// Books one unknown attempt for every request of an opened round that has no final end: the sender died.
    pub fn finish(mut self) -> Tally {
        let mut open: Vec<((usize, Scope), Opened)> = self.open.drain().collect();
        open.sort_by_key(|(key, _)| *key);
        for (_, opened) in &open {
            for (request, progress) in
                opened.requests.iter().enumerate().filter(|(_, progress)| !progress.ended)
            {
                let began = progress.left_until.unwrap_or(opened.t);
                let lost = Answer::bare(Outcome::Unknown);
                let slots = opened.ordinals(request as u32).len() as u64;
                let is_first = opened.purpose.is_none() && progress.left_until.is_none();
                self.tally.slots_sent += if is_first { slots } else { 0 };
                self.book_try(opened, request as u32, &lost, (began, u64::MAX));
            }
            if opened.purpose.is_none() {
                self.cover(opened);
            }
        }
        let own = (0..self.setting.runs.len()).filter(|segment| !self.later.contains(segment));
        let (closed, open): (Vec<usize>, Vec<usize>) = own.partition(|segment| self.closed.contains(segment));
        self.tally.segments = Segments { closed: closed.len(), all: closed.len() + open.len() };
        self.tally.is_open = self.closed.len() < self.setting.runs.len();
        self.tally.cut_off = open.into_iter().find(|segment| self.setting.ended[self.setting.runs[*segment]]);
        self.tally.order = self.order.finish();
        self.tally
    }
}

fn contradiction(reason: String) -> WalkError {
    WalkError::Contradiction { reason }
}
