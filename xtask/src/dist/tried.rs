//! The proofs that what is packed works where it is installed, names no folder of this machine, and
//! is gone where it is removed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::archive::SUMS;
use super::empty::{demos, in_root, names};
use super::image::Image;
use super::paths;
use super::tools::{succeed, told};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::scratch::Scratch;

/// Page that says how to install what is made.
pub(super) const PAGE: &str = "docs/how-to/install.md";

/// Python package that runs the tests of the wheel.
const PYTEST: &str = "pytest~=9.2";

/// Compares the files with their checksums.
pub(super) fn sums(out: &Path, interrupt: &Interrupt) -> Result<()> {
    succeed(Command::new("sha256sum").args(["--check", "--quiet", SUMS]).current_dir(out), interrupt)
}

/// Runs the commands by which the page on installation unpacks an archive, word for word.
pub(super) fn page(out: &Path, interrupt: &Interrupt) -> Result<()> {
    let text = fs::read_to_string(cargo::workspace().join(PAGE)).context("cannot read the page")?;
    let block = text.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.with_context(|| format!("{PAGE} has no `text` block, expected one that unpacks"))?;
    let scratch = Scratch::new()?;
    for file in out.read_dir().with_context(|| format!("cannot read {}", out.display()))? {
        let file = file?;
        symlink(file.path(), scratch.path().join(file.file_name())).context("cannot link a file")?;
    }
    let mut shell = Command::new("sh");
    shell.args(["-ec", block]).current_dir(scratch.path());
    let ended = told(with_results_in(scratch.path(), &mut shell), interrupt)?;
    let is_passed = ended.code == Some(0) && ended.stdout.contains("\nPASS  ");
    ensure!(is_passed, "the commands of {PAGE} ended without a PASS: {}{}", ended.stdout, ended.stderr);
    super::say(&format!("the commands of {PAGE} unpack the archive, and its demo passes"));
    Ok(())
}

/// Has a demo keep its run folder in a folder that is removed, and not with those of the user.
fn with_results_in<'c>(folder: &Path, command: &'c mut Command) -> &'c mut Command {
    command.env("TMPDIR", folder)
}

/// Installs a Debian package in an empty root by dpkg, runs its programs there, reads their pages,
/// and removes it.
pub(super) fn debian(package: &Path, interrupt: &Interrupt) -> Result<()> {
    let root = Scratch::new()?;
    for folder in ["tmp", "var/lib/dpkg"] {
        fs::create_dir_all(root.path().join(folder)).context("cannot make a folder in a root")?;
    }
    fs::write(root.path().join("var/lib/dpkg/status"), "").context("cannot make dpkg's list")?;
    let dpkg = |action: &str, what: &Path| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "dpkg", "--root"]).arg(root.path());
        // The log of this machine is not that of a root folder.
        command.arg("--log").arg(root.path().join("dpkg.log")).arg(action).arg(what);
        let ended = told(&mut command, interrupt)?;
        ensure!(ended.code == Some(0), "dpkg {action} failed: {}{}", ended.stdout, ended.stderr);
        Ok(())
    };
    dpkg("--install", package)?;
    for folder in ["usr", "var/lib/dpkg"] {
        paths::none_in(&root.path().join(folder))?;
    }
    names(|name| in_root(root.path(), &format!("/usr/bin/{name}"), &["--version"], interrupt))?;
    demos("from the Debian package", |arguments| {
        in_root(root.path(), "/usr/bin/onceproof", arguments, interrupt)
    })?;
    let read = pages(&root.path().join("usr/share/man/man1"), interrupt)?;
    dpkg("--remove", Path::new("onceproof"))?;
    ensure!(!root.path().join("usr").exists(), "dpkg --remove left files under /usr, expected none");
    super::say(&format!("the Debian package was installed and removed; man read its {read} pages"));
    Ok(())
}

/// Reads all man pages of a folder, and returns their number. A warning of man is an error.
fn pages(folder: &Path, interrupt: &Interrupt) -> Result<usize> {
    let mut read = 0;
    for page in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let page = page?.path();
        let mut man = Command::new("man");
        man.args(["--warnings", "--local-file"]).arg(&page).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80");
        let ended = told(&mut man, interrupt).context("man reads the pages; the package man-db has it")?;
        let is_read = ended.code == Some(0) && ended.stderr.is_empty() && ended.stdout.contains("SYNOPSIS");
        ensure!(is_read, "man could not read {}: {}", page.display(), ended.stderr);
        read += 1;
    }
    Ok(read)
}

/// Installs a wheel in a fresh environment, asks each program for its version, and runs the tests
/// of the fixture there.
pub(super) fn wheel(wheel: &Path, interrupt: &Interrupt) -> Result<()> {
    let scratch = Scratch::new()?;
    let unpacked = Scratch::new()?;
    let mut zip = Command::new("python3");
    succeed(zip.args(["-m", "zipfile", "--extract"]).arg(wheel).arg(unpacked.path()), interrupt)?;
    paths::none_in(unpacked.path())?;
    let bin = scratch.path().join("bin");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(scratch.path()), interrupt)?;
    let mut pip = Command::new(bin.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).arg(wheel).arg(PYTEST);
    succeed(&mut pip, interrupt)?;
    names(|name| told(Command::new(bin.join(name)).arg("--version"), interrupt))?;
    demos("from the wheel", |arguments| {
        let mut program = Command::new(bin.join("onceproof"));
        told(with_results_in(scratch.path(), program.args(arguments)), interrupt)
    })?;
    let mut pytest = Command::new(bin.join("pytest"));
    pytest.args(["-q", "-p", "no:cacheprovider"]).arg(cargo::workspace().join("python/tests"));
    succeed(pytest.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(scratch.path()), interrupt)
}

/// Runs the demo in a container of the image, which has no network but its own, and whose folder of
/// results can be written.
pub(super) fn image(image: &Image, interrupt: &Interrupt) -> Result<()> {
    let run = |arguments: &[&str]| {
        let mut docker = Command::new("docker");
        docker.args(["run", "--rm", "--network", "none", &image.tag]).args(arguments);
        told(&mut docker, interrupt)
    };
    names(|name| run(&[name, "--version"]))?;
    demos("in a container", |arguments| run(&[&["onceproof"], arguments, &["--out", "results"]].concat()))
}

#[cfg(test)]
mod tests {
    use super::super::{NATIVE, TARGETS, archive, image, packages};
    use super::*;

    #[test]
    fn the_page_names_the_files_as_they_are_made() {
        let text = fs::read_to_string(cargo::workspace().join(PAGE)).unwrap();
        let names = [archive::name(NATIVE), packages::debian_name(NATIVE), image::tag(), SUMS.to_owned()];
        let processors = TARGETS.map(|target| target.split('-').next().unwrap().to_owned());
        for name in names.iter().chain(&processors) {
            assert!(text.contains(name.as_str()), "{PAGE} does not name {name}");
        }
    }
}
