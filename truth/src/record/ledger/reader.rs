//! Reader of a segment: it cuts off a torn tail, and reports any other damage.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{CHAIN, Frame, Header, KINDS, LedgerError, OVERHEAD, chained};

/// Longest torn tail: the writer gathers fewer bytes for one write.
const LONGEST_TAIL: usize = 256 << 10;

/// Bytes of the checksum at a frame's end.
const CHECKSUM: usize = 4;

/// Bytes of a [`Frame::Closed`], whose body is its time and the chain.
const CLOSED: usize = 8 + CHAIN + OVERHEAD;

/// Frames of one segment in order, in constant memory.
#[derive(Debug)]
pub struct SegmentReader {
    path: PathBuf,
    input: BufReader<File>,
    offset: u64,
    ended: bool,
    torn_bytes: u64,
    /// Checksum of the checksums of all frames so far.
    chain: u32,
}

impl SegmentReader {
    /// Opens a segment.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let opened = File::open(path);
        let file =
            opened.map_err(|source| LedgerError::Io { action: "open", path: path.to_path_buf(), source })?;
        Ok(Self {
            path: path.to_path_buf(),
            input: BufReader::new(file),
            offset: 0,
            ended: false,
            torn_bytes: 0,
            chain: 0,
        })
    }

    /// Returns the path of the segment.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the offset of the next frame.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the number of bytes of a frame that was never finished, once all frames are read.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, LedgerError> {
        let mut bytes = Vec::with_capacity(128);
        self.read_up_to(&mut bytes, 2)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() == 2 {
            let body = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
            self.read_up_to(&mut bytes, body + OVERHEAD)?;
            if is_whole(&bytes) {
                return self.understand(&bytes).map(Some);
            }
        }
        self.cut_tail(bytes).map(|()| None)
    }

    /// Decodes a complete frame. Such a frame is never cut off: if it cannot be decoded, it is
    /// damaged, not torn.
    fn understand(&mut self, bytes: &[u8]) -> Result<Frame, LedgerError> {
        let Some(frame) = decode(bytes) else {
            return Err(self.damaged("a complete frame has a kind or version that this build does not know"));
        };
        if matches!(frame, Frame::Header(_)) != (self.offset == 0) {
            return Err(self.damaged("a segment has one header, at its start"));
        }
        if chain_in(bytes).is_some_and(|chain| chain != self.chain) {
            return Err(self.damaged("frames before the last one were removed, doubled or moved"));
        }
        self.chain = chained(self.chain, bytes);
        self.offset += bytes.len() as u64;
        Ok(frame)
    }

    /// Decides if a bad frame is the torn end of the file, or damage within it.
    fn cut_tail(&mut self, mut bytes: Vec<u8>) -> Result<(), LedgerError> {
        self.read_up_to(&mut bytes, LONGEST_TAIL + 1)?;
        if (1..bytes.len()).any(|start| begins_whole(&bytes[start..])) {
            return Err(self.damaged("good frames follow a bad one"));
        }
        if bytes.len() > LONGEST_TAIL {
            return Err(self.damaged("the unreadable tail is longer than one torn write"));
        }
        self.torn_bytes = bytes.len() as u64;
        Ok(())
    }

    fn damaged(&self, reason: &'static str) -> LedgerError {
        let path = self.path.clone();
        let offset = self.offset;
        match is_closed(&path) {
            Ok(true) => LedgerError::Altered { path, offset, reason },
            Ok(false) | Err(_) => LedgerError::Damaged { path, offset, reason },
        }
    }

    /// Reads until `bytes` holds `total` bytes or the file ends.
    fn read_up_to(&mut self, bytes: &mut Vec<u8>, total: usize) -> Result<(), LedgerError> {
        let mut at = bytes.len();
        bytes.resize(total.max(at), 0);
        while at < total {
            match self.input.read(&mut bytes[at..]) {
                Ok(0) => break,
                Ok(count) => at += count,
                Err(source) if source.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(LedgerError::Io { action: "read", path: self.path.clone(), source });
                }
            }
        }
        bytes.truncate(at);
        Ok(())
    }
}

impl Iterator for SegmentReader {
    type Item = Result<Frame, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let frame = self.next_frame().transpose();
        self.ended = !matches!(frame, Some(Ok(_)));
        frame
    }
}

/// Reads the header of a segment; none if it cannot be read, which is reported when the frames are.
pub fn header(path: &Path) -> Option<Header> {
    match SegmentReader::open(path).ok()?.next()?.ok()? {
        Frame::Header(header) => Some(header),
        _ => None,
    }
}

/// True if the last frame of a segment is [`Frame::Closed`], with a chain: a segment of 0.1 is
/// never closed in this sense.
pub fn is_closed(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() < CLOSED as u64 {
        return Ok(false);
    }
    let mut last = [0; CLOSED];
    file.seek(SeekFrom::End(-(CLOSED as i64)))?;
    file.read_exact(&mut last)?;
    Ok(is_whole(&last) && chain_in(&last).is_some())
}

/// Returns the chain in a complete frame; none if it has none.
fn chain_in(bytes: &[u8]) -> Option<u32> {
    let body = &bytes[3..bytes.len() - CHECKSUM];
    let is_closing = bytes.len() == CLOSED && matches!(decode(bytes), Some(Frame::Closed { .. }));
    is_closing.then(|| u32::from_le_bytes(*body.last_chunk().expect("the body ends with the chain")))
}

/// Decodes a complete frame.
fn decode(bytes: &[u8]) -> Option<Frame> {
    Frame::decode(bytes[2], &bytes[3..bytes.len() - CHECKSUM])
}

/// True if these bytes are exactly one frame, whatever is in it.
fn is_whole(bytes: &[u8]) -> bool {
    let Some((covered, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else {
        return false;
    };
    let length = covered.first_chunk::<2>().map(|length| u16::from_le_bytes(*length));
    length.map(|length| usize::from(length) + OVERHEAD) == Some(bytes.len())
        && crc32c::crc32c(covered) == u32::from_le_bytes(*checksum)
}

/// True if a good frame begins here. The kind is checked first, which spares most places the
/// checksum.
fn begins_whole(bytes: &[u8]) -> bool {
    let Some([low, high, kind]) = bytes.first_chunk() else {
        return false;
    };
    let end = usize::from(u16::from_le_bytes([*low, *high])) + OVERHEAD;
    KINDS.contains(kind) && bytes.get(..end).is_some_and(is_whole)
}
