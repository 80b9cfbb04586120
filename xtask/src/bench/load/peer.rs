//! Rivals as they are installed, each with one thread or process, sending as fast as it can.
//!
//! The server counts the requests; a rival's own figures are not read.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::super::machine::{Place, on_path};
use super::super::{CONNECTIONS, LIMIT};
use super::Work;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::transcript::Transcript;
use crate::rig::usage::{Usage, measured};

/// Script for batches like those of loadgen, each event with an id of its own.
const LUA: &str = include_str!("wrk.lua");

/// Body of requests that are all alike.
pub(super) const BODY: &str = "{}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Wrk,
    /// wrk with a script that makes each event anew.
    WrkAnew,
    Oha,
    K6,
    Vegeta,
    Hey,
    H2load,
    Bombardier,
}

/// Work of a rival.
pub(super) struct Task<'a> {
    pub(super) work: Work,
    pub(super) url: &'a str,
    /// Number of requests, for rivals that take one.
    pub(super) requests: u64,
    /// Length of the run, for rivals that take one.
    pub(super) seconds: u32,
}

impl Peer {
    pub(super) const ALL: [Self; 8] = [
        Self::Wrk,
        Self::WrkAnew,
        Self::Oha,
        Self::K6,
        Self::Vegeta,
        Self::Hey,
        Self::H2load,
        Self::Bombardier,
    ];

    /// Returns the name in the table.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::WrkAnew => "wrk, each event made anew",
            other => other.name(),
        }
    }

    /// Returns the name of the program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wrk | Self::WrkAnew => "wrk",
            Self::Oha => "oha",
            Self::K6 => "k6",
            Self::Vegeta => "vegeta",
            Self::Hey => "hey",
            Self::H2load => "h2load",
            Self::Bombardier => "bombardier",
        }
    }

    /// Returns the package that brings it.
    pub(super) fn package(self) -> &'static str {
        match self {
            Self::Wrk | Self::WrkAnew => "the package `wrk` of Debian, Ubuntu, Fedora and Homebrew",
            Self::Oha => "`cargo install oha`, or Homebrew's `oha`",
            Self::K6 => "Homebrew's `k6`, or the packages of its own that Grafana publishes",
            Self::Vegeta => "Homebrew's `vegeta`, or `go install github.com/tsenart/vegeta/v12@latest`",
            Self::Hey => "the package `hey` of Debian, Ubuntu and Homebrew",
            Self::H2load => "the package `nghttp2-client` of Debian and Ubuntu, `nghttp2` elsewhere",
            Self::Bombardier => "`go install github.com/codesenberg/bombardier@latest`",
        }
    }

    /// True if it can send this: only a script makes each request different.
    pub(super) fn takes(self, work: Work) -> bool {
        match (self, work) {
            (_, Work::Text(_)) => false,
            (Self::Wrk, _) => true,
            (Self::WrkAnew, _) => work != Work::Fixed,
            (_, _) => work == Work::Fixed,
        }
    }

    pub(super) fn is_here(self) -> bool {
        self.path().is_some()
    }

    fn path(self) -> Option<PathBuf> {
        on_path(self.name())
    }

    /// Returns the name with the version, or without it where the program does not print one.
    pub(super) fn version(self) -> String {
        let asked = match self {
            Self::K6 => "version",
            // Without such an option it would send a request.
            Self::Hey => return self.name().to_owned(),
            Self::Wrk | Self::WrkAnew | Self::Oha | Self::Vegeta | Self::H2load | Self::Bombardier => {
                "--version"
            }
        };
        // wrk exits with 1 here, because no URL was given.
        let said = Command::new(self.name()).arg(asked).stdin(Stdio::null()).output().ok();
        let said = said.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        version(self.name(), &String::from_utf8_lossy(&said))
    }

    /// Runs the work and returns its processor time.
    pub(super) fn run(self, task: &Task<'_>, programs: &Programs, place: Place) -> Result<Usage> {
        let folder = Scratch::new()?;
        let program = self.path().with_context(|| format!("{} is not on the PATH", self.name()))?;
        let mut command = place.command(&program);
        self.arguments(task, folder.path(), &mut command)?;
        let said = Transcript::new()?;
        command.stdin(Stdio::null()).stdout(said.stdio()?).stderr(said.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let (status, usage) = measured(&mut process, LIMIT, programs.interrupt())?;
        let said = said.text()?;
        ensure!(status.success(), "{} failed ({status}): {said}", self.name());
        ensure!(
            self.name() != "wrk" || has_no_errors(&said),
            "wrk had errors or printed no count of them: {said}"
        );
        Ok(usage)
    }

    fn arguments(self, task: &Task<'_>, folder: &Path, command: &mut Command) -> Result<()> {
        let connections = CONNECTIONS.to_string();
        let requests = task.requests.to_string();
        let seconds = format!("{}s", task.seconds);
        let url = format!("{}/publish", task.url);
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            Ok::<PathBuf, anyhow::Error>(path)
        };
        match self {
            Self::Wrk | Self::WrkAnew => {
                let script = write("work.lua", LUA)?;
                command.args(["--threads", "1", "--timeout", "30s", "--connections", &connections]);
                command.args(["--duration", &seconds, "--script"]).arg(script).arg(&url);
                command.arg("--").arg(task.work.batch().to_string());
                if self == Self::WrkAnew {
                    command.arg("anew");
                }
            }
            Self::Oha => {
                command.args(["--no-tui", "-n", &requests, "-c", &connections, "-m", "POST"]);
                command.args(["-d", BODY, "-T", "application/json", &url]);
            }
            Self::K6 => {
                let script = format!(
                    "import http from 'k6/http';\nconst headers = {{ 'Content-Type': 'application/json' }};\n\
                     export default function () {{ http.post('{url}', '{BODY}', {{ headers }}); }}\n"
                );
                command.args(["run", "--quiet", "--no-usage-report", "--vus", &connections]);
                command.args(["--iterations", &requests]).arg(write("work.js", &script)?);
            }
            Self::Vegeta => {
                let target = format!(
                    "POST {url}\nContent-Type: application/json\n@{}\n",
                    write("body", BODY)?.display()
                );
                command.arg("attack").arg("-targets").arg(write("targets", &target)?);
                command.args(["-rate", "0", "-max-workers", &connections, "-connections", &connections]);
                command.args(["-duration", &seconds, "-output"]).arg(folder.join("results"));
            }
            Self::Hey => {
                command.args(["-n", &requests, "-c", &connections, "-m", "POST", "-cpus", "1"]);
                command.args(["-d", BODY, "-T", "application/json", &url]);
            }
            Self::H2load => {
                command.args(["--h1", "-n", &requests, "-c", &connections, "-t", "1", "-d"]);
                command.arg(write("body", BODY)?).args(["-H", "content-type: application/json", &url]);
            }
            Self::Bombardier => {
                command.args(["-n", &requests, "-c", &connections, "-m", "POST", "-b", BODY, "--fasthttp"]);
                command.args(["-H", "Content-Type: application/json", "-p", "result", &url]);
            }
        }
        Ok(())
    }
}

