//! Notices: notes and warnings for people, on standard error.

use std::sync::OnceLock;

use indicatif::ProgressBar;
use reader::console;

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
        Self { painted: color && console::is_seen(), is_quiet: false }
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
            Self::print("", text);
        }
    }

    fn print(label: &str, text: &str) {
        let say = || console::say_as(label, text);
        match BLOCK.get() {
            Some(block) => block.suspend(say),
            None => say(),
        }
    }

    /// Prints a limit of what the run can show.
    pub(crate) fn note(self, text: &str) {
        if !self.is_quiet {
            Self::print(&self.paint("note", "36"), text);
        }
    }

    /// Prints a warning.
    pub(crate) fn warn(self, text: &str) {
        Self::print(&self.paint("warning", "33"), text);
    }

    /// Prints the message of what keeps a run from beginning, which may have several lines.
    pub(crate) fn failure(self, message: &str) {
        let mut lines = message.lines();
        lines.next().into_iter().for_each(|line| self.error(line));
        lines.for_each(|line| Self::print("", line));
    }

    /// Prints an error.
    pub(crate) fn error(self, text: &str) {
        Self::print(&self.paint("error", "31"), text);
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.painted { format!("\u{1b}[1;{code}m{text}\u{1b}[0m: ") } else { format!("{text}: ") }
    }
}
