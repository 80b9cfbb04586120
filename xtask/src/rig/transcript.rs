//! What a child process writes, kept in a file without a name.
//!
//! Not in a pipe: a program never blocks on output that nobody reads yet, and nothing has to be read in a thread.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use anyhow::{Context, Result};

/// A file that only this process and its children have; it is gone with the last of them.
#[derive(Debug)]
pub struct Transcript {
    file: File,
}

impl Transcript {
    /// An empty one.
    pub fn new() -> Result<Self> {
        Ok(Self {
            file: tempfile::tempfile().context("cannot make a temporary file for a program's output")?,
        })
    }

    /// Lets a child write to the end of it. Everybody shares one position, so that nobody overwrites another.
    pub fn stdio(&self) -> Result<Stdio> {
        Ok(self.file.try_clone().context("cannot share a temporary file")?.into())
    }

    /// How many bytes there are.
    pub fn len(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Everything.
    pub fn text(&self) -> Result<String> {
        self.text_from(0)
    }

    /// Text after the first `start` bytes.
    pub fn text_from(&self, start: u64) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes_from(start)?).into_owned())
    }

    /// Bytes after the first `start`, read by offset, which leaves the shared position alone.
    pub fn bytes_from(&self, start: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len()?.saturating_sub(start))?];
        self.file.read_exact_at(&mut bytes, start).context("cannot read a program's output")?;
        Ok(bytes)
    }
}
