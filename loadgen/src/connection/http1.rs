//! Reading answers of HTTP/1.1 (RFC 9112) out of bytes that come in any pieces.
//!
//! Pure: bytes in, an answer out. What is not surely one whole answer is [`Malformed`], because an attempt whose
//! answer is in doubt is an unknown attempt. Bytes beyond an answer make its connection unusable, so that a late or
//! second answer is never taken for that of the next request.

mod chunked;
pub(crate) mod malformed;

use chunked::Chunks;
use malformed::{MAX_BODY, MAX_HEAD, Malformed};

/// Most header fields of an answer.
const MAX_FIELDS: usize = 100;

/// A buffer that grew beyond this is given back after its answer.
const KEPT_CAPACITY: usize = 64 << 10;

/// A whole answer; its body is [`AnswerReader::body`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Whole {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Whether another request may follow on the connection.
    pub(crate) reusable: bool,
}

/// What becomes of the bodies of answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Bodies {
    /// They are kept, because something is read in them.
    #[default]
    Kept,
    /// Nothing is: they may be of any length, and go as they come.
    Dropped,
    /// There are none, whatever heads say: the answers to HEAD.
    Absent,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Head,
    Sized {
        end: usize,
    },
    /// The same of a body that is dropped.
    Passing {
        left: usize,
    },
    Chunked,
    UntilClose,
}

/// How the body of an answer ends.
enum Framing {
    Sized(usize),
    Chunked,
    UntilClose,
}

/// Reads one answer after another.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    bodies: Bodies,
    input: Vec<u8>,
    /// Where the head of the answer begins, then its body.
    at: usize,
    stage: Stage,
    status: u16,
    keep_alive: bool,
    chunks: Chunks,
}

impl AnswerReader {
    /// One that does this with bodies.
    pub(crate) fn new(bodies: Bodies) -> Self {
        let chunks = Chunks::new(bodies == Bodies::Kept);
        Self { bodies, chunks, ..Self::default() }
    }

