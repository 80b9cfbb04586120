//! Sending: lanes, polls and progress side by side, until all is sent, patience is lost, or a person says stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::event::Events;
use truth::folder::RunFolder;
use truth::ledger::writer::SegmentWriter;
use truth::ledger::{Header, LedgerError};
use truth::scenario::Demand;
use truth::schedule::Schedule;
use verify::baseline::chain;
use verify::faults;
use verify::observe::client::TargetClient;
use verify::process::TargetProcess;

use crate::connection::dial::Dial;
use crate::connection::head::Fixed;
use crate::error::Failure;
use crate::faults::{Striker, Striking};
use crate::lane::pace::Pace;
use crate::lane::queue::Claims;
use crate::lane::ramp::Ramp;
use crate::lane::{self, LaneJob, LaneReport, Order, Word};
use crate::meter::Tally;
use crate::meter::live::{self, LiveSums};
use crate::meter::selection::Selection;
use crate::metrics::Metrics;
use crate::notice::Notices;
use crate::poll::Poller;
use crate::progress::{self, Progress};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::summary::thresholds::Measured;
use crate::view::View;

/// Between two looks whether anything still answers.
const LOOK: Duration = Duration::from_millis(50);

/// What connections have to open in, before the first request of a run with a rate is due.
pub(crate) const RUN_UP: Duration = Duration::from_millis(100);

/// How a shard's work is spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Share {
    pub(crate) lanes: u16,
    pub(crate) connections: u32,
    /// None if only time ends the run.
    pub(crate) requests: Option<u64>,
    /// The same in events.
    pub(crate) events: Option<u64>,
}

impl Share {
    /// Spreads it over as many lanes as were asked for, else as there are cores for: half of them, because the target,
    /// or something else, has work to do as well; and no more than leave each lane two groups' worth of connections.
    pub(crate) fn of(settings: &Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (requests, events) = (settings.requests(), settings.slots());
        let asked = settings.scenario.load.most_connections();
        let connections = requests.map_or(asked, |requests| u32::try_from(requests).unwrap_or(u32::MAX));
        let connections = connections.clamp(1, asked);
        let fitting = (cores / 2).min(connections as usize / (2 * settings.plan.group as usize));
        let lanes = settings.lanes.map_or(fitting, usize::from).clamp(1, connections as usize);
        Self { lanes: u16::try_from(lanes).unwrap_or(u16::MAX), connections, requests, events }
    }

    /// Connections of one lane.
    fn seats(&self, lane: u16) -> u32 {
        let (lanes, lane) = (u32::from(self.lanes), u32::from(lane));
        self.connections / lanes + u32::from(lane < self.connections % lanes)
    }
}

/// Why sending ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// All was sent.
    Complete,
    /// Nothing answered for too long.
    OutOfPatience,
    /// A person said stop, and what was in flight was waited for.
    Interrupted,
    /// A person said stop twice.
    Aborted,
    /// A lane ended without a word.
    LaneLost,
    /// A threshold failed that was to end the run.
    Threshold,
}

/// What sending came to.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) ending: Ending,
    pub(crate) tally: Tally,
    pub(crate) ledger_failure: Option<LedgerError>,
    /// Requests of a rate that were due when the run was ended early; none if it was not.
    pub(crate) due: Option<u64>,
    /// The target, if the scenario started it.
    pub(crate) process: Option<TargetProcess>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            ending: Ending::Complete,
            tally: Tally::default(),
            ledger_failure: None,
            due: None,
            process: None,
        }
    }
}

impl Load {
    /// It is over now: what was due by then counts of one that was ended early, and a target that answers no longer
    /// makes no run shorter.
    fn end(&mut self, settings: &Settings, share: &Share, schedule: Option<&Schedule>, start_ns: u64) {
        let (now, is_early) = (monotonic_ns(), self.ending != Ending::Complete);
        if let Some(schedule) = schedule.filter(|_| is_early) {
            let due = schedule.due_before(now.saturating_sub(start_ns)) / u64::from(settings.shard.of);
            self.due = Some(share.requests.map_or(due, |planned| planned.min(due)));
        }
        let is_timed = schedule.is_some() || settings.scenario.load.lasts().is_some();
        if self.tally.first_start_ns > 0 && (is_timed || is_early) {
            self.tally.last_end_ns = self.tally.last_end_ns.max(now);
        }
    }
}

