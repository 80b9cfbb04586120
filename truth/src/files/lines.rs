//! Files of the run folder that grow line by line. Each line is JSON and is written by one call.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::FolderError;

/// Writer that appends lines to a file.
#[derive(Debug)]
pub struct LineWriter {
    path: PathBuf,
    file: File,
}

impl LineWriter {
    /// Creates the file.
    pub fn create(path: PathBuf) -> Result<Self, FolderError> {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| FolderError::Io { action: "create", path: path.clone(), source })?;
        Ok(Self { path, file })
    }

    /// Appends one line.
    pub fn write(&mut self, line: &impl Serialize) -> Result<(), FolderError> {
        let json = serde_json::to_vec(line);
        let mut line = json.map_err(|source| FolderError::Json { path: self.path.clone(), source })?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.map_err(|source| FolderError::Io { action: "write", path: self.path.clone(), source })
    }
}

/// Calls `take` with each line of a file, in order. A missing file has none; a last line that was
/// not finished is left out.
pub(crate) fn for_each<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> Result<(), FolderError> {
    let Ok(file) = File::open(path) else {
        return Ok(());
    };
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        read.map_err(|source| FolderError::Io { action: "read", path: path.to_path_buf(), source })?;
        if line.last() != Some(&b'\n') {
            return Ok(());
        }
        let understood = serde_json::from_slice(&line);
        take(understood.map_err(|source| FolderError::Json { path: path.to_path_buf(), source })?);
    }
}
