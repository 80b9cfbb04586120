//! One run of loadgen: its work and its results.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::LIMIT;
use super::machine::Place;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::transcript::Transcript;
use crate::rig::usage::{Usage, measured};

/// Scenario without races: with a race, the requests of a group are written together.
const NO_RACES: &str = "[mix]\nconcurrent = 0\n";

/// Release of requests that carry the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Races {
    /// Together, as in the default scenario.
    On,
    /// Never together: repeats come within a request, in one that follows at once, or much later.
    Off,
}

/// Work of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) events: u64,
    pub(super) batch: u32,
    pub(super) connections: u32,
    pub(super) repeats_percent: u64,
    pub(super) races: Races,
    /// Tables of a scenario; empty for the reference contract.
    pub(super) scenario: &'static str,
}

/// Results of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// Acknowledged events a second, from the first release to the last response.
    pub(super) events_per_s: f64,
    pub(super) usage: Usage,
}

/// Sends events to `target`, in `place`; the run folder goes to `results`. Returns an error unless
/// every event was acknowledged, because failures make other work.
pub(super) fn run(
    run: Run,
    programs: &Programs,
    place: Place,
    target: &str,
    results: &Path,
) -> Result<Outcome> {
    let scenario = Scratch::new()?;
    let mut command = place.command(&programs.path("loadgen")?);
    command.args(["--dup", &format!("{}%", run.repeats_percent), "--target", target]);
    command.args(["--batch", &run.batch.to_string()]);
    let races = if run.races == Races::Off { NO_RACES } else { "" };
    let text = format!("{races}{}", run.scenario);
    if !text.is_empty() {
        let file = scenario.path().join("bench.toml");
        std::fs::write(&file, text).context("cannot write a scenario")?;
        command.arg("--scenario").arg(file);
    }
    sent(command, run.events, run.connections, programs, results)
}

/// Sends requests with this body and no events.
pub(super) fn run_fixed(
    (body, requests, connections): (&str, u64, u32),
    programs: &Programs,
    place: Place,
    url: &str,
    results: &Path,
) -> Result<Outcome> {
    let mut command = place.command(&programs.path("loadgen")?);
    command.args(["http", url, "--body", body]);
    sent(command, requests, connections, programs, results)
}

fn sent(
    mut command: Command,
    count: u64,
    connections: u32,
    programs: &Programs,
    results: &Path,
) -> Result<Outcome> {
    command.args(["--count", &count.to_string(), "--concurrency", &connections.to_string()]);
    command.arg("--out").arg(results);
    let said = Transcript::new()?;
    command.stdout(said.stdio()?).stderr(said.stdio()?);
    let mut loadgen = Process::spawn(&mut command, Ending::Kill)?;
    let (status, usage) = measured(&mut loadgen, LIMIT, programs.interrupt())?;
    ensure!(status.success(), "loadgen ended with {status}, expected exit code 0: {}", said.text()?);
    let path = results.join("latest").join("summary.json");
    let summary =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Outcome { events_per_s: rate(&summary, count)?, usage })
}

/// Returns the acknowledged events a second, if all that were planned were acknowledged.
fn rate(summary: &str, planned: u64) -> Result<f64> {
    let summary: Value = serde_json::from_str(summary).context("summary.json is not JSON")?;
    let acked = &summary["events"]["acked"];
    ensure!(acked.as_u64() == Some(planned), "of {planned} events {acked} were acknowledged");
    let duration_s = summary["duration_s"].as_f64().filter(|seconds| *seconds > 0.0);
    Ok(planned as f64 / duration_s.context("summary.json has no duration_s")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_acknowledged_events_and_needs_all_of_them() {
        let summary = r#"{"duration_s":2.0,"events":{"acked":100}}"#;
        assert!((rate(summary, 100).unwrap() - 50.0).abs() < 1e-9);
        assert!(rate(summary, 101).unwrap_err().to_string().contains("of 101 events 100"));
        assert!(rate(r#"{"events":{"acked":1}}"#, 1).is_err());
    }
}
