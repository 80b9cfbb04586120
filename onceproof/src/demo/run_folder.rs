//! The run folder that the load names, and what it holds of the kills.

use std::path::{Path, PathBuf};

use truth::chain::chain;
use truth::files::FolderError;
use truth::record::faults::{self, Struck};
use truth::record::folder::RunFolder as Folder;
use truth::record::manifest::Manifest;

use super::error::DemoError;

/// Report for a browser, if the run has one.
const REPORT: &str = "report.html";

/// Folder of one run.
#[derive(Debug)]
pub(super) struct RunFolder(Folder);

impl RunFolder {
    /// Opens the folder that a line of the load's summary names. None if the line names none.
    pub(super) fn named_by(line: &str) -> Option<Result<Self, DemoError>> {
        let path = line.trim_start().strip_prefix("run folder: ")?;
        let opened = Folder::open(Path::new(path));
        Some(opened.map(Self).map_err(|error| DemoError::NoRun { path: path.into(), why: chain(&error) }))
    }

    /// Returns the planned kills, and what became of them.
    pub(super) fn kills(&self) -> Result<Vec<Struck>, DemoError> {
        let manifest = self.manifest()?;
        let records = faults::read(&self.0, manifest.format()).map_err(|error| self.unread(&error))?;
        Ok(Struck::of(&manifest, records))
    }

    /// Returns the seed of the plan.
    pub(super) fn seed(&self) -> Result<u32, DemoError> {
        self.manifest().map(|manifest| manifest.plan.seed)
    }

    fn manifest(&self) -> Result<Manifest, DemoError> {
        self.0.manifest().map_err(|error| self.unread(&error))
    }

    fn unread(&self, error: &FolderError) -> DemoError {
        DemoError::NoRun { path: self.path().to_owned(), why: chain(error) }
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the report for a browser, if there is one.
    pub(super) fn report(&self) -> Option<PathBuf> {
        Some(self.0.file(REPORT)).filter(|path| path.is_file())
    }
}
