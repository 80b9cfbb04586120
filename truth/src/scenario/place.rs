//! Places in a scenario's file: the line and column of a fault within one of its texts.

use std::path::Path;

use thiserror::Error;
use toml::de::{DeTable, DeValue};

use super::{Scenario, ScenarioError};
use crate::target::Template;
use crate::target::secrets::MissingVariable;
use crate::target::template::{HoleName, TemplateError};

/// Fault within a text of the scenario, such as a body.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{key}, {fault}")]
pub struct TextFault {
    /// Key that holds the text, such as `target.publish.body`.
    pub key: String,
    /// Place in the text, and reason.
    pub fault: TemplateError,
}

impl TextFault {
    /// Returns the fault of a template that a key holds, at this place in bytes.
    pub fn new(key: &str, template: &Template, at: usize, reason: String) -> Self {
        Self { key: key.to_owned(), fault: TemplateError::new(template.as_str(), at, reason) }
    }
}

impl Scenario {
    /// Returns the error of a variable that requests with events need, with the text that names it.
    pub fn missing(&self, missing: &MissingVariable) -> ScenarioError {
        let name = HoleName::Env(missing.variable.clone());
        let before = self.target.before_templates();
        let beside = self.load.beside_templates();
        let all = self.target.publish_templates().into_iter().chain(before).chain(beside);
        for (key, template) in all {
            if let Some(hole) = template.holes().find(|hole| hole.name == name) {
                return TextFault::new(&key, template, hole.span.start, missing.to_string()).into();
            }
        }
        ScenarioError::Setting(missing.to_string())
    }
}

impl ScenarioError {
    /// Returns the same error with the line and column of the file, if the file shows them.
    #[must_use]
    pub fn located(self, path: &Path) -> Self {
        let Self::Text(fault) = self else { return self };
        let found = std::fs::read_to_string(path).ok().and_then(|text| in_file(&text, &fault));
        match found {
            None => Self::Text(fault),
            Some((line, column)) => {
                let TextFault { key, fault } = fault;
                let reason = format!("{key}: {}", fault.reason);
                Self::Located { path: path.display().to_string(), line, column, reason }
            }
        }
    }
}

/// Returns the error of a file whose template cannot be parsed, with the place of the fault itself;
/// `error` names only the text that holds it.
pub(super) fn of_parse(text: &str, path: &str, error: &toml::de::Error) -> Option<ScenarioError> {
    let span = error.span()?;
    let raw = text.get(span.clone())?;
    let value = DeValue::parse(raw).ok()?;
    let fault = Template::parse(value.get_ref().as_str()?).err()?;
    if fault.to_string() != error.message() {
        return None;
    }
    let (line, column) = line_and_column(text, span.start + raw_place(raw, fault.at));
    Some(ScenarioError::Located { path: path.to_owned(), line, column, reason: fault.reason })
}

/// Returns the line and column of a fault in the text of a scenario.
fn in_file(text: &str, fault: &TextFault) -> Option<(usize, usize)> {
    let table = DeTable::parse(text).ok()?;
    let mut rest = fault.key.as_str();
    let mut value = member(table.get_ref(), &mut rest)?;
    while !rest.is_empty() {
        value = match value.get_ref() {
            DeValue::Table(table) => member(table, &mut rest)?,
            DeValue::Array(list) => {
                let (index, after) = rest.split_once('.').unwrap_or((rest, ""));
                rest = after;
                list.get(index.parse::<usize>().ok()?)?
            }
            _ => return None,
        };
    }
    let span = value.span();
    let place = raw_place(&text[span.clone()], fault.fault.at);
    Some(line_and_column(text, span.start + place))
}

/// Returns the member of a table that a path begins with, and takes its name off the path. A name
/// may hold dots itself.
fn member<'a, 'i>(table: &'a DeTable<'i>, rest: &mut &str) -> Option<&'a toml::Spanned<DeValue<'i>>> {
    let ends = rest.match_indices('.').map(|(at, _)| at).chain([rest.len()]);
    for end in ends.collect::<Vec<_>>().into_iter().rev() {
        if let Some(value) = table.get(&rest[..end]) {
            *rest = rest.get(end + 1..).unwrap_or("");
            return Some(value);
        }
    }
    None
}

/// Returns the place in a text as it is written in TOML, with quotes and escapes, of a place in its
/// value.
fn raw_place(raw: &str, at: usize) -> usize {
    let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
    let is_basic = raw.starts_with('"');
    let mut place = quotes;
    if quotes == 3 {
        // A line feed right after the quotes is none of the value.
        let after = &raw[3..];
        place += if after.starts_with("\r\n") { 2 } else { usize::from(after.starts_with('\n')) };
    }
    let mut value = 0;
    while value < at && place < raw.len() {
        let rest = &raw[place..];
        let (written, meant) = if is_basic { escape(rest) } else { (char_len(rest), char_len(rest)) };
        place += written;
        value += meant;
    }
    place.min(raw.len())
}

/// Returns the length of the first character of a basic text as written, and of its meaning.
fn escape(rest: &str) -> (usize, usize) {
    let coded = |digits: usize| {
        let code = rest.get(2..2 + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        (2 + digits, code.and_then(char::from_u32).map_or(0, char::len_utf8))
    };
    match rest.as_bytes() {
        [b'\\', b'u', ..] => coded(4),
        [b'\\', b'U', ..] => coded(8),
        [b'\\', b'x', ..] => coded(2),
        // A backslash at the end of a line joins it with the next word.
        [b'\\', b' ' | b'\t' | b'\r' | b'\n', ..] => {
            let after = rest[1..].trim_start();
            (rest.len() - after.len(), 0)
        }
        [b'\\', ..] => (2, 1),
        _ => (char_len(rest), char_len(rest)),
    }
}

fn char_len(rest: &str) -> usize {
    rest.chars().next().map_or(1, char::len_utf8)
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let TemplateError { line, column, .. } = TemplateError::new(text, at, String::new());
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_in_the_file_however_its_text_is_written() {
        for (file, key) in [
            ("[target.publish]\nbody = 'ab{{x}}'", "target.publish.body"),
            ("[target.publish]\nbody = \"\\u00e9b{{x}}\"", "target.publish.body"),
            ("target = { publish = { body = \"a\\t{{x}}\" } }", "target.publish.body"),
            ("[target.publish]\nbody = '''\nab{{x}}'''", "target.publish.body"),
            ("[target.publish]\nbody = \"\"\"\\\n  ab{{x}}\"\"\"", "target.publish.body"),
            ("[target]\nheaders.\"x.y\" = 'ab{{x}}'", "target.headers.x.y"),
            ("[[target.before]]\n[[target.before]]\nbody = 'ab{{x}}'", "target.before.1.body"),
        ] {
            let value = if file.contains("u00e9") { "\u{e9}b{{x}}" } else { "ab{{x}}" };
            let template = Template::parse(value).unwrap();
            let at = template.holes().next().unwrap().span.start;
            let fault = TextFault::new(key, &template, at, "unknown".to_owned());
            let (line, column) = in_file(file, &fault).unwrap_or_else(|| panic!("{file}"));
            let found = file.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect::<String>();
            assert!(found.starts_with("{{x}}"), "{file}: line {line}, column {column}");
        }
    }
}
