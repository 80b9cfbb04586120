//! One demo from its first process to its verdict.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reader::console::{print_result, say};
use reader::invocation::{Program, called};
use tempfile::TempDir;
use tokio::time::sleep;

use super::Settings;
use super::broken::Broken;
use super::child::{Own, Running, output_to};
use super::error::DemoError;
use super::run_folder::{RunFolder, random_seed};
use super::target::{Start, Target};

const COUNT: u64 = 20_000;
const DUP: &str = "0.3";
const BATCH: u64 = 20;
const KILLS: u64 = 1;

/// Pause between two reads of `/stats`. A fast machine stores 20,000 events in a fifth of a second.
const LOOK: Duration = Duration::from_millis(1);

/// Scenario that promises all that the reference target keeps.
const REFERENCE: &str = "reference";

/// Settings of a demo with all defaults filled in, and its folders.
#[derive(Debug)]
pub(super) struct Session<'a> {
    own: Own,
    broken: Option<&'a Broken>,
    count: u64,
    dup: &'a str,
    batch: u64,
    kills: u64,
    seed: u32,
    database_url: Option<&'a str>,
    results: PathBuf,
    /// Folder of the target's files and the logs.
    files: TempDir,
    is_kept: bool,
}

impl<'a> Session<'a> {
    /// Makes the folders.
    pub(super) fn new(settings: &'a Settings, broken: Option<&'a Broken>) -> Result<Self, DemoError> {
        let mut files = folder("onceproof-target-")?;
        files.disable_cleanup(settings.keep);
        let results = match &settings.out {
            Some(out) => out.clone(),
            None => folder("onceproof-demo-")?.keep(),
        };
        Ok(Self {
            own: Own::find()?,
            broken,
            count: settings.count.or(broken.map(|broken| broken.count)).unwrap_or(COUNT),
            dup: settings.dup.as_deref().unwrap_or(DUP),
            batch: settings.batch.or(broken.map(|broken| broken.batch)).unwrap_or(BATCH),
            kills: settings.kills.or(broken.map(|broken| broken.kills)).unwrap_or(KILLS),
            seed: settings.seed.unwrap_or_else(random_seed),
            database_url: settings.database_url.as_deref(),
            results,
            files,
            is_kept: settings.keep,
        })
    }

    /// Loads, kills, starts again and verifies. Returns verify's exit code.
    pub(super) async fn run(&self) -> Result<u8, DemoError> {
        let mut target = self.target().await?;
        let folder = self.load(&mut target).await?;
        tell("verify reads the target back, and judges it by the ledger");
        let code = self.verify(&folder).await?;
        if self.is_kept {
            tell(&format!("the target's files and logs are in {}", self.files.path().display()));
        }
        Ok(print_result(&look_at(&folder), code))
    }

    async fn target(&self) -> Result<Target, DemoError> {
        let (told, start) = match self.broken {
            Some(broken) => (format!("a target with a defect: it {}", broken.says), self.mutant(broken)),
            None if self.database_url.is_some() => {
                ("the reference target on the given database".to_owned(), self.reference())
            }
            None => ("the reference target on a fresh SQLite file".to_owned(), self.reference()),
        };
        let target = Target::start(start).await?;
        tell(&format!("started {told} ({})", target.url()));
        Ok(target)
    }

    fn mutant(&self, broken: &Broken) -> Start {
        let journal = self.file("journal").display().to_string();
        self.start(["mutant", "--defect", broken.name, "--journal", &journal], Vec::new())
    }

    fn reference(&self) -> Start {
        let fresh = || format!("sqlite://{}", self.file("onceproof.db").display());
        let url = self.database_url.map_or_else(fresh, str::to_owned);
        self.start([Program::Aggregator.subcommand()], vec![("DATABASE_URL", url)])
    }

