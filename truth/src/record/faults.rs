//! What was done to the target during a run, and the proof that it bit: `faults.ndjson`.

use serde::{Deserialize, Serialize};

use crate::files::FolderError;
use crate::files::lines::{self, LineWriter};
use crate::record::folder::RunFolder;
use crate::record::manifest::Manifest;
use crate::scenario::fault::Action;

/// The file's name in the run folder.
const FILE: &str = "faults.ndjson";

/// One line of `faults.ndjson`: a fault that is over, or that never came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its place in the scenario, from 0; none of a target that ended by itself.
    pub number: Option<usize>,
    /// What and when, as planned: `kill at 30%`.
    pub planned: String,
    /// Monotonic time when it began.
    pub begun_ns: u64,
    /// Monotonic time when all was as before.
    pub ended_ns: u64,
    /// Milliseconds from the first send to its begin.
    pub after_ms: u64,
    /// Attempts that had ended when it began.
    pub attempts_ended: u64,
    /// What shows that it was done.
    pub proof: Option<String>,
    /// Why it did not bite.
    pub missed: Option<String>,
}

impl FaultRecord {
    /// Whether it was done, while there was something left to hurt.
    pub fn bit(&self) -> bool {
        self.proof.is_some() && self.missed.is_none()
    }
}

/// A planned fault, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Struck {
    /// What and when.
    pub planned: String,
    /// What; none of a target that ended by itself.
    pub action: Option<Action>,
    /// What became of it; none if nobody wrote that down.
    pub record: Option<FaultRecord>,
}

impl Struck {
    /// Whether it is proven to have been done, while there was something left to hurt.
    pub fn bit(&self) -> bool {
        self.record.as_ref().is_some_and(FaultRecord::bit)
    }

    /// When the target's process was ended for certain, and when another was ready, by the clock of the run.
    pub fn restart(&self) -> Option<(u64, u64)> {
        let restarts = matches!(self.action, Some(Action::Kill | Action::Terminate));
        let record = self.record.as_ref().filter(|record| restarts && record.proof.is_some())?;
        Some((record.begun_ns, record.ended_ns))
    }

    /// All faults of a run: those that were planned, and a target that ended by itself.
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

/// A planned fault in words.
pub fn planned(fault: &crate::scenario::fault::Fault, seed: u32, number: usize) -> String {
    let command = fault.run.as_ref().map_or_else(String::new, |command| format!(" `{command}`"));
    format!("{}{command} at {}", fault.action.name(), fault.due(seed, number))
}

/// Begins the file of what is done to a run's target.
pub fn create(folder: &RunFolder) -> Result<LineWriter, FolderError> {
    LineWriter::create(folder.file(FILE))
}

/// Reads the records of a run; none if there is no file. A last line that was not finished is left out.
pub fn read(folder: &RunFolder) -> Result<Vec<FaultRecord>, FolderError> {
    let mut records = Vec::new();
    lines::for_each(&folder.file(FILE), |record| records.push(record))?;
    Ok(records)
}
