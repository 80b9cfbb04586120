//! `cargo xtask demo`: builds `onceproof` and runs its demo, on a private PostgreSQL if wanted.

use std::process::ExitCode;

use anyhow::Result;

use crate::rig::cargo;
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process, exit_code};
use crate::rig::programs::{Profile, Programs};

/// Folder of all runs, relative to the workspace's root.
const RESULTS: &str = "results";

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Run on a private PostgreSQL cluster instead of a fresh SQLite file
    #[arg(long)]
    postgres: bool,
    /// Events to send, repeats included
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Share of the events that repeat an earlier one
    #[arg(long, default_value = "0.3")]
    dup: String,
    /// Events per request. Smaller requests make a longer run, and more of it overlaps the kill
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Kills of the aggregator, spread evenly over the run; a single one comes at 40 %
    #[arg(long, default_value_t = 1)]
    kills: u64,
    /// Seed of the plan; random unless given
    #[arg(long)]
    seed: Option<u32>,
    /// Build with optimisation, which takes more than twice as long
    #[arg(long)]
    release: bool,
    /// Keep the database's files and print where they are
    #[arg(long)]
    keep: bool,
}

/// Loads, kills, restarts and verifies. Returns verify's exit code.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let profile = if settings.release { Profile::Release } else { Profile::Debug };
    match profile {
        Profile::Release => say("building onceproof, optimised"),
        Profile::Debug => {
            say("building onceproof, not optimised: rates say nothing (--release optimises)");
        }
    }
    let release = settings.release.then_some("--release");
    cargo::build(["--bin", "onceproof"].into_iter().chain(release), interrupt)?;
    let programs = Programs::built(profile, interrupt)?;
    let cluster = settings.postgres.then(|| {
        say("starting a private PostgreSQL cluster");
        Cluster::start(Durability::Durable, interrupt)
    });
    let cluster = cluster.transpose()?;

    let mut command = programs.command("onceproof")?;
    command.args(settings.arguments()).current_dir(cargo::workspace());
    command.args(cluster.iter().flat_map(|cluster| ["--database-url".to_owned(), cluster.url("postgres")]));
    let status = Process::spawn(&mut command, Ending::Kill)?.wait(interrupt)?;
    if let Some(cluster) = cluster.filter(|_| settings.keep) {
        say(&format!("the database is in {}", cluster.keep().display()));
    }
    Ok(exit_code(status))
}

impl Settings {
    /// Returns the command of `onceproof` and its arguments, without the database.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["demo", "--out", RESULTS, "--dup", &self.dup].map(str::to_owned).into();
        for (flag, number) in
            [("--count", Some(self.count)), ("--batch", Some(self.batch)), ("--kills", Some(self.kills))]
                .into_iter()
                .chain([("--seed", self.seed.map(u64::from))])
        {
            arguments.extend(number.into_iter().flat_map(|number| [flag.to_owned(), number.to_string()]));
        }
        arguments.extend(self.keep.then(|| "--keep".to_owned()));
        arguments
    }
}

fn say(what: &str) {
    eprintln!("demo: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_passed_on() {
        let settings = Settings {
            postgres: false,
            count: 7,
            dup: "0.5".to_owned(),
            batch: 3,
            kills: 0,
            seed: Some(9),
            release: false,
            keep: true,
        };
        let passed = "demo --out results --dup 0.5 --count 7 --batch 3 --kills 0 --seed 9 --keep";
        assert_eq!(settings.arguments().join(" "), passed);
        let unseeded = Settings { seed: None, keep: false, ..settings };
        assert!(!unseeded.arguments().iter().any(|argument| argument == "--seed" || argument == "--keep"));
    }
}
