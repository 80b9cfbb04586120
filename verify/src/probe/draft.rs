//! Scenario in the making: keys with a comment that says what was seen, table by table.
//!
//! A scenario that was given stays as it is, and keys are added to it. A key that it has is changed only
//! if rows show what it should be.

use std::path::PathBuf;

use toml::Table;
use truth::printable::printable;
use truth::target::Target;
use truth::target::secrets::masked;

use super::rules::Rule;
use super::toml_text::{literal, quoted};

mod places;

/// Tables in the order in which they are written.
const TABLES: [&str; 14] = [
    "",
    "load",
    "events",
    "mix",
    "target",
    HEADERS[0],
    "target.connect",
    "target.publish",
    HEADERS[1],
    RULES,
    "target.stats",
    "target.listing",
    "target.listing.fields",
    "promises",
];

/// Tables of header fields, if the scenario that was given has one.
const HEADERS: [&str; 2] = ["target.headers", "target.publish.headers"];

/// Table of the rules, which is a list.
const RULES: &str = "target.answers";

/// Longest line of a comment, unless a single word is longer.
const COLUMNS: usize = 100;

/// Scenario in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    lines: Vec<(&'static str, String)>,
    /// Keys and notes of inline tables of the scenario that was given.
    inlined: Vec<Inlined>,
    /// Keys that the scenario that was given has with another value.
    corrected: Vec<Corrected>,
    /// Scenario that was given, and its keys.
    given: Option<(String, Table)>,
    /// True if keys are guesses: their comments say so.
    is_guess: bool,
}

/// Key or note that an inline table of the scenario that was given takes.
#[derive(Debug)]
struct Inlined {
    table: &'static str,
    name: String,
    /// Value of the key; none for a note.
    value: Option<String>,
    comment: String,
}

/// Key with another value than the scenario that was given has.
#[derive(Debug)]
struct Corrected {
    table: &'static str,
    name: &'static str,
    value: String,
    comment: String,
}

impl Draft {
    /// Returns a draft over a scenario that was given.
    pub(super) fn over(text: &str) -> Self {
        let table = text.parse().unwrap_or_default();
        Self { given: Some((text.to_owned(), table)), ..Self::default() }
    }

