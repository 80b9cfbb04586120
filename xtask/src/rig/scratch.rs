//! A temporary folder that ends with its owner, however the owner ends.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::rig::guard::Guard;

/// A fresh folder that only its owner can read.
#[derive(Debug)]
pub struct Scratch {
    // The order matters: the folder is dropped before the guard, which so stays until the folder is
    // gone.
    folder: TempDir,
    _guard: Guard,
}

impl Scratch {
    /// Makes a folder under the system's temporary folder.
    pub fn new() -> Result<Self> {
        Self::under(&std::env::temp_dir())
    }

    /// Makes a folder under `parent`.
    pub fn under(parent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("onceproof-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot make a temporary folder in {}", parent.display()))?;
        let guard = Guard::of_folder(folder.path())?;
        Ok(Self { folder, _guard: guard })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder after this is dropped, for a look into it.
    pub fn keep_when_dropped(&mut self) {
        self.folder.disable_cleanup(true);
    }
}
