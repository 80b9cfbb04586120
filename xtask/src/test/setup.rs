//! Installing the programs that tests need.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::tools::{self, Tool};

/// Installs the packages it is given. PostgreSQL's package would make a cluster and start it at
/// boot; the tests make private ones, so it is told not to for the time of the installation.
const INSTALL: &str = "
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
settings=/etc/postgresql-common/createcluster.d
mkdir -p \"$settings\"
echo 'create_main_cluster = false' >\"$settings/onceproof.conf\"
trap 'rm -f \"$settings/onceproof.conf\"' EXIT
apt-get install -qq -y --no-install-recommends \"$@\" >/dev/null
";

/// Installs what is missing, after one line that says what. A program that is missing still is an
/// error.
pub(super) fn install(missing: &[&Tool]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    let told = packages.join(" ");
    ensure!(
        runs("apt-get"),
        "tests need {}, and there is no apt-get here: install them with the package manager of this system",
        tools::told(missing)
    );
    let is_root = rustix::process::geteuid().is_root();
    ensure!(is_root || runs("sudo"), "there is no sudo here: run `apt-get install {told}` as root");
    let mut command = if is_root { Command::new("sh") } else { Command::new("sudo") };
    command.args((!is_root).then_some("sh")).args(["-c", INSTALL, "setup"]).args(&packages);
    eprintln!("xtask: installing {told} with {}apt-get", if is_root { "" } else { "sudo " });
    // In the foreground, with the terminal's input: sudo may ask for a password.
    let status = command.status().context("cannot start apt-get")?;
    ensure!(status.success(), "apt-get install {told} failed: {status}");
    let missing = tools::missing();
    ensure!(missing.is_empty(), "still missing after apt-get install {told}: {}", tools::told(&missing));
    Ok(())
}

fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}
