//! A child process whose output is read line by line while it runs.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Result;

use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// Time between two looks at what the process has written.
pub const TURN: Duration = Duration::from_millis(50);

/// A running process and the lines that were taken of its output.
#[derive(Debug)]
pub struct Followed {
    process: Process,
    transcript: Transcript,
    taken: u64,
}

impl Followed {
    /// Starts a command with its standard output and error in one transcript.
    pub fn start(command: &mut Command) -> Result<Self> {
        let transcript = Transcript::new()?;
        command.stdout(transcript.stdio()?).stderr(transcript.stdio()?);
        Ok(Self { process: Process::spawn(command, Ending::Kill)?, transcript, taken: 0 })
    }

    /// Process id, which is that of the group too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Hands over the new lines, and returns the exit status after the process has ended and the
    /// last line is handed over.
    pub fn turn(&mut self, take: impl FnMut(&str)) -> Result<Option<ExitStatus>> {
        let ended = self.process.try_wait()?;
        let bytes = self.transcript.bytes_from(self.taken)?;
        // The rest of a line that is being written comes at a later turn.
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let whole = if ended.is_some() { bytes.len() } else { end };
        String::from_utf8_lossy(&bytes[..whole]).lines().for_each(take);
        self.taken += whole as u64;
        Ok(ended)
    }

    /// Hands over every line until the process ends.
    pub fn finish(mut self, interrupt: &Interrupt, mut take: impl FnMut(&str)) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.turn(&mut take)? {
                return Ok(status);
            }
            interrupt.pause(TURN)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_handed_over_once_and_the_last_without_its_end() {
        let script = "printf 'one\\ntw'; sleep 0.2; printf 'o\\n' >&2; printf three; exit 5";
        let followed = Followed::start(Command::new("sh").args(["-c", script])).unwrap();
        let mut lines = Vec::new();
        let status = followed.finish(&Interrupt::never(), |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(status.code(), Some(5));
    }
}
