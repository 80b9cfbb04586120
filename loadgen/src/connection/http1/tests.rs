use super::*;

/// Returns the result of reading these bytes, cut in two at `split`: status, reusable, body.
fn read(bytes: &[u8], split: usize, closed: bool) -> Result<Option<(u16, bool, Vec<u8>)>, Malformed> {
    read_by(AnswerReader::default(), bytes, split, closed)
}

fn read_by(
    mut reader: AnswerReader,
    bytes: &[u8],
    split: usize,
    closed: bool,
) -> Result<Option<(u16, bool, Vec<u8>)>, Malformed> {
    for piece in [&bytes[..split], &bytes[split..]] {
        reader.input().extend_from_slice(piece);
        if let Some(whole) = reader.advance()? {
            return Ok(Some((whole.status, whole.reusable, reader.body().to_vec())));
        }
    }
    if closed {
        let whole = reader.end()?;
        return Ok(Some((whole.status, whole.reusable, reader.body().to_vec())));
    }
    Ok(None)
}

fn answer(status: u16, reusable: bool, body: &str) -> Result<Option<(u16, bool, Vec<u8>)>, Malformed> {
    Ok(Some((status, reusable, body.as_bytes().to_vec())))
}

#[test]
fn whole_answers_read_the_same_however_they_are_split() {
    let table: [(&str, u16, bool, &str); 10] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, true, "hello"),
        ("HTTP/1.1 422 \r\ncontent-length: 2\r\nConnection: x, Close\r\n\r\n{}", 422, false, "{}"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, false, "{}"),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", 200, true, "{}"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, true, ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, true, ""),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
            200,
            true,
            "1",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, true, "abc"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, true, "abc"),
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n", 503, true, ""),
    ];
    for (text, status, reusable, body) in table {
        for split in 0..text.len() {
            let read = read(text.as_bytes(), split, false);
            assert_eq!(read, answer(status, reusable, body), "{text:?} at {split}");
        }
    }
}

#[test]
fn an_answer_without_a_length_ends_with_its_connection() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"accepted\":1}";
    for split in 0..text.len() {
        assert_eq!(read(text, split, false), Ok(None));
        assert_eq!(read(text, split, true), answer(200, false, "{\"accepted\":1}"));
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_truncated() {
    for text in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ] {
        for end in 0..text.len() {
            assert_eq!(read(&text[..end], end / 2, true), Err(Malformed::Truncated), "{end}");
        }
    }
}

#[test]
fn bytes_beyond_an_answer_end_its_connection() {
    for text in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\nx",
        b"HTTP/1.1 204 No Content\r\n\r\nx",
    ] {
        let (_, reusable, body) = read(text, 0, false).unwrap().unwrap();
        assert!(!reusable, "{:?}", String::from_utf8_lossy(text));
        assert!(body.is_empty() || body == b"1");
    }
}

#[test]
fn what_is_surely_no_answer_is_malformed() {
    let table: [(&[u8], Malformed); 9] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Malformed::Length),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", Malformed::Length),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Malformed::Length),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Malformed::Length),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            Malformed::Coding("gzip, chunked".to_owned()),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", Malformed::BodyTooLong),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n", Malformed::BodyTooLong),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Malformed::Switch),
        (
            b"ICY 200\x1b\r\n\r\n",
            Malformed::Head { error: httparse::Error::Version, begins: "ICY 200\\u{1b}".to_owned() },
        ),
    ];
    for (text, expected) in table {
        assert_eq!(read(text, 0, false), Err(expected), "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn heads_and_bodies_are_bounded() {
    let mut endless_head = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    endless_head.resize(MAX_HEAD + 1, b'x');
    assert_eq!(read(&endless_head, 0, false), Err(Malformed::HeadTooLong));
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD / 20);
    assert_eq!(read(&interim, 0, false), Err(Malformed::HeadTooLong));
    let mut endless_body = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless_body.resize(MAX_BODY + 20, b'x');
    assert_eq!(read(&endless_body, 0, false), Err(Malformed::BodyTooLong));
}

