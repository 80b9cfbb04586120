//! `cargo xtask dist`: the files of a release. One static program, its links, pages and completions
//! in an archive, a Debian package, a wheel, a bill of materials, and the checksums of all.
//!
//! The arrows between the files: `{ sbom, tools } < { archive, packages, empty } < dist`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use archive::Archive;
use tools::Tools;
pub(crate) use tools::has_target;

mod archive;
mod empty;
mod packages;
mod sbom;
mod tools;

/// Target that this machine can run, whose program writes pages and completions for all.
const NATIVE: &str = "x86_64-unknown-linux-musl";

/// Targets of a release.
const TARGETS: [&str; 2] = [NATIVE, "aarch64-unknown-linux-musl"];

/// Options of the command.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Targets to build for; the first of them must run on this machine
    #[arg(long = "target", value_name = "TRIPLE", default_values = TARGETS)]
    pub(crate) targets: Vec<String>,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = "target/release-files")]
    pub(crate) out: PathBuf,
    /// Jobs of cargo
    #[arg(long, short)]
    pub(crate) jobs: Option<u16>,
    /// Leave out the Debian package and the wheel
    #[arg(long)]
    pub(crate) archives_only: bool,
    /// Run the demo from the first archive in an empty root folder, without a compiler
    #[arg(long = "try")]
    pub(crate) is_tried: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            targets: vec![NATIVE.to_owned()],
            out: "target/release-files".into(),
            jobs: None,
            archives_only: false,
            is_tried: true,
        }
    }
}

/// Builds and packs everything.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let out = cargo::workspace().join(&settings.out);
    fresh(&out)?;
    let tools = Tools::ready(settings.jobs, interrupt)?;
    let first = settings.targets.first().context("no --target was given")?;
    let mut archives = Vec::new();
    let mut pages = None;
    for target in &settings.targets {
        say(&format!("building onceproof for {target}"));
        let program = tools.build(target)?;
        let pages = match &pages {
            Some(pages) => pages,
            None => pages.insert(archive::pages(&program, &out.join("pages"), interrupt)?),
        };
        archives.push(Archive::pack(&program, pages, target, &out, interrupt)?);
    }
    sbom::write(&out.join(format!("{}.cdx.json", archive::stem(first))))?;
    if !settings.archives_only {
        packages::debian(&archives[0], &out, interrupt)?;
        packages::wheel(&tools, first, &out)?;
    }
    archive::sums(&out, interrupt)?;
    if settings.is_tried {
        empty::try_archive(&archives[0], interrupt)?;
    }
    say(&format!("the files are in {}", settings.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Checks the code of all crates for a target. A warning is an error.
pub(crate) fn check(target: &str, interrupt: &Interrupt) -> Result<()> {
    Tools::ready(None, interrupt)?.check(target)
}

/// Makes an empty folder in place of what is there.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Version of the release.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn say(what: &str) {
    eprintln!("dist: {what}");
}
