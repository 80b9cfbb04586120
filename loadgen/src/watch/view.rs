//! View of a run while it goes on, for its onlookers: the block on a terminal, and the metrics.
//!
//! Nothing here is evidence; the ledger and the polls are.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use truth::clock::monotonic_ns;
use truth::observed::counters::Counters;
use truth::scenario::schedule::Schedule;

use crate::command::settings::LoadSettings;
use crate::connection::dial::Dial;
use crate::connection::shortage::Shortages;
use crate::executor::{Executor, Workload};
use crate::meter::Tally;
use crate::meter::live::{self, LiveSums, Reported};

/// View of a run.
#[derive(Debug)]
pub(crate) struct View {
    /// Name of the counted unit.
    pub(crate) unit: &'static str,
    /// Number of units to send; none if only time ends the run.
    pub(crate) planned: Option<u64>,
    /// Number of units in a request.
    batch: u64,
    /// Schedule of each executor; none unless all of them have one.
    due: Option<Vec<Due>>,
    start_ns: u64,
    lanes: Vec<Arc<LiveSums>>,
    dial: Arc<Dial>,
    measured: Mutex<Tally>,
    counters: Mutex<Option<Counters>>,
    is_over: AtomicBool,
}

/// Schedule of an executor.
#[derive(Debug)]
struct Due {
    /// Schedule of all shards together.
    schedule: Schedule,
    /// Number of shards.
    shards: u64,
    /// Number of events that this shard sends.
    planned: u64,
    /// Beginning of the executor; the end of time while that is unknown.
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

/// State of a run at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Glance {
    pub(crate) elapsed_s: f64,
    /// Attempts that have ended for good.
    pub(crate) ended: u64,
    /// Attempts that were due by now, at a rate.
    pub(crate) due: Option<u64>,
    /// Attempts that have begun.
    pub(crate) started: u64,
    pub(crate) reported: Reported,
    /// Tally of the lanes' last reports, up to half a second old.
    pub(crate) tally: Tally,
    /// Resources for connections that this machine has lacked so far.
    pub(crate) shortages: Shortages,
    /// Counters of the target, as it last reported them.
    pub(crate) counters: Option<Counters>,
    /// True once the run has ended.
    pub(crate) is_over: bool,
}

impl View {
    pub(crate) fn new(
        load: &LoadSettings,
        executors: &[Executor],
        start_ns: u64,
        lanes: Vec<Arc<LiveSums>>,
        dial: Arc<Dial>,
    ) -> Self {
        Self {
            unit: load.unit(),
            planned: Workload::sum(executors).events,
            batch: u64::from(load.plan.batch),
            due: executors.iter().map(Due::of).collect(),
            start_ns,
            lanes,
            dial,
            measured: Mutex::default(),
            counters: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Notes that the run has ended: nothing is measured any more.
    pub(crate) fn ends(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Notes that an executor begins.
    pub(crate) fn begins(&self, executor: usize, start_ns: u64) {
        if let Some(due) = self.due.as_ref().and_then(|due| due.get(executor)) {
            due.start_ns.store(start_ns, Ordering::Relaxed);
        }
    }

    /// Notes the tally that the lanes have reported.
    pub(crate) fn measured(&self, tally: Tally) {
        *unpoisoned(&self.measured) = tally;
    }

    /// Notes the counters that the target has reported.
    pub(crate) fn counted(&self, counters: &Counters) {
        *unpoisoned(&self.counters) = Some(counters.clone());
    }

    /// Returns the state of the run now.
    pub(crate) fn glance(&self) -> Glance {
        // First, so that what is told of a run that has ended is whole.
        let is_over = self.is_over.load(Ordering::Acquire);
        let now = monotonic_ns();
        let ended = live::ended(&self.lanes);
        Glance {
            elapsed_s: now.saturating_sub(self.start_ns) as f64 / 1e9,
            ended,
            due: self.due.as_ref().map(|each| each.iter().map(|due| due.by(now, self.batch)).sum()),
            started: live::started(&self.lanes),
            reported: live::reported(&self.lanes),
            tally: unpoisoned(&self.measured).clone(),
            shortages: self.dial.shortages(),
            counters: unpoisoned(&self.counters).clone(),
            is_over,
        }
    }
}

/// Locks a mutex; one that was poisoned still holds a number.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
