//! Standard output and standard error of both programs: the only way to write to either.
//!
//! A result that cannot be printed is a failure of its own, so that a script which reads the output
//! is not misled by the exit code. A notice that nobody reads is none.

use std::io::{BufWriter, ErrorKind, IsTerminal, Stderr, StdoutLock, Write, stderr, stdout};

use thiserror::Error;
use truth::chain::chain;
use truth::exit;
use truth::printable::printable;
use truth::target::secrets::masked;

/// Error of standard output: a full disk, or a reader that has gone away.
#[derive(Debug, Error)]
#[error("cannot write to standard output")]
pub struct Unprinted(#[from] std::io::Error);

impl Unprinted {
    /// True if the reader has gone away, as `head` does once it has its lines. It wants no message.
    pub fn is_unread(&self) -> bool {
        self.0.kind() == ErrorKind::BrokenPipe
    }
}

/// Standard output, for results that are written in parts.
#[derive(Debug)]
pub struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    /// Locks standard output.
    pub fn open() -> Self {
        Self(BufWriter::new(stdout().lock()))
    }

    /// Writes a part of the result, without guarded secrets.
    pub fn write(&mut self, text: &str) -> Result<(), Unprinted> {
        Ok(self.0.write_all(masked(text).as_bytes())?)
    }

    /// Writes out what is still buffered.
    pub fn finish(mut self) -> Result<(), Unprinted> {
        Ok(self.0.flush()?)
    }
}

/// Prints a result.
pub fn print(text: &str) -> Result<(), Unprinted> {
    let mut output = Output::open();
    output.write(text)?;
    output.finish()
}

/// Prints a result, and returns the program's exit code: `code`, or that of a result that could not
/// be printed, after a message if anybody reads.
pub fn print_result(text: &str, code: u8) -> u8 {
    match print(text) {
        Ok(()) => code,
        Err(error) if error.is_unread() => exit::unprinted(code),
        Err(error) => {
            say(&format!("error: {}", chain(&error)));
            exit::unprinted(code)
        }
    }
}

/// Prints a line on standard error. If nobody reads any more, the program goes on.
pub fn say(line: &str) {
    say_as("", line);
}

/// Prints a line on standard error behind a label, which may be painted.
pub fn say_as(label: &str, line: &str) {
    drop(writeln!(stderr(), "{label}{}", printable(line)));
}

/// Printer of notes: lines on standard error about the course of things, which a user may not want.
/// Warnings and errors are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Notes {
    is_quiet: bool,
}

impl Notes {
    /// Prints nothing at all, if `is_quiet`.
    pub fn new(is_quiet: bool) -> Self {
        Self { is_quiet }
    }

    /// Prints a note.
    pub fn say(self, line: &str) {
        if !self.is_quiet {
            say(line);
        }
    }
}

/// Returns standard error for a log, which escapes what it quotes by itself.
pub fn log() -> Stderr {
    stderr()
}

/// Returns true if standard error is a terminal, so that somebody may look at it.
pub fn is_seen() -> bool {
    stderr().is_terminal()
}
