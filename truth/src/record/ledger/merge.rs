//! All segments of a run as one stream, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use super::reader::SegmentReader;
use super::{Frame, LedgerError};

/// One frame of a merged ledger.
#[derive(Debug)]
pub struct Merged {
    /// Index of its segment in the list that was given.
    pub segment: usize,
    /// Frame.
    pub frame: Frame,
}

/// Merge of segments by [`Frame::t`]. A segment whose own frames are out of order is damaged.
#[derive(Debug)]
pub struct Merge {
    readers: Vec<SegmentReader>,
    /// First unread frame of each segment.
    heads: Vec<Option<Frame>>,
    latest: Vec<u64>,
    order: BinaryHeap<Reverse<(u64, usize)>>,
    failed: Option<LedgerError>,
}

impl Merge {
    /// Opens all segments.
    pub fn open(paths: &[PathBuf]) -> Result<Self, LedgerError> {
        let readers = paths.iter().map(|path| SegmentReader::open(path)).collect::<Result<Vec<_>, _>>()?;
        let count = readers.len();
        let mut merge = Self {
            readers,
            heads: vec![None; count],
            latest: vec![0; count],
            order: BinaryHeap::new(),
            failed: None,
        };
        for segment in 0..count {
            merge.advance(segment)?;
        }
        Ok(merge)
    }

    /// Returns the number of bytes of unfinished frames that were cut off so far.
    pub fn torn_bytes(&self) -> u64 {
        self.readers.iter().map(SegmentReader::torn_bytes).sum()
    }

    fn advance(&mut self, segment: usize) -> Result<(), LedgerError> {
        let reader = &mut self.readers[segment];
        let offset = reader.offset();
        let Some(frame) = reader.next().transpose()? else {
            return Ok(());
        };
        let t = frame.t().unwrap_or(self.latest[segment]);
        if t < self.latest[segment] {
            let path = reader.path().to_path_buf();
            let reason = "a frame is older than the one before it";
            return Err(LedgerError::Damaged { path, offset, reason });
        }
        self.latest[segment] = t;
        self.heads[segment] = Some(frame);
        self.order.push(Reverse((t, segment)));
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = Result<Merged, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.order.clear();
            return Some(Err(error));
        }
        let Reverse((_, segment)) = self.order.pop()?;
        let frame = self.heads[segment].take()?;
        self.failed = self.advance(segment).err();
        Some(Ok(Merged { segment, frame }))
    }
}