    /// Writes what the command line says of the target.
    pub(super) fn begin(&mut self, target: &Target) {
        self.set(
            "",
            "name",
            "probed",
            "written by `verify probe`; the comment above a key says what was seen",
        );
        self.set("target", "url", &target.url, "the target that was probed; --target replaces it");
        let connect = &target.connect;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let given = [
            ("to", connect.to.clone()),
            ("unix_socket", path(&connect.unix_socket)),
            ("proxy", connect.proxy.clone()),
            ("cacert", path(&connect.cacert)),
            ("cert", path(&connect.cert)),
            ("key", path(&connect.key)),
        ];
        for (name, value) in given.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            self.set("target.connect", name, value, "as given to the probe");
        }
        if connect.insecure {
            self.line(
                "target.connect",
                "insecure",
                "true",
                "as given to the probe: certificates are not verified",
            );
        }
        if connect.http2 {
            self.line("target.connect", "http2", "true", "as given to the probe");
        }
    }

    /// True if the scenario that was given has this key.
    pub(super) fn has(&self, table: &str, name: &str) -> bool {
        let Some((_, given)) = &self.given else { return false };
        let mut steps = table.split('.').filter(|step| !step.is_empty()).chain(name.split('.'));
        let first = steps.next().and_then(|step| given.get(step));
        steps.try_fold(first, |at, step| at.map(|value| value.get(step))).flatten().is_some()
    }

    /// Marks the keys that follow as guesses.
    pub(super) fn guess(&mut self, is_guess: bool) {
        self.is_guess = is_guess;
    }

    /// Sets a key to a text.
    pub(super) fn set(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        self.line(table, name, &quoted(value), evidence);
    }

    /// Sets a key to a text, also if the scenario that was given has it.
    pub(super) fn correct(&mut self, table: &'static str, name: &'static str, value: &str, evidence: &str) {
        match self.has(table, name) {
            true => {
                let (value, comment) = (quoted(value), comment(evidence));
                self.corrected.push(Corrected { table, name, value, comment });
            }
            false => self.set(table, name, value, evidence),
        }
    }

    /// Sets a key to a text of a template, which is easier to read without escapes.
    pub(super) fn template(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        self.line(table, name, &literal(value), evidence);
    }

    /// Sets a key to a list of texts.
    pub(super) fn list(&mut self, table: &'static str, name: &str, values: &[String], evidence: &str) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.line(table, name, &format!("[{}]", values.join(", ")), evidence);
    }

    /// Sets a key to a number.
    pub(super) fn number(&mut self, table: &'static str, name: &str, value: u64, evidence: &str) {
        self.line(table, name, &value.to_string(), evidence);
    }

    /// Adds a comment without a key.
    pub(super) fn note(&mut self, table: &'static str, note: &str) {
        match self.is_inline(table, "") {
            true => self.inline(table, "", None, comment(note)),
            false => self.lines.push((table, comment(note))),
        }
    }

    /// Adds what another draft says, as far as the scenario that was given does not.
    pub(super) fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
    }

    /// Adds the rules for responses.
    pub(super) fn rules(&mut self, rules: &[Rule]) {
        for rule in rules {
            let lines = rule.lines().join("\n");
            self.lines.push((RULES, format!("\n{}[[{RULES}]]\n{lines}\n", comment(&rule.evidence))));
        }
    }

    /// Sets a key to a value of TOML. A key that was given stays.
    pub(super) fn line(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        if self.has(table, name) {
            return;
        }
        let mark = if self.is_guess { "a guess, which nothing showed: " } else { "" };
        let comment = comment(&format!("{mark}{evidence}"));
        if self.is_inline(table, name) {
            return self.inline(table, name, Some(value.to_owned()), comment);
        }
        let (table, name) = self.place(table, name);
        self.lines.push((table, format!("{comment}{name} = {value}\n")));
    }

    /// True if an inline table of the scenario that was given holds this key of a table.
    fn is_inline(&self, table: &str, name: &str) -> bool {
        self.given.as_ref().is_some_and(|(text, _)| places::place(text, table, name).is_some())
    }

    fn inline(&mut self, table: &'static str, name: &str, value: Option<String>, comment: String) {
        self.inlined.push(Inlined { table, name: name.to_owned(), value, comment });
    }

    /// Returns the table of a key and its name there. The scenario that was given may have a table of
    /// header fields, or may write a table without a head, as `promises.ack = "queued"`.
    fn place(&self, table: &'static str, name: &str) -> (&'static str, String) {
        let text = self.given.as_ref().map_or("", |(text, _)| text.as_str());
        let headers = HEADERS.into_iter().find(|headers| headers.strip_suffix(".headers") == Some(table));
        if let (Some(headers), Some(field)) = (headers, name.strip_prefix("headers."))
            && has_head(text, headers)
        {
            return (headers, field.to_owned());
        }
        let is_dotted =
            |line: &str| line.trim_start().strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
        let mut before_heads = text.lines().take_while(|line| !line.trim_start().starts_with('['));
        match !table.is_empty() && before_heads.any(is_dotted) {
            true => ("", format!("{table}.{name}")),
            false => (table, name.to_owned()),
        }
    }

    /// Returns the whole scenario.
    pub(super) fn text(&self) -> String {
        let mut text = self.given.as_ref().map_or_else(String::new, |(text, _)| text.clone());
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        for Corrected { table, name, value, comment } in &self.corrected {
            places::replace(&mut text, table, name, value, comment);
        }
        for Inlined { table, name, value, comment } in &self.inlined {
            if let Some(place) = places::place(&text, table, name) {
                place.write(&mut text, value.as_deref(), comment);
            }
        }
        let is_given = self.given.is_some();
        for table in TABLES {
            let lines: String =
                self.lines.iter().filter(|(of, _)| *of == table).map(|(_, line)| line.as_str()).collect();
            if lines.is_empty() {
                continue;
            }
            match table {
                RULES => text.push_str(&lines),
                "" if is_given => text.insert_str(0, &lines),
                "" => text.push_str(&lines),
                _ => add(&mut text, table, &lines),
            }
        }
        text
    }
}

/// True if a text has the head of a table.
fn has_head(text: &str, table: &str) -> bool {
    text.lines().any(|line| is_head(line, table))
}

fn is_head(line: &str, table: &str) -> bool {
    let bare = line.split('#').next().unwrap_or_default().trim();
    bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) == Some(table)
}

/// Adds lines to a table, which may be there.
fn add(text: &mut String, table: &str, lines: &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if is_head(line, table) {
            text.insert_str(at, lines);
            return;
        }
    }
    text.push_str(&format!("\n[{table}]\n{lines}"));
}

