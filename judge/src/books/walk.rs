//! One pass over a ledger, in the order of ends. It books every attempt on its key.
//!
//! A round is computed again from the plan when it opens, and dropped when all its requests have
//! ended.
//!
//! For example, round 3 has two requests of two events, and the ledger says:
//!
//! ```text
//! Open   round 3                     request 0 holds the keys 40 and 41, request 1 holds 41 and 12
//! Done   request 1, try 0, unknown   books an unknown attempt on 41 and on 12
//! Done   request 0, try 0, acked     books an acknowledgement on 40 and on 41
//! Done   request 1, try 1, acked     books an acknowledgement on 41 and on 12; round 3 is dropped
//! ```
//!
//! Key 41 then has two acknowledged attempts and an unknown one, so the target has received it two
//! or three times. Had the ledger ended after its second line, [`Walk::finish`] would book one more
//! unknown attempt on every event of both requests, as neither has a final end.

mod opened;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use foldhash::{HashMap, HashSet};
use thiserror::Error;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::round::Round;
use truth::record::ledger::{Done, Frame, LedgerError, Purpose, Scope};
use truth::scenario::promises::{Ack, Batch, Refused};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

use self::opened::Opened;
use crate::books::ages::{Ages, Looked, Times};
use crate::books::contests::Copies;
use crate::books::interval::Interval;
use crate::books::order::{Attempt, Order, Said};
use crate::books::repeats::Sent;
use crate::books::tally::{Segments, Sums, Tally, UnclearResponse};

/// Cause for which a ledger cannot be booked.
#[derive(Debug, Error)]
pub enum WalkError {
    /// A segment cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file of the run is missing.
    #[error("{} is missing, so it is unknown what was sent", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A segment lacks its end, although its run ended in order.
    #[error("{} is cut off, although its run ended normally", path.display())]
    CutOff {
        /// The segment.
        path: PathBuf,
    },
    /// Frames contradict the plan or each other.
    #[error("the ledger contradicts itself: {reason}")]
    Contradiction {
        /// Sentence about the contradiction.
        reason: String,
    },
}

/// Origin of the frames that a walk takes.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Plan of the run.
    pub plan: &'a Plan,
    /// Events of the plan.
    pub events: &'a Events,
    /// True if requests of a release can have been under way at once.
    pub can_race: bool,
    /// Promise about a request of which a part is invalid.
    pub batch: Option<Batch>,
    /// Time for which a key is promised to be known; none if for ever.
    pub window: Option<Duration>,
    /// Promise of an acknowledgement.
    pub ack: Option<Ack>,
    /// Promise about a refused request.
    pub refused: Option<Refused>,
    /// True if all times are of one clock.
    pub one_clock: bool,
    /// End of the looking, by that clock.
    pub looked: Option<Looked>,
    /// For each segment, the index of its run.
    pub runs: &'a [usize],
    /// For each run, true if its sender came to its end.
    pub ended: &'a [bool],
}

impl Setting<'_> {
    /// Returns true if a refused request may have been stored, as far as promises tell.
    fn may_store_refused(&self) -> bool {
        self.refused != Some(Refused::NoEffect)
    }
}

/// The pass. It takes frames one by one; [`Walk::finish`] books the requests that never ended.
#[derive(Debug)]
pub struct Walk<'a> {
    setting: Setting<'a>,
    open: HashMap<(usize, Scope), Opened>,
    /// Rounds that were ever opened, each with its run.
    rounds: HashSet<(usize, u64)>,
    /// Segments that end with a `Closed` frame.
    closed: HashSet<usize>,
    /// Segments that `verify` wrote.
    later: HashSet<usize>,
    order: Order,
    tally: Tally,
}

