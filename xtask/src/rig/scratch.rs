//! A temporary folder that is gone when its owner is, however the owner goes.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::rig::guard::Guard;

/// A fresh folder, readable by its owner only.
#[derive(Debug)]
pub struct Scratch {
    // Before the guard: fields are dropped in this order, and the guard stays until the folder is gone.
    folder: TempDir,
    _guard: Guard,
}

impl Scratch {
    /// A folder under the system's temporary folder.
    pub fn new() -> Result<Self> {
        Self::under(&std::env::temp_dir())
    }

    /// A folder under `parent`.
    pub fn under(parent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("onceproof-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot make a temporary folder in {}", parent.display()))?;
        let guard = Guard::of_folder(folder.path())?;
        Ok(Self { folder, _guard: guard })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder where it is once this is dropped, for somebody to look into.
    pub fn keep_when_dropped(&mut self) {
        self.folder.disable_cleanup(true);
    }
}