/// Returns a comment of TOML without guarded secrets, in lines of at most `COLUMNS`.
fn comment(text: &str) -> String {
    let mut lines = String::from("#");
    let mut column = 1;
    for word in masked(text).split_whitespace().map(printable) {
        let width = word.chars().count() + 1;
        if column > 1 && column + width > COLUMNS {
            lines.push_str("\n#");
            column = 1;
        }
        lines.push(' ');
        lines.push_str(&word);
        column += width;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_stays_and_tables_are_completed() {
        let given =
            "# mine\nname = \"own\"\n[target] # here\nurl = \"http://h/\"\n[promises]\nzombie = \"1s\"\n";
        let mut draft = Draft::over(given);
        draft.set("", "name", "probed", "x");
        draft.set("target", "url", "http://other", "x");
        draft.set("promises", "ack", "queued", "seen");
        draft.set("target.listing", "path", "/e", "seen");
        let text = draft.text();
        let expected = format!(
            "{}[promises]\n# seen\nack = \"queued\"\nzombie = \"1s\"\n\n[target.listing]\n# seen\npath = \"/e\"\n",
            given.split("[promises]").next().unwrap()
        );
        assert_eq!(text, expected);
        assert!(draft.has("target", "url") && !draft.has("target", "path") && !draft.has("target.x", "y"));
    }

    #[test]
    fn keys_go_where_the_scenario_that_was_given_has_their_table() {
        let given = "promises.merge = \"0s\"\n\n[target.publish.headers]\nx-sig = \"{{signature}}\"\n";
        let mut draft = Draft::over(given);
        draft.set("promises", "ack", "queued", "seen");
        draft.set("target.publish", "headers.content-type", "a/b", "as given");
        draft.set("target.publish", "headers.x-sig", "old", "as given");
        draft.set("target.publish", "path", "/e", "as given");
        let text = draft.text();
        let table: Table = text.parse().unwrap();
        assert_eq!(table["promises"]["ack"].as_str(), Some("queued"), "{text}");
        let publish = &table["target"]["publish"];
        assert_eq!(publish["headers"]["content-type"].as_str(), Some("a/b"));
        assert_eq!(publish["headers"]["x-sig"].as_str(), Some("{{signature}}"));
        assert_eq!(publish["path"].as_str(), Some("/e"));
    }

    #[test]
    fn an_inline_table_that_was_given_is_completed_within_its_braces() {
        let given = "[target]\nheaders = {}\npublish = { path = \"/e\", headers = { a = \"b\" } } # mine\n";
        let mut draft = Draft::over(given);
        draft.set("target", "headers.x-who", "me", "as given");
        draft.set("target.publish", "method", "PUT", "as it was given");
        draft.set("target.publish", "headers.c-d", "e", "as it was given");
        draft.set("target.listing", "path", "/l", "seen");
        draft.note("target.publish", "a note");
        let text = draft.text();
        let table: Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let target = &table["target"];
        assert_eq!(target["headers"]["x-who"].as_str(), Some("me"));
        let publish = &target["publish"];
        assert_eq!((publish["path"].as_str(), publish["method"].as_str()), (Some("/e"), Some("PUT")));
        let headers = &publish["headers"];
        assert_eq!((headers["a"].as_str(), headers["c-d"].as_str()), (Some("b"), Some("e")));
        assert_eq!(target["listing"]["path"].as_str(), Some("/l"));
        assert!(text.contains("# as given\nheaders = { x-who") && text.contains("# a note\n"), "{text}");
    }

    #[test]
    fn a_key_is_corrected_where_it_stands() {
        for (given, expected) in [
            (
                "[target.listing]\nfields = { row = \"/a\", payload = \"/b\" } # mine\n",
                "[target.listing]\n# seen\nfields = { row = \"/a\", payload = \"/b/c\" } # mine\n",
            ),
            (
                "[target.listing.fields]\nrow = \"/a\"\npayload = '/b' # mine\n",
                "[target.listing.fields]\nrow = \"/a\"\n# seen\npayload = \"/b/c\" # mine\n",
            ),
            (
                "target.listing.fields.payload = \"/b\"\nx = 1\n",
                "# seen\ntarget.listing.fields.payload = \"/b/c\"\nx = 1\n",
            ),
            (
                "[target.listing]\nrows = \"/r\"\n",
                "[target.listing]\nrows = \"/r\"\n\n[target.listing.fields]\n# seen\npayload = \"/b/c\"\n",
            ),
        ] {
            let mut draft = Draft::over(given);
            draft.correct("target.listing.fields", "payload", "/b/c", "seen");
            assert_eq!(draft.text(), expected);
        }
    }

    #[test]
    fn a_guess_is_marked() {
        let mut draft = Draft::default();
        draft.guess(true);
        draft.set("events", "id", "hex", "by its name");
        assert_eq!(draft.text(), "\n[events]\n# a guess, which nothing showed: by its name\nid = \"hex\"\n");
    }
}
