//! Counters of the target under load, each with the band in which it must lie, and the moments at which
//! it left that band.

use crate::fault::FaultSpan;
use judge::books::under_load::{Limits, limits};
use truth::files::FolderError;
use truth::observed::counters::Counters;
use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::record::manifest::Manifest;
use truth::record::polls;

/// Counters, in the order of all arrays here.
pub(super) const NAMES: [&str; 3] = ["received", "unique", "duplicates"];

/// Most readings that are kept. Of more, every second one is dropped.
const MOST: usize = 1_200;

/// Most restarts that are kept.
const MOST_RESTARTS: usize = 20;

/// Growth of a counter since the baseline, at one reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Growth {
    /// Growth.
    pub(super) grown: f64,
    /// Limits that the sender's own counts leave; none where other shards sent as well.
    pub(super) limits: Option<Limits>,
}

/// One reading of the counters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct CounterPoint {
    /// Time of the response, in microseconds since the first frame of the ledger.
    pub(super) t_us: u64,
    /// Growth of each counter; none if it is not reported.
    pub(super) grown: [Option<Growth>; 3],
    /// Number of accepted events that wait; none if it is not reported.
    pub(super) waiting: Option<f64>,
}

/// Reading that a reader should look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OddReading {
    /// Time of the reading, in microseconds since the first frame of the ledger.
    pub(super) t_us: u64,
    /// Reason.
    pub(super) oddity: Oddity,
}

/// Way in which a reading is odd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Oddity {
    /// The counter was above the band.
    Above,
    /// The counter was less than at the reading before.
    Fell,
}

/// Readings of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Readings {
    /// Readings, thinned out evenly if there are many.
    pub(super) points: Vec<CounterPoint>,
    /// First odd reading of each counter, among all readings.
    pub(super) odd: [Option<OddReading>; 3],
    /// True if other shards sent as well, so that there is no band.
    pub(super) is_of_one_shard: bool,
    /// Spans in which another process took over, at most [`MOST_RESTARTS`].
    pub(super) restarts: Vec<FaultSpan>,
}

impl Readings {
    /// Reads the polls of a run. `since` returns microseconds since the first frame of the ledger.
    pub(super) fn of(
        folder: &RunFolder,
        manifest: &Manifest,
        baseline: Option<&Baseline>,
        since: impl Fn(u64) -> u64,
    ) -> Result<Self, FolderError> {
        let before = baseline.and_then(|baseline| baseline.stats.clone());
        let Some(before) = before else { return Ok(Self::default()) };
        let is_alone = manifest.shard.of == 1;
        let is_committed = manifest.promises().is_committed();
        let points = vec![before_all(&before, is_alone)];
        let mut readings = Self { points, is_of_one_shard: !is_alone, ..Self::default() };
        let mut last = readings.points[0];
        let mut processes: Vec<String> = before.instance.iter().cloned().collect();
        let mut every = 1;
        let mut nth = 0_usize;
        polls::for_each(folder, manifest.format(), |poll| {
            nth += 1;
            let limits = is_alone.then(|| limits(&poll, is_committed));
            let Some(now) = &poll.stats else { return };
            let point = point(since(poll.t_answered_ns), &before, now, limits);
            readings.note_what_is_odd(&last, &point);
            if let Some(new) = now.instance.as_ref().filter(|name| !processes.contains(name)) {
                processes.push(new.clone());
                if processes.len() > 1 && readings.restarts.len() < MOST_RESTARTS {
                    readings.restarts.push(restart(last.t_us, point.t_us));
                }
            }
            last = point;
            // The closing poll says where the counters ended.
            if nth.is_multiple_of(every) || poll.closing {
                readings.points.push(point);
            }
            if readings.points.len() > MOST {
                let mut keep = false;
                readings.points.retain(|_| {
                    keep = !keep;
                    keep
                });
                every *= 2;
            }
        })?;
        // A baseline alone is no curve.
        Ok(if readings.points.len() > 1 { readings } else { Self::default() })
    }

    fn note_what_is_odd(&mut self, last: &CounterPoint, point: &CounterPoint) {
        for (nth, odd) in self.odd.iter_mut().enumerate() {
            let Some(Growth { grown, limits }) = point.grown[nth].filter(|_| odd.is_none()) else { continue };
            let is_above = limits.is_some_and(|limits| grown > limits.most as f64);
            let fell = last.grown[nth].is_some_and(|last| grown < last.grown);
            let oddity = match (is_above, fell) {
                (true, _) => Oddity::Above,
                (false, true) => Oddity::Fell,
                (false, false) => continue,
            };
            *odd = Some(OddReading { t_us: point.t_us, oddity });
        }
    }
}

fn restart(from_us: u64, to_us: u64) -> FaultSpan {
    let remark = "unplanned; its counters name a new process from then on".to_owned();
    FaultSpan { planned: "restart of the target".to_owned(), from_us, to_us, remark, took_effect: true }
}

/// Point of the baseline: nothing had been sent.
fn before_all(before: &Counters, is_alone: bool) -> CounterPoint {
    let limits = is_alone.then_some(Limits { least: 0, most: 0 });
    let begin = |counter: Option<u64>| counter.map(|_| Growth { grown: 0.0, limits });
    CounterPoint {
        t_us: 0,
        grown: [before.received, before.unique, before.duplicates].map(begin),
        waiting: waiting(before),
    }
}

fn waiting(now: &Counters) -> Option<f64> {
    now.pending.or(now.processing).map(|_| now.backlog() as f64)
}

fn point(t_us: u64, before: &Counters, now: &Counters, limits: Option<[Limits; 3]>) -> CounterPoint {
    let earlier = [before.received, before.unique, before.duplicates];
    let later = [now.received, now.unique, now.duplicates];
    let grown = std::array::from_fn(|at| {
        let grown = (i128::from(later[at]?) - i128::from(earlier[at]?)) as f64;
        Some(Growth { grown, limits: limits.map(|limits| limits[at]) })
    });
    CounterPoint { t_us, grown, waiting: waiting(now) }
}
