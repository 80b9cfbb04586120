//! Answers made up at random: legal ones are read as they were made, and whatever else comes is an
//! answer or an error, the same however it is cut. `PROPTEST_CASES=10000000 cargo test --release -p
//! onceproof-loadgen fuzz` goes on for longer.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// Result of reading: status and body, or an error, or nothing yet.
type Read = Result<Option<(u16, Vec<u8>)>, Malformed>;

/// Reads these bytes in pieces that end at `cuts`, and then, perhaps, the end of the connection.
fn read(bytes: &[u8], cuts: &[Index], closed: bool) -> Read {
    let mut ends: Vec<usize> =
        cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    let mut reader = AnswerReader::default();
    let mut begin = 0;
    for end in ends {
        reader.input().extend_from_slice(&bytes[begin..end]);
        begin = end;
        if let Some(whole) = reader.advance().map_err(without_text)? {
            return Ok(Some((whole.status, reader.body().to_vec())));
        }
    }
    if !closed {
        return Ok(None);
    }
    let whole = reader.end()?;
    Ok(Some((whole.status, reader.body().to_vec())))
}

/// Returns an error without the bytes that it shows, which are those that had come by then.
fn without_text(error: Malformed) -> Malformed {
    match error {
        Malformed::Head { error, .. } => Malformed::Head { error, begins: String::new() },
        other => other,
    }
}

/// End of a legal response's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    Length,
    Chunks,
    Close,
}

/// A legal answer, with what it says.
#[derive(Clone, Debug)]
struct Legal {
    bytes: Vec<u8>,
    status: u16,
    body: Vec<u8>,
    closed: bool,
}

fn legal() -> impl Strategy<Value = Legal> {
    let name = select(&["content-length", "Content-Length", "CONTENT-LENGTH"][..]);
    let field = "(X-[A-Za-z0-9]{1,8}|Date|Server): ?[ -~]{0,20}";
    let ends = select(&[Ends::Length, Ends::Chunks, Ends::Close][..]);
    let chunk_sizes = vec(1..9_usize, 1..6);
    (
        (200..600_u16).prop_filter("they have no body", |status| !matches!(status, 204 | 304)),
        vec(any::<u8>(), 0..60),
        vec(field, 0..4),
        ends,
        chunk_sizes,
        name,
        0..3_usize,
        "[ -~]{0,10}",
    )
        .prop_map(|(status, body, fields, ends, sizes, length, interim, reason)| {
            let mut bytes = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n".repeat(interim);
            bytes.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
            fields.iter().for_each(|field| bytes.extend_from_slice(format!("{field}\r\n").as_bytes()));
            match ends {
                Ends::Length => {
                    bytes.extend_from_slice(format!("{length}: {}\r\n\r\n", body.len()).as_bytes());
                    bytes.extend_from_slice(&body);
                }
                Ends::Close => {
                    bytes.extend_from_slice(b"\r\n");
                    bytes.extend_from_slice(&body);
                }
                Ends::Chunks => {
                    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    let mut rest = &body[..];
                    let mut sizes = sizes.into_iter().cycle();
                    while !rest.is_empty() {
                        let (chunk, after) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                        bytes.extend_from_slice(format!("{:X};a=b\r\n", chunk.len()).as_bytes());
                        bytes.extend_from_slice(chunk);
                        bytes.extend_from_slice(b"\r\n");
                        rest = after;
                    }
                    bytes.extend_from_slice(b"0\r\nTrailer: x\r\n\r\n");
                }
            }
            Legal { bytes, status, body, closed: ends == Ends::Close }
        })
}

/// Pieces of answers in any order.
fn rubble() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/2 200\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 4\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: 18446744073709551616\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Connection: close\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"3\r\nabc\r\n",
        b"ffffffffffffffff\r\n",
        b"3;x=\"\r\n",
        b"0\r\n\r\n",
        b"abc",
        b"\0",
    ];
    let piece = prop_oneof![
        4 => select(pieces).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..8),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_legal_answer_is_read_as_it_was_made(answer in legal(), cuts in vec(any::<Index>(), 0..6)) {
        let read = read(&answer.bytes, &cuts, answer.closed);
        prop_assert_eq!(read, Ok(Some((answer.status, answer.body))));
    }

    #[test]
    fn a_legal_answer_that_was_damaged_is_read_alike_however_it_is_cut(
        answer in legal(),
        place in any::<Index>(),
        byte in any::<u8>(),
        how in 0..4,
        cuts in vec(any::<Index>(), 0..6),
        closed: bool,
    ) {
        let mut bytes = answer.bytes;
        let place = place.index(bytes.len());
        match how {
            0 => bytes[place] = byte,
            1 => bytes.insert(place, byte),
            2 => drop(bytes.remove(place)),
            _ => bytes.truncate(place),
        }
        prop_assert_eq!(read(&bytes, &cuts, closed), read(&bytes, &[], closed));
    }

    #[test]
    fn rubble_is_read_alike_however_it_is_cut(bytes in rubble(), cuts in vec(any::<Index>(), 0..6), closed: bool) {
        prop_assert_eq!(read(&bytes, &cuts, closed), read(&bytes, &[], closed));
    }

    #[test]
    fn an_answer_that_is_cut_short_is_never_whole(answer in legal(), end in any::<Index>()) {
        if !answer.closed {
            let end = end.index(answer.bytes.len());
            let cut = &answer.bytes[..end];
            prop_assert_eq!(read(cut, &[], false), Ok(None));
            prop_assert_eq!(read(cut, &[], true), Err(Malformed::Truncated));
        }
    }
}
