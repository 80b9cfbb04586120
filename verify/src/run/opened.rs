//! Runs to judge: those that are named, and their sibling shards.

use std::path::{Path, PathBuf};

use judge::evidence::{EvidenceError, Run};
use reader::origin;
use truth::files::FolderError;
use truth::record::folder::RunFolder;
use truth::record::ledger::reader::SegmentReader;
use truth::record::ledger::{Frame, LedgerError};

use crate::cli::Options;

/// Opens the runs that are named, or the newest one. A single shard is opened with its siblings.
pub(super) fn open(options: &Options) -> Result<Vec<Run>, EvidenceError> {
    let named = match options.runs.as_slice() {
        [] => vec![options.out.clone()],
        runs => runs.to_vec(),
    };
    let mut runs: Vec<Run> = Vec::new();
    for path in named {
        add(&mut runs, open_one(RunFolder::open(&path)?)?);
    }
    if let [only] = runs.as_slice()
        && only.manifest.shard.of > 1
    {
        for sibling in siblings(only)? {
            add(&mut runs, sibling);
        }
    }
    end_plans(&mut runs)?;
    Ok(runs)
}

/// Opens a run. In a folder of somebody else, a link would lead what is written to another place.
pub(super) fn open_one(folder: RunFolder) -> Result<Run, EvidenceError> {
    match origin::is_own(&folder) {
        true => Run::open(folder),
        false => match folder.first_link()? {
            Some(path) => Err(FolderError::Link { path }.into()),
            None => Run::open(folder),
        },
    }
}

/// Ends the plans of runs that were limited by time alone: they are as long as the rounds that were
/// opened.
fn end_plans(runs: &mut [Run]) -> Result<(), EvidenceError> {
    if runs.iter().all(|run| run.manifest.plan.total.is_some()) {
        return Ok(());
    }
    let mut rounds = 0;
    for run in runs.iter() {
        for path in run.folder.segments()? {
            for frame in SegmentReader::open(&path).into_iter().flatten() {
                match frame {
                    Ok(Frame::Open { round, .. }) => rounds = rounds.max(round + 1),
                    Ok(_) => {}
                    Err(error @ LedgerError::Altered { .. }) => return Err(error.into()),
                    // Reported when the ledger is booked.
                    Err(_) => break,
                }
            }
        }
    }
    for run in runs {
        run.manifest.plan = run.manifest.plan.ended_after(rounds);
    }
    Ok(())
}

/// Adds a run unless it is there already, because it was named twice or its folder was copied.
fn add(runs: &mut Vec<Run>, run: Run) {
    if runs.iter().all(|other| other.manifest != run.manifest) {
        runs.push(run);
    }
}

/// Finds the other shards of a run, in the folder that holds its folder.
fn siblings(run: &Run) -> Result<Vec<Run>, EvidenceError> {
    let named = run.folder.path();
    let own = named.canonicalize().unwrap_or_else(|_| named.to_path_buf());
    let Some(place) = own.parent() else {
        return Ok(Vec::new());
    };
    // Siblings are named as the run is, so that a command with all of them is as short.
    let as_named = named.parent().filter(|parent| parent.canonicalize().is_ok_and(|path| path == place));
    let beside = as_named.unwrap_or(place);
    let Ok(entries) = std::fs::read_dir(beside) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let is_other = |path: &Path| path.canonicalize().is_ok_and(|path| path != own);
    let mut siblings = Vec::new();
    for path in paths.into_iter().filter(|path| is_other(path) && !path.is_symlink()) {
        let Ok(folder) = RunFolder::open(&path) else {
            continue;
        };
        let Ok(manifest) = folder.manifest() else { continue };
        if manifest.plan == run.manifest.plan && manifest.shard != run.manifest.shard {
            siblings.push(open_one(folder)?);
        }
    }
    Ok(siblings)
}
