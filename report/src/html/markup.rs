//! Markup in the making. Text of a target or a run folder is put in by [`text`] alone, which
//! escapes it.

use std::fmt::{self, Write};

use truth::printable::printable;

/// Markup in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds markup of this crate, with the values in it.
    pub(super) fn add(&mut self, markup: fmt::Arguments<'_>) {
        self.0.write_fmt(markup).expect("a String takes all that is written");
    }

    /// Adds other markup.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// Returns the markup.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Adds markup, written as `format!` takes it. Values that are text go through [`text`].
macro_rules! html {
    ($out:expr, $($markup:tt)+) => { $out.add(format_args!($($markup)+)) };
}
pub(super) use html;

/// Foreign text, printable and escaped for elements and attributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<'a>(&'a str);

/// Escapes a text.
pub(super) fn text(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = printable(self.0);
        let mut rest = &*shown;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            out.write_str(&rest[..at])?;
            out.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        out.write_str(rest)
    }
}

/// Prints a sentence of the judge: what stands in backquotes is set as code, and words that are read from
/// right to left do not turn what stands beside them.
pub(super) fn prose(sentence: &str) -> String {
    let mut out = String::new();
    for (nth, part) in sentence.split('`').enumerate() {
        match nth % 2 {
            1 => write!(out, "<code>{}</code>", isolated(part)).expect("a String takes all that is written"),
            _ => out.push_str(&isolated(part)),
        }
    }
    out
}

/// Escapes a text for an element, with each run of letters that are read from right to left in an element
/// of its own. In an attribute or in a picture, [`text`] is to be used.
pub(super) fn isolated(whole: &str) -> String {
    let mut out = String::new();
    let mut rest = whole;
    while let Some(from) = rest.find(is_right_to_left) {
        let length = rest[from..].find(|one| !is_right_to_left(one)).unwrap_or(rest.len() - from);
        let (before, turned) = (&rest[..from], &rest[from..from + length]);
        write!(out, "{}<bdi>{}</bdi>", text(before), text(turned))
            .expect("a String takes all that is written");
        rest = &rest[from + length..];
    }
    write!(out, "{}", text(rest)).expect("a String takes all that is written");
    out
}

/// Returns true for letters of scripts that are read from right to left.
fn is_right_to_left(one: char) -> bool {
    matches!(
        one,
        '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_printable() {
        let shown = text("<b a=\"'&'\">\u{202e}\n").to_string();
        assert_eq!(shown, "&lt;b a=&quot;&#39;&amp;&#39;&quot;&gt;\\u{202e}\\n");
    }

    #[test]
    fn code_in_a_sentence_is_closed_even_where_a_backquote_is_missing() {
        assert_eq!(prose("set `a = \"<\"` here"), "set <code>a = &quot;&lt;&quot;</code> here");
        assert_eq!(prose("an odd ` one"), "an odd <code> one</code>");
    }

    #[test]
    fn words_that_are_read_from_right_to_left_turn_nothing_beside_them() {
        assert_eq!(prose("(שלום, 12) of 13"), "(<bdi>שלום</bdi>, 12) of 13");
        assert_eq!(prose("`שלום:1` 12 אב"), "<code><bdi>שלום</bdi>:1</code> 12 <bdi>אב</bdi>");
        assert_eq!(prose("Zürich 東京"), "Zürich 東京");
    }
}
