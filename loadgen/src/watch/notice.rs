//! Notices: notes and warnings for people, on standard error.

use std::io::{IsTerminal, Write, stderr};
use std::sync::OnceLock;

use indicatif::ProgressBar;

/// Block of lines on the terminal while a run goes on: there is one terminal, and one run.
static BLOCK: OnceLock<ProgressBar> = OnceLock::new();

/// Prints further notices above this block, so that they do not tear it.
pub(crate) fn speak_above(block: &ProgressBar) {
    BLOCK.get_or_init(|| block.clone());
}

/// Returns a count with its noun: `1 request`, `2 requests`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Printer of notices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notices {
    painted: bool,
    is_quiet: bool,
}

impl Notices {
    /// Uses colors only on a terminal, and only if the user wants them.
    pub(crate) fn new(color: bool) -> Self {
        Self { painted: color && stderr().is_terminal(), is_quiet: false }
    }

    /// Prints warnings and errors alone, if `is_quiet`.
    pub(crate) fn quiet(self, is_quiet: bool) -> Self {
        Self { is_quiet, ..self }
    }

    /// True if only warnings and errors are printed.
    pub(crate) fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// Prints a line.
    pub(crate) fn say(self, text: &str) {
        if !self.is_quiet {
            Self::print(text);
        }
    }

    fn print(text: &str) {
        // If nobody reads any more, the run goes on.
        let say = || drop(writeln!(stderr(), "{text}"));
        match BLOCK.get() {
            Some(block) => block.suspend(say),
            None => say(),
        }
    }

    /// Prints a limit of what the run can show.
    pub(crate) fn note(self, text: &str) {
        self.say(&format!("{}: {text}", self.paint("note", "36")));
    }

    /// Prints a warning.
    pub(crate) fn warn(self, text: &str) {
        Self::print(&format!("{}: {text}", self.paint("warning", "33")));
    }

    /// Prints an error.
    pub(crate) fn error(self, text: &str) {
        Self::print(&format!("{}: {text}", self.paint("error", "31")));
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.painted { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
