//! `loadgen reference --scenario`: all keys of scenario files, as one page of Markdown.
//!
//! The keys come from `scenarios/default.toml`, which has a comment above each of them.

use reader::flags::{cell, code, wrapped};

/// Scenario with the defaults of all keys, and a comment above each key.
const DEFAULT_SCENARIO: &str = include_str!("../../scenarios/default.toml");

/// Beginning of the page. The scenario file has one of its own, about the file.
const INTRODUCTION: &str = "\
# Keys of scenario files

A scenario file is written in TOML. `scenarios/default.toml` in the repository has all keys with
their defaults, and the text below as comments. Copy it and change what you need.

A key that you leave out keeps its default. An unknown key is an error, and the message names its
line. Durations are text: `\"500ms\"`, `\"30s\"`, `\"5m\"`. Shares are text too, so that they are
exact: `\"0.3\"`.
";

/// Returns the page of all keys of scenario files.
pub(crate) fn scenario() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in sections(DEFAULT_SCENARIO) {
        if !section.name.is_empty() {
            page.push_str(&format!("\n## {}\n", code(&section.name)));
            for paragraph in &section.prose {
                page.push('\n');
                paragraph.lines().for_each(|line| page.push_str(&wrapped(line, "")));
            }
        }
        if !section.keys.is_empty() {
            page.push_str("\n| key | default | meaning |\n| --- | --- | --- |\n");
            let same = |one: &Key, next: &Key| !one.meaning.is_empty() && one.meaning == next.meaning;
            section.keys.chunk_by(same).for_each(|keys| page.push_str(&row(keys)));
        }
    }
    page
}

/// Returns the row of keys that share a meaning: mostly of one.
fn row(keys: &[Key]) -> String {
    let names: Vec<String> = keys.iter().map(|key| code(&key.name)).collect();
    let defaults: Vec<String> = keys.iter().map(Key::default).collect();
    let examples: Vec<String> =
        keys.iter().filter(|key| !key.is_set).map(|key| format!("Example: {}.", code(&key.value))).collect();
    let meaning = keys.iter().map(|key| key.meaning.clone()).take(1).chain(examples);
    let meaning: Vec<String> = meaning.filter(|text| !text.is_empty()).collect();
    let [names, defaults] = [names, defaults].map(|texts| cell(&texts.join("\n")));
    format!("| {names} | {defaults} | {} |\n", cell(&meaning.join(" ")))
}

/// Table of a scenario file, such as `[load]`; the keys before the first table stand in one without
/// a name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Section {
    name: String,
    prose: Vec<String>,
    keys: Vec<Key>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Key {
    name: String,
    value: String,
    /// False if the key stands in a comment, with an example of a value.
    is_set: bool,
    meaning: String,
}

impl Key {
    fn default(&self) -> String {
        if self.is_set { code(&self.value) } else { "not set".to_owned() }
    }
}

