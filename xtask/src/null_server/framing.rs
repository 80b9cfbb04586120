//! The end of each request in a stream of bytes. Bodies are counted and not looked at.

use anyhow::{Context, Result, ensure};

/// Limit of a head. No client of this server sends more.
const HEAD_LIMIT: usize = 16 * 1024;

/// End of a head.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// Kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// A POST.
    Post,
    /// A read of the number of POSTs so far.
    Count,
    /// Anything else.
    Other,
}

/// State of the newest request of a connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    /// Bytes of a head that came in pieces.
    head: Vec<u8>,
    /// Kind of the request and bytes of its body that are still to come, once its head is complete.
    body: Option<(Method, usize)>,
}

impl Framing {
    /// Takes bytes up to the end of a request. Returns its kind and the bytes after it, or none if
    /// it is not complete.
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Method, &'a [u8])>> {
        let (method, length, rest) = match self.body.take() {
            Some((method, length)) => (method, length, bytes),
            None => match self.take_head(bytes)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        if let Some((_, after)) = rest.split_at_checked(length) {
            return Ok(Some((method, after)));
        }
        self.body = Some((method, length - rest.len()));
        Ok(None)
    }

    /// Returns the kind and the body's length of a head that is complete, and the bytes after it.
    fn take_head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Method, usize, &'a [u8])>> {
        // A head nearly always comes in one piece and is read in place.
        if self.head.is_empty()
            && let Some(end) = end_of_head(bytes)
        {
            let (method, length) = read_head(&bytes[..end])?;
            return Ok(Some((method, length, &bytes[end..])));
        }
        let already = self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD_LIMIT)]);
        let Some(end) = end_of_head(&self.head) else {
            ensure!(self.head.len() <= HEAD_LIMIT, "the head is longer than {HEAD_LIMIT} bytes");
            return Ok(None);
        };
        let (method, length) = read_head(&self.head[..end])?;
        self.head.clear();
        Ok(Some((method, length, &bytes[end - already..])))
    }
}

/// Returns the length of the head at the start of `bytes`, with its blank line.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(BLANK_LINE.len()).position(|window| window == BLANK_LINE)?;
    Some(at + BLANK_LINE.len())
}

fn read_head(head: &[u8]) -> Result<(Method, usize)> {
    let head = str::from_utf8(head).context("the head is not UTF-8")?;
    let method = match head.split_once(" HTTP/") {
        Some(("GET /answered", _)) => Method::Count,
        Some((line, _)) if line.starts_with("POST ") => Method::Post,
        _ => Method::Other,
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    match (length, method) {
        (Some(length), _) => Ok((method, length.parse().context("content-length is not a number")?)),
        (None, Method::Other | Method::Count) => Ok((method, 0)),
        (None, Method::Post) => {
            anyhow::bail!("a POST needs content-length; chunked bodies are not supported")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: &[u8] = b"POST /a HTTP/1.1\r\nHost: x\r\nCONTENT-LENGTH: 6\r\n\r\n\r\n\r\nxx\
              GET /b HTTP/1.1\r\n\r\nGET /answered HTTP/1.0\r\n\r\n\
                              POST /c HTTP/1.1\r\ncontent-length: 0\r\n\r\n";

    fn methods(pieces: impl Iterator<Item = &'static [u8]>) -> Vec<Method> {
        let mut framing = Framing::default();
        let mut found = Vec::new();
        for piece in pieces {
            let mut rest = piece;
            while let Some((method, after)) = framing.next(rest).unwrap() {
                found.push(method);
                rest = after;
            }
        }
        found
    }

    #[test]
    fn requests_are_told_apart_however_they_are_cut() {
        for size in 1..=REQUESTS.len() {
            let found = methods(REQUESTS.chunks(size));
            assert_eq!(
                found,
                [Method::Post, Method::Other, Method::Count, Method::Post],
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn a_body_without_a_length_and_an_endless_head_are_errors() {
        assert!(Framing::default().next(b"POST / HTTP/1.1\r\n\r\n").is_err());
        assert!(Framing::default().next(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n").is_err());
        let mut framing = Framing::default();
        assert!(framing.next(&[b'x'; HEAD_LIMIT]).unwrap().is_none());
        assert!(framing.next(b"x").is_err());
    }
}
