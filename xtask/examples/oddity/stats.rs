//! Response of `/stats`: the ways in which counters are shown.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::counters::Counters;
use crate::settings::{Settings, Stats, Uptime};
use crate::store::{State, now_ms};

/// Age of counters that are refreshed now and then.
const REFRESHED_EVERY: Duration = Duration::from_secs(30);

/// Age of duplicates that are counted late.
const DUPLICATES_EVERY: Duration = Duration::from_secs(20);

/// Difference of the starts of two instances.
const INSTANCES_APART: f64 = 50.0;

/// Events of earlier times, of which no row is left.
const BEFORE: Counters = Counters { received: 50_000, unique: 40_000, duplicates: 10_000 };

/// Memory of what `/stats` has shown.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Counters of a moment, shown until they are old.
    snapshot: Option<(Instant, Counters)>,
    /// Number of reads.
    reads: usize,
    started: Instant,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self { snapshot: None, reads: 0, started: Instant::now() }
    }

    /// Returns the body of `/stats`; none if there are no counters.
    pub(crate) fn body(&mut self, settings: &Settings, state: &State) -> Option<Value> {
        self.reads += 1;
        let instance = self.reads % 2;
        let now = state.counters;
        let shown = match settings.stats {
            Stats::Absent => return None,
            Stats::Exact | Stats::Offered | Stats::Requests => now,
            Stats::Refreshed => self.snapshot(now, settings.delay(REFRESHED_EVERY)),
            Stats::LateDuplicates => {
                let old = self.snapshot(now, settings.delay(DUPLICATES_EVERY));
                Counters { duplicates: old.duplicates, ..now }
            }
            Stats::Volatile => now.minus(state.at_start),
            Stats::TwoInstances => state.of_instances[instance],
            Stats::Rows => Counters { unique: state.rows_there(), ..now },
            Stats::Estimated => Counters { unique: now.unique + now.unique / 50, ..now },
            Stats::Still => Counters::default(),
            Stats::SinceDeployment => now.plus(BEFORE),
        };
        let is_second = settings.stats == Stats::TwoInstances && instance == 1;
        Some(json!({
            "received": shown.received,
            "unique_processed": shown.unique,
            "duplicate_dropped": shown.duplicates,
            "queue": { "pending": state.waiting(), "processing": 0 },
            "instance_id": format!("{}-{}", std::process::id(), usize::from(is_second)),
            "uptime": self.uptime(settings.uptime, state, if is_second { INSTANCES_APART } else { 0.0 }),
        }))
    }

    fn snapshot(&mut self, now: Counters, age: Duration) -> Counters {
        match self.snapshot {
            Some((at, counters)) if at.elapsed() < age => counters,
            _ => {
                self.snapshot = Some((Instant::now(), now));
                now
            }
        }
    }

    fn uptime(&self, uptime: Uptime, state: &State, earlier: f64) -> Value {
        let up = self.started.elapsed();
        match uptime {
            Uptime::Seconds => json!(up.as_secs_f64() + earlier),
            Uptime::WholeSeconds => json!(up.as_secs()),
            Uptime::Milliseconds => json!(up.as_millis() as u64),
            Uptime::SinceDeployment => json!(now_ms().saturating_sub(state.first_start_ms) as f64 / 1000.0),
        }
    }
}
