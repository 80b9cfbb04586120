//! The ledger: an append-only record of every attempt, which is complete even if the run died in
//! the middle.
//!
//! Each lane writes one segment. Frames are `len u16 | kind u8 | body | crc32c u32`, little-endian.
//! `len` counts the body, and the checksum covers length, kind and body. [`Frame::Open`] announces
//! a round before its first byte leaves. A request of an opened round without a final [`Done`] is
//! therefore an unknown attempt, never a forgotten one. That holds if the writer is killed, because
//! `write(2)` hands the bytes to the kernel; it does not hold if the power is lost.
//!
//! The body of the last frame, [`Frame::Closed`], ends with the *chain*: the checksum of the
//! checksums of all frames before. It tells frames that were removed, doubled or moved. Segments of
//! 0.1 have no chain.

mod layout;
pub mod merge;
pub mod reader;
pub mod writer;

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use self::layout::{Fields, NO_FILE};
use crate::files::sums::Checksum;
use crate::target::answer::Answer;

/// First bytes of a segment's header.
pub const MAGIC: [u8; 8] = *b"ONCELEDG";

/// Version of a segment that says which files it rests on. A list of checksums is due once it is
/// closed.
const FOUNDED: u16 = 2;

/// Version of a segment of 0.1, which says nothing of other files.
const ALONE: u16 = 1;

/// Most ordinals in one [`Frame::Resend`]: eight bytes each must fit in a body's 16-bit length.
pub const MAX_RESEND: usize = 8_000;

/// Kinds of frames.
pub(crate) const KINDS: std::ops::RangeInclusive<u8> = 1..=5;

/// Bytes of the chain at the end of a [`Frame::Closed`].
pub(crate) const CHAIN: usize = 4;

/// Bytes of a frame around its body.
pub(crate) const OVERHEAD: usize = 2 + 1 + 4;

/// Adds the frame at the end of these bytes to a chain.
pub(crate) fn chained(chain: u32, frame: &[u8]) -> u32 {
    let checksum = frame.last_chunk::<4>().expect("a frame ends with its checksum");
    crc32c::crc32c_append(chain, checksum)
}

/// Origin of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Nonce of the run.
    pub nonce: u64,
    /// Lane that wrote the segment.
    pub lane: u16,
    /// Boot whose monotonic clock the times are of: at most 36 characters.
    pub boot_id: String,
    /// `CLOCK_MONOTONIC` when the segment was created, in nanoseconds.
    pub monotonic_ns: u64,
    /// The same moment on the wall clock, in milliseconds since 1970.
    pub utc_ms: i64,
    /// Files that the segment rests on; none in the format of 0.1.
    pub foundation: Option<Foundation>,
}

/// Files that were written before the ledger was begun, and do not change any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Foundation {
    /// Checksum of `run.json`.
    pub run: Checksum,
    /// Checksum of `baseline.json`; none if there was no such file.
    pub baseline: Option<Checksum>,
}

/// Purpose of sending keys that no round of the plan holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Learn the fate of keys whose attempts are all unknown.
    Resolve,
    /// Check that acknowledged keys are still known.
    Replay,
    /// Learn how the target shows what it has just acknowledged: events of the run's own, beyond the
    /// keys of its plan.
    Sentinel,
}

/// List of requests that an attempt belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// A round of the plan.
    Round(u64),
    /// A list of keys beside the plan.
    Resend(u32),
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Round(round) => write!(out, "round {round}"),
            Self::Resend(id) => write!(out, "list {id}"),
        }
    }
}

/// One try of one request, which has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// Round or list.
    pub scope: Scope,
    /// Number of the request in it.
    pub request: u32,
    /// Number of the try; 0 for the first.
    pub try_number: u16,
    /// True if no further try follows.
    pub is_final: bool,
    /// Number of the connection that carried it.
    pub connection: u32,
    /// Planned beginning, in nanoseconds of the monotonic clock.
    pub t_planned: u64,
    /// Time just before its first byte was written.
    pub t_start: u64,
    /// Time just after its last byte was read, or just after the sender gave up.
    pub t_end: u64,
    /// HTTP status; 0 without one.
    pub status: u16,
    /// Meaning of the response.
    pub answer: Answer,
}

/// One record of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// First record of a segment.
    Header(Header),
    /// A round is about to be sent.
    Open {
        /// Round.
        round: u64,
        /// Monotonic time.
        t: u64,
    },
    /// A list of keys is about to be sent.
    Resend {
        /// Number of the list.
        id: u32,
        /// Purpose of the list.
        purpose: Purpose,
        /// Keys of the list.
        ordinals: Vec<u64>,
    },
    /// A try has ended.
    Done(Done),
    /// The lane has ended in order.
    Closed {
        /// Monotonic time.
        t: u64,
    },
}

