//! Man pages and completion scripts of all programs, for packages.

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use clap_complete::Shell;
use thiserror::Error;

use crate::cli;

/// Error of a file that cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {}", path.display())]
pub(crate) struct FilesError {
    path: PathBuf,
    source: io::Error,
}

/// Writes `man/*.1` and `completions/*` into a folder, which is made if it is not there.
pub(crate) fn write(folder: &Path) -> Result<(), FilesError> {
    let man = made(folder.join("man"))?;
    let completions = made(folder.join("completions"))?;
    let programs = cli::programs().map(|(program, command)| (program.name(), command));
    for (name, command) in programs.into_iter().chain([("onceproof", cli::whole())]) {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FilesError { path, source }
        };
        clap_mangen::generate_to(command.clone().name(name), &man).map_err(failed(&man))?;
        for shell in Shell::value_variants() {
            clap_complete::generate_to(*shell, &mut command.clone(), name, &completions)
                .map_err(failed(&completions))?;
        }
    }
    Ok(())
}

fn made(folder: PathBuf) -> Result<PathBuf, FilesError> {
    match std::fs::create_dir_all(&folder) {
        Ok(()) => Ok(folder),
        Err(source) => Err(FilesError { path: folder, source }),
    }
}