    /// Where received bytes are to be appended; [`Self::advance`] follows.
    pub(crate) fn input(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// Makes ready for the next answer.
    pub(crate) fn reset(&mut self) {
        self.input.clear();
        self.input.shrink_to(KEPT_CAPACITY);
        self.chunks.reset();
        self.chunks.shrink(KEPT_CAPACITY);
        self.at = 0;
        self.stage = Stage::Head;
    }

    /// Looks at what has come; `None` if there must be more.
    pub(crate) fn advance(&mut self) -> Result<Option<Whole>, Malformed> {
        if matches!(self.stage, Stage::Head) && !self.read_head()? {
            return Ok(None);
        }
        match self.stage {
            Stage::Head => Ok(None),
            Stage::Sized { end } if self.input.len() < end => Ok(None),
            Stage::Sized { end } => Ok(Some(self.whole(self.input.len() > end))),
            Stage::Passing { left } => {
                let come = self.input.len() - self.at;
                self.input.truncate(self.at);
                self.stage = Stage::Passing { left: left.saturating_sub(come) };
                Ok((come >= left).then(|| self.whole(come > left)))
            }
            Stage::Chunked => {
                let used = self.chunks.feed(&self.input[self.at..])?;
                let surplus = used.is_some_and(|used| self.at + used < self.input.len());
                self.input.truncate(self.at);
                Ok(used.map(|_| self.whole(surplus)))
            }
            Stage::UntilClose if self.bodies == Bodies::Dropped => {
                self.input.truncate(self.at);
                Ok(None)
            }
            Stage::UntilClose if self.input.len() - self.at > MAX_BODY => Err(Malformed::BodyTooLong),
            Stage::UntilClose => Ok(None),
        }
    }

    /// The other side has closed the connection: an answer that says nothing of its length is whole now.
    pub(crate) fn end(&self) -> Result<Whole, Malformed> {
        match self.stage {
            Stage::UntilClose => Ok(self.whole(false)),
            Stage::Head | Stage::Sized { .. } | Stage::Passing { .. } | Stage::Chunked => {
                Err(Malformed::Truncated)
            }
        }
    }

    /// The body of the answer that is whole, if it is kept.
    pub(crate) fn body(&self) -> &[u8] {
        match self.stage {
            Stage::Head | Stage::Passing { .. } => &[],
            Stage::Sized { end } => &self.input[self.at..end],
            Stage::Chunked => self.chunks.body(),
            Stage::UntilClose => &self.input[self.at..],
        }
    }

    fn whole(&self, surplus: bool) -> Whole {
        Whole { status: self.status, reusable: self.keep_alive && !surplus }
    }

    /// Reads the head, and interim answers before it; tells whether it is there.
    fn read_head(&mut self) -> Result<bool, Malformed> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
            let mut response = httparse::Response::new(&mut fields);
            let parsed = response.parse(&self.input[self.at..]).map_err(Malformed::Head)?;
            let httparse::Status::Complete(length) = parsed else {
                return match self.input.len() {
                    0..=MAX_HEAD => Ok(false),
                    _ => Err(Malformed::HeadTooLong),
                };
            };
            let status = response.code.ok_or(Malformed::Head(httparse::Error::Status))?;
            if self.at + length > MAX_HEAD {
                return Err(Malformed::HeadTooLong);
            }
            match status {
                101 => return Err(Malformed::Switch),
                // An interim answer; the final one follows.
                100..200 => self.at += length,
                _ => {
                    let minor = response.version.unwrap_or(0);
                    let framing = match self.bodies {
                        Bodies::Absent => Framing::Sized(0),
                        Bodies::Kept | Bodies::Dropped => framing(status, response.headers)?,
                    };
                    self.keep_alive = keep_alive(minor, response.headers);
                    self.status = status;
                    self.at += length;
                    self.stage = match framing {
                        Framing::Sized(length) if self.bodies == Bodies::Dropped => {
                            Stage::Passing { left: length }
                        }
                        Framing::Sized(length) if length > MAX_BODY => return Err(Malformed::BodyTooLong),
                        Framing::Sized(length) => Stage::Sized { end: self.at + length },
                        Framing::Chunked => Stage::Chunked,
                        Framing::UntilClose => {
                            self.keep_alive = false;
                            Stage::UntilClose
                        }
                    };
                    return Ok(true);
                }
            }
        }
    }
}

/// How long the body is (RFC 9112, section 6.3). Two ways of telling it are refused even where they agree in part:
/// whoever reads them differently than we do would see another answer.
fn framing(status: u16, fields: &[httparse::Header<'_>]) -> Result<Framing, Malformed> {
    if matches!(status, 204 | 304) {
        return Ok(Framing::Sized(0));
    }
    let (mut length, mut coding) = (None, None);
    for field in fields {
        if field.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(field.value).map_err(|_| Malformed::Length)?;
            for part in text.split(',') {
                let told = parse_length(part.trim())?;
                if length.replace(told).is_some_and(|before| before != told) {
                    return Err(Malformed::Length);
                }
            }
        } else if field.name.eq_ignore_ascii_case("transfer-encoding")
            && coding.replace(field.value).is_some()
        {
            return Err(Malformed::Length);
        }
    }
    match (length, coding) {
        (None, None) => Ok(Framing::UntilClose),
        (Some(length), None) => Ok(Framing::Sized(length)),
        (None, Some(coding)) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        (None, Some(coding)) => Err(Malformed::Coding(String::from_utf8_lossy(coding).into_owned())),
        (Some(_), Some(_)) => Err(Malformed::Length),
    }
}

fn parse_length(text: &str) -> Result<usize, Malformed> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Length);
    }
    // All digits, so the only way to fail is a number beyond any body that there is.
    text.parse().map_err(|_| Malformed::BodyTooLong)
}

/// Whether the server goes on with the connection: HTTP/1.1 does unless it says otherwise, 1.0 only if it says so.
fn keep_alive(minor: u8, fields: &[httparse::Header<'_>]) -> bool {
    let says = |word: &[u8]| {
        fields
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case("connection"))
            .flat_map(|field| field.value.split(|byte| *byte == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(word))
    };
    if minor == 0 { says(b"keep-alive") && !says(b"close") } else { !says(b"close") }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
