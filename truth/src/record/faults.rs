//! Faults during a run, and the proof that they took effect: `faults.ndjson`.

use serde::{Deserialize, Serialize};

use crate::files::FolderError;
use crate::files::lines::{self, LineWriter};
use crate::record::folder::RunFolder;
use crate::record::manifest::{FolderFormat, Manifest};
use crate::scenario::fault::Action;

/// Name of the file in the run folder.
pub(super) const FILE: &str = "faults.ndjson";

/// One line of `faults.ndjson`: a fault that is over, or that never came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Place in the scenario, from 0; none for a target that ended by itself.
    pub number: Option<usize>,
    /// Action and time as planned: `kill at 30%`.
    pub planned: String,
    /// Monotonic time of the beginning.
    pub begun_ns: u64,
    /// Monotonic time at which all was as before.
    pub ended_ns: u64,
    /// Milliseconds from the first send to the beginning.
    pub after_ms: u64,
    /// Number of attempts that had ended at the beginning.
    pub attempts_ended: u64,
    /// Proof that the fault took effect.
    pub proof: Option<String>,
    /// Reason why the fault had no effect.
    pub missed: Option<String>,
}

impl FaultRecord {
    /// True if the fault took effect while events were still to be sent.
    pub fn bit(&self) -> bool {
        self.proof.is_some() && self.missed.is_none()
    }
}

/// A planned fault and its record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Struck {
    /// Action and time as planned.
    pub planned: String,
    /// Action; none for a target that ended by itself.
    pub action: Option<Action>,
    /// Record of the fault; none if none was written.
    pub record: Option<FaultRecord>,
}

impl Struck {
    /// True if it is proven that the fault took effect while events were still to be sent.
    pub fn bit(&self) -> bool {
        self.record.as_ref().is_some_and(FaultRecord::bit)
    }

    /// Returns the times at which the target's process had certainly ended, and another was ready,
    /// by the clock of the run.
    pub fn restart(&self) -> Option<(u64, u64)> {
        let restarts = matches!(self.action, Some(Action::Kill | Action::Terminate));
        let record = self.record.as_ref().filter(|record| restarts && record.proof.is_some())?;
        Some((record.begun_ns, record.ended_ns))
    }

    /// Returns all faults of a run: the planned ones, and a target that ended by itself.
    pub fn of(manifest: &Manifest, records: Vec<FaultRecord>) -> Vec<Self> {
        let planned = manifest.scenario.faults.iter().enumerate().map(|(number, fault)| {
            let record = records.iter().find(|record| record.number == Some(number)).cloned();
            Self { planned: planned(fault, manifest.plan.seed, number), action: Some(fault.action), record }
        });
        let unasked = records.iter().filter(|record| record.number.is_none());
        let unasked = unasked.map(|record| Self {
            planned: record.planned.clone(),
            action: None,
            record: Some(record.clone()),
        });
        planned.chain(unasked).collect()
    }
}

/// Describes a planned fault.
pub fn planned(fault: &crate::scenario::fault::Fault, seed: u32, number: usize) -> String {
    let command = fault.run.as_ref().map_or_else(String::new, |command| format!(" `{command}`"));
    format!("{}{command} at {}", fault.action.name(), fault.due(seed, number))
}

/// Creates the file for the faults of a run.
pub fn create(folder: &RunFolder) -> Result<LineWriter, FolderError> {
    LineWriter::create(folder.file(FILE))
}

/// Reads the records of a run. A missing file has none; a last line that was not finished is left
/// out.
pub fn read(folder: &RunFolder, format: FolderFormat) -> Result<Vec<FaultRecord>, FolderError> {
    let mut records = Vec::new();
    lines::for_each(&folder.file(FILE), format == FolderFormat::Sealed, |record| records.push(record))?;
    Ok(records)
}
