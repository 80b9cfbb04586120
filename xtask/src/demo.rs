//! `cargo xtask demo`: all of Onceproof in one command, with a crash in the middle.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::rig::aggregator::{self, sqlite_url};
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process, exit_code};
use crate::rig::programs::{Profile, Programs};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;
use crate::rig::{cargo, http};
use run_folder::RunFolder;

mod run_folder;

/// Pause between two reads of `/stats`. A fast machine stores 20,000 events in a fifth of a second.
const LOOK: Duration = Duration::from_millis(1);

/// Programs that the demo builds and runs.
const PROGRAMS: [&str; 3] = ["aggregator", "loadgen", "verify"];

/// Remedy for a run that ended before the crash could hurt it.
const TOO_LATE: &str = "the kill came too late; try a larger --count or a smaller --batch";

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

/// Store of the aggregator.
enum Store {
    Sqlite(Scratch),
    Postgres(Cluster),
}

/// Loads, kills, restarts and verifies. Returns verify's exit code.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let profile = if settings.release { Profile::Release } else { Profile::Debug };
    match profile {
        Profile::Release => say("building aggregator, loadgen and verify, optimised"),
        Profile::Debug => {
            say(
                "building aggregator, loadgen and verify, not optimised: rates say nothing (--release optimises)",
            );
        }
    }
    let packages = PROGRAMS.iter().flat_map(|name| ["-p", name]);
    let release = settings.release.then_some("--release");
    cargo::build(["--bins"].into_iter().chain(release).chain(packages), interrupt)?;
    let programs = Programs::built(profile, interrupt)?;
    let store = Store::fresh(settings, interrupt)?;
    let mut aggregator = aggregator::start(&programs, &store.url())?;
    say(&format!("the aggregator listens on {} with {}", aggregator.url(), store.url()));

    let folder = load(settings, &programs, &mut aggregator)?;
    let verified = verify(&programs, &aggregator, &folder)?;
    println!("run folder: {}", folder.shown());

    drop(aggregator);
    if settings.keep {
        say(&format!("the database is in {}", store.keep()));
    }
    Ok(verified)
}

/// Sends the events and kills the aggregator meanwhile. Returns an error if no connection broke,
/// because a kill that hurts no request proves nothing.
fn load(settings: &Settings, programs: &Programs, aggregator: &mut Service) -> Result<RunFolder> {
    let seed = settings.seed.unwrap_or_else(run_folder::random_seed);
    let mut command = programs.command("loadgen")?;
    command
        .args(["--scenario", "reference"])
        .arg("--count")
        .arg(settings.count.to_string())
        .args(["--dup", &settings.dup])
        .arg("--batch")
        .arg(settings.batch.to_string())
        .arg("--seed")
        .arg(seed.to_string())
        .args(["--target", &aggregator.url()])
        .args(["--out", run_folder::RESULTS])
        .current_dir(cargo::workspace());
    let mut loadgen = Process::spawn(&mut command, Ending::Kill)?;

    for threshold in settings.thresholds() {
        let received = wait_until_received(threshold, &mut loadgen, aggregator, programs.interrupt())?;
        aggregator.kill()?;
        aggregator.restart()?;
        say(&format!("killed the aggregator with SIGKILL at {received} received, and started it again"));
    }

    let status = loadgen.wait(programs.interrupt())?;
    ensure!(status.success(), "loadgen ended with {status}, expected exit code 0");
    aggregator.check()?;
    let folder = RunFolder::of_seed(seed)?;
    if settings.kills > 0 {
        ensure!(folder.connections_broken()? > 0, "no connection broke: {TOO_LATE}");
    }
    Ok(folder)
}

/// Polls `/stats` until `threshold` events are received, and returns the number received.
fn wait_until_received(
    threshold: u64,
    loadgen: &mut Process,
    aggregator: &mut Service,
    interrupt: &Interrupt,
) -> Result<u64> {
    loop {
        if let Some(status) = loadgen.try_wait()? {
            ensure!(status.success(), "loadgen ended with {status}, expected exit code 0");
            bail!("the run ended before {threshold} events were received: {TOO_LATE}");
        }
        aggregator.check()?;
        let received = aggregator.received()?;
        if received >= threshold {
            return Ok(received);
        }
        interrupt.pause(LOOK)?;
    }
}

/// Runs verify and shows its verdict.
fn verify(programs: &Programs, aggregator: &Service, folder: &RunFolder) -> Result<ExitCode> {
    // Verify reads what the restarted process has, so that process must respond.
    http::get_json(aggregator.address(), "/health").context("the restarted aggregator does not respond")?;
    let mut command = programs.command("verify")?;
    // By name, because another demo may have moved `results/latest`.
    command.arg(folder.shown()).current_dir(cargo::workspace());
    let status = Process::spawn(&mut command, Ending::Kill)?.wait(programs.interrupt())?;
    Ok(exit_code(status))
}

impl Settings {
    /// Numbers of received events at which the kills come: evenly over four fifths of the count,
    /// which puts a single one at 40 %. The last fifth is spare, because requests that a kill
    /// breaks are not received.
    fn thresholds(&self) -> Vec<u64> {
        (1..=self.kills).map(|kill| (self.count * 4 * kill).div_ceil(5 * (self.kills + 1))).collect()
    }
}

impl Store {
    fn fresh(settings: &Settings, interrupt: &Interrupt) -> Result<Self> {
        if settings.postgres {
            say("starting a private PostgreSQL cluster");
            Ok(Self::Postgres(Cluster::start(Durability::Durable, interrupt)?))
        } else {
            Ok(Self::Sqlite(Scratch::new()?))
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(scratch) => sqlite_url(scratch.path()),
            Self::Postgres(cluster) => cluster.url("postgres"),
        }
    }

    /// Stops the store, keeps its files and returns where they are.
    fn keep(self) -> String {
        let folder = match self {
            Self::Sqlite(mut scratch) => {
                scratch.keep_when_dropped();
                scratch.path().to_owned()
            }
            Self::Postgres(cluster) => cluster.keep(),
        };
        folder.display().to_string()
    }
}

fn say(what: &str) {
    eprintln!("demo: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(count: u64, kills: u64) -> Settings {
        let dup = "0.3".to_owned();
        Settings { postgres: false, count, dup, batch: 100, kills, seed: None, release: false, keep: false }
    }

    #[test]
    fn one_kill_comes_at_forty_percent_and_more_are_spread_evenly() {
        assert_eq!(settings(20_000, 1).thresholds(), [8_000]);
        assert_eq!(settings(7, 1).thresholds(), [3]);
        assert_eq!(settings(200_000, 4).thresholds(), [32_000, 64_000, 96_000, 128_000]);
        assert_eq!(settings(20_000, 0).thresholds(), [0; 0]);
    }
}
