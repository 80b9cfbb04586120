//! A request as text, with marks in place of variables.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Beginning and end of the name of a variable in the texts of a request.
pub(in crate::probe) const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// Request that its owner gave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::probe) struct Given {
    /// Method, in capitals.
    pub(in crate::probe) method: String,
    /// Whole URL.
    pub(in crate::probe) url: String,
    /// Header fields, in their order.
    pub(in crate::probe) headers: Vec<(String, String)>,
    /// Body; empty if there is none.
    pub(in crate::probe) body: String,
    /// Sentences about what was left out or changed.
    pub(in crate::probe) notes: Vec<String>,
}

/// Reason why a request cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(in crate::probe) enum GivenError {
    /// The text has none of the known forms, or breaks the rules of the form that it seems to have.
    #[error("the request is not a {form}: {reason}")]
    Form {
        /// Form that it seems to have.
        form: &'static str,
        /// Reason.
        reason: String,
    },
    /// A flag of curl cannot be used.
    #[error("{flag} of the curl line cannot be used: {reason}")]
    Flag {
        /// Flag.
        flag: String,
        /// Reason, and what to do.
        reason: String,
    },
    /// Part of a shell line that only a shell can run.
    #[error(
        "the curl line has {what}, which is never run: put its output into a variable and write $NAME in its place"
    )]
    Shell {
        /// Part of the line.
        what: &'static str,
    },
    /// A file that the request names cannot be read.
    #[error("cannot read {path}, which the request names: {reason}")]
    File {
        /// Path, as it is written.
        path: String,
        /// Cause.
        reason: String,
    },
    /// Several requests could be meant.
    #[error("the HAR has several requests with a body; choose one with --entry: {choice}")]
    Several {
        /// Numbers with methods and URLs.
        choice: String,
    },
    /// The request sends nothing.
    #[error("{method} {url} has no body and no event; give the request that sends an event")]
    Empty {
        /// Method.
        method: String,
        /// URL without its query.
        url: String,
    },
}

/// Reader of the files that a request names.
pub(in crate::probe) type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<String>;

impl Given {
    /// Returns the value of a header field.
    pub(in crate::probe) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Variable of a login that is made of several variables.
const LOGIN: &str = "INGEST_USER_PASSWORD";

/// Returns the credentials of `user:password` as a header value, and a note if they are made of
/// variables: a template encodes one variable, and no text around it.
pub(in crate::probe) fn basic(pair: &str) -> (String, Option<String>) {
    let variables: Vec<&str> = marked(pair).collect();
    match variables.as_slice() {
        [] => (format!("Basic {}", STANDARD.encode(pair)), None),
        [only] if pair == mark(only) => (format!("Basic {}", mark_base64(only)), None),
        _ => {
            let shown = unmarked(pair, str::to_owned, |variable| format!("${variable}"));
            let is_open = |part: &str| part.is_empty() || part.starts_with('$');
            // Part of the login stands in the line itself, and is not repeated.
            let shown = match shown.split(':').all(is_open) {
                true => format!("\"{shown}\""),
                false => "user:password".to_owned(),
            };
            let note = format!(
                "its login is made of variables, and the scenario can encode one alone: export {LOGIN}={shown}"
            );
            (format!("Basic {}", mark_base64(LOGIN)), Some(note))
        }
    }
}

/// Returns a URL as it may be shown: without its login, query and fragment, which may hold secrets.
pub(in crate::probe) fn bare(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{}{host}{path}", if scheme.is_empty() { "" } else { "://" })
}

/// Returns the mark of a variable, which stands for its value in the texts of a request.
pub(in crate::probe) fn mark(variable: &str) -> String {
    format!("{}{variable}{}", MARKS[0], MARKS[1])
}

/// Returns the mark of a variable whose value is encoded in base64 where it stands.
pub(in crate::probe) fn mark_base64(variable: &str) -> String {
    mark(&format!("{variable}|base64"))
}

/// Filter of a mark that stands for a number of JSON. It is in quotes, so that the text stays JSON.
const NUMBER: &str = "|number";

/// Returns the mark of a variable whose value is a number of JSON.
pub(in crate::probe) fn mark_number(variable: &str) -> String {
    format!("\"{}\"", mark(&format!("{variable}{NUMBER}")))
}

/// Returns a text in which the marks of numbers have no quotes.
fn with_numbers(text: &str) -> String {
    let end = format!("{NUMBER}{}\"", MARKS[1]);
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split(&end).peekable();
    while let Some(part) = parts.next() {
        match part.rsplit_once(&format!("\"{}", MARKS[0])).filter(|_| parts.peek().is_some()) {
            Some((before, variable)) => {
                out.push_str(before);
                out.push_str(&mark(variable));
            }
            None => out.push_str(part),
        }
    }
    out
}

/// Returns a text with each marked variable, and its filter, as `change` writes it, and the rest as `keep` does.
pub(in crate::probe) fn unmarked(
    text: &str,
    keep: impl Fn(&str) -> String,
    change: impl Fn(&str) -> String,
) -> String {
    let text = with_numbers(text);
    let mut parts = text.split(MARKS[0]);
    let mut out = keep(parts.next().unwrap_or_default());
    for part in parts {
        let (variable, rest) = part.split_once(MARKS[1]).unwrap_or((part, ""));
        out.push_str(&change(variable));
        out.push_str(&keep(rest));
    }
    out
}

/// Returns the variables that a text marks.
pub(in crate::probe) fn marked(text: &str) -> impl Iterator<Item = &str> {
    let marks = text.split(MARKS[0]).skip(1).filter_map(|part| part.split_once(MARKS[1]));
    marks.map(|(variable, _)| variable.split('|').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (url, shown) in [
            ("https://me:p@ss@h:1/a/b@c?k=s#f", "https://h:1/a/b@c"),
            ("me:hunter2@h?k=s", "h"),
            ("http://h#f", "http://h"),
            ("h/p", "h/p"),
        ] {
            assert_eq!(bare(url), shown);
        }
    }

    #[test]
    fn a_login_of_variables_is_encoded_by_the_scenario() {
        let whole = mark("LOGIN");
        assert_eq!(basic(&whole), (format!("Basic {}", mark_base64("LOGIN")), None));
        let (both, note) = basic(&format!("{}:{}", mark("U"), mark("P")));
        assert_eq!(both, format!("Basic {}", mark_base64(LOGIN)));
        assert!(note.unwrap().ends_with("export INGEST_USER_PASSWORD=\"$U:$P\""));
        let (_, note) = basic(&format!("me:x{}", mark("P")));
        assert!(note.unwrap().ends_with("=user:password"), "a part that was given is not shown");
        assert_eq!(marked(&both).collect::<Vec<_>>(), [LOGIN]);
    }

    #[test]
    fn a_marked_variable_is_found_and_replaced() {
        let text = format!("a{}b{}", mark("X"), mark("Y_1"));
        assert_eq!(marked(&text).collect::<Vec<_>>(), ["X", "Y_1"]);
        assert_eq!(unmarked(&text, str::to_uppercase, |name| format!("<{name}>")), "A<X>B<Y_1>");
        let numbers = format!("{{\"a\":{},\"b\":{}}}", mark_number("X"), mark_number("Y"));
        assert_eq!(unmarked(&numbers, str::to_owned, |name| format!("<{name}>")), "{\"a\":<X>,\"b\":<Y>}");
        assert_eq!(marked(&numbers).collect::<Vec<_>>(), ["X", "Y"]);
    }
}
