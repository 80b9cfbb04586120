//! Calls of cargo on this workspace.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Result, ensure};

use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};

/// Variables that `cargo run` sets for xtask alone. Build scripts that read these would run again
/// at every change between the shell's cargo and ours.
const OF_THIS_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// Returns the root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("every crate is in a folder of the workspace's root")
}

/// Returns a cargo command in the workspace's root.
#[must_use]
pub fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (variable, _) in std::env::vars_os() {
        if OF_THIS_PACKAGE.iter().any(|prefix| variable.to_string_lossy().starts_with(prefix)) {
            command.env_remove(variable);
        }
    }
    command.args(args).current_dir(workspace());
    command
}

/// Runs a command to its end and shows its output.
pub fn show(command: &mut Command, interrupt: &Interrupt) -> Result<ExitStatus> {
    Process::spawn(command, Ending::Kill)?.wait(interrupt)
}

/// Builds programs of the workspace and shows the progress.
pub fn build<'a>(args: impl IntoIterator<Item = &'a str>, interrupt: &Interrupt) -> Result<()> {
    let status = show(command(["build"]).args(args), interrupt)?;
    ensure!(status.success(), "the build failed");
    Ok(())
}

/// Builds all programs and examples of the workspace, as the tests do. A part of them would be built
/// with a part of the features, and all of them again for the next command.
pub fn build_all(is_release: bool, interrupt: &Interrupt) -> Result<()> {
    build(
        ["--workspace", "--bins", "--examples"].into_iter().chain(is_release.then_some("--release")),
        interrupt,
    )
}
