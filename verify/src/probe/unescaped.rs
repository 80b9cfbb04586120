//! A text as it is meant, with the place of each of its bytes in the text that it was read from: so a
//! value of JSON that stands in a text can be replaced where it stands.

use std::ops::Range;

/// A text without its escapes.
pub(super) struct Unescaped {
    pub(super) text: String,
    /// Place of each byte, and of the end.
    places: Vec<usize>,
}

impl Unescaped {
    /// Reads what stands within the quotes of a JSON text.
    pub(super) fn of_json(inner: &str) -> Self {
        let mut text = String::with_capacity(inner.len());
        let mut places = Vec::with_capacity(inner.len() + 1);
        let mut at = 0;
        while let Some(one) = inner[at..].chars().next() {
            let (meant, length) = if one == '\\' { escape(&inner[at..]) } else { (one, one.len_utf8()) };
            text.push(meant);
            places.resize(text.len(), at);
            at += length;
        }
        places.push(inner.len());
        Self { text, places }
    }

    /// Reads a percent-encoded value of a form; none if it is no text.
    pub(super) fn of_form(value: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(value.len());
        let mut places = Vec::with_capacity(value.len() + 1);
        let mut at = 0;
        while let Some(byte) = value.as_bytes().get(at) {
            let digits = value.get(at + 1..at + 3).filter(|_| *byte == b'%');
            let encoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(match (encoded, byte) {
                (Some(encoded), _) => encoded,
                (None, b'+') => b' ',
                (None, byte) => *byte,
            });
            places.push(at);
            at += if encoded.is_some() { 3 } else { 1 };
        }
        places.push(value.len());
        Some(Self { text: String::from_utf8(bytes).ok()?, places })
    }

    /// Returns the place of a part in the text that was read.
    pub(super) fn span(&self, part: &Range<usize>) -> Range<usize> {
        self.places[part.start]..self.places[part.end]
    }
}

/// Returns the character that an escape stands for, and the length of the escape.
fn escape(text: &str) -> (char, usize) {
    let unit = |at: usize| text.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    match text[1..].chars().next() {
        Some('u') => {
            let low = unit(8).filter(|_| text.get(6..8) == Some("\\u"));
            let units = [unit(2), low];
            let mut decoded = char::decode_utf16(units.into_iter().flatten());
            match decoded.next() {
                Some(Ok(one)) => (one, if one.len_utf16() == 2 { 12 } else { 6 }),
                _ => (char::REPLACEMENT_CHARACTER, text.len().min(6)),
            }
        }
        Some(one) => {
            let meant = match one {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                other => other,
            };
            (meant, 1 + one.len_utf8())
        }
        None => ('\\', 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_where_it_was_written() {
        let raw = r#"{\"a\":\"\u00e9\ud83d\ude00 x\",\"b\":1}"#;
        let read = Unescaped::of_json(raw);
        assert_eq!(read.text, "{\"a\":\"é😀 x\",\"b\":1}");
        let at = read.text.find('😀').unwrap();
        assert_eq!(&raw[read.span(&(at..at + 4))], "\\ud83d\\ude00");
        let end = read.text.len();
        assert_eq!(&raw[read.span(&(end - 2..end))], "1}");
        let form = "%7B%22a%22%3A%22b+c%22%7D";
        let read = Unescaped::of_form(form).unwrap();
        assert_eq!(read.text, r#"{"a":"b c"}"#);
        assert_eq!(&form[read.span(&(6..9))], "b+c");
        assert!(Unescaped::of_form("%ff").is_none());
        assert_eq!(Unescaped::of_form("5%").unwrap().text, "5%");
    }
}
