//! Reference pages: each is what a program prints about itself.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::rig::cargo;
use crate::rig::programs::Programs;

/// Pages with the program that prints each, and its arguments.
const PAGES: [(&str, &str, &[&str]); 7] = [
    ("docs/reference/aggregator.md", "aggregator", &["reference"]),
    ("docs/reference/checks.md", "verify", &["reference", "--checks"]),
    ("docs/reference/exit-codes.md", "verify", &["reference", "--exit-codes"]),
    ("docs/reference/loadgen.md", "loadgen", &["reference"]),
    ("docs/reference/onceproof.md", "onceproof", &["reference"]),
    ("docs/reference/scenario.md", "loadgen", &["reference", "--scenario"]),
    ("docs/reference/verify.md", "verify", &["reference"]),
];

/// A page as it has to be.
pub(super) struct Page {
    /// Path in the workspace.
    pub(super) path: &'static str,
    text: String,
}

/// Asks the programs for all pages.
pub(super) fn render(programs: &Programs) -> Result<Vec<Page>> {
    PAGES.iter().map(|(path, program, args)| Page::render(path, program, args, programs)).collect()
}

impl Page {
    fn render(path: &'static str, program: &str, args: &[&str], programs: &Programs) -> Result<Self> {
        let finished = programs.run(program, args)?;
        let command = format!("{program} {}", args.join(" "));
        let code = finished.code;
        ensure!(code == Some(0), "`{command}` ended with {code:?}, expected 0: {}", finished.stderr.trim());
        let printed = finished.stdout.trim();
        ensure!(!printed.is_empty(), "`{command}` printed nothing, expected a page in Markdown");
        let text = format!("<!-- `cargo xtask docs` writes this page with `{command}`. -->\n\n{printed}\n");
        Ok(Self { path, text })
    }

    /// True if the file holds this text.
    pub(super) fn is_written(&self) -> bool {
        std::fs::read_to_string(self.file()).is_ok_and(|found| found == self.text)
    }

    pub(super) fn write(&self) -> Result<()> {
        let file = self.file();
        let folder = file.parent().expect("every page is in a folder");
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(&file, &self.text).with_context(|| format!("cannot write {}", file.display()))
    }

    fn file(&self) -> PathBuf {
        cargo::workspace().join(self.path)
    }
}
