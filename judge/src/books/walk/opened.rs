//! Rounds and lists that are under way.

use std::ops::Range;

use foldhash::HashSet;
use truth::plan::Plan;
use truth::plan::invalid::Invalid;
use truth::plan::round::Round;
use truth::plan::variant::Origin;
use truth::record::ledger::{Done, Purpose};
use truth::target::answer::Outcome;

use crate::books::coverage::Ended;
use crate::books::interval::Interval;

/// A round or list that is under way: it was opened, and not all of its requests have ended.
#[derive(Debug)]
pub(super) struct Opened {
    /// Purpose of a list; none for a round.
    pub(super) purpose: Option<Purpose>,
    /// Number of the round; none for a list.
    pub(super) round: Option<u64>,
    /// Keys of all slots, request after request.
    pub(super) ordinals: Vec<u64>,
    /// Place of each request in the plan, which decides on payloads; empty for a list.
    origins: Vec<Origin>,
    /// Keys of earlier rounds that were acknowledged when it was opened. No response can report
    /// them as new.
    pub(super) known: HashSet<u64>,
    /// Requests with an invalid event.
    pub(super) invalid: HashSet<u32>,
    pub(super) batch: usize,
    pub(super) releases: Vec<Range<u32>>,
    /// The first key that is new in the round.
    pub(super) first_ordinal: u64,
    /// Moment of the opening.
    pub(super) t: u64,
    pub(super) requests: Vec<Progress>,
    /// Number of requests without an end.
    pub(super) left: usize,
}

/// A request that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) ended: bool,
    pub(super) acked: bool,
    /// End of the last try that left.
    pub(super) left_until: Option<u64>,
    /// Last try that may have had an effect. Earlier tries may have overlapped others too, but only
    /// what is certain counts as tested.
    pub(super) interval: Option<Interval>,
}

impl Progress {
    /// Takes the end of a try.
    pub(super) fn take(&mut self, done: &Done) {
        if done.answer.outcome != Outcome::NeverSent {
            self.left_until = Some(done.t_end);
        }
        if matches!(done.answer.outcome, Outcome::Acked | Outcome::Unknown | Outcome::Unclear) {
            self.interval = Some(Interval { start: done.t_start, end: done.t_end });
        }
        self.acked |= done.answer.outcome == Outcome::Acked;
        self.ended |= done.is_final;
    }
}

impl Opened {
    /// Opens a round, with the keys of earlier rounds that were acknowledged by now.
    pub(super) fn round(plan: &Plan, round: &Round, known: HashSet<u64>, t: u64) -> Self {
        let requests = round.requests();
        let invalid = (0..requests).filter(|request| Invalid::of(plan, round, *request).is_some());
        Self {
            purpose: None,
            round: Some(round.index),
            known,
            invalid: invalid.collect(),
            ordinals: round.ordinals().to_vec(),
            origins: (0..requests).map(|request| round.origin(request)).collect(),
            batch: plan.batch as usize,
            releases: round.releases(),
            first_ordinal: plan.ordinals_of(round.index).start,
            t,
            requests: vec![Progress::default(); requests as usize],
            left: requests as usize,
        }
    }

    /// Opens a list, still without its keys.
    pub(super) fn list(purpose: Purpose, batch: usize) -> Self {
        Self {
            purpose: Some(purpose),
            round: None,
            known: HashSet::default(),
            invalid: HashSet::default(),
            ordinals: Vec::new(),
            origins: Vec::new(),
            batch,
            releases: Vec::new(),
            first_ordinal: 0,
            t: 0,
            requests: Vec::new(),
            left: 0,
        }
    }

    /// Adds the next part of a list.
    pub(super) fn extend(&mut self, ordinals: &[u64]) {
        self.ordinals.extend_from_slice(ordinals);
        self.requests.resize(self.ordinals.len().div_ceil(self.batch), Progress::default());
        self.left = self.requests.len();
    }

    /// Place of a request in the plan, which decides on payloads.
    pub(super) fn origin(&self, request: u32) -> Origin {
        self.origins.get(request as usize).copied().unwrap_or(Origin::Later)
    }

    /// Keys of a request.
    pub(super) fn ordinals(&self, request: u32) -> &[u64] {
        let low = request as usize * self.batch;
        &self.ordinals[low..(low + self.batch).min(self.ordinals.len())]
    }

    /// Returns true if a request with a key that is new in the round was acknowledged: the
    /// self-test of the judge can use the round.
    pub(super) fn is_answered(&self) -> bool {
        let is_own = |ordinal: &u64| *ordinal >= self.first_ordinal;
        (0..)
            .zip(&self.requests)
            .any(|(request, progress)| progress.acked && self.ordinals(request).iter().any(is_own))
    }

    /// Ends of all requests, for the coverage.
    pub(super) fn ended(&self) -> Vec<Ended> {
        let ended = |progress: &Progress| Ended { interval: progress.interval, acked: progress.acked };
        self.requests.iter().map(ended).collect()
    }
}
