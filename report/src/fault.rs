//! Faults of a run, timed as its attempts are.

use truth::record::faults::Struck;

use crate::units::time;

/// Fault that took effect, or was to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultSpan {
    /// Action and time as planned.
    pub planned: String,
    /// Beginning, in microseconds since the first frame of the ledger.
    pub from_us: u64,
    /// Time at which all was as before.
    pub to_us: u64,
    /// Proof that it took effect, or the reason why it did not.
    pub remark: String,
    /// True if it is proven that it took effect.
    pub took_effect: bool,
}

impl FaultSpan {
    /// Makes the spans of the faults that are on record. `since` returns microseconds since the first
    /// frame of the ledger.
    pub fn all_of(faults: &[Struck], since: impl Fn(u64) -> u64) -> Vec<Self> {
        let span = |struck: &Struck| {
            let record = struck.record.as_ref()?;
            let remark = record.missed.as_ref().or(record.proof.as_ref());
            Some(Self {
                planned: struck.planned.clone(),
                from_us: since(record.begun_ns),
                to_us: since(record.ended_ns).max(since(record.begun_ns)),
                remark: remark.cloned().unwrap_or_default(),
                took_effect: record.bit(),
            })
        };
        faults.iter().filter_map(span).collect()
    }

    /// Says what it was, and when.
    pub fn label(&self) -> String {
        let (from, to) = (time(self.from_us), time(self.to_us));
        format!("{}, {from} to {to}: {}", self.planned, self.remark)
    }
}
