//! The run folder that loadgen left, found by the seed of the run.
//!
//! `results/latest` is the newest run of anybody: two demos side by side would read each other's.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::rig::cargo;

/// Folder of all runs, relative to the workspace's root.
pub(super) const RESULTS: &str = "results";

#[derive(Debug)]
pub(super) struct RunFolder(PathBuf);

impl RunFolder {
    /// Returns the newest run of this seed.
    pub(super) fn of_seed(seed: u32) -> Result<Self> {
        Self::newest(&cargo::workspace().join(RESULTS), seed)
    }

    /// Returns the number of connections that broke while requests were on them.
    pub(super) fn connections_broken(&self) -> Result<u64> {
        let path = self.0.join("summary.json");
        let summary = read_json(&path).with_context(|| format!("cannot read {}", path.display()))?;
        summary["connections_broken"].as_u64().context("summary.json has no number connections_broken")
    }

    /// Returns the path relative to the workspace's root, as people type it.
    pub(super) fn shown(&self) -> String {
        self.0.strip_prefix(cargo::workspace()).unwrap_or(&self.0).display().to_string()
    }

    fn newest(results: &Path, seed: u32) -> Result<Self> {
        let entries = results.read_dir().with_context(|| format!("cannot read {}", results.display()))?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| !path.is_symlink() && seed_of(path) == Some(u64::from(seed)))
            // Their names begin with the time.
            .max()
            .map(Self)
            .with_context(|| format!("loadgen left no run of seed {seed} in {}", results.display()))
    }
}

/// Returns a seed for a run that was given none, so that its folder can be found.
pub(super) fn random_seed() -> u32 {
    let [.., a, b, c, d] = RandomState::new().build_hasher().finish().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn seed_of(folder: &Path) -> Option<u64> {
    read_json(&folder.join("run.json")).ok()?["plan"]["seed"].as_u64()
}

fn read_json(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(results: &Path, name: &str, seed: u32) {
        std::fs::create_dir(results.join(name)).unwrap();
        std::fs::write(results.join(name).join("run.json"), format!(r#"{{"plan":{{"seed":{seed}}}}}"#))
            .unwrap();
    }

    #[test]
    fn a_run_is_found_by_its_seed_among_others_and_the_newest_wins() {
        let results = tempfile::tempdir().unwrap();
        run(results.path(), "20250101T000000Z-default-7-aaaa", 7);
        run(results.path(), "20250101T000001Z-default-7-bbbb", 7);
        run(results.path(), "20250101T000002Z-default-8-cccc", 8);
        std::os::unix::fs::symlink("20250101T000002Z-default-8-cccc", results.path().join("latest")).unwrap();
        let found = RunFolder::newest(results.path(), 7).unwrap();
        assert!(found.0.ends_with("20250101T000001Z-default-7-bbbb"));
        assert!(RunFolder::newest(results.path(), 9).is_err());
    }

    #[test]
    fn a_summary_without_the_number_is_an_error_and_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("summary.json"), r#"{"schema_version":1}"#).unwrap();
        assert!(RunFolder(folder.path().to_owned()).connections_broken().is_err());
    }
}
