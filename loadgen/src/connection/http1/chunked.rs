//! Decoder of the chunked transfer coding (RFC 9112, section 7.1), from pieces that may end at any
//! byte.

use super::malformed::{MAX_BODY, MAX_HEAD, Malformed};

/// Most digits of a chunk size; more would not fit into any body.
const MAX_SIZE_DIGITS: u32 = 15;

/// Place of the next byte in the coding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    #[default]
    Size,
    Extension,
    SizeEnd,
    Data {
        left: usize,
    },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
}

/// Chunked body, as far as it has come.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// True if the decoded bytes are kept, and so bounded.
    is_kept: bool,
    /// Most decoded bytes that are kept.
    room: usize,
    place: Place,
    size: usize,
    digits: u32,
    /// Bytes of extensions and trailers, which nobody needs and which must end.
    extras: usize,
    body: Vec<u8>,
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Chunks {
    /// Returns an empty body, which is kept, or dropped as it comes.
    pub(crate) fn new(is_kept: bool) -> Self {
        let room = if is_kept { MAX_BODY } else { 0 };
        Self { is_kept, room, place: Place::Size, size: 0, digits: 0, extras: 0, body: Vec::new() }
    }

    /// Returns the decoded bytes, if they are kept.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Prepares for another body; the buffer is kept.
    pub(crate) fn reset(&mut self) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        *self = Self { body, ..Self::new(self.is_kept) };
    }

    /// Keeps the first decoded bytes of a body that is dropped otherwise.
    pub(crate) fn show(&mut self, bytes: usize) {
        self.room = self.room.max(bytes);
    }

    /// Gives back a buffer that has grown beyond what responses usually need.
    pub(crate) fn shrink(&mut self, capacity: usize) {
        self.body.shrink_to(capacity);
    }

    /// Takes the next bytes. Once the body is whole, returns how many of them belong to it.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            if let Place::Data { left } = self.place {
                let taken = left.min(bytes.len() - at);
                let kept = taken.min(self.room - self.body.len());
                self.body.extend_from_slice(&bytes[at..at + kept]);
                at += taken;
                self.place = match left - taken {
                    0 => Place::DataCr,
                    left => Place::Data { left },
                };
                continue;
            }
            let whole = self.step(bytes[at])?;
            at += 1;
            if whole {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Takes one byte that is not data; true if it was the last of the body.
    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.place = match (self.place, byte) {
            (Place::Size, b'\r') if self.digits > 0 => Place::SizeEnd,
            (Place::Size, b';' | b' ' | b'\t') if self.digits > 0 => Place::Extension,
            (Place::Size, _) => {
                self.digit(byte)?;
                Place::Size
            }
            (Place::Extension, b'\r') => Place::SizeEnd,
            (Place::SizeEnd, b'\n') => self.begin_chunk()?,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Size,
            (Place::TrailerStart, b'\r') => Place::LastLf,
            (Place::Trailer, b'\r') => Place::TrailerLf,
            (Place::TrailerLf, b'\n') => Place::TrailerStart,
            (Place::LastLf, b'\n') => return Ok(true),
            (Place::Extension | Place::TrailerStart | Place::Trailer, byte) if byte != b'\n' => {
                self.extras += 1;
                if self.extras > MAX_HEAD {
                    return Err(Malformed::HeadTooLong);
                }
                match self.place {
                    Place::Extension => Place::Extension,
                    _ => Place::Trailer,
                }
            }
            _ => return Err(Malformed::Chunk),
        };
        Ok(false)
    }

    fn digit(&mut self, byte: u8) -> Result<(), Malformed> {
        let digit = char::from(byte).to_digit(16).ok_or(Malformed::Chunk)?;
        if self.digits == MAX_SIZE_DIGITS {
            return Err(Malformed::BodyTooLong);
        }
        self.digits += 1;
        self.size = (self.size << 4) | digit as usize;
        Ok(())
    }

    fn begin_chunk(&mut self) -> Result<Place, Malformed> {
        let left = std::mem::take(&mut self.size);
        self.digits = 0;
        if self.is_kept && self.body.len().saturating_add(left) > MAX_BODY {
            return Err(Malformed::BodyTooLong);
        }
        Ok(match left {
            0 => Place::TrailerStart,
            left => Place::Data { left },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the pieces and tells the body and the bytes that were left over.
    fn decode(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
        let mut chunks = Chunks::default();
        for piece in pieces {
            if let Some(used) = chunks.feed(piece)? {
                return Ok(Some((chunks.body().to_vec(), piece.len() - used)));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_body_is_the_same_however_it_is_split() {
        let coded = b"4;name=\"v\"\r\nWiki\r\n05 \r\npedia\r\n0\r\nExpires: never\r\nX: y\r\n\r\n";
        for first in 0..coded.len() {
            for second in first..coded.len() {
                let pieces = [&coded[..first], &coded[first..second], &coded[second..]];
                let (body, left) = decode(&pieces).unwrap().unwrap();
                assert_eq!((body.as_slice(), left), (&b"Wikipedia"[..], 0), "{first} {second}");
            }
        }
    }

    #[test]
    fn an_unfinished_body_is_not_whole() {
        let coded = b"4\r\nWiki\r\n0\r\nA: b\r\n\r\n";
        for end in 0..coded.len() {
            assert!(decode(&[&coded[..end]]).unwrap().is_none(), "{end}");
        }
        assert_eq!(decode(&[coded, b"more"]).unwrap().unwrap().1, 0);
        let with_more = [&coded[..], b"more"].concat();
        assert_eq!(decode(&[&with_more]).unwrap().unwrap().1, 4);
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for coded in [
            &b"\r\n"[..],
            b"x\r\n",
            b"4\nWiki",
            b"4\r\nWikix",
            b"4\r\nWiki\rx",
            b"-1\r\n",
            b"0\r\n\n",
            b"0\r\nA: b\n",
            b"fffffffffffffff\r\n",
            b"1000001\r\n",
        ] {
            assert!(decode(&[coded]).is_err(), "{:?}", String::from_utf8_lossy(coded));
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let mut endless = b"1;".to_vec();
        endless.resize(MAX_HEAD + 10, b'x');
        assert!(decode(&[&endless]).is_err());
        let mut trailers = b"0\r\n".to_vec();
        trailers.resize(MAX_HEAD + 10, b'x');
        assert!(decode(&[&trailers]).is_err());
    }
}
