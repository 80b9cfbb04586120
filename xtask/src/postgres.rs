//! `cargo xtask postgres`: a private cluster for a single test or for psql.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::rig::cluster::{Cluster, Durability};
use crate::rig::interrupt::Interrupt;

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Do not wait for the disk, as the tests' cluster
    #[arg(long)]
    fast: bool,
}

/// Runs a cluster until an interrupt. Its URL is the only line on standard output.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let durability = if settings.fast { Durability::Fast } else { Durability::Durable };
    let cluster = Cluster::start(durability, interrupt)?;
    println!("{}", cluster.url("postgres"));
    while interrupt.pause(Duration::from_millis(50)).is_ok() {}
    Ok(ExitCode::SUCCESS)
}
