//! What is known of a run while it goes on, for whoever looks on: the block on a terminal, and who asks for metrics.
//!
//! Nothing here is evidence; the ledger and the polls are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use truth::clock::monotonic_ns;
use truth::schedule::Schedule;
use verify::observe::stats::Counters;

use crate::load::Share;
use crate::meter::Tally;
use crate::meter::live::{self, LiveSums, Told};
use crate::settings::Settings;

/// A run that others look at.
#[derive(Debug)]
pub(crate) struct View {
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many of them are to be sent; none if only time ends the run.
    pub(crate) planned: Option<u64>,
    /// How many of them a request carries.
    batch: u64,
    /// When all shards' requests are due, where that is planned, and how many shards there are.
    schedule: Option<(Arc<Schedule>, u64)>,
    start_ns: u64,
    lanes: Vec<Arc<LiveSums>>,
    measured: Mutex<Tally>,
    counters: Mutex<Option<Counters>>,
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
    pub(crate) told: Told,
    /// What the lanes had measured when they last told, up to half a second ago.
    pub(crate) tally: Tally,
    /// The target's own counters, as it last told them.
    pub(crate) counters: Option<Counters>,
}

impl View {
    pub(crate) fn new(
        settings: &Settings,
        share: &Share,
        start_ns: u64,
        schedule: Option<&Arc<Schedule>>,
        lanes: Vec<Arc<LiveSums>>,
    ) -> Self {
        Self {
            unit: settings.unit(),
            planned: share.events,
            batch: u64::from(settings.plan.batch),
            schedule: schedule.map(|schedule| (Arc::clone(schedule), u64::from(settings.shard.of))),
            start_ns,
            lanes,
            measured: Mutex::default(),
            counters: Mutex::default(),
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
        let after_ns = monotonic_ns().saturating_sub(self.start_ns);
        let ended = live::ended(&self.lanes);
        let due = self.schedule.as_ref().map(|(schedule, shards)| {
            let due = schedule.due_before(after_ns) / shards * self.batch;
            self.planned.map_or(due, |planned| due.min(planned))
        });
        Glance {
            elapsed_s: after_ns as f64 / 1e9,
            ended,
            due,
            started: live::started(&self.lanes),
            told: live::told(&self.lanes),
            tally: unpoisoned(&self.measured).clone(),
            counters: unpoisoned(&self.counters).clone(),
        }
    }
}

/// Whoever panicked while it held a number left a number.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
