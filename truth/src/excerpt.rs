//! Beginning of foreign bytes, fit to be shown.

use crate::printable::printable;

/// Returns the first `most` characters of bytes that may be no text, printable and without blanks
/// around them.
pub fn excerpt(bytes: &[u8], most: usize) -> String {
    // A character has four bytes at most.
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * most)]);
    let short: String = head.trim().chars().take(most).collect();
    printable(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_printable_whatever_the_bytes_are() {
        assert_eq!(excerpt(b"  not\nfound  ", 100), "not\\nfound");
        assert_eq!(excerpt(&[b'a'; 1_000], 5), "aaaaa");
        assert_eq!(excerpt("\u{e9}".repeat(9).as_bytes(), 4), "\u{e9}".repeat(4));
        assert_eq!(excerpt(&[0xff, 0x1b], 4), "\u{fffd}\\u{1b}");
        assert_eq!(excerpt("a\u{202e}b".as_bytes(), 4), "a\\u{202e}b");
    }
}
