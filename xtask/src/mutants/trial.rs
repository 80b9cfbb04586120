//! One run against one mutant, from the first event to the verdict.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::table::{Fault, Mutant, Starter};
use crate::rig::port;
use crate::rig::programs::{Programs, Running};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;

/// The program that every mutant is.
const TARGET: &str = "examples/mutant";

/// Between two looks at how much is received.
const LOOK: Duration = Duration::from_millis(1);

/// How long a pause lasts: longer than the time-out of the scenarios that have one.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a rest lasts: longer than the window of the target with a short one.
const REST: Duration = Duration::from_millis(2_500);

/// Promised by every mutant, and short, because each run with a fault waits so long.
const ZOMBIE: &str = "500ms";

/// How a run against a mutant was judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// The word of the verdict.
    pub word: String,
    /// The checks that say FAIL.
    pub failed: Vec<String>,
    /// The reasons of the verdict.
    pub reasons: Vec<String>,
    /// Attempts whose fate is unknown: what the faults did to the run.
    pub unknown: u64,
}

impl Trial {
    /// Loads the mutant with `count` attempts, does to its process what is to be done, and has it judged.
    ///
    /// An error if a fault did not find the run under way: such a trial would show nothing.
    pub fn run(programs: &Programs, mutant: &Mutant, count: u64, seed: u32) -> Result<Self> {
        let scratch = Scratch::new()?;
        let journal = scratch.path().join("journal").display().to_string();
        let settings = vec![
            ("JOURNAL", journal),
            ("DEFECT", mutant.name.to_owned()),
            ("MODE", mutant.mode.setting.to_owned()),
        ];
        let files = Files::of(&scratch);
        let verdict = match mutant.starter {
            Starter::Trial => {
                let target = Service::start(programs, TARGET, settings)?;
                struck_by_the_trial(programs, mutant, target, &files, [count, u64::from(seed)])?
            }
            Starter::Scenario(faults) => {
                struck_by_the_scenario(programs, mutant, &settings, faults, &files, [count, u64::from(seed)])?
            }
        };
        Self::read(&verdict)
    }

    /// Takes what matters out of `verdict.json`.
    fn read(verdict: &Value) -> Result<Self> {
        let text =
            |value: &Value| value.as_str().map(str::to_owned).context("a text is missing in the verdict");
        let list = |value: &Value| value.as_array().cloned().context("a list is missing in the verdict");
        let checks = list(&verdict["checks"])?;
        let failed = checks.iter().filter(|check| check["status"] == "fail");
        Ok(Self {
            word: text(&verdict["verdict"])?,
            failed: failed.map(|check| text(&check["name"])).collect::<Result<_>>()?,
            reasons: list(&verdict["reasons"])?.iter().map(text).collect::<Result<_>>()?,
            unknown: verdict["attempts"]["unknown"].as_u64().context("a number is missing in the verdict")?,
        })
    }

    /// In one line.
    #[must_use]
    pub fn told(&self) -> String {
        let reasons =
            if self.reasons.is_empty() { String::new() } else { format!(": {}", self.reasons.join("; ")) };
        format!("{}, {} unknown{reasons}", self.word, self.unknown)
    }
}

impl Mutant {
    /// Returns true if the verdict is FAIL and the check that has to name this defect is among the failed ones.
    #[must_use]
    pub fn is_named_by(&self, trial: &Trial) -> bool {
        trial.word == "FAIL" && trial.failed.iter().any(|check| check == self.named_by)
    }
}

/// Where a trial keeps what it says to the programs, and they to it.
struct Files {
    scenario: String,
    out: String,
}

impl Files {
    fn of(scratch: &Scratch) -> Self {
        let file = |name: &str| scratch.path().join(name).display().to_string();
        Self { scenario: file("scenario.toml"), out: file("results") }
    }

