//! One run against one mutant, from the first event to the verdict.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::table::{Fault, Mutant, Starter};
use crate::rig::port;
use crate::rig::programs::{Programs, Running};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;

/// Program of every mutant.
const TARGET: &str = "examples/mutant";

/// Setting with the signals that the target sends to itself.
const STRIKES: &str = "STRIKES";

/// Pause between two looks at the target.
const LOOK: Duration = Duration::from_millis(1);

/// Length of a pause: longer than the timeout of the scenarios that have one.
const PAUSE: Duration = Duration::from_millis(500);

/// Length of a rest: longer than the window of the target with a short one.
const REST: Duration = Duration::from_millis(2_500);

/// Promise of every mutant. It is short, because each run with a fault waits for it.
const ZOMBIE: &str = "500ms";

/// Verdict of a run against a mutant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// Verdict: PASS, FAIL, UNKNOWN or VOID.
    pub verdict: String,
    /// Checks that failed.
    pub failed: Vec<String>,
    /// Reasons of the verdict.
    pub reasons: Vec<String>,
    /// Attempts whose outcome is unknown, because of the faults.
    pub unknown: u64,
}

impl Trial {
    /// Loads the mutant with `count` attempts, injects its faults, and judges the run. Returns an
    /// error if the run ended before a fault, because such a trial shows nothing.
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
                let mut settings = settings;
                settings.push((STRIKES, strikes(mutant.faults, 0, count)));
                let target = Service::start(programs, TARGET, settings)?;
                struck_by_the_trial(programs, mutant, target, &files, Size { count, seed })?
            }
            Starter::Scenario(faults) => {
                struck_by_the_scenario(programs, mutant, &settings, faults, &files, Size { count, seed })?
            }
        };
        Self::read(&verdict)
    }

    /// Reads the parts of `verdict.json` that matter here.
    fn read(verdict: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("verdict.json lacks a text");
        let list = |value: &Value| value.as_array().cloned().context("verdict.json lacks a list");
        let checks = list(&verdict["checks"])?;
        let failed = checks.iter().filter(|check| check["status"] == "fail");
        Ok(Self {
            verdict: text(&verdict["verdict"])?,
            failed: failed.map(|check| text(&check["name"])).collect::<Result<_>>()?,
            reasons: list(&verdict["reasons"])?.iter().map(text).collect::<Result<_>>()?,
            unknown: verdict["attempts"]["unknown"].as_u64().context("verdict.json lacks a number")?,
        })
    }

    /// Returns the verdict in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let reasons =
            if self.reasons.is_empty() { String::new() } else { format!(": {}", self.reasons.join("; ")) };
        format!("{}, {} unknown{reasons}", self.verdict, self.unknown)
    }
}

impl Mutant {
    /// True if the verdict is FAIL and the check that has to name this defect is among the failed
    /// ones.
    #[must_use]
    pub fn is_named_by(&self, trial: &Trial) -> bool {
        trial.verdict == "FAIL" && trial.failed.iter().any(|check| check == self.named_by)
    }
}

/// Numbers that a trial gives to loadgen.
#[derive(Clone, Copy)]
struct Size {
    count: u64,
    seed: u32,
}

/// Files of a trial.
struct Files {
    scenario: String,
    out: String,
}

impl Files {
    fn of(scratch: &Scratch) -> Self {
        let file = |name: &str| scratch.path().join(name).display().to_string();
        Self { scenario: file("scenario.toml"), out: file("results") }
    }

    /// Writes the scenario that fits a mutant, with further tables, and returns the arguments that
    /// run it.
    fn loading(&self, mutant: &Mutant, tables: &str, size: Size) -> Result<Vec<String>> {
        let promises = format!("[promises]\nzombie = \"{ZOMBIE}\"\n{}", mutant.mode.promises);
        let load = mutant.scenario;
        let target = mutant.mode.target;
        std::fs::write(&self.scenario, format!("name = \"mutant\"\n{load}{target}{tables}{promises}"))?;
        let count = size.count.to_string();
        let seed = size.seed.to_string();
        let args = ["--scenario", &self.scenario, "--count", &count, "--seed", &seed, "--out", &self.out]
            .map(str::to_owned);
        Ok(args.to_vec())
    }
}

