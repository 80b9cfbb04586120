//! The proof that an archive needs nothing else: it is unpacked where a root folder is empty, and
//! its demo passes and fails there.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::archive::{Archive, NAMES};
use super::tools::{succeed, told};
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::Finished;
use crate::rig::scratch::Scratch;

/// Unpacks an archive in an empty root, and runs its demo there with a sound and a broken target.
/// Returns the time that it took.
pub(super) fn archive(archive: &Archive, interrupt: &Interrupt) -> Result<Duration> {
    let root = Scratch::new()?;
    std::fs::create_dir(root.path().join("tmp")).context("cannot make a folder in a root")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=1", "--file"]).arg(&archive.file);
    let begun = Instant::now();
    succeed(tar.arg("--directory").arg(root.path()), interrupt)?;
    let name = archive.file.file_name().unwrap_or_default().display();
    demos(&format!("in an empty root, from {name}"), |arguments| {
        in_root(root.path(), "/onceproof", arguments, interrupt)
    })?;
    let taken = begun.elapsed();
    names(|name| in_root(root.path(), &format!("/{name}"), &["--version"], interrupt))?;
    Ok(taken)
}

/// Runs the demo with a sound and with a broken target: the verdicts are PASS and FAIL.
pub(super) fn demos(place: &str, run: impl Fn(&[&str]) -> Result<Finished>) -> Result<()> {
    for (arguments, code, word) in [(&["demo"][..], 0, "PASS"), (&["demo", "--broken"], 1, "FAIL")] {
        let started = Instant::now();
        let ended = run(arguments)?;
        let told = format!("{}{}", ended.stdout, ended.stderr);
        ensure!(
            ended.code == Some(code),
            "{place}, {arguments:?} ended with {:?}, expected {code}: {told}",
            ended.code
        );
        ensure!(ended.stdout.starts_with(word), "{place}, {arguments:?} did not begin with {word}: {told}");
        super::say(&format!(
            "{place}, `onceproof {}` gives {word} in {:.1} s",
            arguments.join(" "),
            started.elapsed().as_secs_f64()
        ));
    }
    Ok(())
}

/// Asks each program for its version.
pub(super) fn names(run: impl Fn(&str) -> Result<Finished>) -> Result<()> {
    for name in NAMES {
        let ended = run(name)?;
        let version = format!("{name} {}\n", super::VERSION);
        ensure!(ended.stdout == version, "{name} printed {ended:?}, expected {version:?}");
    }
    Ok(())
}

/// Runs a program with this folder as its root, as root of a user namespace.
pub(super) fn in_root(
    root: &Path,
    program: &str,
    arguments: &[&str],
    interrupt: &Interrupt,
) -> Result<Finished> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "chroot"]).arg(root).arg(program).args(arguments);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    told(&mut command, interrupt)
}
