//! What people are told besides results: notes and warnings on standard error.

use std::io::{IsTerminal, Write, stderr};
use std::sync::OnceLock;

use indicatif::ProgressBar;

/// What stands on the terminal while a run goes on: there is one terminal, and one run.
static BLOCK: OnceLock<ProgressBar> = OnceLock::new();

/// From now on what is said stands above this, and does not tear it.
pub(crate) fn speak_above(block: &ProgressBar) {
    BLOCK.get_or_init(|| block.clone());
}

/// Speaks to people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notices {
    painted: bool,
}

impl Notices {
    /// Paints only where a person looks on and does not mind.
    pub(crate) fn new(color: bool) -> Self {
        Self { painted: color && stderr().is_terminal() }
    }

    /// Something to know.
    pub(crate) fn say(self, text: &str) {
        // Where nobody listens any more, the run goes on.
        let say = || drop(writeln!(stderr(), "{text}"));
        match BLOCK.get() {
            Some(block) => block.suspend(say),
            None => say(),
        }
    }

    /// Something to know that limits what the run can show.
    pub(crate) fn note(self, text: &str) {
        self.say(&format!("{}: {text}", self.paint("note", "36")));
    }

    /// Something to look at.
    pub(crate) fn warn(self, text: &str) {
        self.say(&format!("{}: {text}", self.paint("warning", "33")));
    }

    /// Why it cannot go on.
    pub(crate) fn error(self, text: &str) {
        self.say(&format!("{}: {text}", self.paint("error", "31")));
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.painted { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