impl<'a> Walk<'a> {
    /// Starts a pass.
    pub fn new(setting: Setting<'a>, keys: Range<u64>) -> Self {
        let is_committed = setting.ack == Some(Ack::Committed);
        let times = Times { one_clock: setting.one_clock, is_committed, looked: setting.looked };
        let ages = setting.window.map(|window| Ages::new(window, times, keys.clone())).unwrap_or_default();
        Self {
            setting,
            open: HashMap::default(),
            rounds: HashSet::default(),
            closed: HashSet::default(),
            later: HashSet::default(),
            order: Order::default(),
            tally: Tally::new(keys, ages),
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
                self.open_list(run, *id, *purpose, ordinals)
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
        if !self.rounds.insert((run, index)) {
            return Err(contradiction(format!("round {index} was opened twice")));
        }
        let opened = Opened::round(self.setting.plan, &round, self.known(&round), t);
        self.open.insert((run, Scope::Round(index)), opened);
        Ok(())
    }

    /// Collects the repeats of earlier rounds that were acknowledged by now; none if keys may be
    /// forgotten.
    fn known(&self, round: &Round) -> HashSet<u64> {
        if self.setting.window.is_some() {
            return HashSet::default();
        }
        let keys = &self.tally.keys;
        let first = self.setting.plan.ordinals_of(round.index).start;
        let acked =
            |ordinal: &u64| *ordinal < first && keys.contains(*ordinal) && keys.get(*ordinal).acked() > 0;
        round.ordinals().iter().copied().filter(acked).collect()
    }

    /// Opens a list of keys that `verify` sent again. A long one comes in parts.
    fn open_list(
        &mut self,
        run: usize,
        id: u32,
        purpose: Purpose,
        ordinals: &[u64],
    ) -> Result<(), WalkError> {
        let keys = self.setting.plan.keys().unwrap_or(u64::MAX);
        let is_known = |ordinal: u64| match purpose {
            Purpose::Sentinel => self.setting.events.is_sentinel(ordinal),
            Purpose::Resolve | Purpose::Replay => ordinal < keys,
        };
        if let Some(beyond) = ordinals.iter().find(|ordinal| !is_known(**ordinal)) {
            return Err(contradiction(format!("list {id} names key {beyond}, which the plan does not have")));
        }
        let batch = self.setting.plan.batch as usize;
        let list = self.open.entry((run, Scope::Resend(id)));
        list.or_insert_with(|| Opened::list(purpose, batch)).extend(ordinals);
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
        if done.answer.outcome == Outcome::Unclear {
            let excerpt = || done.answer.excerpt.clone().unwrap_or_default();
            let response = || UnclearResponse { status: done.status, excerpt: excerpt() };
            self.tally.first_unclear.get_or_insert_with(response);
        }
        self.note_repeats(&opened, done);
        let interval = Interval { start: done.t_start, end: done.t_end };
        match opened.purpose {
            Some(Purpose::Resolve | Purpose::Replay) if !done.is_final => {
                self.book_before_login(&opened, done, interval);
            }
            _ => self.book_try(&opened, done.request, &done.answer, interval),
        }
        self.compare(&opened, done);
        let slots = opened.ordinals(done.request).len() as u64;
        let progress = &mut opened.requests[request];
        let is_first = opened.purpose.is_none() && progress.left_until.is_none();
        if is_first && done.answer.outcome != Outcome::NeverSent {
            self.tally.slots_sent += slots;
        }
        progress.take(done);
        opened.left -= usize::from(done.is_final);
        if opened.left > 0 {
            self.open.insert((run, done.scope), opened);
        } else {
            self.drop_round(run, &opened);
        }
        Ok(())
    }

    /// Notes whether repeats and first copies were refused, before the try is booked. Two payloads
    /// of one key, or an invalid event, are reasons of their own to refuse.
    fn note_repeats(&mut self, opened: &Opened, done: &Done) {
        let ordinals = opened.ordinals(done.request);
        let has_variant = |ordinal: &u64| self.setting.events.variant(*ordinal).is_some();
        if !done.is_final || opened.invalid.contains(&done.request) || ordinals.iter().any(has_variant) {
            return;
        }
        let repeats = &mut self.tally.repeats;
        match opened.purpose {
            None => {
                let Opened { known, first_ordinal, .. } = opened;
                let sent = Sent { ordinals, known, first_ordinal: *first_ordinal };
                repeats.take(sent, &self.tally.keys, done);
            }
            Some(Purpose::Replay) => repeats.take_replay(done),
            Some(Purpose::Resolve | Purpose::Sentinel) => {}
        }
    }

    /// Compares a response with what was sent.
    fn compare(&mut self, opened: &Opened, done: &Done) {
        let responses = &mut self.tally.responses;
        if opened.invalid.contains(&done.request) {
            responses.take_new(&done.answer, None);
            return responses.take_invalid(done);
        }
        let ordinals = opened.ordinals(done.request);
        let sent = ordinals.len() as u64;
        if opened.purpose != Some(Purpose::Sentinel) {
            responses.take_new(&done.answer, Some(sent));
        }
        responses.take_sums(done, sent, self.setting.batch);
        if opened.purpose.is_none() {
            responses.take_counts(done, ordinals, &opened.known);
        }
    }

    /// Books one try of a request, as a part of the run or of what came after it.
    fn book_try(&mut self, opened: &Opened, request: u32, answer: &Answer, interval: Interval) {
        let ordinals = opened.ordinals(request);
        if opened.purpose == Some(Purpose::Sentinel) {
            return self.book_sentinels(ordinals, answer);
        }
        let before = self.tally.sums;
        self.book(ordinals, answer, interval);
        if self.setting.events.has_two_payloads() {
            let events = self.setting.events;
            let origin = opened.origin(request);
            let copies =
                Copies { events, origin, ordinals, may_store_refused: self.setting.may_store_refused() };
            self.tally.contests.take(&self.tally.keys, copies, answer, interval);
        }
        let booked = self.tally.sums - before;
        let resent = &mut self.tally.resent;
        match opened.purpose {
            // Sentinels are booked by themselves.
            None | Some(Purpose::Sentinel) => {}
            Some(Purpose::Resolve) => resent.resolve = resent.resolve + booked,
            Some(Purpose::Replay) => {
                resent.replay = resent.replay + booked;
                let is_new = |place: usize| answer.kinds.of(place) == Kind::New;
                let new = ordinals.iter().enumerate().filter(|(place, _)| is_new(*place));
                new.for_each(|(_, ordinal)| resent.replayed_new.note(*ordinal));
                if answer.kinds == Kinds::Unreported {
                    resent.replayed_new.count += u64::from(answer.inserted.unwrap_or(0));
                }
            }
        }
    }

    /// Books a try of keys that were sent again, which is made once more after a login.
    fn book_before_login(&mut self, opened: &Opened, done: &Done, interval: Interval) {
        let before = self.tally.sums;
        self.book(opened.ordinals(done.request), &done.answer, interval);
        let booked = self.tally.sums - before;
        self.tally.resent.before_login = self.tally.resent.before_login + booked;
    }

    /// Books one try of sentinels. They are counted by the target as keys are, and no key is judged
    /// by them.
    fn book_sentinels(&mut self, ordinals: &[u64], answer: &Answer) {
        let mut sums = Sums::default();
        let keys = &mut self.tally.keys;
        for (place, ordinal) in ordinals.iter().enumerate() {
            match (answer.outcome, answer.kinds.of(place)) {
                (Outcome::Acked, kind) if kind.is_taken() => {
                    keys.book_acked_sentinel(*ordinal, kind == Kind::New);
                    sums.acked += 1;
                    sums.reported_new += u64::from(kind == Kind::New);
                    sums.reported_duplicate += u64::from(kind == Kind::Duplicate);
                }
                (Outcome::Unknown | Outcome::Unclear, _) | (Outcome::Acked, Kind::Unknown) => {
                    keys.book_unknown_sentinel(*ordinal);
                    sums.unknown += 1;
                }
                (Outcome::Acked | Outcome::Rejected, _) => {
                    keys.book_ineffective_sentinel(*ordinal);
                    sums.rejected += 1;
                }
                (Outcome::NeverSent, _) => {
                    keys.book_ineffective_sentinel(*ordinal);
                    sums.never_sent += 1;
                }
            }
        }
        self.tally.sums = self.tally.sums + sums;
        self.tally.resent.sentinels = self.tally.resent.sentinels + sums;
    }

    /// Books every attempt of one try, those reported as new before the duplicates: the order of
    /// work inside one request is the target's own affair.
    fn book(&mut self, ordinals: &[u64], answer: &Answer, interval: Interval) {
        let keys = &self.tally.keys;
        let booked: Vec<(usize, u64)> =
            ordinals.iter().copied().enumerate().filter(|(_, ordinal)| keys.contains(*ordinal)).collect();
        match answer.outcome {
            Outcome::NeverSent => self.tally.sums.never_sent += booked.len() as u64,
            Outcome::Rejected => {
                for (_, ordinal) in booked {
                    self.book_rejected(ordinal, interval);
                }
            }
            Outcome::Unknown => {
                for (_, ordinal) in booked {
                    self.book_unknown(ordinal, interval);
                }
            }
            Outcome::Unclear => {
                self.tally.sums.unclear += booked.len() as u64;
                for (_, ordinal) in booked {
                    self.note_uncertain(ordinal, interval);
                    self.tally.keys.book_unclear(ordinal);
                }
            }
            Outcome::Acked => {
                for wanted_new in [true, false] {
                    for (place, ordinal) in &booked {
                        let kind = answer.kinds.of(*place);
                        if (kind == Kind::New) == wanted_new {
                            self.book_acked(*ordinal, kind, interval);
                        }
                    }
                }
            }
        }
    }

    /// Notes an attempt that may have stored its key at any moment after its start, or not at all.
    fn note_uncertain(&mut self, ordinal: u64, interval: Interval) {
        let before = self.tally.keys.get(ordinal);
        self.order.take(ordinal, before, Attempt { said: Said::Nothing, interval });
        self.tally.ages.take_uncertain(ordinal, interval.start);
    }

    fn book_acked(&mut self, ordinal: u64, kind: Kind, interval: Interval) {
        let said = match kind {
            Kind::New => Said::New,
            Kind::Duplicate => Said::Duplicate,
            Kind::Accepted => Said::Unreported,
            Kind::Rejected => return self.book_rejected(ordinal, interval),
            Kind::Unknown => return self.book_unknown(ordinal, interval),
        };
        let before = self.tally.keys.get(ordinal);
        self.order.take(ordinal, before, Attempt { said, interval });
        self.tally.keys.book_acked(ordinal, said == Said::New);
        self.tally.ages.take(ordinal, interval);
        self.tally.sums.acked += 1;
        self.tally.sums.reported_new += u64::from(said == Said::New);
        self.tally.sums.reported_duplicate += u64::from(said == Said::Duplicate);
    }

    fn book_unknown(&mut self, ordinal: u64, interval: Interval) {
        self.note_uncertain(ordinal, interval);
        self.tally.keys.book_unknown(ordinal);
        self.tally.sums.unknown += 1;
    }

    /// Books a refused attempt. Unless that is promised to have no effect, it may have stored the key.
    fn book_rejected(&mut self, ordinal: u64, interval: Interval) {
        if self.setting.may_store_refused() {
            self.tally.ages.take_uncertain(ordinal, interval.start);
        }
        self.tally.keys.book_rejected(ordinal);
        self.tally.sums.rejected += 1;
    }

    fn drop_round(&mut self, run: usize, opened: &Opened) {
        let Some(round) = opened.round else { return };
        self.cover(opened);
        if opened.is_answered() {
            self.tally.last_answered = self.tally.last_answered.max(Some((run, round)));
        }
    }

    fn cover(&mut self, opened: &Opened) {
        let ended = opened.ended();
        let requests: Vec<&[u64]> = opened.ordinals.chunks(opened.batch).collect();
        self.tally.coverage.take_round(&requests, &ended, opened.first_ordinal);
        if self.setting.can_race {
            self.tally.coverage.take_releases(&requests, &ended, &opened.releases);
        }
    }

    /// Books an unknown attempt for every request of an opened round that has no final end: the
    /// sender died.
    pub fn finish(mut self) -> Tally {
        let mut open: Vec<((usize, Scope), Opened)> = self.open.drain().collect();
        open.sort_by_key(|(key, _)| *key);
        for (_, opened) in &open {
            self.book_silent(opened);
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

    /// Books an unknown attempt for each request without an end.
    fn book_silent(&mut self, opened: &Opened) {
        let silent = (0_u32..).zip(&opened.requests).filter(|(_, progress)| !progress.ended);
        for (request, progress) in silent {
            let is_first = opened.purpose.is_none() && progress.left_until.is_none();
            if is_first {
                self.tally.slots_sent += opened.ordinals(request).len() as u64;
            }
            let start = progress.left_until.unwrap_or(opened.t);
            let interval = Interval { start, end: u64::MAX };
            self.book_try(opened, request, &Answer::bare(Outcome::Unknown), interval);
        }
    }
}

fn contradiction(reason: String) -> WalkError {
    WalkError::Contradiction { reason }
}
