//! Places in a scenario's file: the line and column of a fault.

use std::collections::BTreeSet;
use std::path::Path;

use thiserror::Error;
use toml::de::{DeTable, DeValue};

use super::{Scenario, ScenarioError, misplaced};
use crate::chain::chain;
use crate::target::Template;
use crate::target::secrets::{MissingVariable, Secrets};
use crate::target::template::{HoleName, TemplateError};

mod named;

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
        for (key, template) in self.texts() {
            if let Some(hole) = template.holes().find(|hole| hole.name == name) {
                return TextFault::new(&key, template, hole.span.start, missing.to_string()).into();
            }
        }
        let written = format!("env:{}", missing.variable);
        let values = self.events.values.written_texts();
        let value = values.into_iter().find(|(_, _, text)| *text == written);
        value.map_or_else(
            || ScenarioError::Setting(missing.to_string()),
            |(key, _, text)| TextFault::new(&key, &Template::literal(text), 0, missing.to_string()).into(),
        )
    }

    /// Returns the errors of all variables that the scenario names and that have no value.
    pub fn missing_variables(&self) -> Vec<ScenarioError> {
        let templates = self.texts();
        let named = templates.iter().flat_map(|(_, template)| template.variables());
        let named: BTreeSet<&str> = named.chain(self.events.values.variables()).collect();
        let missing = named.into_iter().filter_map(|name| Secrets::read([name]).err());
        missing.map(|missing| self.missing(&missing)).collect()
    }

    /// Texts of all requests, with the keys that hold them.
    fn texts(&self) -> Vec<(String, &Template)> {
        let before = self.target.before_templates();
        let beside = self.load.beside_templates();
        let reads = self.target.keyed_read_templates();
        self.target.publish_templates().into_iter().chain(before).chain(beside).chain(reads).collect()
    }
}

impl ScenarioError {
    /// Returns the same error with the line and column of the file, if the file shows them. An error
    /// that the file alone does not have comes from a flag or a variable, and stays.
    #[must_use]
    pub fn located(self, path: &Path) -> Self {
        let Ok(text) = std::fs::read_to_string(path) else { return self };
        let (place, reason) = match &self {
            Self::Text(TextFault { key, fault }) => {
                (in_file(&text, key, fault), format!("{key}: {}", fault.reason))
            }
            Self::Setting(_) | Self::Share(_) | Self::Executor(_) | Self::Plan(_) if self.is_of(path) => {
                let message = chain(&self);
                (named::place(&text, &message), message)
            }
            _ => return self,
        };
        match place {
            Some(place) => Self::at(&path.display().to_string(), &text, place, reason),
            None => self,
        }
    }

    /// Returns an error at a place of a file, in bytes.
    fn at(path: &str, text: &str, place: usize, reason: String) -> Self {
        let (line, column) = line_and_column(text, place);
        Self::Located { path: path.to_owned(), line, column, reason }
    }

    /// True if the scenario of a file alone has this error.
    fn is_of(&self, path: &Path) -> bool {
        let error = Scenario::load(path).and_then(|scenario| scenario.plan(1, 1)).err();
        error.is_some_and(|error| chain(&error) == chain(self))
    }
}

/// True if a scenario's file has a key, such as `target.url`.
pub fn names_key(path: &Path, key: &str) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let document = DeTable::parse(&text).ok();
    document.is_some_and(|document| find(document.get_ref(), key).is_some_and(|found| found.rest.is_empty()))
}

/// Returns the error of a file that is not TOML, or not a scenario.
pub(super) fn of_parse(text: &str, path: &str, error: &toml::de::Error) -> ScenarioError {
    let place = error.span().map_or(0, |span| span.start);
    if let Some((place, reason)) = of_template(text, error) {
        return ScenarioError::at(path, text, place, reason);
    }
    // An error of a whole table stands at its first line, and names the key.
    let message = error.message().trim_end().replace('\n', " ");
    let place = named::place(text, &message).filter(|named| *named > place).unwrap_or(place);
    let advice = misplaced::hint(text, error).or_else(|| quotes(&message)).or_else(|| twice(text, error));
    let advice = advice.map(|advice| format!(" ({advice})")).unwrap_or_default();
    let message = message.replacen("unknown variant `", "unknown value `", 1);
    ScenarioError::at(path, text, place, message + &advice)
}

/// Returns the place and the reason of a template that cannot be parsed; the error itself names only
/// the text that holds it.
fn of_template(text: &str, error: &toml::de::Error) -> Option<(usize, String)> {
    let span = error.span()?;
    let raw = text.get(span.clone())?;
    let value = DeValue::parse(raw).ok()?;
    let fault = Template::parse(value.get_ref().as_str()?).err()?;
    (fault.to_string() == error.message()).then(|| (span.start + raw_place(raw, fault.at), fault.reason))
}

/// Returns the advice on a number that should be a text.
fn quotes(message: &str) -> Option<String> {
    let rest = message.strip_prefix("invalid type: ")?;
    let number = rest.strip_prefix("integer `").or_else(|| rest.strip_prefix("floating point `"))?;
    let (number, expected) = number.split_once('`')?;
    expected.contains("a string").then(|| format!("write it in quotes: \"{number}\""))
}

/// Returns the advice on a key that stands in a table twice.
fn twice(text: &str, error: &toml::de::Error) -> Option<String> {
    let key = text.get(error.span()?).filter(|_| error.message().starts_with("duplicate key"))?;
    Some(format!("`{key}` stands above already: write it once"))
}

/// Returns the place of a fault in the text of a scenario, in bytes. A key that the file lacks has
/// the place of the table that would hold it.
fn in_file(text: &str, key: &str, fault: &TemplateError) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let Found { value, rest } = find(document.get_ref(), key)?;
    let span = value.span();
    let is_text = rest.is_empty() && value.get_ref().is_str();
    let place = if is_text { raw_place(&text[span.clone()], fault.at) } else { 0 };
    Some(span.start + place)
}

/// Value that a key leads to, and the rest of the key, which the file lacks.
struct Found<'a, 'i> {
    value: &'a toml::Spanned<DeValue<'i>>,
    rest: String,
}

/// Follows a key as far as the file has it. A list without a number in the key stands for its
/// entries.
fn find<'a, 'i>(root: &'a DeTable<'i>, key: &str) -> Option<Found<'a, 'i>> {
    let mut rest = key;
    let value = member(root, &mut rest)?;
    Some(follow(value, rest))
}

fn follow<'a, 'i>(value: &'a toml::Spanned<DeValue<'i>>, rest: &str) -> Found<'a, 'i> {
    let here = Found { value, rest: rest.to_owned() };
    if rest.is_empty() {
        return here;
    }
    match value.get_ref() {
        DeValue::Table(table) => {
            let mut rest = rest;
            member(table, &mut rest).map_or(here, |value| follow(value, rest))
        }
        DeValue::Array(list) => {
            let (index, after) = rest.split_once('.').unwrap_or((rest, ""));
            match index.parse::<usize>() {
                Ok(index) => list.get(index).map_or(here, |value| follow(value, after)),
                Err(_) => list
                    .iter()
                    .map(|value| follow(value, rest))
                    .find(|found| found.rest.is_empty())
                    .unwrap_or(here),
            }
        }
        _ => here,
    }
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
            let place = in_file(file, &fault.key, &fault.fault).unwrap_or_else(|| panic!("{file}"));
            let (line, column) = line_and_column(file, place);
            let found = file.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect::<String>();
            assert!(found.starts_with("{{x}}"), "{file}: line {line}, column {column}");
        }
    }
}
