//! Sending: lanes, polls and progress side by side, until all is sent, nothing responds, or a
//! signal says stop.

use std::sync::Arc;

use reader::client::TargetClient;
use reader::console;
use reader::process::TargetProcess;
use reader::signals::Signals;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use truth::chain::chain;
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::files::FolderError;
use truth::plan::event::Events;
use truth::plan::sentinel::MAX_KEYS;
use truth::record::ending::Ending;
use truth::record::faults;
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Foundation, Header, LedgerError};
use truth::target::secrets::Secrets;

use super::conductor::{Conductor, Lanes, Onlookers};
use super::faults::{Striker, Striking};
use super::poll::Poller;
use crate::beside::{BesideLoad, Common, Kind};
use crate::command::settings::{LoadSettings, OutputSettings};
use crate::connection::dial::Dial;
use crate::connection::head::Fixed;
use crate::error::Failure;
use crate::executor::{Executor, Workload};
use crate::lane::bookends::Bookends;
use crate::lane::claims::Claims;
use crate::lane::gate::Gate;
use crate::lane::job::{Content, LaneJob, Limits, Measuring, Place, Work};
use crate::lane::login::Login;
use crate::lane::pace::Pace;
use crate::lane::ramp::Ramp;
use crate::lane::{self, LaneCommand};
use crate::meter::live::LiveSums;
use crate::meter::selection::Selection;
use crate::result::RunResult;
use crate::watch::live::Live;
use crate::watch::metrics::Metrics;
use crate::watch::notice::Notices;
use crate::watch::progress::Progress;
use crate::watch::view::View;

/// Job of a run: the load, where its files go, and when it begins.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) load: &'a LoadSettings,
    pub(super) output: &'a OutputSettings,
    pub(super) executors: &'a [Executor],
    pub(super) folder: &'a RunFolder,
    /// Earliest instant of the first request.
    pub(super) start_ns: u64,
    pub(super) notices: Notices,
}

/// Target of a run, found to accept connections.
pub(super) struct Reached {
    /// Client that reads the target's counters.
    pub(super) client: TargetClient,
    pub(super) dial: Arc<Dial>,
    pub(super) fixed: Fixed,
    pub(super) secrets: Arc<Secrets>,
    /// Requests beside the load.
    pub(super) beside: Vec<Kind>,
    /// Process of the target, if the scenario started it.
    pub(super) process: Option<TargetProcess>,
    /// Listener that serves the run's metrics.
    pub(super) metrics: Option<TcpListener>,
    /// Page of the run; it ends with the sending.
    pub(super) page: Option<Live>,
}

/// Sends this shard's part of the plan.
pub(super) async fn run(job: Job<'_>, reached: Reached, mut signals: Signals) -> Result<RunResult, Failure> {
    let Job { load, executors, folder, notices, .. } = job;
    let Reached { client, dial, fixed, secrets, beside, process, metrics, page } = reached;
    let workload = Workload::sum(executors);
    let live: Vec<Arc<LiveSums>> = (0..workload.lanes).map(|_| Arc::default()).collect();
    let start_ns = job.start_ns.max(monotonic_ns() + longest_lead_ns(executors));
    let view = Arc::new(View::new(load, executors, start_ns, live.clone(), Arc::clone(&dial)));
    if let Some(page) = &page {
        page.shows(Arc::clone(&view));
    }
    let metrics = metrics.map(|listener| Metrics::serve(listener, Arc::clone(&view), notices));
    let progress = Progress::new(Arc::clone(&view), job.output.color, notices);
    let login = Login::of(&client, load.scenario.load.timeout);
    let mut poller = None;
    if client.offers_stats() {
        poller = Some(Poller::create(client, folder, live.clone(), Arc::clone(&view))?);
    }
    let striking = begin_faults(&job, workload.events, &live, process)?;
    // Without a warm-up, what comes before the first request counts as well: the connections.
    let warm_up = load.scenario.load.warm_up;
    let measured_from_ns = warm_up.map_or(0, |warm_up| start_ns.saturating_add(warm_up.as_nanos() as u64));
    let common = Common {
        secrets: Arc::clone(&secrets),
        login: login.clone(),
        timeout: load.scenario.load.timeout,
        start_ns,
        measured_from_ns,
    };
    let heads = Heads { fixed, secrets, login };
    let lanes = Starter::new(&job, dial, heads, measured_from_ns)?.start_all(&live)?;
    let beside = BesideLoad::begin(beside, common)?;
    let onlookers = Onlookers { view: &view, progress: &progress, notices };
    let mut conductor = Conductor::new(&load.scenario.load, executors, lanes, live, start_ns, onlookers);
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
    let mut result = conductor.into_result();
    result.beside = beside.map(BesideLoad::end).unwrap_or_default();
    result.process = end_faults(striking, &mut result.ending, &mut signals, notices).await;
    if let Some(poller) = poller.filter(|_| result.ending != Ending::Aborted) {
        close(poller, &mut result.ending, &mut signals, notices).await;
    }
    view.ends();
    result.metrics = metrics;
    Ok(result)
}

