//! Seals: lists of checksums that are written last, and tell whether a file was changed or lost
//! afterwards.
//!
//! A run that comes to its end closes its ledger and writes `SHA256SUMS`, which lists each of its
//! files. Each look of `verify` at the target has a list of its own, `observed/<n>/SHA256SUMS`. A
//! segment of keys that `verify` sent again is added to the list of the run.
//!
//! A run that was killed has no list, and its ledger is not closed. Each segment then still says
//! what `run.json` and `baseline.json` were, its frames have checksums, and so have the lines of
//! the other files.

use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::folder::RunFolder;
use super::ledger::reader::{header, is_closed};
use super::ledger::writer::SegmentWriter;
use super::ledger::{Foundation, LedgerError};
use super::{baseline, ending, faults, folder, polls};
use crate::files::sums::{self, Checksum, Sums};
use crate::files::{Defect, FolderError, io};
use crate::observed::Observed;

/// Files of a run, without the segments of its ledger. Not among them is the target's log, which
/// the target may still write to.
const FILES: [&str; 6] =
    [folder::MANIFEST, baseline::FILE, polls::FILE, faults::FILE, ending::FILE, ending::LATENCIES];

/// Reason why a run could not be sealed.
#[derive(Debug, Error)]
pub enum SealError {
    /// A segment could not be closed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file could not be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Foundation {
    /// Returns the foundation of a run whose baseline was taken, if it was.
    pub fn of(folder: &RunFolder) -> Result<Self, FolderError> {
        let sum = |path: &Path| Checksum::of(path).map_err(io("read", path));
        let baseline = folder.file(baseline::FILE);
        Ok(Self {
            run: sum(&folder.file(folder::MANIFEST))?,
            baseline: baseline.exists().then(|| sum(&baseline)).transpose()?,
        })
    }
}

/// Seals a run that has come to its end: closes the segments of its lanes, and lists all files.
///
/// The ledger is closed when its last segment is. The list follows at once, so a run that is killed
/// has either an open ledger or a list.
pub fn seal_run(folder: &RunFolder, segments: Vec<SegmentWriter>, t: u64) -> Result<(), SealError> {
    let mut sums = Sums::new(folder.path());
    for path in files(folder).into_iter().chain(folder.all_values()?) {
        sums.add(&path)?;
    }
    let is_open = |path: &PathBuf| segments.iter().any(|segment| segment.path() == path);
    // The segment of a lane that could not write on stays as it is.
    for path in folder.segments()?.iter().filter(|path| !is_open(path)) {
        sums.add(path)?;
    }
    for segment in segments {
        let path = segment.path().to_path_buf();
        sums.insert(&path, segment.close(t)?);
    }
    Ok(sums.save()?)
}

/// Seals a segment of keys that were sent again.
pub fn seal_segment(folder: &RunFolder, segment: &Path, sum: Checksum) -> Result<(), FolderError> {
    let mut sums = Sums::load(folder.path())?.unwrap_or_else(|| Sums::new(folder.path()));
    sums.insert(segment, sum);
    sums.save()
}

/// Seals an observation, which is complete.
pub fn seal_look(observation: &Path) -> Result<(), FolderError> {
    let mut sums = Sums::new(observation);
    for path in files_of_look(observation)? {
        sums.add(&path)?;
    }
    sums.save()
}

/// Checks that the files of a run are as they were written. Returns true if the run is sealed.
/// `lanes` is the number of segments that the run itself wrote.
///
/// A closed segment is not read here: whoever reads its frames checks them and their chain, and
/// would read a long ledger a second time.
pub fn check_run(folder: &RunFolder, lanes: u32) -> Result<bool, FolderError> {
    let mut closed = Vec::new();
    for path in folder.segments()? {
        if let Some(foundation) = header(&path).and_then(|header| header.foundation) {
            check_foundation(folder, foundation, &path)?;
        }
        if is_closed(&path).map_err(io("read", &path))? {
            closed.push(path);
        }
    }
    let sums = Sums::load(folder.path())?;
    if let Some(sums) = &sums {
        sums.check(&closed)?;
    }
    let own: Vec<PathBuf> =
        (0..lanes).map_while(|lane| Some(folder.segment(u16::try_from(lane).ok()?))).collect();
    let is_over = !own.is_empty() && own.iter().all(|path| closed.contains(path));
    let is_listed = sums.as_ref().is_some_and(|sums| sums.lists(&folder.file(folder::MANIFEST)));
    let has_ended = is_over || is_listed;
    // A lane that closed its segment while another was still open is no end of a run.
    closed.retain(|path| has_ended || !own.contains(path));
    let mut due = if has_ended { files(folder) } else { Vec::new() };
    due.append(&mut closed);
    match sums {
        Some(sums) => due.iter().try_for_each(|path| sums.check_listed(path))?,
        None if due.is_empty() => {}
        None => return Err(no_sums(folder.path())),
    }
    Ok(is_listed)
}

/// True if an observation was written to its end, or was sealed.
pub fn is_look(observation: &Path) -> bool {
    Observed::is_complete(observation) || observation.join(sums::FILE).is_file()
}

/// Checks that the files of an observation are as they were written.
pub fn check_look(observation: &Path) -> Result<(), FolderError> {
    let sums = Sums::load(observation)?.ok_or_else(|| no_sums(observation))?;
    sums.check(&[])?;
    files_of_look(observation)?.iter().try_for_each(|path| sums.check_listed(path))
}

fn check_foundation(folder: &RunFolder, said: Foundation, segment: &Path) -> Result<(), FolderError> {
    let by = segment.strip_prefix(folder.path()).unwrap_or(segment).display().to_string();
    sums::check(&folder.file(folder::MANIFEST), said.run, &by)?;
    said.baseline.map_or(Ok(()), |baseline| sums::check(&folder.file(baseline::FILE), baseline, &by))
}

/// Returns the files of a run that are there, without its segments.
fn files(folder: &RunFolder) -> Vec<PathBuf> {
    FILES.map(|name| folder.file(name)).into_iter().filter(|path| path.exists()).collect()
}

/// Returns the files of an observation, without its list of checksums, unfinished files, and what a
/// desktop hides.
fn files_of_look(observation: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(observation).map_err(io("read", observation))? {
        let path = entry.map_err(io("read", observation))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_part = path.extension().is_some_and(|extension| extension == "part");
        if name != sums::FILE && !name.starts_with('.') && !is_part && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn no_sums(folder: &Path) -> FolderError {
    FolderError::NotAsWritten { path: folder.join(sums::FILE), defect: Defect::NoSums }
}
