//! One turn: loadgen, an aggregator of its own, and a store of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::store::Database;
use crate::bench::loadgen;
use crate::bench::machine::Place;
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;
use crate::rig::usage::family_cpu;
use crate::rig::{aggregator, http};

/// Limit for the workers to empty the inbox after the last request.
const DRAIN_LIMIT: Duration = Duration::from_secs(120);

/// Pause between two looks at the inbox.
const TURN: Duration = Duration::from_millis(10);

/// Moment of the aggregator's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Ack {
    /// After the events are stored.
    Committed,
    /// After the events are in the inbox.
    Queued,
}

/// Results of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Acknowledged events a second, from the first release to the last response.
    pub(super) acked_per_s: f64,
    /// Acknowledged events a second, until the last one was stored.
    pub(super) stored_per_s: f64,
    /// Microseconds of loadgen's processor time for one event.
    pub(super) loadgen_us: f64,
    pub(super) aggregator_us: f64,
    /// None for a database in the aggregator's process.
    pub(super) database_us: Option<f64>,
}

impl Ack {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Queued => "queued",
        }
    }
}

impl Turn {
    pub(super) fn take(
        database: &Database,
        ack: Ack,
        run: loadgen::Run,
        programs: &Programs,
    ) -> Result<Self> {
        let results = Scratch::new()?;
        let store = database.fresh()?;
        let mut aggregator = aggregator::start_with(programs, store.url(), &[("ACK", ack.name())])?;
        let before = (cpu_of(&aggregator)?, database.cpu()?);
        let sent = loadgen::run(run, programs, Place::Anywhere, &aggregator.url(), results.path())?;
        let drain = match ack {
            Ack::Committed => Duration::ZERO,
            Ack::Queued => drained(&aggregator, programs)?,
        };
        let after = (cpu_of(&aggregator)?, database.cpu()?);
        aggregator.check()?;
        drop(aggregator);
        store.remove()?;
        let events = run.events as f64;
        let per_event = |time: Duration| time.as_secs_f64() * 1e6 / events;
        Ok(Self {
            acked_per_s: sent.events_per_s,
            stored_per_s: events / (events / sent.events_per_s + drain.as_secs_f64()),
            loadgen_us: per_event(sent.usage.cpu),
            aggregator_us: per_event(after.0 - before.0),
            database_us: after.1.zip(before.1).map(|(after, before)| per_event(after - before)),
        })
    }

    /// Returns the number of busy processors, of all programs together.
    pub(super) fn processors(&self) -> f64 {
        (self.loadgen_us + self.aggregator_us + self.database_us.unwrap_or(0.0)) * self.stored_per_s / 1e6
    }
}

fn cpu_of(aggregator: &Service) -> Result<Duration> {
    family_cpu(aggregator.id()?)
}

/// Waits until the inbox is empty and returns how long it took.
fn drained(aggregator: &Service, programs: &Programs) -> Result<Duration> {
    let start = Instant::now();
    loop {
        let stats = http::get_json(aggregator.address(), "/stats")?;
        let waiting = |counter: &str| {
            stats["queue"][counter].as_u64().with_context(|| format!("no {counter}: {stats}"))
        };
        if waiting("pending")? + waiting("processing")? == 0 {
            return Ok(start.elapsed());
        }
        ensure!(start.elapsed() < DRAIN_LIMIT, "the inbox was not empty after {DRAIN_LIMIT:?}: {stats}");
        programs.interrupt().pause(TURN)?;
    }
}
