//! Tools of a release build, in a Python environment of their own: zig as the C compiler and linker
//! of every target, cargo-zigbuild, which makes cargo use it, maturin, which makes the wheel, and
//! cargo-deb, which makes the Debian package.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::paths::{self, PROFILE};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Finished;
use crate::rig::transcript::Transcript;

/// Python packages of the tools. That of certifi holds the certificates of Mozilla's list.
const PACKAGES: [&str; 4] = ["ziglang~=0.17.1", "cargo-zigbuild~=0.24.0", "maturin~=1.16", "certifi>=2026"];

/// Crate of the tool that is in no Python package.
const CARGO_DEB: &str = "cargo-deb@3.8.0";

/// Folder of the environment, relative to the workspace's root.
const VENV: &str = "target/release-tools";

/// Variable of cargo with the flags of rustc.
const RUST_FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";

/// Tools that are ready.
pub(super) struct Tools<'a> {
    venv: PathBuf,
    jobs: Option<u16>,
    pub(super) interrupt: &'a Interrupt,
}

impl<'a> Tools<'a> {
    /// Installs those that are Python packages.
    pub(super) fn ready(jobs: Option<u16>, interrupt: &'a Interrupt) -> Result<Self> {
        let tools = Self { venv: cargo::workspace().join(VENV), jobs, interrupt };
        // pip does nothing where all of it is there.
        if !tools.path("pip").is_file() {
            tools.succeed(Command::new("python3").args(["-m", "venv"]).arg(&tools.venv))?;
        }
        let mut pip = Command::new(tools.path("pip"));
        tools.succeed(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
        Ok(tools)
    }

    /// Returns a call of cargo-deb, which is installed if it is missing.
    pub(super) fn cargo_deb(&self) -> Result<Command> {
        if !self.path("cargo-deb").is_file() {
            let mut install = cargo::command(["install", "--locked", CARGO_DEB, "--root"]);
            self.succeed(install.arg(&self.venv).args(self.jobs_argument()))?;
        }
        self.cargo(["deb"])
    }

    /// Adds a target to the toolchain of the workspace.
    pub(super) fn add(&self, target: &str) -> Result<()> {
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", target]).current_dir(cargo::workspace());
        self.succeed(&mut rustup)
    }

    /// Builds `onceproof` for a target, and returns the file.
    pub(super) fn build(&self, target: &str) -> Result<PathBuf> {
        let arguments =
            ["zigbuild", "--locked", "--profile", PROFILE, "--bin", "onceproof", "--target", target];
        let mut command = self.cargo(arguments)?;
        command.env(RUST_FLAGS, paths::rust_flags()?);
        self.succeed(command.args(self.jobs_argument()))?;
        Ok(paths::program(target))
    }

    /// Checks the code of all crates for a target, whose C code zig compiles.
    pub(super) fn check(&self, target: &str) -> Result<()> {
        let mut command = Command::new(self.path("cargo-zigbuild"));
        command.args(["check", "--workspace", "--locked", "--target", target]);
        command.current_dir(cargo::workspace());
        self.succeed(command.env("PATH", self.search_path()?))
    }

    /// Builds `onceproof` for a target, and packs a wheel of it into a folder, with a bill of
    /// materials. A static program runs with any C library.
    pub(super) fn build_wheel(&self, target: &str, bill: &Path, out: &Path) -> Result<()> {
        let mut command = Command::new(self.path("maturin"));
        command.args(["build", "--locked", "--zig", "--profile", PROFILE, "--target", target]);
        command.args(["--compatibility", "manylinux2014", "musllinux_1_1", "--out"]).arg(out);
        command.arg("--sbom-include").arg(bill).args(self.jobs_argument());
        command.current_dir(cargo::workspace()).env("PATH", self.search_path()?);
        self.succeed(command.env(RUST_FLAGS, paths::rust_flags()?))
    }

    /// Returns the file of the certificates to trust.
    pub(super) fn certificates(&self) -> Result<PathBuf> {
        let told = told(Command::new(self.path("python")).args(["-m", "certifi"]), self.interrupt)?;
        ensure!(told.code == Some(0), "certifi names no file: {}", told.stderr);
        Ok(told.stdout.trim().into())
    }

    /// Returns a call of cargo that finds the tools.
    fn cargo<'c>(&self, arguments: impl IntoIterator<Item = &'c str>) -> Result<Command> {
        let mut command = cargo::command(arguments);
        command.env("PATH", self.search_path()?);
        Ok(command)
    }

    pub(super) fn succeed(&self, command: &mut Command) -> Result<()> {
        succeed(command, self.interrupt)
    }

    fn jobs_argument(&self) -> Option<String> {
        self.jobs.map(|jobs| format!("--jobs={jobs}"))
    }

    fn path(&self, program: &str) -> PathBuf {
        self.venv.join("bin").join(program)
    }

    /// Returns the PATH with the tools at its beginning.
    fn search_path(&self) -> Result<std::ffi::OsString> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(self.venv.join("bin")).chain(std::env::split_paths(&path));
        std::env::join_paths(all).context("a folder of the PATH has a colon")
    }
}

/// True if the workspace's toolchain has the standard library of a target.
pub(crate) fn has_target(target: &str) -> bool {
    let mut rustup = Command::new("rustup");
    let listed = rustup.args(["target", "list", "--installed"]).current_dir(cargo::workspace()).output();
    listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == target))
}

/// Runs a command to its end, which must be success, and shows its output.
pub(super) fn succeed(command: &mut Command, interrupt: &Interrupt) -> Result<()> {
    let status = cargo::show(command, interrupt)?;
    ensure!(status.success(), "{:?} ended with {status}, expected success", command.get_program());
    Ok(())
}

/// Runs a command to its end, and returns what it told.
pub(super) fn told(command: &mut Command, interrupt: &Interrupt) -> Result<Finished> {
    let stdout = Transcript::new()?;
    let stderr = Transcript::new()?;
    command.stdout(stdout.stdio()?).stderr(stderr.stdio()?);
    let status = Process::spawn(command, Ending::Kill)?.wait(interrupt)?;
    Ok(Finished { code: status.code(), stdout: stdout.text()?, stderr: stderr.text()? })
}
