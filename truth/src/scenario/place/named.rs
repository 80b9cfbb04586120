//! Place of the key that a message names, in the text of a scenario.
//!
//! A message names its key in one of these ways: `target.publish.path = "a" must begin with /`,
//! `[mix] ...`, `batch is 0`, `rule 2 of [[target.answers]]`, `the executor "a"`, or it repeats the
//! value in backticks.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Found, find};

/// Tables whose keys messages name without their table.
const TABLES: [&str; 9] =
    ["", "target.", "load.", "target.publish.", "target.listing.", "events.", "mix.", "traps.", "promises."];

/// Returns the place, in bytes, of what a message is about; none if the file does not have it.
pub(super) fn place(text: &str, message: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let root = document.get_ref();
    of_rule(root, message)
        .or_else(|| of_entry(root, message))
        .or_else(|| of_key(root, message))
        .or_else(|| of_value(root, message))
        .or_else(|| of_parent(root, message))
}

/// Finds a rule by its number, and the key of it that ends the message in backticks.
fn of_rule(root: &DeTable<'_>, message: &str) -> Option<usize> {
    let (before, reason) = message.split_once(" of [[target.answers]]: ")?;
    let number: usize = before.rsplit(' ').next()?.parse().ok()?;
    let rule = format!("target.answers.{}", number.checked_sub(1)?);
    let key = reason.rsplit_once("in `").map(|(_, key)| key.trim_end_matches('`'));
    let of_key = key.and_then(|key| full(root, &format!("{rule}.{key}")));
    of_key.or_else(|| full(root, &rule))
}

/// Finds an entry of `[[load.executors]]` or `[[load.beside]]` by its name.
fn of_entry(root: &DeTable<'_>, message: &str) -> Option<usize> {
    let list = [("the executor \"", "load.executors"), ("[[load.beside]] \"", "load.beside")];
    let (rest, list) =
        list.into_iter().find_map(|(begin, list)| Some((message.strip_prefix(begin)?, list)))?;
    let (name, reason) = rest.split_once('"')?;
    let mut entries =
        (0..).map(|nth| format!("{list}.{nth}")).take_while(|entry| full(root, entry).is_some());
    let entry = entries.find(|entry| {
        let value = find(root, &format!("{entry}.name")).filter(|found| found.rest.is_empty());
        value.is_some_and(|found| found.value.get_ref().as_str() == Some(name))
    })?;
    let of_key = keys(reason).into_iter().find_map(|key| full(root, &format!("{entry}.{key}")));
    of_key.or_else(|| full(root, &entry))
}

/// Finds the first key that the message names and the file has.
fn of_key(root: &DeTable<'_>, message: &str) -> Option<usize> {
    keys(message)
        .into_iter()
        .find_map(|key| TABLES.into_iter().find_map(|table| full(root, &format!("{table}{key}"))))
}

/// Finds the table that would hold a key which the file lacks.
fn of_parent(root: &DeTable<'_>, message: &str) -> Option<usize> {
    let dotted = keys(message).into_iter().find(|key| key.contains('.'))?;
    let found = [dotted.clone(), format!("target.{dotted}")];
    found.iter().find_map(|key| find(root, key)).map(|found| found.value.span().start)
}

/// Finds the value that the message repeats in backticks.
fn of_value(root: &DeTable<'_>, message: &str) -> Option<usize> {
    let repeated = message.split('`').nth(1)?;
    root.iter().find_map(|(_, value)| holding(value, repeated))
}

fn holding(value: &Spanned<DeValue<'_>>, text: &str) -> Option<usize> {
    match value.get_ref() {
        DeValue::String(found) => (found == text).then(|| value.span().start),
        DeValue::Table(table) => table.iter().find_map(|(_, value)| holding(value, text)),
        DeValue::Array(list) => list.iter().find_map(|value| holding(value, text)),
        _ => None,
    }
}

/// Returns the place of a key that is there.
fn full(root: &DeTable<'_>, key: &str) -> Option<usize> {
    let Found { value, rest } = find(root, key)?;
    rest.is_empty().then(|| value.span().start)
}

/// Returns the keys that a message names, in its order.
fn keys(message: &str) -> Vec<String> {
    let words: Vec<&str> = message.split_whitespace().collect();
    let next = words.iter().skip(1).copied().chain([""]);
    let named = words.iter().zip(next).filter_map(|(word, next)| {
        let bare = word.trim_matches(|letter| matches!(letter, '[' | ']' | ':' | ',' | ';'));
        let is_path = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
        let is_key = bare.starts_with(|letter: char| letter.is_ascii_lowercase())
            && !bare.ends_with('.')
            && bare.chars().all(is_path);
        let is_named = bare.contains('.') || word.starts_with('[') || matches!(next, "=" | "is");
        (is_key && is_named).then(|| bare.to_owned())
    });
    named.collect()
}
