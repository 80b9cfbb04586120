//! File that outlives the process. Each record is a line, written by one call, so that SIGKILL
//! leaves it complete or cuts off the last.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::counters::Counters;
use crate::error::MutantError;
use crate::event::Key;

/// Changes that one call makes durable.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Keys that are known from now on.
    pub(crate) claimed: Vec<Key>,
    /// Events that are stored.
    pub(crate) stored: Vec<Box<RawValue>>,
    /// Growth of the counters.
    pub(crate) counted: Counters,
    /// Batches for the inbox.
    pub(crate) queued: Vec<Vec<Box<RawValue>>>,
    /// Number of batches that are begun, from the inbox's front.
    pub(crate) begun: usize,
    /// Number of batches that leave the inbox.
    pub(crate) taken: usize,
}

/// Open file; without one, nothing outlives the process.
#[derive(Debug)]
pub(crate) struct Journal(Option<File>);

impl Journal {
    /// Returns a journal that keeps nothing.
    pub(crate) fn nowhere() -> Self {
        Self(None)
    }

    /// Opens the file, or makes it, and reads its records.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Record>), MutantError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(MutantError::file("open", path))?;
        let text = std::fs::read_to_string(path).map_err(MutantError::file("read", path))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(MutantError::file("cut", path))?;
        let records: serde_json::Result<Vec<Record>> =
            text[..whole].lines().map(serde_json::from_str).collect();
        Ok((Self(Some(file)), records.map_err(MutantError::record(path))?))
    }

    /// Makes a record durable, as far as SIGKILL goes.
    pub(crate) fn append(&mut self, record: &Record) {
        let Some(file) = &mut self.0 else { return };
        let mut line = serde_json::to_vec(record).expect("a record is JSON");
        line.push(b'\n');
        file.write_all(&line).expect("a target whose disk fails has to end");
    }
}
