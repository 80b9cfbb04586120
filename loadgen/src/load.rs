//! Sending: lanes, polls and progress side by side, until all is sent, patience is lost, or a person says stop.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::event::Events;
use truth::folder::RunFolder;
use truth::ledger::writer::SegmentWriter;
use truth::ledger::{Header, LedgerError};
use verify::baseline::chain;
use verify::faults;
use verify::observe::client::TargetClient;
use verify::process::TargetProcess;

use crate::connection::dial::Dial;
use crate::error::Failure;
use crate::faults::{Striker, Striking};
use crate::lane::queue::Claims;
use crate::lane::{self, GRACE, LaneJob, LaneReport, Order};
use crate::meter::Tally;
use crate::meter::live::{self, LiveSums};
use crate::notice::Notices;
use crate::poll::Poller;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::signals::Signals;

/// Between two looks whether anything still answers.
const LOOK: Duration = Duration::from_millis(50);

/// How a shard's work is spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Share {
    pub(crate) lanes: u16,
    pub(crate) connections: u32,
    pub(crate) requests: u64,
    pub(crate) events: u64,
}

impl Share {
    /// Spreads it over as many lanes as were asked for, else as there are cores for: half of them, because the target,
    /// or something else, has work to do as well; and no more than leave each lane two groups' worth of connections.
    pub(crate) fn of(settings: &Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let requests = settings.requests();
        let asked = settings.scenario.load.concurrency;
        let connections = u32::try_from(requests).unwrap_or(u32::MAX).clamp(1, asked);
        let fitting = (cores / 2).min(connections as usize / (2 * settings.plan.group as usize));
        let lanes = settings.lanes.map_or(fitting, usize::from).clamp(1, connections as usize);
        Self {
            lanes: u16::try_from(lanes).unwrap_or(u16::MAX),
            connections,
            requests,
            events: settings.slots().unwrap_or(u64::MAX),
        }
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
}

/// What sending came to.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) ending: Ending,
    pub(crate) tally: Tally,
    pub(crate) ledger_failure: Option<LedgerError>,
    /// The target, if the scenario started it.
    pub(crate) process: Option<TargetProcess>,
}

/// The target, found to be there.
pub(crate) struct Reached {
    /// Asks for its counters.
    pub(crate) client: TargetClient,
    pub(crate) dial: Arc<Dial>,
    /// What every request begins with.
    pub(crate) fixed_head: Arc<[u8]>,
    /// Its process, if the scenario started it.
    pub(crate) process: Option<TargetProcess>,
}

/// Sends this shard's part of the plan.
pub(crate) async fn run(
    settings: &Settings,
    share: &Share,
    folder: &RunFolder,
    reached: Reached,
    notices: Notices,
) -> Result<Load, Failure> {
    let Reached { client, dial, fixed_head, process } = reached;
    let live: Vec<Arc<LiveSums>> = (0..share.lanes).map(|_| Arc::default()).collect();
    let progress = Progress::new(share.events, live.clone(), settings.color, notices);
    let mut poller = None;
    if client.offers_stats() {
        poller = Some(Poller::create(client, folder, live.clone())?);
    }
    let mut signals = Signals::listen()?;
    let striking = begin_faults(settings, share, folder, &live, process, notices)?;
    let lanes = start_lanes(settings, share, folder, &live, &dial, &fixed_head)?;
    let mut conductor = Conductor {
        lanes,
        live,
        patience: settings.scenario.load.patience,
        begun_ns: monotonic_ns(),
        notices,
        progress: &progress,
        load: Load { ending: Ending::Complete, tally: Tally::default(), ledger_failure: None, process: None },
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
    let mut load = conductor.load;
    load.process = end_faults(striking, &mut load.ending, &mut signals, notices).await;
    if let Some(poller) = poller.filter(|_| load.ending != Ending::Aborted) {
        tokio::select! {
            closed = poller.close() => if let Err(error) = closed {
                notices.warn(&format!("{}; the run has no closing poll", chain(&error)));
            },
            () = signals.next() => load.ending = Ending::Interrupted,
        }
    }
    Ok(load)
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
    let (seed, events, live) = (settings.plan.seed, share.events, live.to_vec());
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

struct Lanes {
    running: u16,
    reports: mpsc::UnboundedReceiver<LaneReport>,
    orders: watch::Sender<Order>,
}

fn start_lanes(
    settings: &Settings,
    share: &Share,
    folder: &RunFolder,
    live: &[Arc<LiveSums>],
    dial: &Arc<Dial>,
    fixed_head: &Arc<[u8]>,
) -> Result<Lanes, Failure> {
    let plan = Arc::new(settings.plan.clone());
    let events = Arc::new(Events::new(&plan));
    let target = Arc::new(settings.scenario.target.clone());
    let claims = Arc::new(Claims::new(settings.rounds()));
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
            dial: Arc::clone(dial),
            fixed_head: Arc::clone(fixed_head),
            timeout: settings.scenario.load.timeout,
            retries: settings.scenario.load.retries,
            live: Arc::clone(live),
        };
        let started = lane::start(job, ledger, listening.clone(), reporting.clone());
        started.map_err(|source| Failure::System { action: "start a thread", source })?;
    }
    Ok(Lanes { running: share.lanes, reports, orders })
}

/// Watches over the lanes.
struct Conductor<'a> {
    lanes: Lanes,
    live: Vec<Arc<LiveSums>>,
    patience: Duration,
    begun_ns: u64,
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
                report = self.lanes.reports.recv() => match report {
                    Some(report) => self.note(report),
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
                _ = look.tick() => self.watch(),
            }
        }
    }

    fn note(&mut self, report: LaneReport) {
        self.lanes.running -= 1;
        self.load.tally.add(&report.tally);
        if let Some(failure) = report.failure {
            self.load.ledger_failure.get_or_insert(failure);
            self.lanes.orders.send_replace(Order::Cut);
        }
    }

    fn drain(&mut self) {
        self.load.ending = Ending::Interrupted;
        self.lanes.orders.send_replace(Order::Drain);
        self.progress.clear();
        self.notices.say(&format!(
            "stopping: requests in flight have {} s; once more to leave at once",
            GRACE.as_secs()
        ));
    }

    fn watch(&mut self) {
        let since = live::last_answer_ns(&self.live).max(self.begun_ns);
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
