//! The developer commands, and what they are made of: a private PostgreSQL cluster, child programs that never outlive
//! their owner, and an aggregator that can be killed and started again. The end-to-end tests use the same parts.
//!
//! Everything here that runs is owned by a value. Dropping the value ends it, and a [`guard`] ends it where the
//! value had no chance to be dropped.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use interrupt::Interrupt;

pub mod aggregator;
pub mod cargo;
pub mod ci;
pub mod cluster;
pub mod demo;
pub mod guard;
pub mod http;
pub mod interrupt;
pub mod port;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod scratch;
pub mod test;
pub mod transcript;

/// Developer commands of Onceproof.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a fresh aggregator, kill it midway, start it again, and verify that it stored each event once
    Demo(demo::Settings),
    /// Run all tests against a private PostgreSQL cluster
    Test(test::Settings),
    /// Run what CI runs: fmt, clippy, doc, test
    Ci,
    /// Run a private PostgreSQL cluster until Ctrl-C and print its URL
    Postgres(postgres::Settings),
}

/// Runs one command. The exit code is that of the program whose outcome is the command's: verify, cargo.
pub fn run(cli: &Cli, interrupt: &Interrupt) -> Result<ExitCode> {
    match &cli.command {
        Command::Demo(settings) => demo::run(settings, interrupt),
        Command::Test(settings) => test::run(settings, interrupt),
        Command::Ci => ci::run(interrupt),
        Command::Postgres(settings) => postgres::run(settings, interrupt),
    }
}