/// Runs a target that the trial starts, so that `verify` has no record of its faults.
fn struck_by_the_trial(
    programs: &Programs,
    mutant: &Mutant,
    mut target: Service,
    files: &Files,
    size: Size,
) -> Result<Value> {
    let mut args = files.loading(mutant, "", size)?;
    args.extend(["--target".to_owned(), target.url()]);
    let mut loading = programs.start("loadgen", args)?;
    for (place, fault) in mutant.faults.iter().enumerate() {
        fault.attend(&mut target, &mut loading, &mutant.faults[place + 1..], size.count, programs)?;
    }
    let loaded = loading.finish()?;
    ensure!(loaded.code == Some(0), "loadgen ended with {:?}, expected 0: {}", loaded.code, loaded.stderr);
    let judged = programs.run("verify", ["--out", &files.out, "--settle", "2s", "--format", "json"])?;
    serde_json::from_str(&judged.stdout)
        .with_context(|| format!("verify printed no JSON: {}{}", judged.stdout, judged.stderr))
}

/// Runs a target that `loadgen` starts by the scenario, so that `verify` has a record of its
/// faults.
fn struck_by_the_scenario(
    programs: &Programs,
    mutant: &Mutant,
    settings: &[(&str, String)],
    faults: &str,
    files: &Files,
    size: Size,
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
    let mut args = files.loading(mutant, &process, size)?;
    args.extend(["--verify".to_owned(), "--target".to_owned(), address]);
    let judged = programs.run("loadgen", args)?;
    let path = std::path::Path::new(&files.out).join("latest/verdict.json");
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("there is no verdict: {}{}", judged.stdout, judged.stderr))?;
    Ok(serde_json::from_str(&text)?)
}

/// Returns the signals that a process sends to itself: those of the next faults, up to the one that
/// ends it, if it starts at this percentage of the attempts.
fn strikes(faults: &[Fault], start: u64, count: u64) -> String {
    let until = faults.iter().position(|fault| fault.kills()).map_or(faults.len(), |kill| kill + 1);
    let strike = |fault: &Fault| {
        let signal = if fault.kills() { "kill" } else { "stop" };
        format!("{signal}@{}", count * (fault.percent() - start) / 100)
    };
    faults[..until].iter().map(strike).collect::<Vec<_>>().join(",")
}

impl Fault {
    /// Waits until the target has struck itself, and starts or continues it.
    fn attend(
        self,
        target: &mut Service,
        loading: &mut Running,
        next: &[Self],
        count: u64,
        programs: &Programs,
    ) -> Result<()> {
        while !(if self.kills() { target.has_ended()? } else { target.is_stopped()? }) {
            if let Some(status) = loading.process.try_wait()? {
                bail!("the run ended ({status}) before {} % had arrived, so no fault came", self.percent());
            }
            programs.interrupt().pause(LOOK)?;
        }
        if self.kills() {
            target.set(STRIKES, strikes(next, self.percent(), count));
            return target.restart();
        }
        programs.interrupt().pause(if self.hurts() { PAUSE } else { REST })?;
        target.resume()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_strikes_itself_up_to_its_end() {
        let faults = [Fault::Kill { percent: 25 }, Fault::Pause { percent: 45 }, Fault::Kill { percent: 60 }];
        assert_eq!(strikes(&faults, 0, 4_000), "kill@1000");
        assert_eq!(strikes(&faults[1..], 25, 4_000), "stop@800,kill@1400");
        assert_eq!(strikes(&faults[3..], 60, 4_000), "");
    }
}
