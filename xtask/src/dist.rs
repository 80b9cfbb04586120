//! `cargo xtask dist`: the files of a release. One static program, its links, pages and completions
//! in an archive, a Debian package, a wheel, an image, a bill of materials, and the checksums of all.
//!
//! The arrows between the files: `paths < tools < { archive, notes, sbom } < { packages, image } <
//! { empty, tried } < dist`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use archive::Archive;
use image::Image;
use tools::Tools;
pub(crate) use tools::has_target;

mod archive;
mod empty;
mod image;
mod notes;
mod packages;
mod paths;
mod sbom;
mod tools;
mod tried;

/// Target that this machine can run, whose program writes pages and completions for all.
const NATIVE: &str = "x86_64-unknown-linux-musl";

/// Targets of a release.
const TARGETS: [&str; 2] = [NATIVE, "aarch64-unknown-linux-musl"];

/// Longest time from a file to a first PASS and a first FAIL.
const LIMIT: Duration = Duration::from_secs(60);

/// Folder for the files, unless another is named.
const OUT: &str = "target/release-files";

/// Options of the command.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Targets to build for; the first of them must run on this machine
    #[arg(long = "target", value_name = "TRIPLE", default_values = TARGETS)]
    pub(crate) targets: Vec<String>,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = OUT)]
    pub(crate) out: PathBuf,
    /// Jobs of cargo
    #[arg(long, short)]
    pub(crate) jobs: Option<u16>,
    /// Tag of the release, which must be that of the sources' version
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Leave out the Debian packages, the wheels and the image
    #[arg(long)]
    pub(crate) archives_only: bool,
    /// Install each file for this machine where nothing else is, and run it there: the demo passes
    /// and fails
    #[arg(long = "try")]
    pub(crate) is_tried: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            targets: TARGETS.map(str::to_owned).to_vec(),
            out: OUT.into(),
            jobs: None,
            tag: None,
            archives_only: false,
            is_tried: true,
        }
    }
}

/// Files of one target.
struct Made {
    archive: Archive,
    debian: Option<PathBuf>,
    wheel: Option<PathBuf>,
}

/// Builds and packs everything.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let tag = format!("v{VERSION}");
    let given = settings.tag.as_ref().unwrap_or(&tag);
    ensure!(*given == tag, "the tag is {given}, expected {tag}: the version is in Cargo.toml");
    let out = cargo::workspace().join(&settings.out);
    fresh(&out)?;
    notes::write(&folder("notes.md"), settings.tag.is_some())?;
    let tools = Tools::ready(settings.jobs, interrupt)?;
    let native = settings.targets.first().context("no --target was given")?;
    let mut made = Vec::new();
    for target in &settings.targets {
        say(&format!("building onceproof for {target}"));
        made.push(make(settings, &tools, target, &out)?);
    }
    let image = match &made[..] {
        [first, ..] if !settings.archives_only => Image::build(&tools, &first.archive, native, &out)?,
        _ => None,
    };
    archive::sums(&out, interrupt)?;
    if settings.is_tried {
        try_all(&made, image.as_ref(), &out, interrupt)?;
    }
    say(&format!("the files are in {}", settings.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Checks the code of all crates for a target.
pub(crate) fn check(target: &str, interrupt: &Interrupt) -> Result<()> {
    Tools::ready(None, interrupt)?.check(target)
}

/// Makes the files of a target. The first one's program writes the pages of all.
fn make(settings: &Settings, tools: &Tools<'_>, target: &str, out: &Path) -> Result<Made> {
    tools.add(target)?;
    let bill = out.join(format!("{}.cdx.json", archive::stem(target)));
    sbom::write(target, &bill)?;
    // The two builders name different linkers, and cargo would build everything twice.
    let (program, wheel) = match settings.archives_only {
        true => (tools.build(target)?, None),
        false => (paths::program(target), Some(packages::wheel(tools, target, &bill, out)?)),
    };
    let pages = folder("pages");
    if settings.targets.first().is_some_and(|native| native == target) {
        archive::pages(&program, &pages, tools.interrupt)?;
    }
    let archive = Archive::pack(&program, &pages, target, out, tools.interrupt)?;
    paths::none_in(&archive.folder)?;
    paths::none_in(&bill)?;
    let debian = match settings.archives_only {
        true => None,
        false => Some(packages::debian(tools, target, out)?),
    };
    Ok(Made { archive, debian, wheel })
}

/// Tries what this machine can run: all of the first target, and the archives of the others if it
/// emulates their processors.
fn try_all(made: &[Made], image: Option<&Image>, out: &Path, interrupt: &Interrupt) -> Result<()> {
    tried::sums(out, interrupt)?;
    let (native, others) = made.split_first().context("each target has its files")?;
    let taken = empty::archive(&native.archive, interrupt)?;
    if native.archive.file.ends_with(archive::name(NATIVE)) {
        tried::page(out, interrupt)?;
    }
    ensure!(taken < LIMIT, "first PASS and FAIL took {taken:.1?}, expected less than {LIMIT:?}");
    if let Some(package) = &native.debian {
        tried::debian(package, interrupt)?;
    }
    if let Some(wheel) = &native.wheel {
        tried::wheel(wheel, interrupt)?;
    }
    if let Some(image) = image {
        tried::image(image, interrupt)?;
    }
    for Made { archive, .. } in others {
        if archive.runs_here() {
            empty::archive(archive, interrupt)?;
        } else {
            say(&format!(
                "not tried: {}; the package qemu-user-static lets this machine run it",
                archive.file.display()
            ));
        }
    }
    Ok(())
}

/// Returns the archive that the default settings make for this machine.
pub(crate) fn native_archive() -> PathBuf {
    cargo::workspace().join(OUT).join(archive::name(NATIVE))
}

/// Returns a folder for what the files of a release are made from.
fn folder(name: &str) -> PathBuf {
    cargo::workspace().join("target/packing").join(name)
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
