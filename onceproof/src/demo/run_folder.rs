//! The run folder that the load left, found by the seed of the run.
//!
//! `latest` is the newest run of anybody: two demos side by side would read each other's.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::DemoError;

/// Report for a browser, if the run has one.
const REPORT: &str = "report.html";

/// Folder of one run.
#[derive(Debug)]
pub(super) struct RunFolder(PathBuf);

impl RunFolder {
    /// Returns the newest run of this seed among the results.
    pub(super) fn of_seed(results: &Path, seed: u32) -> Result<Self, DemoError> {
        let entries = results.read_dir().map_err(|source| {
            let path = results.to_owned();
            DemoError::File { action: "read", path, source }
        })?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| !path.is_symlink() && seed_of(path) == Some(u64::from(seed)))
            // Their names begin with the time.
            .max()
            .map(Self)
            .ok_or_else(|| DemoError::NoRun { seed, path: results.to_owned() })
    }

    /// Returns the number of connections that broke while requests were on them.
    pub(super) fn connections_broken(&self) -> Result<u64, DemoError> {
        let path = self.0.join("summary.json");
        match read_json(&path) {
            Ok(summary) => summary["connections_broken"]
                .as_u64()
                .ok_or(DemoError::NoNumber { path, name: "connections_broken" }),
            Err(source) => Err(DemoError::File { action: "read", path, source }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the report for a browser, if there is one.
    pub(super) fn report(&self) -> Option<PathBuf> {
        Some(self.0.join(REPORT)).filter(|path| path.is_file())
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

fn read_json(path: &Path) -> io::Result<Value> {
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
        let found = RunFolder::of_seed(results.path(), 7).unwrap();
        assert!(found.path().ends_with("20250101T000001Z-default-7-bbbb"));
        assert!(RunFolder::of_seed(results.path(), 9).is_err());
    }

    #[test]
    fn a_summary_without_the_number_is_an_error_and_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("summary.json"), r#"{"schema_version":1}"#).unwrap();
        assert!(RunFolder(folder.path().to_owned()).connections_broken().is_err());
    }

    #[test]
    fn the_report_is_named_only_if_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder(folder.path().to_owned());
        assert_eq!(run.report(), None);
        std::fs::write(folder.path().join(REPORT), "<!doctype html>").unwrap();
        assert_eq!(run.report(), Some(folder.path().join("report.html")));
    }
}
