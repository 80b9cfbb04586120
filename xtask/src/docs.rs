//! `cargo xtask docs`: writes the reference pages, which the programs print, and runs the commands
//! that the docs show.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::{Profile, Programs};
use crate::rig::scratch::Scratch;

pub mod fences;
mod reference;
mod session;

/// Options of the command.
#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Fail if a reference page is not what its program prints, and write nothing
    #[arg(long, conflicts_with = "run")]
    check: bool,
    /// Run every `console` block of the README and the docs, each page in a folder of its own
    #[arg(long)]
    run: bool,
    /// Pages to run; all unless given
    #[arg(requires = "run")]
    pages: Vec<PathBuf>,
}

/// Writes, checks or runs.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    if settings.run {
        run_commands(&settings.pages, interrupt)?;
    } else if settings.check {
        check(interrupt)?;
    } else {
        for page in reference::render(&built(interrupt)?)? {
            page.write()?;
            eprintln!("xtask: wrote {}", page.path);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails if a reference page is not what its program prints.
pub fn check(interrupt: &Interrupt) -> Result<()> {
    let pages = reference::render(&built(interrupt)?)?;
    let stale: Vec<&str> = pages.iter().filter(|page| !page.is_written()).map(|page| page.path).collect();
    ensure!(stale.is_empty(), "stale pages: {}; `cargo xtask docs` writes them", stale.join(", "));
    Ok(())
}

/// Runs the commands of these pages, or of all.
pub fn run_commands(chosen: &[PathBuf], interrupt: &Interrupt) -> Result<()> {
    let programs = built(interrupt)?;
    let all = if chosen.is_empty() { pages()? } else { chosen.to_vec() };
    let mut failed = 0;
    for path in all {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let place = path.strip_prefix(cargo::workspace()).unwrap_or(&path).display().to_string();
        match run_page(&place, &text, &programs) {
            Ok(0) => {}
            Ok(count) => eprintln!("xtask: {place}: {count} commands ran as shown"),
            Err(error) if error.is::<crate::rig::interrupt::Interrupted>() => return Err(error),
            Err(error) => {
                eprintln!("xtask: {error:#}");
                failed += 1;
            }
        }
    }
    if failed > 0 {
        bail!("commands of {failed} pages did not end as shown");
    }
    Ok(())
}

/// Runs the commands of one page in a fresh folder and returns their number. What they leave
/// running is ended.
pub fn run_page(place: &str, text: &str, programs: &Programs) -> Result<usize> {
    let blocks = fences::commands(text).with_context(|| format!("cannot read the commands of {place}"))?;
    if !blocks.is_empty() {
        session::run(place, &blocks, Scratch::new()?.path(), programs)?;
    }
    Ok(blocks.iter().map(|block| block.commands.len()).sum())
}

/// Returns the README and every page under `docs`, in order.
pub fn pages() -> Result<Vec<PathBuf>> {
    let mut pages = vec![cargo::workspace().join("README.md")];
    gather(&cargo::workspace().join("docs"), &mut pages)?;
    pages.sort();
    Ok(pages)
}

fn gather(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// Builds the programs that the docs run.
fn built(interrupt: &Interrupt) -> Result<Programs> {
    cargo::build_all(false, interrupt)?;
    Programs::built(Profile::Debug, interrupt)
}
