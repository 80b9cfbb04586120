//! `cargo xtask test`: all tests, against a private PostgreSQL cluster.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::rig::cargo;
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::interrupt::Interrupt;
use crate::rig::process::exit_code;

/// Where the tests find a database server: the URL of a database in which they may create others.
pub const TEST_POSTGRES: &str = "ONCEPROOF_TEST_POSTGRES";

/// What the command takes.
#[derive(Debug, Default, clap::Args)]
pub struct Settings {
    /// Passed on to cargo test
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<OsString>,
}

/// Runs the tests. The exit code is cargo's.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    // The end-to-end tests run the workspace's programs, which `cargo test` alone does not build. Their examples, too,
    // which `cargo test` leaves out once it is told which tests to run.
    cargo::build(["--workspace", "--bins", "--examples"], interrupt)?;
    let cluster = Cluster::start(Durability::Fast, interrupt)?;
    // In the workspace's root this means all crates, and leaves it to the arguments to name fewer.
    let mut command = cargo::command(["test"]);
    command.args(&settings.args).env(TEST_POSTGRES, cluster.url("postgres"));
    let status = cargo::show(&mut command, interrupt)?;
    Ok(exit_code(status))
}
