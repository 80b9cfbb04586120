//! One run against one mutant, from the first event to the verdict.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::table::{Fault, Mutant};
use crate::programs::{Programs, Running};
use crate::scratch::Scratch;
use crate::service::Service;

/// Between two looks at how much is received.
const LOOK: Duration = Duration::from_millis(1);

/// How long a pause lasts: longer than the time-out of the scenarios that have one.
const PAUSE: Duration = Duration::from_millis(500);

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
        let journal = scratch.path().join("journal");
        let settings = vec![
            ("JOURNAL", journal.display().to_string()),
            ("DEFECT", mutant.name.to_owned()),
            ("MODE", mutant.mode.setting.to_owned()),
        ];
        let mut target = Service::start(programs, "examples/mutant", settings)?;
        let scenario = scratch.path().join("scenario.toml");
        let promises = format!("[promises]\nzombie = \"{ZOMBIE}\"\n{}", mutant.mode.promises);
        let (load, tables) = (mutant.scenario, mutant.mode.target);
        std::fs::write(&scenario, format!("name = \"mutant\"\n{load}{tables}{promises}"))?;
        let out = scratch.path().join("results");
        let (count, seed) = (count.to_string(), seed.to_string());
        let (scenario, out) = (scenario.to_string_lossy(), out.to_string_lossy());
        let url = target.url();
        let args =
            ["--scenario", &scenario, "--count", &count, "--seed", &seed, "--target", &url, "--out", &out];
        let mut loading = programs.start("loadgen", args)?;
        let mut forgotten = 0;
        for fault in mutant.faults {
            let received = fault.strike(&mut target, &mut loading, count.parse()?, forgotten, programs)?;
            if mutant.mode.forgets_counters && matches!(fault, Fault::Kill { .. }) {
                forgotten = received;
            }
        }
        let loaded = loading.finish()?;
        ensure!(loaded.code == Some(0), "loadgen ended with {:?}: {}", loaded.code, loaded.stderr);
        let judged = programs.run("verify", ["--out", &out, "--settle", "2s", "--format", "json"])?;
        let verdict: Value = serde_json::from_str(&judged.stdout)
            .with_context(|| format!("verify said {}{}", judged.stdout, judged.stderr))?;
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
        let (Self::Kill { percent } | Self::Pause { percent }) = self;
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
            Self::Pause { .. } => {
                target.pause()?;
                programs.interrupt().pause(PAUSE)?;
                target.resume()?;
            }
        }
        Ok(received)
    }
}
