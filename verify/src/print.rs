//! Output on standard output.

use std::io::Write;

/// Prints a text. If the reader has gone away, as `head` does, the exit code still stands.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}