/// The target, found to be there.
pub(crate) struct Reached {
    /// Asks for its counters.
    pub(crate) client: TargetClient,
    pub(crate) dial: Arc<Dial>,
    pub(crate) fixed: Fixed,
    /// Its process, if the scenario started it.
    pub(crate) process: Option<TargetProcess>,
    /// Where somebody may ask for the run's figures.
    pub(crate) metrics: Option<TcpListener>,
}

/// Sends this shard's part of the plan, the first of it not before `start_ns`.
pub(crate) async fn run(
    settings: &Settings,
    share: &Share,
    folder: &RunFolder,
    reached: Reached,
    start_ns: u64,
    notices: Notices,
) -> Result<Load, Failure> {
    let Reached { client, dial, fixed, process, metrics } = reached;
    let live: Vec<Arc<LiveSums>> = (0..share.lanes).map(|_| Arc::default()).collect();
    let schedule = settings.scenario.load.schedule().map(Arc::new);
    let run_up = schedule.as_ref().map_or(0, |_| RUN_UP.as_nanos() as u64);
    let start_ns = start_ns.max(monotonic_ns() + run_up);
    let view = Arc::new(View::new(settings, share, start_ns, schedule.as_ref(), live.clone()));
    let _metrics = metrics.map(|listener| Metrics::serve(listener, Arc::clone(&view), notices));
    let progress = Progress::new(Arc::clone(&view), settings.color, notices);
    let mut poller = None;
    if client.offers_stats() {
        poller = Some(Poller::create(client, folder, live.clone(), Arc::clone(&view))?);
    }
    let mut signals = Signals::listen()?;
    let striking = begin_faults(settings, share, folder, &live, process, notices)?;
    let pace = schedule.clone().map(|schedule| Pace {
        schedule,
        start_ns,
        shard: settings.shard,
        lanes: u64::from(share.lanes),
        rounds: settings.rounds(),
    });
    let ramp = Ramp::of(&settings.scenario.load, start_ns);
    let warm_up = settings.scenario.load.warm_up.unwrap_or_default();
    let times = Times { pace, ramp, measured_from_ns: start_ns + warm_up.as_nanos() as u64 };
    let lanes = start_lanes(settings, share, folder, &live, &dial, &fixed, times)?;
    let ends_ns = settings.scenario.load.lasts().map(|lasts| start_ns + lasts.as_nanos() as u64);
    let mut conductor = Conductor {
        lanes,
        live,
        patience: settings.scenario.load.patience,
        start_ns,
        schedule,
        ends_ns,
        grace: settings.scenario.load.graceful_stop,
        aborting: settings.scenario.load.aborting(),
        so_far: BTreeMap::new(),
        view: &view,
        notices,
        progress: &progress,
        load: Load::default(),
    };
    let unpolled = tokio::select! {
        () = conductor.conduct(&mut signals) => None,
        () = progress.show_on() => None,
        error = poll_on(poller.as_mut()) => Some(error),
    };
    if let Some(error) = unpolled {
        notices.warn(&format!("{}; the target is polled no longer", chain(&error)));
        poller = None;
        conductor.conduct(&mut signals).await;
    }
    progress.clear();
    let Conductor { mut load, schedule, .. } = conductor;
    load.end(settings, share, schedule.as_deref(), start_ns);
    load.process = end_faults(striking, &mut load.ending, &mut signals, notices).await;
    if let Some(poller) = poller.filter(|_| load.ending != Ending::Aborted) {
        close(poller, &mut load.ending, &mut signals, notices).await;
    }
    Ok(load)
}

/// Asks for the counters once more, unless a person cannot wait.
async fn close(poller: Poller, ending: &mut Ending, signals: &mut Signals, notices: Notices) {
    tokio::select! {
        closed = poller.close() => if let Err(error) = closed {
            notices.warn(&format!("{}; the run has no closing poll", chain(&error)));
        },
        () = signals.next() => *ending = Ending::Interrupted,
    }
}

