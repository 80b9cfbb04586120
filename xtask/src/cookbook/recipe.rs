//! One API: its file in `targets/`, and the runs against its stand-in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::matrix::outcome::Outcome;
use crate::rig::cargo;
use crate::rig::programs::{Finished, Programs};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;

/// Program of every stand-in.
const STANDIN: &str = "examples/standin";

/// Value of every key, token and password. It has signs that URLs and base64 change.
pub const SECRET: &str = "s3cret/of+the=cookbook";

/// Events of a run, of which 420 are first copies.
const COUNT: &str = "600";

/// Seed of all runs, so that a defect has the same occasions each time.
const SEED: &str = "1";

/// Events of a request, of a file that sends several: enough requests for a run of 600 events.
const BATCH: &str = "10";

/// API, and the check that names its stand-in's defect.
#[derive(Debug)]
pub struct Recipe {
    /// Name of the file in `targets/`, and of the stand-in.
    pub name: &'static str,
    pub named_by: &'static str,
}

/// All recipes, in the order of their names.
pub static ALL: [Recipe; 28] = [
    Recipe { name: "clickhouse", named_by: "stored-twice" },
    Recipe { name: "cloudevents-batch", named_by: "lost" },
    Recipe { name: "cloudevents-binary", named_by: "stored-twice" },
    Recipe { name: "cloudevents-structured", named_by: "wrong-topic" },
    Recipe { name: "couchdb", named_by: "lost" },
    Recipe { name: "datasette-insert", named_by: "stored-twice" },
    Recipe { name: "elasticsearch-bulk", named_by: "lost" },
    Recipe { name: "elasticsearch-create", named_by: "answer-order" },
    Recipe { name: "github-webhook", named_by: "lost" },
    Recipe { name: "hasura", named_by: "rejected-but-stored" },
    Recipe { name: "idempotency-key", named_by: "stored-twice" },
    Recipe { name: "influxdb", named_by: "key-merged" },
    Recipe { name: "kinto", named_by: "lost" },
    Recipe { name: "kurrentdb", named_by: "stored-twice" },
    Recipe { name: "lago", named_by: "lost" },
    Recipe { name: "loki", named_by: "stored-twice" },
    Recipe { name: "meilisearch", named_by: "lost" },
    Recipe { name: "openmeter", named_by: "stored-twice" },
    Recipe { name: "posthog", named_by: "payload-changed" },
    Recipe { name: "postgrest", named_by: "answer-order" },
    Recipe { name: "qdrant", named_by: "payload-changed" },
    Recipe { name: "segment", named_by: "stored-twice" },
    Recipe { name: "sqs-json", named_by: "stored-twice" },
    Recipe { name: "sqs-query", named_by: "lost" },
    Recipe { name: "square", named_by: "payload-changed" },
    Recipe { name: "stripe", named_by: "stored-twice" },
    Recipe { name: "svix", named_by: "lost" },
    Recipe { name: "typesense", named_by: "lost" },
];

/// Behaviour of a stand-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    Sound,
    Defect,
    /// Sound, but for some refusals, and it repeats credentials wherever it can.
    Echo,
}

/// Run against a stand-in, with the folder of its files.
#[derive(Debug)]
pub struct Judged {
    pub finished: Finished,
    pub folder: Scratch,
}

/// Recipe with what became of it.
#[derive(Debug)]
pub struct Tried {
    pub recipe: &'static Recipe,
    /// Defect of the stand-in, as a sentence without its subject.
    pub defect: String,
    pub lines: usize,
    pub sound: Outcome,
    pub defective: Outcome,
    pub took: Duration,
}

/// Returns the folder of the files.
#[must_use]
pub fn folder() -> PathBuf {
    cargo::workspace().join("targets")
}

/// Asks the program of the stand-ins for their names and defects.
pub fn defects(programs: &Programs) -> Result<BTreeMap<String, String>> {
    let listed = programs.run(STANDIN, ["--list"])?;
    ensure!(listed.code == Some(0), "`standin --list` ended with {:?}: {}", listed.code, listed.stderr);
    let entry = |line: &str| line.split_once('\t').map(|(name, defect)| (name.to_owned(), defect.to_owned()));
    listed.stdout.lines().map(|line| entry(line).with_context(|| format!("no entry: {line}"))).collect()
}

