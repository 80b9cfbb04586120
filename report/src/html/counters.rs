//! Counters of the target under load, each with the band in which it must lie.

use judge::books::under_load::{Limits, limits};
use truth::files::FolderError;
use truth::observed::counters::Counters;
use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::record::manifest::Manifest;
use truth::record::polls::{self, Poll};

/// Counters, in the order of all arrays here.
pub(super) const NAMES: [&str; 3] = ["received", "unique", "duplicates"];

/// Most readings that are kept. Of more, every second one is dropped.
const MOST: usize = 1_200;

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
}

/// Reads the polls of a run, thinned out evenly if there are many.
pub(super) fn points(
    folder: &RunFolder,
    manifest: &Manifest,
    baseline: Option<&Baseline>,
    origin_ns: u64,
) -> Result<Vec<CounterPoint>, FolderError> {
    let before = baseline.and_then(|baseline| baseline.stats.clone());
    let Some(before) = before else { return Ok(Vec::new()) };
    let is_alone = manifest.shard.of == 1;
    let is_committed = manifest.promises().is_committed();
    let mut points = vec![before_all(&before, is_alone)];
    let mut every = 1;
    let mut nth = 0_usize;
    polls::for_each(folder, manifest.format(), |poll| {
        nth += 1;
        // The closing poll says where the counters ended.
        if !nth.is_multiple_of(every) && !poll.closing {
            return;
        }
        let limits = is_alone.then(|| limits(&poll, is_committed));
        points.extend(poll.stats.as_ref().map(|now| point(&poll, &before, now, limits, origin_ns)));
        if points.len() > MOST {
            let mut keep = false;
            points.retain(|_| {
                keep = !keep;
                keep
            });
            every *= 2;
        }
    })?;
    // A baseline alone is no curve.
    Ok(if points.len() > 1 { points } else { Vec::new() })
}

/// Point of the baseline: nothing had been sent.
fn before_all(before: &Counters, is_alone: bool) -> CounterPoint {
    let limits = is_alone.then_some(Limits { least: 0, most: 0 });
    let begin = |counter: Option<u64>| counter.map(|_| Growth { grown: 0.0, limits });
    CounterPoint { t_us: 0, grown: [before.received, before.unique, before.duplicates].map(begin) }
}

fn point(
    poll: &Poll,
    before: &Counters,
    now: &Counters,
    limits: Option<[Limits; 3]>,
    origin_ns: u64,
) -> CounterPoint {
    let before = [before.received, before.unique, before.duplicates];
    let now = [now.received, now.unique, now.duplicates];
    let grown = std::array::from_fn(|at| {
        let grown = (i128::from(now[at]?) - i128::from(before[at]?)) as f64;
        Some(Growth { grown, limits: limits.map(|limits| limits[at]) })
    });
    CounterPoint { t_us: poll.t_answered_ns.saturating_sub(origin_ns) / 1000, grown }
}
