//! Foreign text made fit for people: what a target or a run folder says may hold characters that
//! move a cursor, paint a terminal, or turn the order of what stands beside them.

use std::borrow::Cow;
use std::fmt::Write;

use crate::target::secrets::masked;

/// Returns a text as one line that shows all its characters, but no guarded secret. Control
/// characters, marks of direction and invisible formats are escaped as in Rust: `\n`, `\u{1b}`,
/// `\u{202e}`. Nothing else is changed, backslashes included.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(masked(text), is_hidden, |out, hidden| write!(out, "{}", hidden.escape_default()))
}

/// Returns JSON of the same meaning that shows all its characters: those that [`printable`] escapes
/// are escaped as in JSON. Line feeds stay, because within strings JSON has none.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let is_hidden = |one: char| one != '\n' && is_hidden(one);
    escaped(masked(json), is_hidden, |out, hidden| {
        hidden.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
    })
}

fn escaped(
    text: Cow<'_, str>,
    is_hidden: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for one in text.chars() {
        if is_hidden(one) {
            escape(&mut out, one).expect("a String takes all that is written");
        } else {
            out.push(one);
        }
    }
    Cow::Owned(out)
}

/// Returns true for characters that are not seen, or change how others are seen. The joiners
/// U+200C and U+200D are part of words in some scripts.
fn is_hidden(one: char) -> bool {
    one.is_control()
        || matches!(
            one,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_paints_or_turns_is_escaped_and_the_rest_stays() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\r\n\tb", "a\\r\\n\\tb"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("gpj.\u{202e}exe\u{2066}", "gpj.\\u{202e}exe\\u{2066}"),
            ("a\u{ad}b\u{34f}c\u{3164}", "a\\u{ad}b\\u{34f}c\\u{3164}"),
            ("\u{200e}\u{feff}\u{2028}\u{e0041}", "\\u{200e}\\u{feff}\\u{2028}\\u{e0041}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        for text in ["auth", "C:\\new", "Zürich 東京 שלום 👩‍💻", ""] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn json_keeps_its_meaning_and_its_lines() {
        let value = serde_json::json!({ "topic": "a\u{1b}[2J\n\u{202e}\u{9b}\u{e0041}b" });
        let json = serde_json::to_string_pretty(&value).unwrap();
        let shown = printable_json(&json);
        assert!(shown.chars().all(|one| one == '\n' || !is_hidden(one)), "{shown}");
        assert_eq!(shown.lines().count(), 3, "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
