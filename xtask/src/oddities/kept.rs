//! Outcomes that are kept in a file, so that a run of the matrix can go on after an interrupt.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Outcome, Pace};
use super::trial::Trial;

/// Outcome of a trial.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) cell: Cell,
    pub(super) pace: Pace,
    pub(super) seed: u32,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// File of outcomes: a line for each.
#[derive(Debug)]
pub(super) struct Outcomes {
    file: File,
    path: PathBuf,
    pub(super) kept: Vec<Kept>,
}

impl Kept {
    pub(super) fn is_of(&self, trial: &Trial) -> bool {
        self.name == trial.oddity.name
            && (self.cell, self.pace, self.seed) == (trial.cell, trial.pace, trial.seed)
    }
}

impl Outcomes {
    /// Opens the file and reads it, or empties it first.
    pub(super) fn open(path: &Path, is_continued: bool) -> Result<Self> {
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

    pub(super) fn has(&self, trial: &Trial) -> bool {
        self.kept.iter().any(|kept| kept.is_of(trial))
    }

    /// Adds the outcome of a trial.
    pub(super) fn add(&mut self, trial: &Trial, outcome: Outcome) -> Result<()> {
        let Trial { oddity, cell, pace, seed } = *trial;
        let kept = Kept { name: oddity.name.to_owned(), cell, pace, seed, outcome };
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
    use super::super::table;
    use super::*;
    use crate::rig::scratch::Scratch;

    #[test]
    fn a_matrix_goes_on_behind_the_last_whole_line_or_begins_anew() {
        let folder = Scratch::new().unwrap();
        let path = folder.path().join("new/outcomes.jsonl");
        let oddity = table::all().next().unwrap();
        let trial = |seed| Trial { oddity, cell: Cell::Defect, pace: Pace::Scaled, seed };
        let failed = vec!["lost".to_owned()];
        let (wanted, reasons) = (Vec::new(), vec!["7 keys".to_owned()]);
        let outcome = Outcome { verdict: "FAIL".to_owned(), failed, wanted, reasons };
        let mut outcomes = Outcomes::open(&path, true).unwrap();
        outcomes.add(&trial(1), outcome.clone()).unwrap();
        outcomes.add(&trial(2), outcome.clone()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        let outcomes = Outcomes::open(&path, true).unwrap();
        assert!(outcomes.has(&trial(1)) && !outcomes.has(&trial(2)));
        assert_eq!(outcomes.kept[0].outcome, outcome);
        assert!(!Outcomes::open(&path, false).unwrap().has(&trial(1)));
    }
}