/// Returns the longest time that connections of the executors that begin at once have to open in.
pub(super) fn longest_lead_ns(executors: &[Executor]) -> u64 {
    let at_once = executors.iter().filter(|executor| executor.after.is_none());
    at_once.map(Executor::lead_ns).max().unwrap_or(0)
}

/// Reads the counters once more, unless a signal says stop.
async fn close(poller: Poller, ending: &mut Ending, signals: &mut Signals, notices: Notices) {
    tokio::select! {
        closed = poller.close() => if let Err(error) = closed {
            notices.warn(&format!("{}; the run has no closing poll", chain(&error)));
        },
        () = signals.next() => *ending = Ending::Interrupted,
    }
}

fn begin_faults(
    job: &Job<'_>,
    events: Option<u64>,
    live: &[Arc<LiveSums>],
    process: Option<TargetProcess>,
) -> Result<Option<Striking>, Failure> {
    let faults = job.load.scenario.faults.clone();
    if faults.is_empty() && process.is_none() {
        return Ok(None);
    }
    Ok(Some(Striking::begin(Striker {
        faults,
        seed: job.load.plan.seed,
        events: events.unwrap_or(u64::MAX),
        live: live.to_vec(),
        writer: faults::create(job.folder)?,
        process,
        notices: job.notices,
    })))
}

/// Waits until faults under way are undone, or a signal says stop.
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
        notices.warn(&format!("{}; the faults are not on record", chain(&error)));
    }
    struck.process
}

/// Polls as long as there is something to poll; returns why it ended.
async fn poll_on(poller: Option<&mut Poller>) -> FolderError {
    match poller {
        Some(poller) => poller.poll_on().await,
        None => std::future::pending().await,
    }
}

/// Heads of the requests, and the secrets in them and in bodies.
struct Heads {
    fixed: Fixed,
    secrets: Arc<Secrets>,
    /// Login that replaces kept values.
    login: Option<Login>,
}

/// Starter of the lanes of all executors.
struct Starter<'a> {
    job: &'a Job<'a>,
    lanes: u16,
    content: Content,
    limits: Limits,
    dial: Arc<Dial>,
    login: Option<Login>,
    measured_from_ns: u64,
    foundation: Foundation,
    /// Rounds behind all counts, shared by the executors that only time ends.
    rest: Arc<Claims>,
}

impl<'a> Starter<'a> {
    fn new(
        job: &'a Job<'a>,
        dial: Arc<Dial>,
        heads: Heads,
        measured_from_ns: u64,
    ) -> Result<Self, FolderError> {
        let plan = Arc::new(job.load.plan.clone());
        Ok(Self {
            job,
            lanes: Workload::sum(job.executors).lanes,
            content: Content {
                events: Arc::new(Events::new(&plan)),
                plan,
                target: Arc::new(job.load.scenario.target.clone()),
                secrets: heads.secrets,
                fixed: heads.fixed,
            },
            limits: Limits::of(&job.load.scenario.load),
            dial,
            login: heads.login,
            measured_from_ns,
            foundation: Foundation::of(job.folder)?,
            rest: Arc::new(Claims::shared(rounds_by_time(job))),
        })
    }