fn begin_faults(
    settings: &Settings,
    share: &Share,
    folder: &RunFolder,
    live: &[Arc<LiveSums>],
    process: Option<TargetProcess>,
    notices: Notices,
) -> Result<Option<Striking>, Failure> {
    let faults = settings.scenario.faults.clone();
    if faults.is_empty() && process.is_none() {
        return Ok(None);
    }
    let writer = faults::create(folder)?;
    let (seed, events, live) = (settings.plan.seed, share.events.unwrap_or(u64::MAX), live.to_vec());
    Ok(Some(Striking::begin(Striker { faults, seed, events, live, writer, process, notices })))
}

/// Waits until what is under way is undone, or a person cannot wait any longer.
async fn end_faults(
    striking: Option<Striking>,
    ending: &mut Ending,
    signals: &mut Signals,
    notices: Notices,
) -> Option<TargetProcess> {
    let striking = striking?;
    if *ending == Ending::Aborted {
        return None;
    }
    let struck = tokio::select! {
        struck = striking.end() => struck,
        () = signals.next() => {
            *ending = Ending::Aborted;
            return None;
        }
    };
    if let Some(error) = struck.unrecorded {
        notices.warn(&format!("{}; what was done to the target is not on record", chain(&error)));
    }
    struck.process
}

/// Polls as long as there is something to poll.
async fn poll_on(poller: Option<&mut Poller>) -> truth::folder::FolderError {
    match poller {
        Some(poller) => poller.poll_on().await,
        None => std::future::pending().await,
    }
}

/// Waits for an instant of the monotonic clock, if there is one.
pub(crate) async fn until(at_ns: Option<u64>) {
    match at_ns {
        Some(at_ns) => sleep(Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()))).await,
        None => std::future::pending().await,
    }
}

struct Lanes {
    running: u16,
    reports: mpsc::UnboundedReceiver<Word>,
    orders: watch::Sender<Order>,
}

/// What happens when.
struct Times {
    pace: Option<Pace>,
    ramp: Option<Ramp>,
    /// From when on latencies are measured.
    measured_from_ns: u64,
}

fn start_lanes(
    settings: &Settings,
    share: &Share,
    folder: &RunFolder,
    live: &[Arc<LiveSums>],
    dial: &Arc<Dial>,
    fixed: &Fixed,
    Times { pace, ramp, measured_from_ns }: Times,
) -> Result<Lanes, Failure> {
    let plan = Arc::new(settings.plan.clone());
    let events = Arc::new(Events::new(&plan));
    let target = Arc::new(settings.scenario.target.clone());
    let claims = Arc::new(match pace {
        None => Claims::shared(settings.rounds()),
        Some(_) => Claims::dealt(settings.rounds(), share.lanes),
    });
    let (orders, listening) = watch::channel(Order::Send);
    let (reporting, reports) = mpsc::unbounded_channel();
    for (index, live) in (0..share.lanes).zip(live) {
        let header = Header {
            nonce: plan.nonce,
            lane: index,
            boot_id: boot_id(),
            monotonic_ns: monotonic_ns(),
            utc_ms: utc_ms(),
        };
        let ledger = SegmentWriter::create(&folder.segment(index), header)?;
        let job = LaneJob {
            index,
            lanes: share.lanes,
            seats: share.seats(index),
            plan: Arc::clone(&plan),
            events: Arc::clone(&events),
            target: Arc::clone(&target),
            shard: settings.shard,
            claims: Arc::clone(&claims),
            pace: pace.clone(),
            ramp: ramp.clone(),
            measured_from_ns,
            selections: Selection::all_of(&settings.scenario.load.thresholds, &plan.topics),
            grace: settings.scenario.load.graceful_stop,
            is_watched: is_watched(settings),
            dial: Arc::clone(dial),
            fixed: fixed.clone(),
            timeout: settings.scenario.load.timeout,
            first_byte_timeout: settings.scenario.load.first_byte_timeout,
            requests_per_connection: settings.scenario.load.requests_per_connection,
            retries: settings.scenario.load.retries,
            live: Arc::clone(live),
        };
        let started = lane::start(job, ledger, listening.clone(), reporting.clone());
        started.map_err(|source| Failure::System { action: "start a thread", source })?;
    }
    Ok(Lanes { running: share.lanes, reports, orders })
}