/// Line of a scenario file, classified by its first characters.
enum Line<'a> {
    Blank,
    /// `# text`
    Comment(&'a str),
    /// `[load]` or `#[request]`
    Table(&'a str),
    /// `batch = 100` or `#rate = "1000"`
    Key {
        name: &'a str,
        value: &'a str,
        is_set: bool,
    },
    /// Further line of a value, or the end of one.
    More(&'a str),
}

impl<'a> Line<'a> {
    fn of(line: &'a str, is_in_value: bool) -> Self {
        let is_set = !line.starts_with('#');
        let content = line.strip_prefix('#').unwrap_or(line);
        if is_in_value {
            return Self::More(content.trim());
        }
        if content.trim().is_empty() {
            return if is_set { Self::Blank } else { Self::Comment("") };
        }
        if !is_set && let Some(text) = content.strip_prefix(' ') {
            return Self::Comment(text);
        }
        if content.starts_with('[') {
            return Self::Table(content.trim());
        }
        match content.split_once(" = ") {
            Some((name, value)) => Self::Key { name, value: value.trim(), is_set },
            None => Self::More(content.trim()),
        }
    }
}

/// Reads a scenario file with a comment above each key. Keys without a comment share the one of the
/// key above them.
fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut comment = String::new();
    // Comment that belongs to the keys above, until a blank line.
    let mut shared = String::new();
    let mut title = None;
    let mut open_brackets = 0;
    for line in text.lines() {
        let section = sections.last_mut().expect("one from the beginning");
        match Line::of(line, open_brackets > 0) {
            Line::Blank => {
                let prose = std::mem::take(&mut comment);
                section.prose.extend(Some(prose).filter(|prose| !prose.is_empty()));
                shared.clear();
            }
            // Two rulers stand around the title of a part of the file. It becomes a paragraph above
            // the text of the part's first table.
            Line::Comment(text) if text.starts_with("---") => {
                let ended = std::mem::take(&mut comment);
                title = Some(ended).filter(|title| !title.is_empty());
            }
            Line::Comment(text) => add_line(&mut comment, text),
            Line::Table(name) => {
                let prose = Some(std::mem::take(&mut comment)).filter(|prose| !prose.is_empty());
                let title = title.take().map(|title| title + ".");
                let prose = title.into_iter().chain(prose).collect();
                sections.push(Section { name: name.to_owned(), prose, keys: Vec::new() });
                shared.clear();
            }
            Line::Key { name, value, is_set } => {
                if !comment.is_empty() {
                    shared = std::mem::take(&mut comment);
                }
                open_brackets = depth(value);
                let key =
                    Key { name: name.to_owned(), value: value.to_owned(), is_set, meaning: shared.clone() };
                section.keys.push(key);
            }
            Line::More(text) => {
                open_brackets += depth(text);
                if let Some(key) = section.keys.last_mut() {
                    key.value.push(' ');
                    key.value.push_str(text);
                }
            }
        }
    }
    sections
}

/// Adds a line of a comment. An empty line ends a paragraph, and items of a list begin a line of
/// their own.
fn add_line(comment: &mut String, text: &str) {
    if text.is_empty() {
        comment.push_str("\n\n");
        return;
    }
    if text.starts_with("- ") {
        comment.push('\n');
    } else if !comment.is_empty() && !comment.ends_with('\n') {
        comment.push(' ');
    }
    comment.push_str(text.trim());
}

/// Returns how many more brackets a line opens than it closes.
fn depth(value: &str) -> i32 {
    let opened = value.chars().filter(|c| matches!(c, '[' | '{')).count();
    let closed = value.chars().filter(|c| matches!(c, ']' | '}')).count();
    i32::try_from(opened).unwrap_or(0) - i32::try_from(closed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use truth::scenario::Scenario;

    use super::*;
    use crate::command::cli::Program;

    #[test]
    fn each_flag_has_a_row_with_its_environment_and_default() {
        let page = reader::flags::page(&Program::described());
        for row in [
            "| `-n, --count <COUNT>` | `COUNT` | 20000; with `http`, 200 requests |",
            "| `--dup <SHARE>` | `DUP_RATE` | `0.3` | Share of the events that repeat an earlier event: 0.3 or 30% |",
            "| `--connect-timeout <DUR>` | `5s` |",
            "| `--verify` |  |  | Judge the target",
            "| `--shards <SHARDS>` | `SHARDS` |",
            "| `<URL>` | URL to request |",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
        for heading in
            ["## Load\n", "## Reaching the target\n", "## loadgen http\n", "### Requests and connections\n"]
        {
            assert!(page.contains(heading), "{heading}\n{page}");
        }
        assert!(!page.contains("loadgen reference"), "a hidden command");
        assert_eq!(page.matches("--connect-timeout").count(), 1, "a flag is described once");
    }

    #[test]
    fn a_scenario_file_is_read_with_its_comments() {
        let text = "# About the file.\n\n# Name of it.\nname = \"a\"\n\n\
                    # ----\n# Much\n# ----\n# All of it.\n[load]\n\n\
                    # Number.\n# - one\n# - two | three\ncount = 1\n\n# Limits.\n#limits = [\n#    \"a<1\",\n#]\n\n\
                    # Both.\none = 1\nother = 2\n";
        let sections = sections(text);
        let key = |name: &str, value: &str, is_set: bool, meaning: &str| Key {
            name: name.to_owned(),
            value: value.to_owned(),
            is_set,
            meaning: meaning.to_owned(),
        };
        assert_eq!(sections[0].prose, ["About the file."]);
        assert_eq!(sections[0].keys, [key("name", "\"a\"", true, "Name of it.")]);
        assert_eq!(sections[1].name, "[load]");
        assert_eq!(sections[1].prose, ["Much.", "All of it."]);
        let expected = [
            key("count", "1", true, "Number.\n- one\n- two | three"),
            key("limits", "[ \"a<1\", ]", false, "Limits."),
            key("one", "1", true, "Both."),
            key("other", "2", true, "Both."),
        ];
        assert_eq!(sections[1].keys, expected);
    }

    #[test]
    fn keys_that_share_a_comment_share_a_row_and_an_example_is_no_default() {
        let rows = |text: &str| row(&sections(text)[0].keys);
        let list = "# Number.\n# - one\n# - two | three\ncount = 1\n";
        assert_eq!(rows(list), "| `count` | `1` | Number.<br>- one<br>- two \\| three |\n");
        let unset = "# Limit.\n#limit = 5\n";
        assert_eq!(rows(unset), "| `limit` | not set | Limit. Example: `5`. |\n");
        let both = "# Both.\none = 1\nother = 2\n";
        assert_eq!(rows(both), "| `one`<br>`other` | `1`<br>`2` | Both. |\n");
    }

    /// Returns the keys that a table may have, as the error about an unknown key lists them.
    fn known_keys(table: &str) -> BTreeSet<String> {
        let text = format!("{table}\nno-such-key = 1\n");
        let error = Scenario::parse(&text, "test.toml").unwrap_err();
        let error = truth::chain::chain(&error);
        let names = error.split("expected").nth(1).unwrap_or_else(|| panic!("{table}: {error}"));
        names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_default_scenario_has_a_commented_key_for_each_setting() {
        let sections = sections(DEFAULT_SCENARIO);
        let names: Vec<&str> = sections.iter().map(|section| &*section.name).collect();
        for (section, name) in sections.iter().zip(&names) {
            let mut found: BTreeSet<String> = section.keys.iter().map(|key| key.name.clone()).collect();
            let inner = format!("{}.", name.trim_matches(['[', ']']));
            let is_top = name.is_empty();
            found.extend(names.iter().filter_map(|other| {
                let other = other.trim_matches(['[', ']']);
                let rest = if is_top { Some(other) } else { other.strip_prefix(&inner) }?;
                rest.split('.').next().filter(|key| !key.is_empty()).map(str::to_owned)
            }));
            let known = known_keys(name);
            // Some tables have keys of another one, which explains them.
            let elsewhere = match *name {
                "[[load.executors]]" => known_keys("[load]"),
                "[target.listing.fields]" => known_keys("[target.fields]"),
                _ => BTreeSet::new(),
            };
            let missing: Vec<&String> =
                known.difference(&found).filter(|key| !elsewhere.contains(*key)).collect();
            assert_eq!(missing, Vec::<&String>::new(), "without a comment in {name}");
            let unknown: Vec<&String> = found.difference(&known).collect();
            assert_eq!(unknown, Vec::<&String>::new(), "in {name}");
            for key in &section.keys {
                let is_explained = !key.meaning.is_empty() || !section.prose.is_empty();
                assert!(is_explained, "{name} {}", key.name);
            }
        }
    }
}
