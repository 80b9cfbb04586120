//! Writer of a segment.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::files::sums::Checksum;

use super::{Done, Frame, Header, LedgerError, MAX_RESEND, Purpose, chained};

/// Most bytes of ended tries that are gathered. An announcement writes them sooner.
const BUFFER_BYTES: usize = 64 << 10;

/// Writer that appends frames to one segment. A frame that must be on record before bytes leave is
/// flushed by the call that adds it.
#[derive(Debug)]
pub struct SegmentWriter {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    /// Checksum of the checksums of all frames; none in the format of 0.1.
    chain: Option<u32>,
}

impl SegmentWriter {
    /// Creates a segment, which must not exist yet.
    pub fn create(path: &Path, header: Header) -> Result<Self, LedgerError> {
        let path = path.to_path_buf();
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let file =
            opened.map_err(|source| LedgerError::Io { action: "create", path: path.clone(), source })?;
        let chain = header.foundation.map(|_| 0);
        let mut writer = Self { path, file, buffer: Vec::with_capacity(2 * BUFFER_BYTES), chain };
        writer.put(&Frame::Header(header));
        writer.flush()?;
        Ok(writer)
    }

    /// Announces a round; returns once the kernel has the frame.
    pub fn open(&mut self, round: u64, t: u64) -> Result<(), LedgerError> {
        self.put(&Frame::Open { round, t });
        self.flush()
    }

    /// Announces a list of keys; returns once the kernel has the frame.
    pub fn extra(&mut self, id: u32, purpose: Purpose, ordinals: &[u64]) -> Result<(), LedgerError> {
        for part in ordinals.chunks(MAX_RESEND) {
            self.put(&Frame::Resend { id, purpose, ordinals: part.to_vec() });
        }
        self.flush()
    }

    /// Records an ended try. One that is not final is flushed, because the next try's bytes follow.
    pub fn done(&mut self, done: Done) -> Result<(), LedgerError> {
        let is_final = done.is_final;
        self.put(&Frame::Done(done));
        if is_final && self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    /// Returns the path of the segment.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the segment in order, and returns the checksum of all of it.
    ///
    /// The segment is read before its last frame is written: reading a long one takes a while, and
    /// a sender that is killed meanwhile leaves it open, as it does at any other moment.
    pub fn close(mut self, t: u64) -> Result<Checksum, LedgerError> {
        self.flush()?;
        let chain = self.chain.map(u32::to_le_bytes);
        Frame::Closed { t }.encode_with(chain.as_ref().map_or(&[][..], |chain| &chain[..]), &mut self.buffer);
        let sum = Checksum::of_appended(&self.path, &self.buffer);
        let sum =
            sum.map_err(|source| LedgerError::Io { action: "read", path: self.path.clone(), source })?;
        self.flush()?;
        Ok(sum)
    }

    /// Hands all recorded frames to the kernel.
    pub fn flush(&mut self) -> Result<(), LedgerError> {
        let written = self.file.write_all(&self.buffer);
        written.map_err(|source| LedgerError::Io { action: "write", path: self.path.clone(), source })?;
        self.buffer.clear();
        Ok(())
    }

    fn put(&mut self, frame: &Frame) {
        frame.encode(&mut self.buffer);
        self.chain = self.chain.map(|chain| chained(chain, &self.buffer));
    }
}