/// Returns the environment variables that a file names.
#[must_use]
pub fn variables(text: &str) -> Vec<String> {
    let rest = text.split("{{env:").skip(1);
    let names = rest.filter_map(|rest| rest.split(['}', ' ']).next());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

impl Recipe {
    #[must_use]
    pub fn file(&self) -> PathBuf {
        folder().join(format!("{}.toml", self.name))
    }

    pub fn text(&self) -> Result<String> {
        let file = self.file();
        std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    }

    /// Runs the file against its stand-in, sound and with its defect.
    pub fn tried(&'static self, defect: String, programs: &Programs) -> Result<Tried> {
        let begun = Instant::now();
        let sound = self.judged(Behaviour::Sound, programs)?.outcome()?;
        let defective = self.judged(Behaviour::Defect, programs)?.outcome()?;
        let lines = self.text()?.lines().count();
        Ok(Tried { recipe: self, defect, lines, sound, defective, took: begun.elapsed() })
    }

    /// Starts the stand-in. A database of its goes into the folder.
    pub(super) fn start(
        &self,
        behaviour: Behaviour,
        folder: &Scratch,
        programs: &Programs,
    ) -> Result<Service> {
        let database = database(folder);
        let mut settings =
            vec![("STANDIN", self.name.to_owned()), ("SECRET", SECRET.to_owned()), ("FILE", database)];
        match behaviour {
            Behaviour::Sound => {}
            Behaviour::Defect => settings.push(("DEFECT", "true".to_owned())),
            Behaviour::Echo => settings.push(("ECHO", "true".to_owned())),
        }
        Service::start(programs, STANDIN, settings)
    }

    /// Runs the file against its stand-in.
    pub fn judged(&self, behaviour: Behaviour, programs: &Programs) -> Result<Judged> {
        let folder = Scratch::new()?;
        let target = self.start(behaviour, &folder, programs)?;
        let text = self.text()?;
        let scenario = folder.path().join(format!("{}.toml", self.name));
        std::fs::write(&scenario, addressed(&text, &target.url(), &database(&folder)))
            .with_context(|| format!("cannot write {}", scenario.display()))?;
        let finished = load(&text, &scenario, &folder.path().join("results"), programs)?;
        Ok(Judged { finished, folder })
    }
}

pub(super) fn database(folder: &Scratch) -> String {
    folder.path().join("database.db").display().to_string()
}

/// Loads and verifies the target that a scenario describes. `text` is that of its file.
fn load(text: &str, scenario: &Path, results: &Path, programs: &Programs) -> Result<Finished> {
    let [scenario, results] = [scenario, results].map(|path| path.display().to_string());
    let mut args = vec!["--scenario", &scenario, "--out", &results, "--count", COUNT, "--dup", "0.3"];
    args.extend(["--seed", SEED, "--verify", "--settle", "1s", "--max-wait", "20s"]);
    if !text.contains("load.batch = 1\n") {
        args.extend(["--batch", BATCH]);
    }
    let variables = variables(text).into_iter().map(|name| (name, SECRET.to_owned()));
    programs.start_with("loadgen", args, variables)?.finish()
}

/// Returns a file with the address of the stand-in in place of the API's.
pub(super) fn addressed(text: &str, url: &str, database: &str) -> String {
    let line = |line: &str| match line.strip_prefix("url = \"") {
        Some(own) if own.starts_with("http") => format!("url = \"{url}\"\n"),
        Some(_) => format!("url = \"sqlite:{database}\"\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

impl Judged {
    /// Returns the verdict. A verdict with the exit code of another is an error.
    pub fn outcome(&self) -> Result<Outcome> {
        let Finished { code, stderr, .. } = &self.finished;
        let file = self.folder.path().join("results/latest/verdict.json");
        let Ok(text) = std::fs::read_to_string(&file) else {
            return Ok(Outcome::error(format!("loadgen ended with {code:?}: {}", stderr.trim())));
        };
        let outcome = Outcome::read(&serde_json::from_str(&text)?)?;
        let is_of = |verdict: &str, own: i32| (outcome.verdict == verdict) == (*code == Some(own));
        if !is_of("PASS", 0) || !is_of("FAIL", 1) {
            return Ok(Outcome::error(format!("{} has the exit code {code:?}", outcome.verdict)));
        }
        Ok(outcome)
    }
}

impl Tried {
    /// Returns why the recipe is wrong; none if it is right.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let name = self.recipe.name;
        let fault = |run: &str, outcome: &Outcome, expected: &str| {
            Some(format!(
                "{name}, {run}: {}, expected {expected}: {}",
                outcome.short(),
                outcome.first_reason()
            ))
        };
        if self.sound.verdict != "PASS" {
            return fault("sound", &self.sound, "PASS");
        }
        let named_by = self.recipe.named_by;
        let is_named = self.defective.failed.iter().any(|check| check == named_by);
        if self.defective.verdict != "FAIL" || !is_named {
            return fault("with its defect", &self.defective, &format!("FAIL {named_by}"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_with_and_without_a_filter() {
        let text = "a = \"{{env:B}} {{ event_id }} {{env:A | base64}}\"\nb = \"{{env:B}}\"";
        assert_eq!(variables(text), ["A", "B"]);
        assert!(variables("{{topic}}").is_empty());
    }

    #[test]
    fn addresses_alone_are_replaced() {
        let text = "name = \"a\"\nurl = \"https://h\"\nbody = 'url = \"'\nurl = \"postgres://r@h/a\"\n";
        let expected = "name = \"a\"\nurl = \"http://t:1\"\nbody = 'url = \"'\nurl = \"sqlite:f.db\"\n";
        assert_eq!(addressed(text, "http://t:1", "f.db"), expected);
    }

    #[test]
    fn a_recipe_is_right_only_with_both_verdicts() {
        let outcome = |verdict: &str, failed: &str| Outcome {
            verdict: verdict.to_owned(),
            failed: vec![failed.to_owned()],
            ..Outcome::default()
        };
        let fault = |sound: Outcome, defective: Outcome| {
            let took = Duration::ZERO;
            let recipe = &ALL[0];
            Tried { recipe, defect: String::new(), lines: 9, sound, defective, took }.fault()
        };
        assert_eq!(fault(outcome("PASS", ""), outcome("FAIL", "stored-twice")), None);
        assert!(fault(outcome("UNKNOWN", ""), outcome("FAIL", "stored-twice")).is_some());
        assert!(fault(outcome("PASS", ""), outcome("FAIL", "lost")).is_some());
        assert!(fault(outcome("PASS", ""), outcome("PASS", "stored-twice")).is_some());
    }
}
