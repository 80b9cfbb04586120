//! wrk, the rival: one thread, and a script that makes batches like those of loadgen.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::super::machine::{Place, on_path};
use super::super::{CONNECTIONS, LIMIT};
use crate::process::{Ending, Process};
use crate::programs::Programs;
use crate::scratch::Scratch;
use crate::transcript::Transcript;
use crate::usage::{Usage, measured};

/// Each event with an id of its own.
const SCRIPT: &str = include_str!("wrk.lua");

/// What to say where it is not there.
pub(super) const ABSENT: &str = "wrk is not on the PATH, so there is nothing to compare with: the package `wrk` of Debian, Ubuntu, Fedora and \
     Homebrew holds it.";

/// wrk as it is installed.
#[derive(Clone, Debug)]
pub(super) struct Wrk {
    program: PathBuf,
    version: String,
}

impl Wrk {
    /// It, if it is on the PATH.
    pub(super) fn find() -> Result<Option<Self>> {
        let Some(program) = on_path("wrk") else {
            return Ok(None);
        };
        // Its exit code is 1, because no URL was given.
        let output = Command::new(&program).arg("--version").output().context("cannot run wrk")?;
        Ok(Some(Self { version: version(&String::from_utf8_lossy(&output.stdout)), program }))
    }

    pub(super) fn version(&self) -> String {
        self.version.clone()
    }

    /// Runs it for so many seconds; tells how many events it sent, and what that cost.
    pub(super) fn run(
        &self,
        batch: u32,
        url: &str,
        seconds: u32,
        programs: &Programs,
        place: Place,
    ) -> Result<(u64, Usage)> {
        let folder = Scratch::new()?;
        let script = folder.path().join("batches.lua");
        std::fs::write(&script, SCRIPT).context("cannot write wrk's script")?;
        let said = Transcript::new()?;
        let mut command = self.command(&script, batch, url, seconds, place);
        command.stdout(said.stdio()?).stderr(said.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let (status, usage) = measured(&mut process, LIMIT, programs.interrupt())?;
        let said = said.text()?;
        ensure!(status.success(), "wrk failed ({status}): {said}");
        let requests =
            requests(&said).with_context(|| format!("wrk had errors, or said no count: {said}"))?;
        Ok((requests * u64::from(batch), usage))
    }

    fn command(&self, script: &Path, batch: u32, url: &str, seconds: u32, place: Place) -> Command {
        let mut command = place.command(&self.program);
        command.args(["--threads", "1", "--timeout", "30s"]);
        command.arg("--connections").arg(CONNECTIONS.to_string());
        command.arg("--duration").arg(format!("{seconds}s"));
        command.arg("--script").arg(script).arg(format!("{url}/publish")).arg("--").arg(batch.to_string());
        command
    }
}

/// `wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer`
fn version(said: &str) -> String {
    said.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// The script's last line, `requests=123 errors=0`; none if there were errors.
fn requests(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.starts_with("requests="))?;
    let (requests, errors) = line.strip_prefix("requests=")?.split_once(" errors=")?;
    let requests = requests.parse().ok().filter(|count| *count > 0)?;
    (errors == "0").then_some(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_taken_only_where_nothing_failed() {
        assert_eq!(requests("Running 2s test\nrequests=123 errors=0\n"), Some(123));
        assert_eq!(requests("requests=123 errors=4\n"), None);
        assert_eq!(requests("requests=0 errors=0\n"), None);
        assert_eq!(requests("  123 requests in 2.00s, 1.2GB read\n"), None);
    }

    #[test]
    fn the_version_is_without_the_copyright() {
        assert_eq!(version("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012"), "wrk debian/4.1.0-3+b2");
    }
}
