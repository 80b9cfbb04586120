//! Developer commands, and the [`rig`] that they and the end-to-end tests run programs on.

// Only the tests of this crate use the library.
#![allow(missing_docs)]

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use rig::interrupt::Interrupt;

pub mod bench;
pub mod ci;
pub mod compose;
pub mod cookbook;
pub mod demo;
pub mod dist;
pub mod docs;
pub mod field;
pub mod fuzz;
pub mod matrix;
pub mod mutants;
pub mod null_server;
pub mod oddities;
pub mod picture;
pub mod postgres;
pub mod release_check;
pub mod rig;
pub mod test;

/// Developer commands of Onceproof.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a fresh aggregator, kill and restart it midway, and verify that it stored each event
    /// once
    Demo(demo::Settings),
    /// Run the tests on a private PostgreSQL, and skip those whose programs are missing
    Test(test::Settings),
    /// Run what CI runs: lint, every test, and the commands of the docs
    Ci,
    /// Run what CI runs before the tests: fmt, clippy, doc, and a look for stale reference pages
    Lint,
    /// Write the reference pages, or check them, or run the commands that the docs show
    Docs(docs::Settings),
    /// Measure the programs, each beside the rival that bounds it, and print tables in Markdown
    #[command(subcommand)]
    Bench(bench::Command),
    /// Run the containers on free ports: one aggregator through a kill and a restart, then three
    /// behind a load balancer
    Compose(compose::Settings),
    /// Run each file of targets/ against a stand-in for its API, sound and with one defect
    Cookbook(cookbook::Settings),
    /// Run targets with one defect each, and check that the right check names the defect
    Mutants(mutants::Settings),
    /// Run sound targets with one unusual behaviour each, and check that none is blamed, and that a
    /// defect beside it is named
    Oddities(oddities::Settings),
    /// Install real servers, and judge each with its file of targets/
    Field(field::Settings),
    /// Fuzz the aggregator with requests made from its own OpenAPI document
    Fuzz(fuzz::Settings),
    /// Make the files of a release: archives, a Debian package, a wheel, a bill of materials, checksums
    Dist(dist::Settings),
    /// Run what is too slow for CI before a release: the book, both matrices, the containers, the
    /// files of a release
    ReleaseCheck(release_check::Settings),
    /// Take the picture of the README: the pages of a FAIL and of a PASS, by a real browser
    Picture(picture::Settings),
    /// Run a private PostgreSQL cluster until Ctrl-C and print its URL
    Postgres(postgres::Settings),
    /// Give every request the same response: the server of `bench load`
    #[command(hide = true)]
    NullServer(null_server::Settings),
}

impl Cli {
    /// Reads the command line. Prints help or an error and ends the process, as clap does.
    #[must_use]
    pub fn read() -> Self {
        Self::parse_from(for_clap(std::env::args_os().collect()))
    }
}

/// Doubles a first `--` of `cargo xtask test -- --nocapture`, because clap takes one for itself and
/// cargo needs one.
fn for_clap(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|arg| arg == "test") {
        let first =
            args.iter().skip(2).position(|arg| arg != "--setup").map_or(args.len(), |after| after + 2);
        if args.get(first).is_some_and(|arg| arg == "--") {
            args.insert(first, "--".into());
        }
    }
    args
}

/// Runs one command. Returns the exit code of the program that decides it: verify, cargo.
pub fn run(cli: &Cli, interrupt: &Interrupt) -> Result<ExitCode> {
    match &cli.command {
        Command::Demo(settings) => demo::run(settings, interrupt),
        Command::Test(settings) => test::run(settings, interrupt),
        Command::Ci => ci::run(interrupt),
        Command::Lint => ci::lint(interrupt),
        Command::Docs(settings) => docs::run(settings, interrupt),
        Command::Bench(command) => bench::run(command, interrupt),
        Command::Compose(settings) => compose::run(settings, interrupt),
        Command::Cookbook(settings) => cookbook::run(settings, interrupt),
        Command::Mutants(settings) => mutants::run(settings, interrupt),
        Command::Oddities(settings) => oddities::run(settings, interrupt),
        Command::Field(settings) => field::run(settings, interrupt),
        Command::Fuzz(settings) => fuzz::run(settings, interrupt),
        Command::Dist(settings) => dist::run(settings, interrupt),
        Command::ReleaseCheck(settings) => release_check::run(settings, interrupt),
        Command::Picture(settings) => picture::run(settings, interrupt),
        Command::Postgres(settings) => postgres::run(settings, interrupt),
        Command::NullServer(settings) => null_server::run(settings, interrupt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_on(line: &str) -> Vec<String> {
        let args = line.split(' ').map(OsString::from).collect();
        match Cli::try_parse_from(for_clap(args)).unwrap().command {
            Command::Test(settings) => {
                settings.args.iter().map(|arg| arg.to_str().unwrap().to_owned()).collect()
            }
            other => panic!("not the test command: {other:?}"),
        }
    }

    #[test]
    fn everything_after_test_is_passed_on_to_cargo() {
        assert_eq!(passed_on("xtask test"), [""; 0]);
        assert_eq!(passed_on("xtask test -p onceproof-verify judge"), ["-p", "onceproof-verify", "judge"]);
        assert_eq!(passed_on("xtask test -- --nocapture"), ["--", "--nocapture"]);
        assert_eq!(passed_on("xtask test --setup -- --nocapture"), ["--", "--nocapture"]);
        assert_eq!(passed_on("xtask test --setup -p onceproof-verify"), ["-p", "onceproof-verify"]);
        assert_eq!(
            passed_on("xtask test -p onceproof-verify -- --nocapture"),
            ["-p", "onceproof-verify", "--", "--nocapture"]
        );
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