    /// Writes the scenario that fits a mutant, with further tables, and tells the arguments that run it.
    fn loading(&self, mutant: &Mutant, tables: &str, [count, seed]: [u64; 2]) -> Result<Vec<String>> {
        let promises = format!("[promises]\nzombie = \"{ZOMBIE}\"\n{}", mutant.mode.promises);
        let (load, target) = (mutant.scenario, mutant.mode.target);
        std::fs::write(&self.scenario, format!("name = \"mutant\"\n{load}{target}{tables}{promises}"))?;
        let (count, seed) = (count.to_string(), seed.to_string());
        let args = ["--scenario", &self.scenario, "--count", &count, "--seed", &seed, "--out", &self.out]
            .map(str::to_owned);
        Ok(args.to_vec())
    }
}

/// The target is a server like any other, and `verify` knows nothing of what becomes of it.
fn struck_by_the_trial(
    programs: &Programs,
    mutant: &Mutant,
    mut target: Service,
    files: &Files,
    run: [u64; 2],
) -> Result<Value> {
    let mut args = files.loading(mutant, "", run)?;
    args.extend(["--target".to_owned(), target.url()]);
    let mut loading = programs.start("loadgen", args)?;
    let mut forgotten = 0;
    for fault in mutant.faults {
        let received = fault.strike(&mut target, &mut loading, run[0], forgotten, programs)?;
        if mutant.mode.forgets_counters && matches!(fault, Fault::Kill { .. }) {
            forgotten = received;
        }
    }
    let loaded = loading.finish()?;
    ensure!(loaded.code == Some(0), "loadgen ended with {:?}: {}", loaded.code, loaded.stderr);
    let judged = programs.run("verify", ["--out", &files.out, "--settle", "2s", "--format", "json"])?;
    serde_json::from_str(&judged.stdout)
        .with_context(|| format!("verify said {}{}", judged.stdout, judged.stderr))
}

/// `loadgen` starts the target and does to it what the scenario says, so that `verify` has proof of it.
fn struck_by_the_scenario(
    programs: &Programs,
    mutant: &Mutant,
    settings: &[(&str, String)],
    faults: &str,
    files: &Files,
    run: [u64; 2],
) -> Result<Value> {
    let address = format!("127.0.0.1:{}", port::free()?);
    let listen = ("LISTEN", address.clone());
    let environment: Vec<String> =
        settings.iter().chain([&listen]).map(|(name, value)| format!("{name} = {value:?}")).collect();
    let process = format!(
        "[target.process]\ncommand = [{:?}]\nenvironment = {{ {} }}\n{faults}",
        programs.path(TARGET)?.display().to_string(),
        environment.join(", ")
    );
    let mut args = files.loading(mutant, &process, run)?;
    args.extend(["--verify".to_owned(), "--target".to_owned(), address]);
    let judged = programs.run("loadgen", args)?;
    let path = std::path::Path::new(&files.out).join("latest/verdict.json");
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("there is no verdict: {}{}", judged.stdout, judged.stderr))?;
    Ok(serde_json::from_str(&text)?)
}

impl Fault {
    /// Waits for its moment and strikes; tells how much was received by then, `forgotten` by earlier processes included.
    fn strike(
        self,
        target: &mut Service,
        loading: &mut Running,
        count: u64,
        forgotten: u64,
        programs: &Programs,
    ) -> Result<u64> {
        let (Self::Kill { percent } | Self::Pause { percent } | Self::Rest { percent }) = self;
        let received = loop {
            let received = forgotten + target.received()?;
            if received >= count * percent / 100 {
                break received;
            }
            if let Some(status) = loading.process.try_wait()? {
                bail!(
                    "the run was over ({status}) before {percent} % were received, so that nothing could hurt it"
                );
            }
            programs.interrupt().pause(LOOK)?;
        };
        match self {
            Self::Kill { .. } => {
                target.kill()?;
                target.restart()?;
            }
            Self::Pause { .. } | Self::Rest { .. } => {
                target.pause()?;
                programs.interrupt().pause(if self.hurts() { PAUSE } else { REST })?;
                target.resume()?;
            }
        }
        Ok(received)
    }
}