#[test]
fn bodies_that_are_dropped_end_where_they_would_and_are_nowhere() {
    let framed = [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..], true, false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, false),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true, false),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", false, true),
    ];
    let reader = || AnswerReader::new(Bodies::Dropped);
    for (text, reusable, closed) in framed {
        for split in 0..text.len() {
            let read = read_by(reader(), text, split, closed);
            assert_eq!(read, answer(200, reusable, ""), "{:?} at {split}", String::from_utf8_lossy(text));
        }
    }
    let surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello";
    assert_eq!(read_by(reader(), surplus, 0, false), answer(200, false, ""));
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
    assert_eq!(read_by(reader(), cut, 9, true), Err(Malformed::Truncated));
}

#[test]
fn the_beginning_of_a_body_that_is_dropped_is_shown_if_the_status_is_no_success() {
    let long = "x".repeat(3 * EXCERPT);
    for (status, shown) in [(500, EXCERPT), (404, EXCERPT), (302, EXCERPT), (200, 0), (204, 0)] {
        for framed in [
            format!("Content-Length: {}\r\n\r\n{long}", long.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len()),
            format!("\r\n{long}"),
        ] {
            let text = format!("HTTP/1.1 {status} S\r\nLocation: /a\r\nRetry-After: 1\r\n{framed}");
            let mut reader = AnswerReader::new(Bodies::Dropped);
            for piece in text.as_bytes().chunks(100) {
                reader.input().extend_from_slice(piece);
                reader.advance().unwrap();
            }
            assert_eq!(reader.excerpt().len(), shown, "{status} {framed:.20}");
            assert_eq!(reader.advice().location(), if status == 302 { &b"/a"[..] } else { b"" });
            reader.reset();
            assert!(reader.excerpt().is_empty());
        }
    }
}

#[test]
fn bodies_that_are_dropped_have_any_length_in_bounded_memory() {
    let piece = vec![b'x'; 1 << 20];
    for (head, before, after, end) in [
        ("Content-Length: 33554432\r\n\r\n", "", "", ""),
        ("Transfer-Encoding: chunked\r\n\r\n", "100000\r\n", "\r\n", "0\r\n\r\n"),
        ("\r\n", "", "", ""),
    ] {
        let mut reader = AnswerReader::new(Bodies::Dropped);
        reader.input().extend_from_slice(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes());
        let mut whole = reader.advance().unwrap();
        for _ in 0..32 {
            assert_eq!(whole, None, "{head}");
            for bytes in [before.as_bytes(), &piece, after.as_bytes()] {
                reader.input().extend_from_slice(bytes);
            }
            whole = reader.advance().unwrap();
            assert!(reader.input().len() < MAX_HEAD && reader.body().is_empty());
        }
        reader.input().extend_from_slice(end.as_bytes());
        let whole = whole.or(reader.advance().unwrap()).or_else(|| reader.end().ok());
        assert_eq!(whole.map(|whole| whole.status), Some(200), "{head}");
    }
}

#[test]
fn an_answer_to_head_ends_with_its_head() {
    for length in ["Content-Length: 99999999\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let text = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n{length}\r\n");
        for split in 0..text.len() {
            let read = read_by(AnswerReader::new(Bodies::Absent), text.as_bytes(), split, false);
            assert_eq!(read, answer(200, true, ""), "{length} at {split}");
        }
        let more = read_by(AnswerReader::new(Bodies::Absent), format!("{text}x").as_bytes(), 0, false);
        assert_eq!(more, answer(200, false, ""), "a byte of a body is one too many");
    }
}

#[test]
fn a_field_of_the_final_response_is_found_by_its_name() {
    for framed in ["Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"] {
        let text = format!(
            "HTTP/1.1 103 Early Hints\r\nX-A: early\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n{framed}"
        );
        let mut reader = AnswerReader::default();
        for piece in text.as_bytes().chunks(7) {
            reader.input().extend_from_slice(piece);
            reader.advance().unwrap();
        }
        assert_eq!(reader.field("x-a"), Some(&b"1"[..]), "{framed}");
        assert_eq!((reader.field("x-b"), reader.body()), (None, &b"{}"[..]));
        reader.reset();
        assert_eq!(reader.field("x-a"), None);
    }
}

#[test]
fn a_reader_is_as_new_after_each_answer() {
    let mut reader = AnswerReader::default();
    for text in [
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ] {
        reader.reset();
        reader.input().extend_from_slice(text);
        assert!(reader.advance().unwrap().unwrap().reusable);
        assert_eq!(reader.body(), b"abc");
    }
}
