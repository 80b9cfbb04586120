//! `cargo xtask bench judge`: time and memory of judging, on forged runs of any size and beside the
//! load of real ones.
//!
//! The forger is an example of verify. It writes a ledger and a listing of a sound store, or of one
//! that lost three keys, stored two twice and holds one of a stranger. verify then judges the
//! folder as any other.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::loadgen::{self, Races};
use super::machine::{self, Place};
use super::samples::{mebibytes, whole};
use super::table::Table;
use super::{CONNECTIONS, Common, say};
use crate::rig::aggregator::{self, sqlite_url};
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::transcript::Transcript;
use crate::rig::usage::{Usage, measured};

/// Limit of forging or judging the largest run.
const JUDGE_LIMIT: Duration = Duration::from_secs(900);

/// Events in a request of real runs.
const BATCH: u32 = 1_000;

/// Checks that have to name the forger's damage, with their counts.
const PLANTED: [(&str, u64); 3] = [("lost", 3), ("stored-twice", 2), ("stranger", 1)];

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[command(flatten)]
    common: Common,
    /// Attempts of the forged runs
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    attempts: u64,
}

/// Amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Attempts of the forged runs.
    pub attempts: u64,
    /// Events of the real runs.
    pub events: [u64; 2],
}

/// Results of one judgement.
struct Judged {
    verdict: Value,
    took: Duration,
    usage: Usage,
}

impl Settings {
    pub(super) fn plan(&self) -> Plan {
        let share = |work| self.common.share(work);
        Plan { attempts: share(self.attempts), events: [share(20_000), share(2_000_000)] }
    }
}

/// Forges and judges, loads and judges, and returns both tables in Markdown.
pub fn measure(plan: &Plan, programs: &Programs) -> Result<String> {
    let mut told = machine::line("cargo xtask bench judge", &[]);
    write!(told, "\n{}\n{}", forged(plan.attempts, programs)?, beside_the_load(plan.events, programs)?)?;
    Ok(told)
}

fn forged(attempts: u64, programs: &Programs) -> Result<Table> {
    let mut table = Table::new(
        format!(
            "`verify --offline` on a forged run of {} attempts, batch 1000, 30 % repeats:",
            whole(attempts as f64)
        ),
        ["run", "verdict", "named", "judging", "peak memory", "decoding the ids alone", "run folder"],
    );
    for (name, damage) in [("as a sound store answers", None), ("damaged", Some("--damaged"))] {
        let folder = Scratch::new()?;
        say(&format!("forging {attempts} attempts, {name}"));
        let count = attempts.to_string();
        let out = folder.path().display().to_string();
        let arguments = ["--count", &count, "--out", &out].into_iter().chain(damage);
        let made = programs.run("examples/forge", arguments)?;
        ensure!(made.code == Some(0), "the forger failed: {}", made.stderr);
        let made: Value =
            serde_json::from_str(&made.stdout).context("the forger did not say what it made")?;
        let judged = judge(folder.path(), &["--offline"], programs)?;
        let decoding =
            made["decode_ms"].as_f64().context("the forger did not say how long decoding takes")?;
        let verdict = judged.verdict["verdict"].as_str().unwrap_or_default().to_owned();
        let named = named(&judged.verdict);
        let expected = if damage.is_some() {
            PLANTED.map(|(check, count)| format!("{check} {count}")).join(", ")
        } else {
            String::new()
        };
        ensure!(named == expected, "named `{named}`, and `{expected}` was planted");
        table.add([
            name.to_owned(),
            verdict,
            named,
            seconds(judged.took),
            mebibytes(judged.usage.peak_rss_bytes as f64),
            seconds(Duration::from_secs_f64(decoding / 1000.0)),
            mebibytes(size_of(folder.path())? as f64),
        ]);
    }
    Ok(table)
}

fn beside_the_load(events: [u64; 2], programs: &Programs) -> Result<Table> {
    let mut table = Table::new(
        format!(
            "Judging beside the load itself, batch {BATCH}, {CONNECTIONS} connections, \
             30 % repeats, the aggregator on SQLite:"
        ),
        ["events", "load", "verify, reading the target", "verify --offline", "of the load"],
    );
    for events in events {
        let store = Scratch::new()?;
        let results = Scratch::new()?;
        let target = aggregator::start(programs, &sqlite_url(store.path()))?;
        say(&format!("sending {events} events, then judging them"));
        let run = loadgen::Run {
            events,
            batch: BATCH,
            connections: CONNECTIONS,
            repeats_percent: 30,
            races: Races::On,
            scenario: "",
        };
        let sent = loadgen::run(run, programs, Place::Anywhere, &target.url(), results.path())?;
        let load = Duration::from_secs_f64(events as f64 / sent.events_per_s);
        let read = judge(results.path(), &[], programs)?;
        let offline = judge(results.path(), &["--offline"], programs)?;
        for judged in [&read, &offline] {
            ensure!(
                judged.verdict["verdict"] == "PASS",
                "verify did not pass: {}",
                judged.verdict["reasons"]
            );
        }
        table.add([
            whole(events as f64),
            seconds(load),
            seconds(read.took),
            seconds(offline.took),
            format!("{:.2}", offline.took.as_secs_f64() / load.as_secs_f64()),
        ]);
    }
    Ok(table)
}

fn judge(out: &Path, arguments: &[&str], programs: &Programs) -> Result<Judged> {
    let said = Transcript::new()?;
    let warned = Transcript::new()?;
    let mut command = programs.command("verify")?;
    command.args(arguments).args(["--format", "json", "--out"]).arg(out);
    command.stdout(said.stdio()?).stderr(warned.stdio()?);
    let begun = Instant::now();
    let mut verify = Process::spawn(&mut command, Ending::Kill)?;
    let (status, usage) = measured(&mut verify, JUDGE_LIMIT, programs.interrupt())?;
    let took = begun.elapsed();
    let verdict = serde_json::from_str(&said.text()?);
    let verdict = verdict
        .with_context(|| format!("verify ended with {status}: {}", warned.text().unwrap_or_default()))?;
    Ok(Judged { verdict, took, usage })
}

/// Returns the counts of the checks that were to name something.
fn named(verdict: &Value) -> String {
    let checks = verdict["checks"].as_array().cloned().unwrap_or_default();
    let count = |name: &str| checks.iter().find(|check| check["name"] == name && check["status"] == "fail");
    let named = PLANTED.iter().filter_map(|(name, _)| Some(format!("{name} {}", count(name)?["count"])));
    named.collect::<Vec<_>>().join(", ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let about = entry.path().symlink_metadata()?;
        size += if about.is_dir() { size_of(&entry.path())? } else { about.len() };
    }
    Ok(size)
}
