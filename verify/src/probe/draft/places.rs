//! Places in a scenario that was given: its inline tables, such as `headers = { a = "b" }`, and its
//! values. TOML lets nobody add keys to an inline table from outside, so they are written between its
//! braces.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Place for a key within an inline table.
pub(super) struct Place {
    /// Table as it is written, with its braces.
    span: Range<usize>,
    /// Name of the key there.
    key: String,
}

/// Returns the innermost inline table that holds a key of a table; none if no table around the key is
/// inline.
pub(super) fn place(text: &str, table: &str, name: &str) -> Option<Place> {
    let document = DeTable::parse(text).ok()?;
    let mut steps: Vec<&str> = table.split('.').filter(|step| !step.is_empty()).collect();
    let name = match name.strip_prefix("headers.") {
        Some(field) => {
            steps.push("headers");
            field
        }
        None => name,
    };
    let mut at = document.get_ref();
    let mut found = None;
    for (nth, step) in steps.iter().enumerate() {
        let Some(value) = at.get(*step) else { break };
        let DeValue::Table(inner) = value.get_ref() else { break };
        if text[value.span()].starts_with('{') {
            let below = steps[nth + 1..].iter().copied().chain([name]);
            let key = below.filter(|step| !step.is_empty()).collect::<Vec<_>>().join(".");
            found = Some(Place { span: value.span(), key });
        }
        at = inner;
    }
    found
}

/// Writes another value of a key that a scenario has, and the comment above the line on which the key
/// or the inline table around it begins.
pub(super) fn replace(text: &mut String, table: &str, name: &str, value: &str, comment: &str) {
    let Some(Range { start, end }) = span_of(text, table, name) else { return };
    let around = place(text, table, name).map_or(start, |place| place.span.start);
    text.replace_range(start..end, value);
    text.insert_str(line_of(text, around), comment);
}

/// Returns where the value of a key is written; none if there is no such key.
fn span_of(text: &str, table: &str, name: &str) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut at = document.get_ref();
    for step in table.split('.') {
        let DeValue::Table(inner) = at.get(step)?.get_ref() else { return None };
        at = inner;
    }
    at.get(name).map(|value| value.span())
}

/// Returns the start of the line that a place is in.
fn line_of(text: &str, place: usize) -> usize {
    text[..place].rfind('\n').map_or(0, |at| at + 1)
}

impl Place {
    /// Writes a key there, and the comment above the line on which the table begins. Without a value
    /// only the comment is written.
    pub(super) fn write(&self, text: &mut String, value: Option<&str>, comment: &str) {
        let Range { start, end } = self.span;
        if let Some(value) = value {
            let inner = text[start + 1..end - 1].trim_end();
            let comma = if inner.trim().is_empty() { "" } else { "," };
            let written = format!("{inner}{comma} {} = {value} ", self.key);
            text.replace_range(start + 1..end - 1, &written);
        }
        text.insert_str(line_of(text, start), comment);
    }
}
