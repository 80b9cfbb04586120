//! Tools of a release build, in a Python environment of their own: zig as the C compiler and linker
//! of every target, cargo-zigbuild, which makes cargo use it, and maturin, which makes the wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;

/// Packages of the tools.
const PACKAGES: [&str; 3] = ["ziglang~=0.17.1", "cargo-zigbuild~=0.24.0", "maturin~=1.16"];

/// Folder of the environment, relative to the workspace's root.
const VENV: &str = "target/release-tools";

/// Profile of cargo that builds what is shipped.
pub(super) const PROFILE: &str = "dist";

/// Tools that are ready.
pub(super) struct Tools<'a> {
    venv: PathBuf,
    jobs: Option<u16>,
    interrupt: &'a Interrupt,
}

impl<'a> Tools<'a> {
    /// Installs what is missing.
    pub(super) fn ready(jobs: Option<u16>, interrupt: &'a Interrupt) -> Result<Self> {
        let tools = Self { venv: cargo::workspace().join(VENV), jobs, interrupt };
        if !tools.path("maturin").is_file() {
            let mut python = Command::new("python3");
            succeed(python.args(["-m", "venv"]).arg(&tools.venv), interrupt)?;
            let mut pip = Command::new(tools.path("pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
            succeed(&mut pip, interrupt)?;
        }
        Ok(tools)
    }

    /// Builds `onceproof` for a target, and returns the file.
    pub(super) fn build(&self, target: &str) -> Result<PathBuf> {
        let mut rustup = Command::new("rustup");
        // In the workspace, whose toolchain is the one to add to.
        rustup.args(["target", "add", target]).current_dir(cargo::workspace());
        succeed(&mut rustup, self.interrupt)?;
        let arguments =
            ["zigbuild", "--locked", "--profile", PROFILE, "--bin", "onceproof", "--target", target];
        let mut command = cargo::command(arguments);
        command.args(self.jobs.map(|jobs| format!("--jobs={jobs}")));
        succeed(self.with_path(&mut command)?, self.interrupt)?;
        Ok(target_folder().join(target).join(PROFILE).join("onceproof"))
    }

    /// Checks the code of all crates for a target, whose C code zig compiles.
    pub(super) fn check(&self, target: &str) -> Result<()> {
        let mut command = Command::new(self.path("cargo-zigbuild"));
        command.args(["check", "--workspace", "--locked", "--target", target]);
        command.current_dir(cargo::workspace()).env("RUSTFLAGS", "--deny warnings");
        succeed(self.with_path(&mut command)?, self.interrupt)
    }

    /// Builds the wheel of a target into a folder.
    pub(super) fn wheel(&self, target: &str, out: &Path) -> Result<()> {
        let mut command = Command::new(self.path("maturin"));
        command.args(["build", "--locked", "--zig", "--profile", PROFILE, "--target", target, "--out"]);
        command.arg(out).current_dir(cargo::workspace());
        command.args(self.jobs.map(|jobs| format!("--jobs={jobs}")));
        succeed(self.with_path(&mut command)?, self.interrupt)
    }

    fn path(&self, program: &str) -> PathBuf {
        self.venv.join("bin").join(program)
    }

    /// Puts the tools at the beginning of a command's PATH.
    fn with_path<'c>(&self, command: &'c mut Command) -> Result<&'c mut Command> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(self.venv.join("bin")).chain(std::env::split_paths(&path));
        Ok(command.env("PATH", std::env::join_paths(all).context("a folder of the PATH has a colon")?))
    }
}

/// True if the workspace's toolchain has the standard library of a target.
pub(crate) fn has_target(target: &str) -> bool {
    let mut rustup = Command::new("rustup");
    let listed = rustup.args(["target", "list", "--installed"]).current_dir(cargo::workspace()).output();
    listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == target))
}

/// Returns cargo's folder of built files.
fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| cargo::workspace().join("target"), PathBuf::from)
}

/// Runs a command to its end, which must be success.
pub(super) fn succeed(command: &mut Command, interrupt: &Interrupt) -> Result<()> {
    let status = cargo::show(command, interrupt)?;
    ensure!(status.success(), "{:?} ended with {status}, expected success", command.get_program());
    Ok(())
}