/// Whether somebody looks at what is measured before all is over.
fn is_watched(settings: &Settings) -> bool {
    progress::is_seen() || settings.prometheus_addr.is_some() || !settings.scenario.load.aborting().is_empty()
}

/// Watches over the lanes.
struct Conductor<'a> {
    lanes: Lanes,
    live: Vec<Arc<LiveSums>>,
    patience: Duration,
    /// When the first request may leave.
    start_ns: u64,
    schedule: Option<Arc<Schedule>>,
    /// When the run's time is over, if it has one.
    ends_ns: Option<u64>,
    grace: Duration,
    /// Thresholds that end the run, and what each lane had measured when it last told.
    aborting: Vec<Demand>,
    so_far: BTreeMap<u16, Tally>,
    view: &'a View,
    notices: Notices,
    progress: &'a Progress,
    load: Load,
}

impl Conductor<'_> {
    /// Until all lanes have ended. May be dropped and called again.
    async fn conduct(&mut self, signals: &mut Signals) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.lanes.running > 0 {
            tokio::select! {
                word = self.lanes.reports.recv() => match word {
                    Some(Word::SoFar { lane, tally }) => self.look_at(lane, *tally),
                    Some(Word::Ended(report)) => self.note(*report),
                    None => {
                        self.load.ending = Ending::LaneLost;
                        return;
                    }
                },
                () = signals.next() => {
                    if self.load.ending == Ending::Interrupted {
                        self.load.ending = Ending::Aborted;
                        return;
                    }
                    self.drain();
                }
                () = until(self.ends_ns) => self.end(),
                _ = look.tick() => self.watch(),
            }
        }
    }

    /// Looks whether a threshold is broken that ends the run.
    fn look_at(&mut self, lane: u16, tally: Tally) {
        self.so_far.insert(lane, tally);
        let mut all = Tally::default();
        self.so_far.values().for_each(|tally| all.add(tally));
        self.view.measured(all.clone());
        let (measured, age) = (Measured::so_far(&all), monotonic_ns().saturating_sub(self.start_ns));
        let broken = self
            .aborting
            .iter()
            .find(|demand| u128::from(age) >= demand.delay_abort_eval.as_nanos() && measured.breaks(demand));
        let Some(broken) = broken.filter(|_| self.load.ending == Ending::Complete) else { return };
        self.load.ending = Ending::Threshold;
        self.lanes.orders.send_replace(Order::Drain);
        self.progress.clear();
        self.notices.warn(&format!("threshold `{}` failed: the run ends here", broken.threshold));
    }

    fn note(&mut self, report: LaneReport) {
        self.lanes.running -= 1;
        self.load.tally.add(&report.tally);
        if let Some(failure) = report.failure {
            self.load.ledger_failure.get_or_insert(failure);
            self.lanes.orders.send_replace(Order::Cut);
        }
    }

    /// The time is over: nothing further is begun.
    fn end(&mut self) {
        self.ends_ns = None;
        self.lanes.orders.send_replace(Order::Drain);
    }

    fn drain(&mut self) {
        self.load.ending = Ending::Interrupted;
        self.lanes.orders.send_replace(Order::Drain);
        self.progress.clear();
        self.notices.say(&format!(
            "stopping: requests in flight have {} s; once more to leave at once",
            self.grace.as_secs()
        ));
    }

    /// From when on an answer can be missed: a slow rate leaves time in which nothing is under way.
    fn due_from(&self, now: u64) -> u64 {
        let Some(schedule) = &self.schedule else { return now };
        schedule.next_from(now - self.start_ns).map_or(now, |after| self.start_ns.saturating_add(after))
    }

    fn watch(&mut self) {
        let since = self.due_from(live::last_answer_ns(&self.live).max(self.start_ns));
        let silence = Duration::from_nanos(monotonic_ns().saturating_sub(since));
        if self.load.ending == Ending::Complete && silence > self.patience {
            self.load.ending = Ending::OutOfPatience;
            self.lanes.orders.send_replace(Order::Cut);
            self.progress.clear();
            self.notices.warn(&format!(
                "no answer for {}: the run ends here",
                truth::duration::format(self.patience)
            ));
        }
    }
}