/// Error of a ledger.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// An operation of the file system failed.
    #[error("cannot {action} ledger segment {}", path.display())]
    Io {
        /// Operation that was tried.
        action: &'static str,
        /// Segment.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A segment that was closed is not as it was written.
    #[error(
        "ledger segment {} is not as it was written, at byte {offset}: {reason}; copy the whole run folder again, \
         or run loadgen again",
        path.display()
    )]
    Altered {
        /// Segment.
        path: PathBuf,
        /// Offset of the bad frame.
        offset: u64,
        /// Defect of the frame.
        reason: &'static str,
    },
    /// Good frames follow a bad one, so it is not a torn tail.
    #[error("ledger segment {} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// Segment.
        path: PathBuf,
        /// Offset of the bad frame.
        offset: u64,
        /// Defect of the frame.
        reason: &'static str,
    },
}

impl Frame {
    /// Returns the time that orders this frame within its segment and among others.
    pub fn t(&self) -> Option<u64> {
        match self {
            Self::Header(header) => Some(header.monotonic_ns),
            Self::Open { t, .. } | Self::Closed { t } => Some(*t),
            Self::Done(done) => Some(done.t_end),
            Self::Resend { .. } => None,
        }
    }

    /// Appends this frame's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_with(&[], out);
    }

    /// Appends this frame's bytes, with more bytes at the end of its body.
    pub(crate) fn encode_with(&self, more: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, 0, self.kind()]);
        self.encode_body(out);
        out.extend_from_slice(more);
        let body =
            u16::try_from(out.len() - start - 3).expect("bodies are bounded to 64 KiB by construction");
        out[start..start + 2].copy_from_slice(&body.to_le_bytes());
        let checksum = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Header(_) => 1,
            Self::Open { .. } => 2,
            Self::Resend { .. } => 3,
            Self::Done(_) => 4,
            Self::Closed { .. } => 5,
        }
    }

    fn encode_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Header(header) => {
                out.extend_from_slice(&MAGIC);
                let version = if header.foundation.is_some() { FOUNDED } else { ALONE };
                out.extend_from_slice(&version.to_le_bytes());
                out.extend_from_slice(&header.nonce.to_le_bytes());
                out.extend_from_slice(&header.lane.to_le_bytes());
                out.extend_from_slice(&header.monotonic_ns.to_le_bytes());
                out.extend_from_slice(&header.utc_ms.to_le_bytes());
                if let Some(Foundation { run, baseline }) = header.foundation {
                    out.extend_from_slice(&run.0);
                    out.extend_from_slice(&baseline.unwrap_or(NO_FILE).0);
                }
                out.extend_from_slice(header.boot_id.as_bytes());
            }
            Self::Open { round, t } => {
                out.extend_from_slice(&round.to_le_bytes());
                out.extend_from_slice(&t.to_le_bytes());
            }
            Self::Resend { id, purpose, ordinals } => {
                out.extend_from_slice(&id.to_le_bytes());
                out.push(match purpose {
                    Purpose::Resolve => 1,
                    Purpose::Replay => 2,
                    Purpose::Sentinel => 3,
                });
                for ordinal in ordinals {
                    out.extend_from_slice(&ordinal.to_le_bytes());
                }
            }
            Self::Done(done) => done.encode_body(out),
            Self::Closed { t } => out.extend_from_slice(&t.to_le_bytes()),
        }
    }

    /// Decodes a body of this kind; `None` if it is not one.
    pub fn decode(kind: u8, body: &[u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let frame = match kind {
            1 => Self::Header(Header::decode_body(&mut fields)?),
            2 => Self::Open { round: fields.u64()?, t: fields.u64()? },
            3 => {
                let id = fields.u32()?;
                let purpose = match fields.u8()? {
                    1 => Purpose::Resolve,
                    2 => Purpose::Replay,
                    3 => Purpose::Sentinel,
                    _ => return None,
                };
                let (words, rest) = fields.rest().as_chunks::<8>();
                rest.is_empty().then_some(())?;
                Self::Resend {
                    id,
                    purpose,
                    ordinals: words.iter().map(|word| u64::from_le_bytes(*word)).collect(),
                }
            }
            4 => Self::Done(Done::decode_body(&mut fields)?),
            5 => {
                let t = fields.u64()?;
                fields.take(if fields.0.is_empty() { 0 } else { CHAIN })?;
                Self::Closed { t }
            }
            _ => return None,
        };
        fields.0.is_empty().then_some(frame)
    }
}
