//! The scenario as it grows: lines with what was seen, table by table.

use std::path::PathBuf;

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

/// The last of them.
const PROMISES: &str = "promises";

/// A scenario in the making.
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
            "written by `verify probe`; what stands above a line is what it rests on",
        );
        draft.set("target", "url", &target.url, "the target that was probed; --target names another");
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
            draft.set("target.connect", name, value, "as it was probed");
        }
        if connect.insecure {
            draft.line("target.connect", "insecure", "true", "as it was probed: any certificate is believed");
        }
        if connect.http2 {
            draft.line("target.connect", "http2", "true", "as it was probed");
        }
        draft
    }

    /// A text.
    pub(super) fn set(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        self.line(table, name, &quoted(value), evidence);
    }

    /// A list of texts.
    pub(super) fn list(&mut self, table: &'static str, name: &str, values: &[String], evidence: &str) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.line(table, name, &format!("[{}]", values.join(", ")), evidence);
    }

    /// A number.
    pub(super) fn number(&mut self, table: &'static str, name: &str, value: u64, evidence: &str) {
        self.line(table, name, &value.to_string(), evidence);
    }

    /// Something to know that is no setting.
    pub(super) fn note(&mut self, table: &'static str, note: &str) {
        self.lines.push((table, format!("# {note}\n")));
    }

    fn line(&mut self, table: &'static str, name: &str, value: &str, evidence: &str) {
        self.lines.push((table, format!("# {evidence}\n{name} = {value}\n")));
    }

    /// The whole scenario.
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

/// A basic string of TOML: JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
