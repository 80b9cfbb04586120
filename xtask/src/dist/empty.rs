//! The proof that an archive needs nothing else: it is unpacked where a root folder is empty, and
//! its demo passes and fails there.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::archive::Archive;
use super::tools::succeed;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Finished;
use crate::rig::scratch::Scratch;
use crate::rig::transcript::Transcript;

/// Longest time for a first PASS and a first FAIL.
const LIMIT_S: f64 = 60.0;

/// Unpacks an archive in an empty root, and runs its demo there with a sound and a broken target.
pub(super) fn try_archive(archive: &Archive, interrupt: &Interrupt) -> Result<()> {
    let root = Scratch::new()?;
    std::fs::create_dir(root.path().join("tmp")).context("cannot make a folder in a root")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=1", "--file"]).arg(&archive.file);
    let begun = Instant::now();
    succeed(tar.arg("--directory").arg(root.path()), interrupt)?;
    for (arguments, code, word) in [(&["demo"][..], 0, "PASS"), (&["demo", "--broken"], 1, "FAIL")] {
        let started = Instant::now();
        let ended = in_root(root.path(), "/onceproof", arguments, interrupt)?;
        let told = format!("{}{}", ended.stdout, ended.stderr);
        ensure!(
            ended.code == Some(code),
            "{arguments:?} ended with {:?}, expected {code}: {told}",
            ended.code
        );
        ensure!(ended.stdout.starts_with(word), "{arguments:?} did not begin with {word}: {told}");
        super::say(&format!(
            "in an empty root, `onceproof {}` gives {word} in {:.1} s",
            arguments.join(" "),
            started.elapsed().as_secs_f64()
        ));
    }
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(seconds < LIMIT_S, "first PASS and FAIL took {seconds:.1} s, expected less than {LIMIT_S}");
    let linked = in_root(root.path(), "/verify", &["--version"], interrupt)?;
    ensure!(linked.stdout.starts_with("verify "), "the link `verify` printed {:?}", linked.stdout);
    Ok(())
}

/// Runs a program with this folder as its root, as root of a user namespace.
fn in_root(root: &Path, program: &str, arguments: &[&str], interrupt: &Interrupt) -> Result<Finished> {
    let (stdout, stderr) = (Transcript::new()?, Transcript::new()?);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "chroot"]).arg(root).arg(program).args(arguments);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.stdout(stdout.stdio()?).stderr(stderr.stdio()?);
    let status = Process::spawn(&mut command, Ending::Kill)?.wait(interrupt)?;
    Ok(Finished { code: status.code(), stdout: stdout.text()?, stderr: stderr.text()? })
}