    /// Starts the lanes; they wait for the command to send.
    fn start_all(&self, live: &[Arc<LiveSums>]) -> Result<Lanes, Failure> {
        let (reporting, messages) = mpsc::unbounded_channel();
        let mut index = 0;
        let mut commands = Vec::new();
        for executor in self.job.executors {
            let work = self.work_of(executor);
            let (command, listening) = watch::channel(LaneCommand::Wait);
            for lane in 0..executor.workload.lanes {
                let place = Place {
                    index,
                    lanes: self.lanes,
                    index_in_executor: lane,
                    lanes_of_executor: executor.workload.lanes,
                    seats: executor.workload.seats(lane),
                };
                let lane_job = LaneJob {
                    place,
                    content: self.content.clone(),
                    work: work.clone(),
                    measuring: self.measuring_of(executor, &live[usize::from(index)]),
                    limits: self.limits,
                    dial: Arc::clone(&self.dial),
                    login: self.login.clone(),
                };
                let ledger = self.begin_segment(index)?;
                let started = lane::start(lane_job, ledger, listening.clone(), reporting.clone());
                started.map_err(|source| Failure::System { action: "start a thread", source })?;
                index += 1;
            }
            commands.push(command);
        }
        Ok(Lanes { dial: Arc::clone(&self.dial), login: self.login.clone(), messages, commands })
    }

    fn begin_segment(&self, lane: u16) -> Result<SegmentWriter, LedgerError> {
        let header = Header {
            nonce: self.content.plan.nonce,
            lane,
            boot_id: boot_id(),
            monotonic_ns: monotonic_ns(),
            utc_ms: utc_ms(),
            foundation: Some(self.foundation),
        };
        SegmentWriter::create(&self.job.folder.segment(lane), header)
    }

    fn work_of(&self, executor: &Executor) -> Work {
        let Workload { lanes, events, .. } = executor.workload;
        let pace = Pace::of(executor);
        let claims = match pace {
            Some(_) => Arc::new(Claims::dealt(executor.rounds.count(), lanes)),
            None if events.is_some() => Arc::new(Claims::shared(executor.rounds.count())),
            None => Arc::clone(&self.rest),
        };
        let gate = self.gate_of(executor).map(Arc::new);
        Work { rounds: executor.rounds, claims, pace, ramp: Ramp::of(&executor.shape), gate }
    }

    fn gate_of(&self, executor: &Executor) -> Option<Gate> {
        let load = self.job.load;
        if !load.has_bookends() {
            return None;
        }
        let Content { plan, events, .. } = &self.content;
        let bookends = Bookends::of(plan, events, executor.rounds)?;
        let Workload { lanes, .. } = executor.workload;
        Some(Gate::new(bookends, plan.requests_per_round(), lanes, load.scenario.load.patience))
    }

    fn measuring_of(&self, executor: &Executor, live: &Arc<LiveSums>) -> Measuring {
        let thresholds = &self.job.load.scenario.load.thresholds;
        let topics = &self.content.plan.topics;
        Measuring {
            from_ns: self.measured_from_ns,
            selections: Selection::all_of(thresholds, topics, executor.name.as_deref()),
            is_watched: is_watched(self.job),
            live: Arc::clone(live),
        }
    }
}

/// Returns the number of rounds that executors may send that only time ends: as many as a plan may
/// have keys for.
fn rounds_by_time(job: &Job<'_>) -> u64 {
    let timed = job.executors.iter().find(|executor| executor.workload.events.is_none());
    match timed {
        Some(executor) if job.load.scenario.request.is_none() => {
            executor.rounds.count_before(job.load.plan.round_of(MAX_KEYS))
        }
        // One request, sent over and over, has no keys.
        Some(_) | None => u64::MAX,
    }
}

/// True if somebody looks at the measurements before the run is over.
fn is_watched(job: &Job<'_>) -> bool {
    console::is_seen()
        || job.output.prometheus_addr.is_some()
        || !job.load.scenario.load.aborting().is_empty()
}
