//! One run against one mutant, from the first event to the verdict.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cell::Cell;
use super::mutant::{Fault, Mutant, Starter};
use crate::matrix::outcome::Outcome;
use crate::matrix::work::Run;
use crate::rig::port;
use crate::rig::programs::{Finished, Programs, Running};
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

/// Time for which nothing may move, where nothing says how long that may take.
const SETTLE: &str = "2s";

/// Run to make.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    pub mutant: &'a Mutant,
    pub cell: Cell,
    pub attempts: u64,
    pub seed: u32,
}

/// Key of a run in the file of outcomes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Key {
    name: String,
    mode: String,
    cell: Cell,
    attempts: u64,
    seed: u32,
}

impl Run for Trial<'_> {
    type Key = Key;

    fn key(&self) -> Key {
        let Self { mutant, cell, attempts, seed } = *self;
        Key { name: mutant.name.to_owned(), mode: mutant.mode.name.to_owned(), cell, attempts, seed }
    }

    /// Loads the mutant, injects its faults, and judges the run. A run that ended before a fault
    /// shows nothing, and is an error.
    fn run(&self, programs: &Programs) -> Result<Outcome> {
        let verdict = self.verdict(programs);
        programs.interrupt().check()?;
        let outcome = verdict.and_then(|verdict| Outcome::read(&verdict));
        Ok(outcome.unwrap_or_else(|error| Outcome::error(format!("{error:#}"))))
    }
}

impl Trial<'_> {
    fn verdict(&self, programs: &Programs) -> Result<Value> {
        let Self { mutant, attempts, .. } = *self;
        let scratch = Scratch::new()?;
        let journal = scratch.path().join("journal").display().to_string();
        let mut settings = vec![
            ("JOURNAL", journal),
            ("DEFECT", mutant.name.to_owned()),
            ("MODE", mutant.mode.setting.to_owned()),
        ];
        let files = Files::of(&scratch);
        match mutant.starter {
            Starter::Trial => {
                settings.push((STRIKES, strikes(mutant.faults, 0, attempts)));
                let target = Service::start(programs, TARGET, settings)?;
                self.struck_by_the_trial(programs, target, &files)
            }
            Starter::Scenario(faults) => self.struck_by_the_scenario(programs, &settings, faults, &files),
        }
    }

    /// Writes the scenario, with further tables, and returns the arguments that run it.
    fn loading(&self, files: &Files, tables: &str) -> Result<Vec<String>> {
        let written = std::fs::write(&files.scenario, self.scenario(tables));
        written.with_context(|| format!("cannot write {}", files.scenario))?;
        let attempts = self.attempts.to_string();
        let seed = self.seed.to_string();
        let args =
            ["--scenario", &files.scenario, "--count", &attempts, "--seed", &seed, "--out", &files.out];
        Ok(args.map(str::to_owned).to_vec())
    }

    /// Returns the scenario, with further tables.
    fn scenario(&self, tables: &str) -> String {
        let Mutant { scenario, mode, .. } = self.mutant;
        let promises = match self.cell {
            Cell::Promised => mode.promises,
            Cell::Undeclared => "",
        };
        let target = mode.target;
        format!("name = \"mutant\"\n{scenario}{target}{tables}[promises]\nzombie = \"{ZOMBIE}\"\n{promises}")
    }

    /// Runs a target that the trial starts, so that `verify` has no record of its faults.
    fn struck_by_the_trial(&self, programs: &Programs, mut target: Service, files: &Files) -> Result<Value> {
        let faults = self.mutant.faults;
        self.load_before(programs, &target, files)?;
        let mut args = self.loading(files, "")?;
        args.extend(["--target".to_owned(), target.url()]);
        let mut loading = programs.start("loadgen", args)?;
        for (place, fault) in faults.iter().enumerate() {
            fault.attend(&mut target, &mut loading, &faults[place + 1..], self.attempts, programs)?;
        }
        succeeded(loading.finish()?)?;
        let mut args = vec!["--out", &files.out, "--settle", SETTLE, "--format", "json"];
        args.extend(self.mutant.verify);
        let judged = programs.run("verify", args)?;
        serde_json::from_str(&judged.stdout)
            .with_context(|| format!("verify printed no JSON: {}{}", judged.stdout, judged.stderr))
    }

    /// Makes another run before, if the mutant wants one: its rows are those of others.
    fn load_before(&self, programs: &Programs, target: &Service, files: &Files) -> Result<()> {
        let attempts = self.mutant.attempts_before;
        if attempts == 0 {
            return Ok(());
        }
        let out = format!("{}-before", files.out);
        let args = ["--count", &attempts.to_string(), "--out", &out, "--target", &target.url()];
        succeeded(programs.run("loadgen", args)?)
    }

    /// Runs a target that `loadgen` starts by the scenario, so that `verify` has a record of its
    /// faults.
    fn struck_by_the_scenario(
        &self,
        programs: &Programs,
        settings: &[(&str, String)],
        faults: &str,
        files: &Files,
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
        let mut args = self.loading(files, &process)?;
        args.extend(["--verify", "--settle", SETTLE, "--target", &address].map(str::to_owned));
        let judged = programs.run("loadgen", args)?;
        let path = std::path::Path::new(&files.out).join("latest/verdict.json");
        let text = std::fs::read_to_string(&path);
        let text =
            text.with_context(|| format!("there is no verdict: {}{}", judged.stdout, judged.stderr))?;
        Ok(serde_json::from_str(&text)?)
    }
}

fn succeeded(loaded: Finished) -> Result<()> {
    ensure!(loaded.code == Some(0), "loadgen ended with {:?}, expected 0: {}", loaded.code, loaded.stderr);
    Ok(())
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
    use super::super::table;
    use super::*;

    #[test]
    fn each_process_strikes_itself_up_to_its_end() {
        let faults = [Fault::Kill { percent: 25 }, Fault::Pause { percent: 45 }, Fault::Kill { percent: 60 }];
        assert_eq!(strikes(&faults, 0, 4_000), "kill@1000");
        assert_eq!(strikes(&faults[1..], 25, 4_000), "stop@800,kill@1400");
        assert_eq!(strikes(&faults[3..], 60, 4_000), "");
    }

    #[test]
    fn what_a_mode_promises_is_declared_in_one_cell_alone() {
        let mutant = table::all().find(|mutant| mutant.name == "never-reclaimed").unwrap();
        let scenario = |cell| Trial { mutant, cell, attempts: 1, seed: 1 }.scenario("[a]\n");
        let undeclared = "name = \"mutant\"\n[load]\nbatch = 40\n[target]\nanswer = { accepted = \"/accepted\" }\n\
             [a]\n[promises]\nzombie = \"500ms\"\n";
        assert_eq!(scenario(Cell::Undeclared), undeclared);
        assert_eq!(scenario(Cell::Promised), format!("{undeclared}{}", mutant.mode.promises));
        assert!(scenario(Cell::Promised).contains("drain = \"1s\""));
    }
}
