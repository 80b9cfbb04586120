//! Program `loadgen`, run by the tests, and the files that it leaves.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use truth::files::read_json;
use truth::record::folder::RunFolder;
use truth::record::ledger::reader::{self, SegmentReader};
use truth::record::ledger::{Done, Frame, Scope};
use truth::record::seal::check_run;

use crate::schema;
use crate::stub::Stub;

/// Environment variables that people set and that would outrank a test.
pub(crate) const ENVIRONMENT: [&str; 18] = [
    "RATE",
    "DURATION",
    "START_AT",
    "COUNT",
    "DUP_RATE",
    "TARGET_URL",
    "TARGET_CACERT",
    "TARGET_BEARER_TOKEN",
    "TARGET_BASIC_AUTH",
    "TARGET_PROXY_AUTH",
    "CONCURRENCY",
    "BATCH_SIZE",
    "TOPICS",
    "SHARD",
    "SHARDS",
    "JOB_COMPLETION_INDEX",
    "RUST_LOG",
    "NO_COLOR",
];

/// Variables of a desktop or of a CI system, which would change what it does.
const SURROUNDINGS: [&str; 4] = ["DISPLAY", "WAYLAND_DISPLAY", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"];

/// `loadgen` about to be run, with a folder for its results.
pub(crate) struct Loadgen {
    arguments: Vec<String>,
    out: TempDir,
}

impl Loadgen {
    /// Returns one that loads this target with these arguments, separated by blanks.
    pub(crate) fn against(stub: &Stub, arguments: &str) -> Self {
        Self::with(&format!("--target {} {arguments}", stub.address))
    }

    /// Returns one with these arguments.
    pub(crate) fn with(arguments: &str) -> Self {
        let arguments = arguments.split_ascii_whitespace().map(str::to_owned).collect();
        Self { arguments, out: tempfile::tempdir().unwrap() }
    }

    /// Adds arguments.
    pub(crate) fn with_arguments(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split_ascii_whitespace().map(str::to_owned));
        self
    }

    /// Adds a scenario file of this text.
    pub(crate) fn scenario(mut self, text: &str) -> Self {
        let path = self.out.path().join("scenario.toml");
        std::fs::write(&path, text).unwrap();
        self.arguments.extend(["--scenario".to_owned(), path.to_str().unwrap().to_owned()]);
        self
    }

    /// Returns the folder for results, which may not exist.
    pub(crate) fn results(&self) -> std::path::PathBuf {
        self.out.path().join("results")
    }

    /// Returns the command, which a test may change further.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        self.complete(&mut command);
        command
    }

    /// Returns the command, started by a shell after it has run `first`. Unless that ignores a hangup,
    /// the program takes it, even where the tests run under `nohup`.
    pub(crate) fn command_after(&self, first: &str) -> Command {
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", "sh"]);
        command.args(["-c", &format!("{first}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_loadgen")]);
        self.complete(&mut command);
        command
    }

    fn complete(&self, command: &mut Command) {
        command.args(&self.arguments).arg("--out").arg(self.results());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ENVIRONMENT.iter().chain(&SURROUNDINGS) {
            command.env_remove(name);
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        let output = self.command().output().unwrap();
        self.ran(output)
    }

    /// Starts it; the caller ends it.
    pub(crate) fn start(self) -> Running {
        let command = self.command();
        self.start_with(command)
    }

    /// Starts this command of it; the caller ends it.
    pub(crate) fn start_with(self, mut command: Command) -> Running {
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Running { loadgen: self, child, said }
    }

    pub(crate) fn ran(self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            results: self.results(),
            _out: self.out,
        }
    }
}

/// `loadgen` that runs.
pub(crate) struct Running {
    loadgen: Loadgen,
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Running {
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Returns the folder for results.
    pub(crate) fn results(&self) -> std::path::PathBuf {
        self.loadgen.results()
    }

    /// Waits until this signal no longer ends the program by itself.
    pub(crate) fn wait_until_it_catches(&self, signal: rustix::process::Signal) {
        let caught = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal.as_raw() - 1) & 1 == 1
        };
        while !caught() {
            std::thread::yield_now();
        }
    }

    /// Waits for a line with this in it, and returns the line.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it never said `{part}`");
        }
        line
    }

    /// Waits until the program has ended.
    pub(crate) fn end(self) -> Ran {
        let output = self.child.wait_with_output().unwrap();
        self.loadgen.ran(output)
    }
}

/// `loadgen` that has ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    results: std::path::PathBuf,
    _out: TempDir,
}

impl Ran {
    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    pub(crate) fn folder(&self) -> RunFolder {
        RunFolder::open(&self.results).unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    pub(crate) fn summary(&self) -> Value {
        let summary = read_json(&self.folder().file("summary.json")).unwrap();
        assert!(schema::allows(&summary), "{summary:#}");
        summary
    }

    /// Returns all frames of all segments; reading checks the order of times in each.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let segments = self.folder().segments().unwrap();
        segments.iter().flat_map(|path| SegmentReader::open(path).unwrap()).map(Result::unwrap).collect()
    }

    /// Returns the rounds that were announced.
    pub(crate) fn opened(&self) -> Vec<u64> {
        let round = |frame| match frame {
            Frame::Open { round, .. } => Some(round),
            _ => None,
        };
        self.frames().into_iter().filter_map(round).collect()
    }

    /// Returns the tries that have ended, by round, request and try.
    pub(crate) fn tries(&self) -> Vec<Done> {
        let done = |frame| match frame {
            Frame::Done(done) => Some(done),
            _ => None,
        };
        let mut tries: Vec<Done> = self.frames().into_iter().filter_map(done).collect();
        tries.sort_by_key(|done| (done.scope, done.request, done.try_number));
        tries
    }

    /// True if each segment was closed, and all files are sealed.
    pub(crate) fn is_closed(&self) -> bool {
        let folder = self.folder();
        let is_sealed = check_run(&folder, folder.manifest().unwrap().lanes).unwrap();
        is_sealed && folder.segments().unwrap().iter().all(|path| reader::is_closed(path).unwrap())
    }
}

/// Returns the round of a try.
pub(crate) fn round_of(done: &Done) -> u64 {
    match done.scope {
        Scope::Round(round) => round,
        Scope::Resend(_) => panic!("loadgen sends no explicit lists"),
    }
}
