//! Files of the run folder that grow line by line. Each line is a JSON object, is written by one
//! call, and ends with its number and a checksum of all that stands before it:
//!
//! ```text
//! {"t_sent_ns":1,"acked":20,"line":1,"crc32c":"5d1f3b9c"}
//! ```

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::files::{Defect, FolderError};
use crate::target::secrets::masked_in_strings;

/// Writer that appends lines to a file.
#[derive(Debug)]
pub struct LineWriter {
    path: PathBuf,
    file: File,
    /// Number of lines that were written.
    lines: u64,
}

impl LineWriter {
    /// Creates the file.
    pub fn create(path: PathBuf) -> Result<Self, FolderError> {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| FolderError::Io { action: "create", path: path.clone(), source })?;
        Ok(Self { path, file, lines: 0 })
    }

    /// Appends one line; its value must be an object with a member.
    pub fn write(&mut self, line: &impl Serialize) -> Result<(), FolderError> {
        let json = serde_json::to_string(line);
        let json = json.map_err(|source| FolderError::Json { path: self.path.clone(), source })?;
        self.lines += 1;
        // A target may repeat a secret in what is written here.
        let json = masked_in_strings(&json);
        let object = json.strip_suffix('}').expect("the value is an object");
        let covered = format!("{object},\"line\":{}", self.lines);
        let line = format!("{covered}{}\n", end(&covered));
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|source| FolderError::Io { action: "write", path: self.path.clone(), source })
    }
}

/// Returns the last member of a line, after all that the line's checksum covers.
fn end(covered: &str) -> String {
    format!(",\"crc32c\":\"{:08x}\"}}", crc32c::crc32c(covered.as_bytes()))
}

/// Number of a line, which every line of a checked file has.
#[derive(Deserialize)]
struct Numbered {
    line: u64,
}

/// Calls `take` with each line of a file, in order. A missing file has none; a last line that was
/// not finished is left out. Lines of 0.1 have no checksums, and are not checked.
pub(crate) fn for_each<T: DeserializeOwned>(
    path: &Path,
    is_checked: bool,
    mut take: impl FnMut(T),
) -> Result<(), FolderError> {
    let Ok(file) = File::open(path) else {
        return Ok(());
    };
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        read.map_err(|source| FolderError::Io { action: "read", path: path.to_path_buf(), source })?;
        if line.pop() != Some(b'\n') {
            break;
        }
        if is_checked {
            check(&line, number)
                .map_err(|defect| FolderError::NotAsWritten { path: path.to_path_buf(), defect })?;
        }
        let understood = serde_json::from_slice(&line);
        take(understood.map_err(|source| FolderError::Json { path: path.to_path_buf(), source })?);
    }
    Ok(())
}

/// Checks that a line is as it was written, and that it is the line of this number.
fn check(line: &[u8], number: u64) -> Result<(), Defect> {
    let changed = || Defect::ChangedLine { number };
    let line = std::str::from_utf8(line).map_err(|_| changed())?;
    let covered = line.rfind(",\"crc32c\":").map(|at| &line[..at]).ok_or_else(changed)?;
    if line[covered.len()..] != end(covered) {
        return Err(changed());
    }
    let written = serde_json::from_str::<Numbered>(line).map_err(|_| changed())?.line;
    if written == number { Ok(()) } else { Err(Defect::MisplacedLine { number, written }) }
}
