//! Output of a child process, kept in a file without a name.
//!
//! A pipe would block a program whose output nobody reads yet, or need a thread that reads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use anyhow::{Context, Result};

/// A file that only this process and its children have open. It is gone with the last of them.
#[derive(Debug)]
pub struct Transcript {
    file: File,
}

impl Transcript {
    /// Makes an empty transcript.
    pub fn new() -> Result<Self> {
        Ok(Self {
            file: tempfile::tempfile().context("cannot make a temporary file for a program's output")?,
        })
    }

    /// Returns an end for a child that writes to the transcript. All share one position, so that
    /// none overwrites another.
    pub fn stdio(&self) -> Result<Stdio> {
        Ok(self.file.try_clone().context("cannot share a temporary file")?.into())
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// True if nothing was written.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Returns all text.
    pub fn text(&self) -> Result<String> {
        self.text_from(0)
    }

    /// Returns the text after the first `start` bytes.
    pub fn text_from(&self, start: u64) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes_from(start)?).into_owned())
    }

    /// Returns the bytes after the first `start`. It reads by offset, which leaves the shared
    /// position alone.
    pub fn bytes_from(&self, start: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len()?.saturating_sub(start))?];
        self.file.read_exact_at(&mut bytes, start).context("cannot read a program's output")?;
        Ok(bytes)
    }
}
