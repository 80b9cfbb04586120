//! What is known of a run while it goes on, for whoever looks on: the block on a terminal, and who asks for metrics.
//!
//! Nothing here is evidence; the ledger and the polls are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use truth::clock::monotonic_ns;
use truth::observed::counters::Counters;
use truth::scenario::schedule::Schedule;

use crate::command::settings::LoadSettings;
use crate::executor::{Executor, Workload};
use crate::meter::Tally;
use crate::meter::live::{self, LiveSums, Reported};

/// A run that others look at.
#[derive(Debug)]
pub(crate) struct View {
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many of them are to be sent; none if only time ends the run.
    pub(crate) planned: Option<u64>,
    /// How many of them a request carries.
    batch: u64,
    /// When those of each part are due; none if that is not planned of all of them.
    due: Option<Vec<Due>>,
    start_ns: u64,
    lanes: Vec<Arc<LiveSums>>,
    measured: Mutex<Tally>,
    counters: Mutex<Option<Counters>>,
}

/// When the requests of a part are due.
#[derive(Debug)]
struct Due {
    /// Those of all shards, and how many shards there are.
    schedule: Schedule,
    shards: u64,
    /// How many events this shard sends of it.
    planned: u64,
    /// When it begins; never while that is not known.
    start_ns: AtomicU64,
}

impl Due {
    fn of(executor: &Executor) -> Option<Self> {
        Some(Self {
            schedule: executor.shape.schedule()?,
            shards: executor.rounds.shards(),
            planned: executor.workload.events?,
            start_ns: AtomicU64::new(u64::MAX),
        })
    }

    fn by(&self, now: u64, batch: u64) -> u64 {
        let after_ns = now.checked_sub(self.start_ns.load(Ordering::Relaxed));
        let due = after_ns.map_or(0, |after_ns| self.schedule.due_before(after_ns) / self.shards * batch);
        due.min(self.planned)
    }
}

/// What there was to see at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Glance {
    pub(crate) elapsed_s: f64,
    /// Attempts that have ended for good.
    pub(crate) ended: u64,
    /// Those that were to have begun by now, where that is planned.
    pub(crate) due: Option<u64>,
    /// Those that have begun.
    pub(crate) started: u64,
    pub(crate) reported: Reported,
    /// What the lanes had measured when they last told, up to half a second ago.
    pub(crate) tally: Tally,
    /// The target's own counters, as it last told them.
    pub(crate) counters: Option<Counters>,
}

impl View {
    pub(crate) fn new(
        load: &LoadSettings,
        executors: &[Executor],
        start_ns: u64,
        lanes: Vec<Arc<LiveSums>>,
    ) -> Self {
        Self {
            unit: load.unit(),
            planned: Workload::sum(executors).events,
            batch: u64::from(load.plan.batch),
            due: executors.iter().map(Due::of).collect(),
            start_ns,
            lanes,
            measured: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    /// A part begins.
    pub(crate) fn begins(&self, executor: usize, start_ns: u64) {
        if let Some(due) = self.due.as_ref().and_then(|due| due.get(executor)) {
            due.start_ns.store(start_ns, Ordering::Relaxed);
        }
    }

    /// The lanes have told what they measured.
    pub(crate) fn measured(&self, tally: Tally) {
        *unpoisoned(&self.measured) = tally;
    }

    /// The target has told its counters.
    pub(crate) fn counted(&self, counters: &Counters) {
        *unpoisoned(&self.counters) = Some(counters.clone());
    }

    /// What there is to see now.
    pub(crate) fn glance(&self) -> Glance {
        let now = monotonic_ns();
        let ended = live::ended(&self.lanes);
        Glance {
            elapsed_s: now.saturating_sub(self.start_ns) as f64 / 1e9,
            ended,
            due: self.due.as_ref().map(|each| each.iter().map(|due| due.by(now, self.batch)).sum()),
            started: live::started(&self.lanes),
            reported: live::reported(&self.lanes),
            tally: unpoisoned(&self.measured).clone(),
            counters: unpoisoned(&self.counters).clone(),
        }
    }
}

/// Whoever panicked while it held a number left a number.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
