//! One run against one oddity, from the first event to the verdict.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Pace};
use super::scenario;
use super::table::Oddity;
use crate::matrix::outcome::Outcome;
use crate::matrix::work::Run;
use crate::rig::port;
use crate::rig::programs::{Finished, Programs};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;

/// Program of every oddity.
pub const TARGET: &str = "examples/oddity";

/// Attempts of a run.
const COUNT: u64 = 3_000;

/// Attempts of a run with one event a request.
const COUNT_OF_SINGLE: u64 = 1_000;

/// Run to make.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub oddity: &'static Oddity,
    pub cell: Cell,
    pub pace: Pace,
    pub seed: u32,
}

/// Key of a run in the file of outcomes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Key {
    name: String,
    cell: Cell,
    pace: Pace,
    seed: u32,
}

/// Files of a trial.
struct Files {
    scratch: Scratch,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

impl Run for Trial {
    type Key = Key;

    fn key(&self) -> Key {
        let Self { oddity, cell, pace, seed } = *self;
        Key { name: oddity.name.to_owned(), cell, pace, seed }
    }

    fn run(&self, programs: &Programs) -> Result<Outcome> {
        let files = Files { scratch: Scratch::new()? };
        let settings = self.settings(&files.path("events.db"));
        // Faults are loadgen's to inject, into a target that it starts.
        if !self.oddity.faults.is_empty() {
            let address = format!("127.0.0.1:{}", port::free()?);
            let process = process(programs, &settings, &address)?;
            return self.judged(programs, &files, &process, &address);
        }
        let target = Service::start(programs, TARGET, settings)?;
        self.judged(programs, &files, "", &target.url())
    }
}

impl Trial {
    /// Returns the settings of the target.
    #[must_use]
    pub fn settings(&self, file: &Path) -> Vec<(&'static str, String)> {
        let defect = if self.cell == Cell::Defect { self.oddity.defect } else { "none" };
        let mut settings = vec![
            ("FILE", file.display().to_string()),
            ("SCALE", self.pace.scale().to_string()),
            ("DEFECT", defect.to_owned()),
        ];
        settings.extend(self.oddity.settings.iter().map(|set| (set.variable, set.value.to_owned())));
        settings
    }

    /// Loads the target at this address and reads the verdict.
    fn judged(&self, programs: &Programs, files: &Files, process: &str, address: &str) -> Result<Outcome> {
        let scenario = files.path("scenario.toml");
        let text = scenario::text(self.oddity, self.cell, self.pace, process, &files.path("events.db"));
        std::fs::write(&scenario, text).with_context(|| format!("cannot write {}", scenario.display()))?;
        let is_single = self.oddity.load.contains("batch = 1\n");
        let count = if is_single { COUNT_OF_SINGLE } else { COUNT }.to_string();
        let seed = self.seed.to_string();
        let (scenario, out) = (scenario.display().to_string(), files.text("results"));
        let mut args = vec!["--scenario", &scenario, "--count", &count, "--seed", &seed, "--out", &out];
        args.extend(["--target", address, "--verify"]);
        args.extend(match self.pace {
            Pace::Scaled => ["--settle", "1s", "--max-wait", "30s"],
            Pace::Unscaled => ["--settle", "10s", "--max-wait", "5m"],
        });
        let judged = programs.run("loadgen", args)?;
        match std::fs::read_to_string(files.path("results/latest/verdict.json")) {
            Ok(text) => Outcome::read(&serde_json::from_str(&text)?),
            Err(_) => Ok(without_a_verdict(&judged)),
        }
    }
}

/// Returns the table that has loadgen start the target.
fn process(programs: &Programs, settings: &[(&str, String)], address: &str) -> Result<String> {
    let listen = ("LISTEN", address.to_owned());
    let environment: Vec<String> =
        settings.iter().chain([&listen]).map(|(name, value)| format!("{name} = {value:?}")).collect();
    let command = programs.path(TARGET)?.display().to_string();
    let environment = environment.join(", ");
    Ok(format!(
        "[target.process]\ncommand = [{command:?}]\nready = \"/health\"\nenvironment = {{ {environment} }}\n"
    ))
}

/// Returns the outcome of a run of loadgen that ended without a verdict.
fn without_a_verdict(loaded: &Finished) -> Outcome {
    let said = loaded.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let code = loaded.code.map_or("a signal".to_owned(), |code| code.to_string());
    Outcome::error(format!("loadgen ended with {code}: {said}"))
}
