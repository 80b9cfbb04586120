//! Outcomes that are kept in a file, so that a matrix can go on after an interrupt.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// Outcome of the run with this key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Kept<K> {
    #[serde(flatten)]
    pub(crate) key: K,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// File of outcomes: a line for each.
#[derive(Debug)]
pub(crate) struct Outcomes<K> {
    file: File,
    path: PathBuf,
    pub(crate) kept: Vec<Kept<K>>,
}

impl<K: PartialEq + Serialize + DeserializeOwned> Outcomes<K> {
    /// Opens the file and reads it, or empties it first.
    pub(crate) fn open(path: &Path, is_continued: bool) -> Result<Self> {
        let shown = path.display();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        if !is_continued {
            File::create(path).with_context(|| format!("cannot write {shown}"))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot open {shown}"))?;
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        // An interrupt may have cut the last line.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).with_context(|| format!("cannot cut {shown}"))?;
        let kept: serde_json::Result<_> = text[..whole].lines().map(serde_json::from_str).collect();
        Ok(Self { file, path: path.to_owned(), kept: kept.with_context(|| format!("{shown} is damaged"))? })
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.kept.iter().any(|kept| kept.key == *key)
    }

    /// Adds the outcome of a run.
    pub(crate) fn add(&mut self, key: K, outcome: Outcome) -> Result<()> {
        let kept = Kept { key, outcome };
        let mut line = serde_json::to_vec(&kept)?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.kept.push(kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::scratch::Scratch;

    #[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
    struct Key {
        name: String,
        seed: u32,
    }

    #[test]
    fn a_matrix_goes_on_behind_the_last_whole_line_or_begins_anew() {
        let folder = Scratch::new().unwrap();
        let path = folder.path().join("new/outcomes.jsonl");
        let key = |seed| Key { name: "late-rows".to_owned(), seed };
        let failed = vec!["lost".to_owned()];
        let reasons = vec!["7 keys".to_owned()];
        let outcome = Outcome { verdict: "FAIL".to_owned(), failed, reasons, ..Outcome::default() };
        let mut outcomes = Outcomes::open(&path, true).unwrap();
        outcomes.add(key(1), outcome.clone()).unwrap();
        outcomes.add(key(2), outcome.clone()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        let outcomes = Outcomes::open(&path, true).unwrap();
        assert!(outcomes.has(&key(1)) && !outcomes.has(&key(2)));
        assert_eq!(outcomes.kept[0].outcome, outcome);
        assert!(!Outcomes::open(&path, false).unwrap().has(&key(1)));
    }
}
