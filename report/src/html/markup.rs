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

/// Prints a sentence of the judge: what stands in backquotes is set as code.
pub(super) fn prose(sentence: &str) -> String {
    let mut out = String::new();
    for (nth, part) in sentence.split('`').enumerate() {
        let (open, close) = if nth % 2 == 1 { ("<code>", "</code>") } else { ("", "") };
        write!(out, "{open}{}{close}", text(part)).expect("a String takes all that is written");
    }
    out
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
}
