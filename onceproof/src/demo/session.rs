//! One demo from its first process to its verdict.
//!
//! The load starts the target, kills it, has the run judged, and ends the target, as it does for any
//! scenario with `[target.process]` and `[[faults]]`.

use std::path::PathBuf;
use std::process::ExitStatus;

use reader::console::{print_result, say};
use reader::invocation::Program;
use truth::exit;
use truth::numbers::counted;
use truth::record::faults::Struck;

use super::Settings;
use super::broken::Broken;
use super::child::{Lines, Own, Running};
use super::error::DemoError;
use super::files::{self, Files};
use super::port;
use super::run_folder::RunFolder;
use super::scenario::{Scenario, shares};

const COUNT: u64 = 20_000;
const DUP: &str = "0.3";
const BATCH: u64 = 20;
const KILLS: u64 = 1;

/// Variable in which the reference target finds its database.
const DATABASE_URL: &str = "DATABASE_URL";

/// Remedy for a run of too few requests: it was over before the kill.
const SHORT: &str = "the run was too short for a kill; try a larger --count or a smaller --batch";

/// Settings of a demo with all defaults filled in, and its folders.
#[derive(Debug)]
pub(super) struct Session<'a> {
    settings: &'a Settings,
    own: Own,
    broken: Option<&'a Broken>,
    count: u64,
    dup: &'a str,
    batch: u64,
    kills: u64,
    results: PathBuf,
    /// The target's files, the scenario, and the lock that binds all processes.
    files: Files,
}

impl<'a> Session<'a> {
    /// Makes the folders.
    pub(super) fn new(settings: &'a Settings, broken: Option<&'a Broken>) -> Result<Self, DemoError> {
        Ok(Self {
            settings,
            own: Own::find()?,
            broken,
            count: settings.count.or(broken.map(|broken| broken.count)).unwrap_or(COUNT),
            dup: settings.dup.as_deref().unwrap_or(DUP),
            batch: settings.batch.or(broken.map(|broken| broken.batch)).unwrap_or(BATCH),
            kills: settings.kills.or(broken.map(|broken| broken.kills)).unwrap_or(KILLS),
            // A given database has no file here. Without its URL, which the scenario does not hold, a
            // later verify would start the target on another one.
            files: Files::new(settings.keep && settings.database_url.is_none())?,
            results: settings.out.clone().map_or_else(files::results, Ok)?,
        })
    }

    /// Loads, kills, starts again and verifies. Returns the exit code of the load, which is that of
    /// the verdict.
    pub(super) async fn run(&self) -> Result<u8, DemoError> {
        let mut load = self.start()?;
        let folder = self.follow(&mut load.lines).await?;
        let Some(folder) = folder else { return Err(DemoError::Load { status: load.wait().await? }) };
        tell("verify reads the target back, and judges it by the ledger");
        let verdict = load.lines.rest().await?;
        let code = exit_code(load.wait().await?)?;
        if self.files.is_kept() {
            tell(&format!("the target's files are in {}", self.files.path().display()));
        }
        let shown =
            format!("{}\n{}", verdict.trim_start(), look_at(&folder, code, &self.again_with(folder.seed()?)));
        let printed = print_result(&shown, code);
        if code == exit::VOID && folder.kills()?.iter().any(|kill| !kill.bit()) {
            tell(SHORT);
        }
        Ok(printed)
    }

