//! Beginning of foreign bytes, fit to be shown.

use crate::printable::printable;
use crate::target::secrets::masked_beginning;

/// Length that a secret may have, and still be found where an excerpt cuts it.
const LONGEST_SECRET: usize = 8 << 10;

/// Returns the first `most` characters of bytes that may be no text, printable, without blanks
/// around them and without guarded secrets.
pub fn excerpt(bytes: &[u8], most: usize) -> String {
    printable(&beginning(bytes, most)).into_owned()
}

/// Returns the first `most` characters of bytes that may be no text, without blanks around them and
/// without guarded secrets. A secret is replaced before it could be cut.
pub fn beginning(bytes: &[u8], most: usize) -> String {
    // A character has four bytes at most.
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * most + LONGEST_SECRET)]);
    masked_beginning(head.trim()).chars().take(most).collect::<String>().trim_end().to_owned()
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

    #[test]
    fn a_secret_is_replaced_before_it_is_cut() {
        crate::target::secrets::guard("env:CUT", "secret-of-this-excerpt");
        assert_eq!(excerpt(b"ab secret-of-this-excerpt", 10), "ab {{env:C");
    }
}
