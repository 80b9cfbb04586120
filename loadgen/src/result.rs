//! What a run came to: why sending ended, and what each of its parts counted.

use schemars::JsonSchema;
use serde::Serialize;
use truth::record::ledger::LedgerError;
use verify::process::TargetProcess;

use crate::executor::Part;
use crate::meter::Tallies;

/// Why sending ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// All was sent.
    Complete,
    /// Nothing answered for too long.
    OutOfPatience,
    /// A person said stop, and what was in flight was waited for.
    Interrupted,
    /// A person said stop twice.
    Aborted,
    /// A lane ended without a word.
    LaneLost,
    /// A threshold failed that was to end the run.
    Threshold,
}

/// What sending came to.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) ending: Ending,
    /// What each part came to, in their order.
    pub(crate) parts: Vec<Sent>,
    pub(crate) ledger_failure: Option<LedgerError>,
    /// The target, if the scenario started it.
    pub(crate) process: Option<TargetProcess>,
}

/// What one part came to.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) tallies: Tallies,
    /// When it began, and since when it has ended, on the monotonic clock; none where it never began.
    pub(crate) span_ns: Option<(u64, u64)>,
    /// Requests of a rate that were to have begun.
    pub(crate) due: Option<u64>,
}

impl Load {
    /// What all parts came to together.
    pub(crate) fn tallies(&self, parts: &[Part]) -> Tallies {
        let mut all = Tallies::default();
        for (part, sent) in parts.iter().zip(&self.parts) {
            part.count(&sent.tallies, &mut all);
        }
        all
    }

    /// Whether anything was acknowledged.
    pub(crate) fn has_ack(&self) -> bool {
        self.parts.iter().any(|sent| sent.tallies.whole().acked > 0)
    }
}
