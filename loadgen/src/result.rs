//! Result of a run: the reason why sending ended, and the counts of each executor.

use reader::process::TargetProcess;
use truth::record::ending::Ending;
use truth::record::ledger::LedgerError;
use truth::record::ledger::writer::SegmentWriter;
use truth::target::Target;

use crate::beside::Measured;
use crate::connection::dial::Dialled;
use crate::executor::Executor;
use crate::meter::Tallies;
use crate::watch::metrics::Metrics;

/// Result of a run.
#[derive(Debug)]
pub(crate) struct RunResult {
    pub(crate) ending: Ending,
    /// Results of the executors, in their order.
    pub(crate) executors: Vec<ExecutorResult>,
    pub(crate) ledger_failure: Option<LedgerError>,
    /// Segments of the ledger, each with all records of its lane, and still open.
    pub(crate) segments: Vec<SegmentWriter>,
    /// Measurements of the requests beside the load.
    pub(crate) beside: Vec<Measured>,
    /// Process of the target, if the scenario started it.
    pub(crate) process: Option<TargetProcess>,
    /// Connections by their addresses, and what this machine lacked for others.
    pub(crate) dialled: Dialled,
    /// Server of the run's metrics, if they are served.
    pub(crate) metrics: Option<Metrics>,
}

/// Instants on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

/// Result of one executor.
#[derive(Debug, Default)]
pub(crate) struct ExecutorResult {
    pub(crate) tallies: Tallies,
    /// Beginning and end; none if the executor never began.
    pub(crate) span: Option<Span>,
    /// Number of requests that were due by the end, at a rate.
    pub(crate) due: Option<u64>,
}

impl RunResult {
    /// Returns the tallies of all executors together, at this target.
    pub(crate) fn tallies(&self, executors: &[Executor], target: &Target) -> Tallies {
        let mut all = Tallies::default();
        for (executor, result) in executors.iter().zip(&self.executors) {
            executor.count(&result.tallies, &mut all);
        }
        all.with_unclear_settled(target)
    }
}
