//! A template taken apart at its holes.

use thiserror::Error;

use super::Piece;
use super::hole::{Filter, Hole, HoleName};

/// Error of a text that is not a template.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column} of the text: {reason}")]
pub struct TemplateError {
    /// Place of the fault in the text, in bytes.
    pub at: usize,
    /// Line of the text, from 1.
    pub line: usize,
    /// Column of that line in characters, from 1.
    pub column: usize,
    /// Reason.
    pub reason: String,
}

impl TemplateError {
    /// Returns the error of this text at this place, in bytes.
    pub fn new(text: &str, at: usize, reason: String) -> Self {
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            at,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason,
        }
    }
}

/// A text taken apart.
pub(super) struct Parsed {
    pub(super) pieces: Vec<Piece>,
    /// Place of the first backslash with a letter outside quotes, such as `\\n` in words, in bytes.
    pub(super) escape: Option<usize>,
}

/// Takes a template apart.
pub(super) fn parse(text: &str) -> Result<Parsed, TemplateError> {
    let mut pieces = Vec::new();
    let mut quotes = Quotes::default();
    let mut done = 0;
    while let Some(found) = text[done..].find("{{") {
        let mut at = done + found;
        // Of three braces, the first belongs to the text.
        while text[at + 2..].starts_with('{') {
            at += 1;
        }
        let fault = |reason| TemplateError::new(text, at, reason);
        let inside = &text[at + 2..];
        let Some(length) = inside.find("}}") else {
            return Err(fault(
                "a hole is opened by {{ and not closed by }}; two opening braces of the text itself are \
                 written {{open}}"
                    .to_owned(),
            ));
        };
        let mut parts = inside[..length].split('|').map(str::trim);
        let name = HoleName::parse(parts.next().unwrap_or_default()).map_err(fault)?;
        let filters = parts.map(Filter::parse).collect::<Result<Vec<_>, _>>().map_err(fault)?;
        let literal = &text[done..at];
        quotes.read(literal, done);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.as_bytes().into()));
        }
        done = at + 2 + length + 2;
        pieces.push(Piece::Hole(Hole { name, filters, span: at..done, is_quoted: quotes.is_within }));
    }
    if done < text.len() {
        pieces.push(Piece::Literal(text.as_bytes()[done..].into()));
        quotes.read(&text[done..], done);
    }
    Ok(Parsed { pieces, escape: quotes.escape })
}

/// Quotes of JSON, followed through the text between the holes. What a hole writes never ends them.
#[derive(Default)]
struct Quotes {
    is_within: bool,
    is_escaped: bool,
    escape: Option<usize>,
}

impl Quotes {
    /// Reads a literal that stands at this place of the text.
    fn read(&mut self, literal: &str, start: usize) {
        let next = |at: usize| literal.as_bytes().get(at - start + 1);
        for (at, byte) in (start..).zip(literal.bytes()) {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_within => self.is_escaped = true,
                b'\\' if matches!(next(at), Some(b'n' | b'r' | b't')) => {
                    self.escape.get_or_insert(at);
                }
                b'"' => self.is_within = !self.is_within,
                _ => {}
            }
        }
    }
}