/// Reads `wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer`, `h2load nghttp2/1.52.0` or
/// `oha 1.14.0`.
fn version(name: &str, said: &str) -> String {
    let line =
        said.lines().find(|line| line.chars().any(|letter| letter.is_ascii_digit())).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().filter(|word| *word != name).collect();
    let number = words.into_iter().find(|word| word.chars().any(|letter| letter.is_ascii_digit()));
    format!("{name} {}", number.unwrap_or_default()).trim_end().to_owned()
}

/// Reads the script's last line, `requests=123 errors=0`.
fn has_no_errors(said: &str) -> bool {
    said.lines().any(|line| line.starts_with("requests=") && line.ends_with(" errors=0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_believed_only_where_nothing_failed() {
        assert!(has_no_errors("Running 2s test\nrequests=123 errors=0\n"));
        assert!(!has_no_errors("requests=123 errors=4\n"));
        assert!(!has_no_errors("  123 requests in 2.00s, 1.2GB read\n"));
    }

    #[test]
    fn a_version_is_a_name_and_a_number() {
        assert_eq!(
            version("wrk", "wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012"),
            "wrk debian/4.1.0-3+b2"
        );
        assert_eq!(version("h2load", "h2load nghttp2/1.52.0\n"), "h2load nghttp2/1.52.0");
        assert_eq!(version("k6", "k6 v1.2.3 (go1.24)"), "k6 v1.2.3");
        assert_eq!(version("oha", "who knows"), "oha");
    }
}
