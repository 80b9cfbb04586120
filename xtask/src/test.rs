//! `cargo xtask test`: all tests, against a private PostgreSQL cluster. Tests whose programs are
//! missing are skipped by name and counted.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::rig::cargo;
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::follow::Followed;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::exit_code;
use tally::Tally;
use tools::Tool;

mod setup;
mod tally;
mod tools;

/// Variable with the URL of a database in which the tests may create others.
pub const TEST_POSTGRES: &str = "ONCEPROOF_TEST_POSTGRES";

/// Command that adds the tests which were skipped.
const SETUP: &str = "cargo xtask test --setup";

/// Options of the command.
#[derive(Debug, Default, clap::Args)]
pub struct Settings {
    /// Install the programs that tests need, with apt-get, as root or with sudo
    #[arg(long)]
    pub(crate) setup: bool,
    /// Arguments for cargo test
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<OsString>,
}

/// Runs the tests, without those whose programs are missing. The exit code is cargo's.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    if settings.setup {
        setup::install(&tools::missing())?;
    }
    run_without(&tools::missing_for_tests(), &settings.args, interrupt)
}

/// Runs every test. A missing program is an error.
pub fn run_all(interrupt: &Interrupt) -> Result<ExitCode> {
    require_programs()?;
    run_without(&[], &[], interrupt)
}

/// Returns an error that names the programs that are missing, with their packages.
pub fn require_programs() -> Result<()> {
    let missing = tools::missing_for_tests();
    ensure!(missing.is_empty(), "tests need {}; `{SETUP}` installs what is missing", tools::told(&missing));
    Ok(())
}

/// Runs the tests that need none of these programs, all test binaries whatever fails, and ends with
/// the counts.
fn run_without(missing: &[&'static Tool], args: &[OsString], interrupt: &Interrupt) -> Result<ExitCode> {
    // The end-to-end tests run the workspace's programs, which `cargo test` alone does not build.
    // Their examples, too, which `cargo test` leaves out once it is told which tests to run.
    cargo::build_all(false, interrupt)?;
    if !args.iter().any(|arg| arg == "--doc") {
        // With cargo's own progress, which the run below cannot show.
        let status = cargo::show(cargo::command(["test", "--no-run"]).args(args), interrupt)?;
        ensure!(status.success(), "the tests do not build");
    }
    let cluster = tools::has_postgres().then(|| Cluster::start(Durability::Fast, interrupt)).transpose()?;
    let skipped = Skipped::among(&listed(missing, args, interrupt)?, missing);

    // In the workspace's root this means all crates, and leaves it to the arguments to name fewer.
    let mut command = cargo::command(["test", "--no-fail-fast"]);
    command.args(args).env("CARGO_TERM_COLOR", "never");
    if !skipped.tests.is_empty() {
        command.args(args.iter().all(|arg| arg != "--").then_some("--"));
        command.args(skipped.tests.iter().flat_map(|test| ["--skip", test]));
    }
    if let Some(cluster) = &cluster {
        command.env(TEST_POSTGRES, cluster.url("postgres"));
    }
    let mut tally = Tally::default();
    let status = Followed::start(&mut command)?.finish(interrupt, |line| {
        println!("{line}");
        tally.read(line);
    })?;
    println!("{}{}{}", tally.failures(), skipped.told(), tally.counts(skipped.tests.len()));
    ensure!(status.success() || tally.has_failures(), "cargo test failed ({status}), though no test did");
    Ok(exit_code(status))
}

/// Returns the paths of all tests that cargo would run, if some of them may have to be skipped.
fn listed(missing: &[&Tool], args: &[OsString], interrupt: &Interrupt) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    if missing.is_empty() {
        return Ok(paths);
    }
    let mut command = cargo::command(["test", "--quiet"]);
    command.args(args).args(args.iter().all(|arg| arg != "--").then_some("--")).arg("--list");
    let mut told = String::new();
    let status = Followed::start(&mut command)?.finish(interrupt, |line| {
        told += &format!("{line}\n");
        paths.extend(line.strip_suffix(": test").map(str::to_owned));
    })?;
    ensure!(status.success(), "cargo cannot list the tests: {told}");
    Ok(paths)
}

/// Tests that are skipped.
#[derive(Debug, Default, PartialEq, Eq)]
struct Skipped {
    tests: BTreeSet<String>,
    /// Names of the missing programs, each with the number of tests that it is the first to keep
    /// from running.
    by_tool: Vec<(String, usize)>,
}

impl Skipped {
    fn among(listed: &BTreeSet<String>, missing: &[&'static Tool]) -> Self {
        let mut skipped = Self::default();
        for tool in missing {
            let before = skipped.tests.len();
            skipped.tests.extend(listed.iter().filter(|path| tool.is_needed_by(path)).cloned());
            skipped.by_tool.push((tool.told(), skipped.tests.len() - before));
        }
        skipped
    }

    fn told(&self) -> String {
        if self.tests.is_empty() {
            return String::new();
        }
        let mut text = "\nskipped, because a program is missing:\n".to_owned();
        for (tool, count) in &self.by_tool {
            let tests = if *count == 1 { "test" } else { "tests" };
            text += &format!("    {count} {tests} without {tool}\n");
        }
        text + &format!("`{SETUP}` installs what is missing and runs them too\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_missing_programs_are_skipped_once_each_and_told() {
        let listed =
            ["page::shown::on_postgres", "page::shown::on_sqlite", "peers::node_answers", "plan::whole"];
        let listed: BTreeSet<String> = listed.map(str::to_owned).into();
        let missing = [&tools::NODE, &tools::BROWSER, &tools::POSTGRES];
        let skipped = Skipped::among(&listed, &missing);
        assert_eq!(skipped.tests.len(), 3);
        assert!(!skipped.tests.contains("plan::whole"));
        assert_eq!(skipped.by_tool.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 2, 0]);
        assert!(skipped.told().contains("1 test without node (nodejs)\n"), "{}", skipped.told());
        assert!(skipped.told().contains("`cargo xtask test --setup`"));
        assert_eq!(Skipped::among(&listed, &[]), Skipped::default());
        assert_eq!(Skipped::default().told(), "");
    }
}
