//! Series over time: the attempts of a run in at most 600 bins, from the frames of its ledger.
//!
//! Each number stands where its clock began. An event counts as planned in the bin of its planned
//! instant, and as sent in the bin in which its request left. The two latencies likewise: a stall of
//! the target shows at its beginning, for the requests that left then and for those that were due.
//!
//! Memory is bounded however long the run is. A bin holds two histograms of at most 2 kB each, so
//! all bins hold at most 2.5 MB; the bins of a longer run are wider, not more.

pub mod bins;
pub mod times;

use std::collections::BTreeMap;

use self::bins::Bins;
pub use self::bins::{Bin, MOST_BINS, Outcomes};
use crate::plan::Plan;
use crate::record::clocks::Clocks;
use crate::record::ledger::{Done, Frame, Scope};
use crate::target::answer::{Answer, Kind, Kinds, Outcome};

/// Attempts of a run over time. What `verify` sent after it is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Series {
    /// Time from the first frame of the ledger to the beginning of the first bin.
    pub start_ns: u64,
    /// Width of each bin.
    pub width_ns: u64,
    /// Bins without a gap, at most [`MOST_BINS`].
    pub bins: Vec<Bin>,
    /// Number of responses by status; status 0 counts requests without one.
    pub statuses: BTreeMap<u16, u64>,
    /// Number of requests that were retries.
    pub retries: u64,
    /// Number of events of which no byte left.
    pub never_sent: u64,
}

impl Series {
    /// Returns the sum of all bins.
    pub fn sum(&self) -> Bin {
        let mut sum = Bin::default();
        self.bins.iter().for_each(|bin| sum.add(bin));
        sum
    }

    /// Returns the series with at most so many bins, each made of the same number of these.
    pub fn coarsened(&self, most: usize) -> Self {
        let together = self.bins.len().div_ceil(most.max(1)).max(1);
        let merged = |bins: &[Bin]| {
            let mut sum = Bin::default();
            bins.iter().for_each(|bin| sum.add(bin));
            sum
        };
        Self {
            width_ns: self.width_ns * together as u64,
            bins: self.bins.chunks(together).map(merged).collect(),
            statuses: self.statuses.clone(),
            ..*self
        }
    }

    /// Time from the beginning of the first bin to the end of the last one.
    pub fn length_ns(&self) -> u64 {
        self.width_ns * self.bins.len() as u64
    }
}

/// Walker that makes the series of a run from its frames, in any order of segments.
#[derive(Clone, Debug)]
pub struct SeriesWalk<'a> {
    plan: &'a Plan,
    clocks: Clocks,
    bins: Bins,
    series: Series,
}

impl<'a> SeriesWalk<'a> {
    /// Starts without a frame.
    pub fn new(plan: &'a Plan, clocks: Clocks) -> Self {
        Self { plan, clocks, bins: Bins::default(), series: Series::default() }
    }

    /// Takes a frame of this segment.
    pub fn take(&mut self, segment: usize, frame: &Frame) {
        if let Frame::Done(done) = frame {
            self.done(segment, done);
        }
    }

    fn done(&mut self, segment: usize, done: &Done) {
        let Scope::Round(round) = done.scope else { return };
        let clocks = &self.clocks;
        let [planned, start, end] =
            [done.t_planned, done.t_start, done.t_end].map(|t| clocks.since_ns(segment, t));
        let events = events(self.plan, round, done.request);
        if done.try_number == 0 {
            self.bins.at(planned).planned += events;
        } else {
            self.series.retries += 1;
        }
        if done.answer.outcome == Outcome::NeverSent {
            self.series.never_sent += events;
            return;
        }
        *self.series.statuses.entry(done.status).or_default() += 1;
        let bin = self.bins.at(start);
        bin.requests += 1;
        bin.sent.add(&outcomes(&done.answer, events));
        if done.status != 0 {
            bin.service.record(end.saturating_sub(start));
            self.bins.at(planned).response.record(end.saturating_sub(planned));
        }
        self.bins.add_busy(start, end);
    }

    /// Returns the series.
    pub fn finish(self) -> Series {
        let (start_ns, width_ns, bins) = self.bins.into_parts();
        Series { start_ns, width_ns, bins, ..self.series }
    }
}

/// Number of events in a request of a round.
fn events(plan: &Plan, round: u64, request: u32) -> u64 {
    let slots = plan.slots_of(round);
    let before = u64::from(request) * u64::from(plan.batch);
    (slots.end - slots.start).saturating_sub(before).min(u64::from(plan.batch))
}

/// Events of a request by outcome.
fn outcomes(answer: &Answer, events: u64) -> Outcomes {
    let none = Outcomes::default();
    match answer.outcome {
        Outcome::NeverSent => none,
        Outcome::Rejected => Outcomes { rejected: events, ..none },
        Outcome::Unknown => Outcomes { unknown: events, ..none },
        Outcome::Unclear => Outcomes { unclear: events, ..none },
        Outcome::Acked => acknowledged(answer, events),
    }
}

fn acknowledged(answer: &Answer, events: u64) -> Outcomes {
    let none = Outcomes::default();
    match &answer.kinds {
        Kinds::AllNew => Outcomes { new: events, ..none },
        Kinds::AllDuplicate => Outcomes { duplicate: events, ..none },
        Kinds::Each(kinds) => {
            let count = |wanted: Kind| kinds.iter().filter(|kind| **kind == wanted).count() as u64;
            let outcomes = Outcomes {
                new: count(Kind::New),
                duplicate: count(Kind::Duplicate),
                accepted: 0,
                rejected: count(Kind::Rejected),
                unclear: 0,
                unknown: count(Kind::Unknown),
            };
            Outcomes { accepted: events.saturating_sub(outcomes.sum()), ..outcomes }
        }
        // Numbers that cannot be right are a finding, and none for a chart.
        Kinds::Unreported => {
            let new = u64::from(answer.inserted.unwrap_or(0)).min(events);
            let duplicate = u64::from(answer.duplicates.unwrap_or(0)).min(events - new);
            Outcomes { new, duplicate, accepted: events - new - duplicate, ..none }
        }
    }
}
