//! Reader of HTTP/1.1 responses (RFC 9112) from bytes that come in any pieces.
//!
//! It is pure: bytes in, a response out. Anything that is not certainly one whole response is
//! [`Malformed`], because an attempt whose response is in doubt is an unknown attempt. Bytes after
//! a response make its connection unusable, so that a late or second response is never taken for
//! the next request's.

mod chunked;
pub(crate) mod malformed;

use chunked::Chunks;
use malformed::{MAX_BODY, MAX_HEAD, Malformed};

use super::advice::Advice;

/// Most header fields of a response.
const MAX_FIELDS: usize = 100;

/// Most bytes of a body that [`AnswerReader::excerpt`] returns.
pub(crate) const EXCERPT: usize = 1 << 10;

/// Capacity beyond which a buffer is given back after its response.
const KEPT_CAPACITY: usize = 64 << 10;

/// Whole response; its body is [`AnswerReader::body`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Whole {
    /// HTTP status.
    pub(crate) status: u16,
    /// True if another request may follow on the connection.
    pub(crate) reusable: bool,
}

/// Treatment of the bodies of responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Bodies {
    /// Bodies are kept, because they are read.
    #[default]
    Kept,
    /// Bodies are dropped as they come, and may have any length. The beginning of one that comes
    /// with no success is kept, to be shown.
    Dropped,
    /// Responses have no bodies, whatever their heads say: responses to HEAD.
    Absent,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Head,
    Sized {
        end: usize,
    },
    /// Body of a known length that is dropped.
    Passing {
        left: usize,
    },
    Chunked,
    UntilClose,
}

/// End of a response's body.
enum Framing {
    Sized(usize),
    Chunked,
    UntilClose,
}

/// Reads one response after another.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    bodies: Bodies,
    input: Vec<u8>,
    /// Place at which the head of the response begins. It stays where it came in, and is parsed
    /// again for a field that somebody asks for.
    head: usize,
    /// Place at which the head of the response begins, then its body.
    at: usize,
    stage: Stage,
    status: u16,
    keep_alive: bool,
    chunks: Chunks,
    /// Beginning of a body that was dropped.
    dropped: Vec<u8>,
    advice: Advice,
}

impl AnswerReader {
    /// Returns a reader with this treatment of bodies.
    pub(crate) fn new(bodies: Bodies) -> Self {
        let chunks = Chunks::new(bodies == Bodies::Kept);
        Self { bodies, chunks, ..Self::default() }
    }

    /// Returns the buffer to append received bytes to; [`Self::advance`] follows.
    pub(crate) fn input(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// Prepares for the next response.
    pub(crate) fn reset(&mut self) {
        self.input.clear();
        self.input.shrink_to(KEPT_CAPACITY);
        self.chunks.reset();
        self.chunks.shrink(KEPT_CAPACITY);
        self.head = 0;
        self.at = 0;
        self.stage = Stage::Head;
        self.dropped.clear();
    }

    /// Reads the bytes that have come; none if more must come.
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
                self.drop_body();
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
                self.drop_body();
                Ok(None)
            }
            Stage::UntilClose if self.input.len() - self.at > MAX_BODY => Err(Malformed::BodyTooLong),
            Stage::UntilClose => Ok(None),
        }
    }

    /// Ends the input, as the other side has closed the connection. A response without a length is
    /// whole now.
    pub(crate) fn end(&self) -> Result<Whole, Malformed> {
        match self.stage {
            Stage::UntilClose => Ok(self.whole(false)),
            Stage::Head | Stage::Sized { .. } | Stage::Passing { .. } | Stage::Chunked => {
                Err(Malformed::Truncated)
            }
        }
    }

    /// Returns the body of the response that is whole, if it is kept.
    pub(crate) fn body(&self) -> &[u8] {
        match self.stage {
            Stage::Head | Stage::Passing { .. } => &[],
            Stage::Sized { end } => &self.input[self.at..end],
            Stage::Chunked => self.chunks.body(),
            Stage::UntilClose => &self.input[self.at..],
        }
    }

    /// Returns the beginning of the body of the response that is whole, also if the body was dropped
    /// and the response is no success.
    pub(crate) fn excerpt(&self) -> &[u8] {
        let body = match self.stage {
            Stage::Passing { .. } => &self.dropped,
            Stage::UntilClose if self.bodies == Bodies::Dropped => &self.dropped,
            _ => self.body(),
        };
        &body[..body.len().min(EXCERPT)]
    }

    /// Returns what the response says to do next.
    pub(crate) fn advice(&self) -> &Advice {
        &self.advice
    }

    /// Returns the first header field with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        response.parse(&self.input[self.head..self.at]).ok()?;
        let field = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.map(|field| field.value)
    }

    /// Drops the bytes of the body that have come.
    fn drop_body(&mut self) {
        if is_to_be_shown(self.status) {
            let room = EXCERPT - self.dropped.len();
            let come = &self.input[self.at..];
            self.dropped.extend_from_slice(&come[..come.len().min(room)]);
        }
        self.input.truncate(self.at);
    }

    fn whole(&self, surplus: bool) -> Whole {
        Whole { status: self.status, reusable: self.keep_alive && !surplus }
    }

    /// Reads the head, and interim responses before it; true if the head is complete.
    fn read_head(&mut self) -> Result<bool, Malformed> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
            let mut response = httparse::Response::new(&mut fields);
            let head = &self.input[self.at..];
            let parsed = response.parse(head).map_err(|error| Malformed::head(error, head))?;
            let httparse::Status::Complete(length) = parsed else {
                return match self.input.len() {
                    0..=MAX_HEAD => Ok(false),
                    _ => Err(Malformed::HeadTooLong),
                };
            };
            let status = response.code.ok_or_else(|| Malformed::head(httparse::Error::Status, head))?;
            if self.at + length > MAX_HEAD {
                return Err(Malformed::HeadTooLong);
            }
            match status {
                101 => return Err(Malformed::Switch),
                // An interim response; the final one follows.
                100..200 => self.at += length,
                _ => {
                    let minor = response.version.unwrap_or(0);
                    let framing = match self.bodies {
                        Bodies::Absent => Framing::Sized(0),
                        Bodies::Kept | Bodies::Dropped => framing(status, response.headers)?,
                    };
                    self.keep_alive = keep_alive(minor, response.headers);
                    self.status = status;
                    self.advice.note(status, response.headers.iter().map(|field| (field.name, field.value)));
                    if is_to_be_shown(status) {
                        self.chunks.show(EXCERPT);
                    }
                    self.head = self.at;
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

/// True if the beginning of a body with this status is kept, whatever becomes of the others.
pub(super) fn is_to_be_shown(status: u16) -> bool {
    !(200..300).contains(&status)
}

/// Returns how the body ends (RFC 9112, section 6.3). Two statements of the length are refused even
/// if they agree in part: another reader might follow the other one.
fn framing(status: u16, fields: &[httparse::Header<'_>]) -> Result<Framing, Malformed> {
    if matches!(status, 204 | 304) {
        return Ok(Framing::Sized(0));
    }
    let mut length = None;
    let mut coding = None;
    for field in fields {
        if field.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(field.value).map_err(|_| Malformed::Length)?;
            for part in text.split(',') {
                let stated = parse_length(part.trim())?;
                if length.replace(stated).is_some_and(|before| before != stated) {
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
    // All digits, so the only error is a number too large for any body.
    text.parse().map_err(|_| Malformed::BodyTooLong)
}

/// True if the server keeps the connection: HTTP/1.1 does unless it says otherwise, HTTP/1.0 only
/// if it says so.
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
