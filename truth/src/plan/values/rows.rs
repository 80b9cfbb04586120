//! Files of values: CSV with a head, or one JSON object a line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Drawn, text_of};

/// Largest file that is read: it is held in memory, and copied into each run folder.
const MOST_BYTES: u64 = 64 << 20;

/// File whose rows are values.
#[derive(Clone, Debug)]
pub struct File {
    /// Name of the file, relative to the scenario's.
    pub path: PathBuf,
    /// Checksum of what was read; none before.
    pub(super) sha256: Option<String>,
    rows: Option<Arc<Rows>>,
}

#[derive(Debug)]
struct Rows {
    bytes: Vec<u8>,
    table: Table,
}

#[derive(Debug)]
enum Table {
    Csv { columns: Vec<String>, rows: Vec<csv::StringRecord> },
    Json(Vec<Map<String, Json>>),
}

/// Error of a file that holds no values.
#[derive(Debug, Error)]
pub enum RowsError {
    /// The file cannot be read.
    #[error("cannot read the file of values {path}")]
    Read {
        /// File.
        path: String,
        /// Cause.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} is no file of values: {reason}")]
    Contents {
        /// File.
        path: String,
        /// Reason, with the line where there is one.
        reason: String,
    },
}

impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.sha256 == other.sha256
    }
}

impl Eq for File {}

impl File {
    pub(super) fn unread(path: PathBuf, sha256: Option<String>) -> Self {
        Self { path, sha256, rows: None }
    }

    /// Reads the file, which is named relative to a folder.
    pub(super) fn read(&mut self, folder: &Path) -> Result<(), RowsError> {
        self.read_from(&folder.join(&self.path))
    }

    /// Reads the values from this file, which must be the one that was read before, if there was one.
    pub fn read_from(&mut self, path: &Path) -> Result<(), RowsError> {
        let name = || path.display().to_string();
        let refuse = |reason: String| RowsError::Contents { path: name(), reason };
        let io = |source| RowsError::Read { path: name(), source };
        if fs::metadata(path).map_err(io)?.len() > MOST_BYTES {
            return Err(refuse(format!("it has more than {} MiB", MOST_BYTES >> 20)));
        }
        let bytes = fs::read(path).map_err(io)?;
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if self.sha256.as_ref().is_some_and(|known| *known != sum) {
            return Err(refuse(
                "it is not the file that the run was made with: its SHA-256 differs".to_owned(),
            ));
        }
        let is_csv = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let table = if is_csv { csv_table(&bytes) } else { json_table(&bytes) }.map_err(refuse)?;
        (self.sha256, self.rows) = (Some(sum), Some(Arc::new(Rows { bytes, table })));
        Ok(())
    }

    /// Returns the bytes of the file, once it was read.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.rows.as_ref().map(|rows| &*rows.bytes)
    }

    pub(super) fn columns(&self) -> Vec<String> {
        match self.rows.as_ref().map(|rows| &rows.table) {
            Some(Table::Csv { columns, .. }) => columns.clone(),
            Some(Table::Json(rows)) => {
                rows.first().map_or_else(Vec::new, |row| row.keys().cloned().collect())
            }
            None => Vec::new(),
        }
    }

    /// True if every row has this column.
    pub(super) fn has(&self, column: &str) -> bool {
        match self.rows.as_ref().map(|rows| &rows.table) {
            Some(Table::Csv { columns, .. }) => columns.iter().any(|own| own == column),
            Some(Table::Json(rows)) => rows.iter().all(|row| row.contains_key(column)),
            None => false,
        }
    }

    pub(super) fn all(&self, column: &str, is_right: impl Fn(Drawn<'_>) -> bool) -> bool {
        (0..self.len()).all(|row| self.cell(row, column).is_some_and(&is_right))
    }

    pub(super) fn texts(&self, column: &str) -> Vec<String> {
        let cells = (0..self.len()).filter_map(|row| self.cell(row, column));
        let texts = cells.map(|cell| match cell {
            Drawn::Value(value) => text_of(&value),
            Drawn::Text(text) | Drawn::Env(text) => text.to_owned(),
        });
        texts.collect()
    }

    /// Returns the cell of a row, which is counted on from the first after the last.
    pub(super) fn cell(&self, row: u64, column: &str) -> Option<Drawn<'_>> {
        let row = (row % self.len().max(1)) as usize;
        match &self.rows.as_ref()?.table {
            Table::Csv { columns, rows } => {
                let place = columns.iter().position(|own| own == column)?;
                rows.get(row)?.get(place).map(Drawn::Text)
            }
            Table::Json(rows) => {
                let value = rows.get(row)?.get(column)?;
                Some(value.as_str().map_or_else(|| Drawn::Value(value.clone()), Drawn::Text))
            }
        }
    }

    fn len(&self) -> u64 {
        match self.rows.as_ref().map(|rows| &rows.table) {
            Some(Table::Csv { rows, .. }) => rows.len() as u64,
            Some(Table::Json(rows)) => rows.len() as u64,
            None => 0,
        }
    }
}

fn csv_table(bytes: &[u8]) -> Result<Table, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let columns = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
    let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if rows.is_empty() {
        Err("it has no row below its head".to_owned())
    } else {
        Ok(Table::Csv { columns, rows })
    }
}

fn json_table(bytes: &[u8]) -> Result<Table, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let rows = lines.map(|(number, line)| {
        serde_json::from_str(line).map_err(|error| format!("line {number} is no JSON object: {error}"))
    });
    let rows = rows.collect::<Result<Vec<_>, String>>()?;
    if rows.is_empty() { Err("it has no line".to_owned()) } else { Ok(Table::Json(rows)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Result<File, RowsError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let mut file = File::unread(name.into(), None);
        file.read(folder.path())?;
        Ok(file)
    }

    #[test]
    fn a_row_is_that_of_the_key_and_the_first_follows_the_last() {
        let csv = file("a.csv", "name,\"n\"\nx,1\n\"a, b\",2\n").unwrap();
        assert_eq!(csv.cell(3, "name"), Some(Drawn::Text("a, b")));
        assert!(csv.has("n") && !csv.has("m"));
        let json = file("a.jsonl", "{\"name\":\"x\",\"n\":1}\n\n{\"name\":\"y\",\"n\":2.0}\n").unwrap();
        assert_eq!(json.cell(2, "name"), Some(Drawn::Text("x")));
        assert!(matches!(json.cell(1, "n"), Some(Drawn::Value(value)) if *value.to_string() == *"2.0"));
    }

    #[test]
    fn a_file_that_holds_no_values_is_refused_with_the_reason() {
        for (name, text, says) in [
            ("a.csv", "name\n", "no row"),
            ("a.csv", "a,b\n1\n", "field"),
            ("a.jsonl", "{}\n[1]\n", "line 2"),
            ("a.jsonl", "\n", "no line"),
        ] {
            let error = file(name, text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn another_file_than_the_one_that_was_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "a\n1\n").unwrap();
        let mut file = File::unread("a.csv".into(), None);
        file.read(folder.path()).unwrap();
        fs::write(&path, "a\n2\n").unwrap();
        assert!(file.read(folder.path()).unwrap_err().to_string().contains("SHA-256"));
    }
}
