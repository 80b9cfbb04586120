//! Scenario in the making: keys with a comment that says what was seen, table by table.

use std::path::PathBuf;

use truth::printable::{printable, printable_json};
use truth::target::Target;

/// Tables in the order in which they are written.
const TABLES: [&str; 11] = [
    "",
    "load",
    "target",
    "target.connect",
    "target.publish",
    "target.answer",
    "target.stats",
    "target.listing",
    "target.listing.parameters",
    "target.listing.fields",
    "target.fields",
];

/// Last table.
const PROMISES: &str = "promises";

/// Longest line of a comment, unless a single word is longer.
const COLUMNS: usize = 100;

/// Scenario in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    lines: Vec<(&'static str, String)>,
}

impl Draft {
    pub(super) fn new(target: &Target) -> Self {
        let mut draft = Self::default();
        draft.set(
            "",
            "name",
            "probed",
            "written by `verify probe`; the comment above a key says what was seen",
        );
        draft.set("target", "url", &target.url, "the target that was probed; --target replaces it");
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
            draft.set("target.connect", name, value, "as given to the probe");
        }
        if connect.insecure {
            draft.line(
                "target.connect",
                "insecure",
                "true",
                "as given to the probe: certificates are not verified",
            );
        }
        if connect.http2 {
            draft.line("target.connect", "http2", "true", "as given to the probe");
        }
        draft
    }

    /// Sets a key to a text.
    pub(super) fn set(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        self.line(table, name, &quoted(value), evidence);
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
        self.lines.push((table, comment(note)));
    }

    fn line(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        self.lines.push((table, format!("{}{name} = {value}\n", comment(evidence))));
    }

    /// Returns the whole scenario.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for table in TABLES.into_iter().chain([PROMISES]) {
            let mut lines = self.lines.iter().filter(|(of, _)| *of == table).map(|(_, line)| line).peekable();
            if lines.peek().is_some() && !table.is_empty() {
                text.push_str(&format!("\n[{table}]\n"));
            }
            lines.for_each(|line| text.push_str(line));
        }
        text
    }
}

/// Returns a comment of TOML, in lines of at most `COLUMNS`.
fn comment(text: &str) -> String {
    let mut lines = String::from("#");
    let mut column = 1;
    for word in text.split_whitespace().map(printable) {
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

/// Returns a basic string of TOML: it has all escapes of JSON.
fn quoted(text: &str) -> String {
    printable_json(&serde_json::Value::from(text).to_string()).into_owned()
}