    /// Starts the load, which starts the target.
    fn start(&self) -> Result<Running, DemoError> {
        let Self { count, dup, batch, .. } = self;
        let port = port::free().ok_or(DemoError::NoPort { tries: port::TRIES })?;
        let url = format!("http://127.0.0.1:{port}");
        let path = self.files.file("demo.toml");
        self.scenario(&url).write(&path).map_err(|source| {
            let path = path.clone();
            DemoError::File { action: "write", path, source }
        })?;
        let mut command = self.own.command(&self.files.lock());
        command.args([Program::Loadgen.subcommand(), "--quiet", "--verify", "--scenario"]).arg(&path);
        command.args(["--target", &url, "--out"]).arg(&self.results);
        command.args(["--count", &count.to_string(), "--dup", dup, "--batch", &batch.to_string()]);
        command.args(self.settings.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
        // The scenario is gone when the demo ends.
        command.env(loadgen::RERUN, self.again("onceproof"));
        // A scenario must not hold the URL of a given database, since it may have a password.
        command.envs(self.settings.database_url.iter().map(|url| (DATABASE_URL, url)));
        tell(&format!("starts {} ({url})", self.told()));
        tell(&format!(
            "sends {count} events in requests of {batch}, with a share of {dup} repeats{}",
            self.plan()
        ));
        Running::start(&mut command)
    }

    /// Returns the command of a demo that sends the same with this seed.
    fn again_with(&self, seed: u32) -> String {
        format!("{} --seed {seed}", self.again(&typed()))
    }

    /// Returns the command of a demo that sends the same, without the seed.
    fn again(&self, program: &str) -> String {
        let Settings { broken, dup, count, batch, kills, database_url, .. } = self.settings;
        let number = |number: &Option<u64>| number.map(|number| number.to_string());
        let given = [
            ("--broken", broken.clone()),
            ("--count", number(count)),
            ("--dup", dup.clone()),
            ("--batch", number(batch)),
            ("--kills", number(kills)),
            // The URL may have a password.
            ("--database-url", database_url.as_ref().map(|_| "URL".to_owned())),
        ];
        let given = given.into_iter().filter_map(|(flag, value)| Some(format!(" {flag} {}", value?)));
        format!("{program} demo{}", given.collect::<String>())
    }

    fn told(&self) -> String {
        match self.broken {
            Some(broken) => format!("a target with a defect: it {}", broken.says),
            None if self.settings.database_url.is_some() => {
                "the reference target on the given database".to_owned()
            }
            None => "the reference target on a fresh SQLite file".to_owned(),
        }
    }

    /// Tells when the kills come.
    fn plan(&self) -> String {
        let shares: Vec<String> = shares(self.kills).take(5).map(|at| at.to_string()).collect();
        match self.kills {
            0 => String::new(),
            1 => format!(", and kills the target at {}", shares[0]),
            kills @ 2..=5 => format!(", and kills the target {kills} times, at {}", shares.join(", ")),
            kills => format!(", and kills the target {kills} times"),
        }
    }

    fn scenario(&self, url: &str) -> Scenario<'_> {
        let listen = url.trim_start_matches("http://");
        let program = self.own.path().display().to_string();
        let words: Vec<String> = match self.broken {
            Some(broken) => {
                let journal = self.files.file("journal").display().to_string();
                ["mutant", "--defect", broken.name, "--journal", &journal].map(str::to_owned).into()
            }
            None => vec![Program::Aggregator.subcommand().to_owned()],
        };
        let listen = ["--listen", listen].map(str::to_owned);
        let is_fresh = self.broken.is_none() && self.settings.database_url.is_none();
        let fresh = || format!("sqlite://{}", self.files.file("onceproof.db").display());
        Scenario {
            command: std::iter::once(program).chain(words).chain(listen).collect(),
            database_url: is_fresh.then(fresh),
            kills: self.kills,
            tables: self.broken.map_or("", |broken| broken.tables),
        }
    }

    /// Follows the load to its last line, the one for scripts, and tells it. Returns the run folder;
    /// none if the load came to no end.
    async fn follow(&self, lines: &mut Lines) -> Result<Option<RunFolder>, DemoError> {
        let mut folder = None;
        while let Some(line) = lines.next().await? {
            folder = RunFolder::named_by(&line).transpose()?.or(folder);
            if line.starts_with("done ") {
                tell(&line);
                let kills = folder.iter().map(RunFolder::kills).next().transpose()?.unwrap_or_default();
                kills.iter().for_each(|kill| tell(&what_became_of(kill)));
                return Ok(folder);
            }
        }
        Ok(None)
    }
}

fn what_became_of(kill: &Struck) -> String {
    match &kill.record {
        Some(record) if kill.bit() => format!(
            "the target was killed with SIGKILL after {}, and started again",
            counted(record.attempts_ended, "attempt", "attempts")
        ),
        Some(record) => {
            format!(
                "{} had no effect: {}",
                kill.planned,
                record.missed.as_deref().unwrap_or("it is not proven")
            )
        }
        None => format!("{} is not on record", kill.planned),
    }
}

/// Returns the exit code of a process that no signal ended.
fn exit_code(status: ExitStatus) -> Result<u8, DemoError> {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.ok_or(DemoError::Load { status })
}

/// Returns the ways to look at a run, with what explains a FAIL last.
fn look_at(folder: &RunFolder, code: u8, again: &str) -> String {
    let path = folder.path().display().to_string();
    let quoted = shlex::try_quote(&path).unwrap_or_default();
    let typed = typed();
    let command =
        |program: Program, words: &str| format!("{typed} {} {words} {quoted}", program.subcommand());
    let explained = (code == exit::FAIL).then(|| command(Program::Verify, "explain --finding 1"));
    let lines = [
        ("run folder", Some(path.clone())),
        ("the same demo again", Some(again.to_owned())),
        ("every attempt", Some(command(Program::Loadgen, "history"))),
        ("this report again", Some(command(Program::Verify, "--offline"))),
        ("the first finding explained", explained),
        ("report for a browser", folder.report().map(|report| report.display().to_string())),
    ];
    lines.into_iter().filter_map(|(what, shown)| Some(format!("{what}: {}\n", shown?))).collect()
}

/// Returns the name of this program as it was typed, such as `./onceproof`, so that a command that
/// begins with it can be typed too.
fn typed() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    shlex::try_quote(&path.to_string_lossy()).unwrap_or_default().into_owned()
}

fn tell(what: &str) {
    say(&format!("demo: {what}"));
}