    fn start<const N: usize>(&self, arguments: [&str; N], environment: Vec<(&'static str, String)>) -> Start {
        let arguments = arguments.map(str::to_owned).to_vec();
        Start { own: self.own.clone(), arguments, environment, log: self.file("target.log") }
    }

    /// Sends the events and kills the target meanwhile. Returns an error if no connection broke,
    /// because a kill that hurts no request proves nothing.
    async fn load(&self, target: &mut Target) -> Result<RunFolder, DemoError> {
        let Self { count, dup, batch, kills, seed, .. } = self;
        let output = self.file("load.txt");
        let mut command = self.own.command([Program::Loadgen.subcommand(), "--quiet"]);
        command.arg("--scenario").arg(self.scenario()?).arg("--out").arg(&self.results);
        command.args(["--count", &count.to_string(), "--dup", dup, "--batch", &batch.to_string()]);
        command.args(["--seed", &seed.to_string(), "--target", &target.url()]);
        tell(&format!("sends {count} events in requests of {batch}, with a share of {dup} repeats"));
        let mut load = Running::start(command.stdout(output_to(&output)?).stderr(Stdio::inherit()))?;
        for threshold in thresholds(*count, *kills) {
            let received = wait_until_received(threshold, &mut load, target).await?;
            target.kill_and_start().await?;
            tell(&format!("killed the target with SIGKILL at {received} received, and started it again"));
        }
        let status = load.wait().await?;
        if !status.success() {
            return Err(DemoError::of_load(status));
        }
        target.check()?;
        tell(&last_line(&output));
        let folder = RunFolder::of_seed(&self.results, *seed)?;
        if *kills > 0 && folder.connections_broken()? == 0 {
            return Err(DemoError::NothingBroke);
        }
        Ok(folder)
    }

    /// Returns the scenario: that of the reference target, or a file beside the run if the defect
    /// needs tables of its own.
    fn scenario(&self) -> Result<PathBuf, DemoError> {
        let Some(broken) = self.broken.filter(|broken| !broken.tables.is_empty()) else {
            return Ok(REFERENCE.into());
        };
        let path = self.results.join(format!("demo-{}.toml", broken.name));
        let text = format!("name = \"demo\"\n{}[promises]\npreset = \"{REFERENCE}\"\n", broken.tables);
        match std::fs::create_dir_all(&self.results).and_then(|()| std::fs::write(&path, text)) {
            Ok(()) => Ok(path),
            Err(source) => Err(DemoError::File { action: "write", path, source }),
        }
    }

    /// Runs verify, which shows its verdict.
    async fn verify(&self, folder: &RunFolder) -> Result<u8, DemoError> {
        let mut command = self.own.command([Program::Verify.subcommand(), "--quiet"]);
        command.arg(folder.path()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        let status = Running::start(&mut command)?.wait().await?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        code.ok_or(DemoError::Verify { status })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }
}

/// Makes a folder for temporary files, with a name that begins so.
fn folder(prefix: &str) -> Result<TempDir, DemoError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempdir()
        .map_err(|source| DemoError::Folder { path: std::env::temp_dir(), source })
}

/// Polls `/stats` until `threshold` events are received, and returns the number received.
async fn wait_until_received(
    threshold: u64,
    load: &mut Running,
    target: &mut Target,
) -> Result<u64, DemoError> {
    loop {
        match load.ended()? {
            Some(status) if status.success() => return Err(DemoError::Late { threshold }),
            Some(status) => return Err(DemoError::of_load(status)),
            None => target.check()?,
        }
        let received = target.received().await?;
        if received >= threshold {
            return Ok(received);
        }
        sleep(LOOK).await;
    }
}

/// Returns the numbers of received events at which the kills come: evenly over four fifths of the
/// count, which puts a single one at 40 %. The last fifth is spare, because requests that a kill
/// breaks are not received.
fn thresholds(count: u64, kills: u64) -> Vec<u64> {
    (1..=kills).map(|kill| (count * 4 * kill).div_ceil(5 * (kills + 1))).collect()
}

/// Returns the last line that the load printed: the one for scripts.
fn last_line(output: &Path) -> String {
    let text = std::fs::read_to_string(output).unwrap_or_default();
    text.lines().last().unwrap_or_default().to_owned()
}

/// Returns the ways to look at a run.
fn look_at(folder: &RunFolder) -> String {
    let path = folder.path().display();
    let report = folder.report().map(|report| format!("report for a browser: {}\n", report.display()));
    format!(
        "\nrun folder: {path}\n{}every attempt: {} history {path}\nthis report again: {} --offline {path}\n",
        report.unwrap_or_default(),
        called(Program::Loadgen),
        called(Program::Verify)
    )
}

fn tell(what: &str) {
    say(&format!("demo: {what}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kill_comes_at_forty_percent_and_more_are_spread_evenly() {
        assert_eq!(thresholds(20_000, 1), [8_000]);
        assert_eq!(thresholds(7, 1), [3]);
        assert_eq!(thresholds(200_000, 4), [32_000, 64_000, 96_000, 128_000]);
        assert_eq!(thresholds(20_000, 0), [0; 0]);
    }
}
