//! Sending: lanes, polls and progress side by side, until all is sent, patience is lost, or a person says stop.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::plan::event::Events;
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Header, LedgerError};
use verify::baseline::chain;
use verify::faults;
use verify::observe::client::TargetClient;
use verify::process::TargetProcess;

use super::conductor::{Conductor, Lanes, Onlookers};
use super::faults::{Striker, Striking};
use super::poll::Poller;
use super::signals::Signals;
use crate::command::settings::Settings;
use crate::connection::dial::Dial;
use crate::connection::head::Fixed;
use crate::error::Failure;
use crate::executor::{Part, Share};
use crate::lane::claims::Claims;
use crate::lane::job::LaneJob;
use crate::lane::pace::Pace;
use crate::lane::ramp::Ramp;
use crate::lane::{self, Order};
use crate::meter::live::LiveSums;
use crate::meter::selection::Selection;
use crate::result::{Ending, Load};
use crate::watch::metrics::Metrics;
use crate::watch::notice::Notices;
use crate::watch::progress::{self, Progress};
use crate::watch::view::View;

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
    parts: &[Part],
    folder: &RunFolder,
    (reached, mut signals): (Reached, Signals),
    start_ns: u64,
    notices: Notices,
) -> Result<Load, Failure> {
    let Reached { client, dial, fixed, process, metrics } = reached;
    let share = Share::sum(parts);
    let live: Vec<Arc<LiveSums>> = (0..share.lanes).map(|_| Arc::default()).collect();
    let start_ns = start_ns.max(monotonic_ns() + longest_lead_ns(parts));
    let view = Arc::new(View::new(settings, parts, start_ns, live.clone()));
    let _metrics = metrics.map(|listener| Metrics::serve(listener, Arc::clone(&view), notices));
    let progress = Progress::new(Arc::clone(&view), settings.color, notices);
    let mut poller = None;
    if client.offers_stats() {
        poller = Some(Poller::create(client, folder, live.clone(), Arc::clone(&view))?);
    }
    let striking = begin_faults(settings, &share, folder, &live, process, notices)?;
    // Without a warm-up also what comes before the first request: the connections.
    let warm_up = settings.scenario.load.warm_up;
    let measured_from_ns = warm_up.map_or(0, |warm_up| start_ns.saturating_add(warm_up.as_nanos() as u64));
    let lanes = start_lanes(settings, parts, folder, &live, (&dial, &fixed), measured_from_ns)?;
    let onlookers = Onlookers { view: &view, progress: &progress, notices };
    let mut conductor = Conductor::new(&settings.scenario.load, parts, lanes, live, start_ns, onlookers);
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
    let mut load = conductor.into_load();
    load.process = end_faults(striking, &mut load.ending, &mut signals, notices).await;
    if let Some(poller) = poller.filter(|_| load.ending != Ending::Aborted) {
        close(poller, &mut load.ending, &mut signals, notices).await;
    }
    Ok(load)
}

/// What connections of the parts that begin at once have to open in.
pub(crate) fn longest_lead_ns(parts: &[Part]) -> u64 {
    let at_once = parts.iter().filter(|part| part.after.is_none());
    at_once.map(Part::lead_ns).max().unwrap_or(0)
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
async fn poll_on(poller: Option<&mut Poller>) -> truth::files::FolderError {
    match poller {
        Some(poller) => poller.poll_on().await,
        None => std::future::pending().await,
    }
}

/// Starts the lanes of all parts; they wait until they are told to send.
fn start_lanes(
    settings: &Settings,
    parts: &[Part],
    folder: &RunFolder,
    live: &[Arc<LiveSums>],
    reached: (&Arc<Dial>, &Fixed),
    measured_from_ns: u64,
) -> Result<Lanes, Failure> {
    let (plan, load) = (Arc::new(settings.plan.clone()), &settings.scenario.load);
    let events = Arc::new(Events::new(&plan));
    let target = Arc::new(settings.scenario.target.clone());
    let (reporting, words) = mpsc::unbounded_channel();
    let lanes = Share::sum(parts).lanes;
    // Those that only time ends share what is behind all counts.
    let rest = Arc::new(Claims::shared(u64::MAX));
    let mut index = 0;
    let mut orders = Vec::new();
    for part in parts {
        let pace = Pace::of(part);
        let claims = match pace {
            Some(_) => Arc::new(Claims::dealt(part.rounds.count(), part.share.lanes)),
            None if part.share.events.is_some() => Arc::new(Claims::shared(part.rounds.count())),
            None => Arc::clone(&rest),
        };
        let (order, listening) = watch::channel(Order::Wait);
        for place in 0..part.share.lanes {
            let ledger = begin_segment(folder, plan.nonce, index)?;
            let job = LaneJob {
                index,
                lanes,
                place,
                lanes_of_part: part.share.lanes,
                seats: part.share.seats(place),
                plan: Arc::clone(&plan),
                events: Arc::clone(&events),
                target: Arc::clone(&target),
                rounds: part.rounds,
                claims: Arc::clone(&claims),
                pace: pace.clone(),
                ramp: Ramp::of(&part.load),
                measured_from_ns,
                selections: Selection::all_of(&load.thresholds, &plan.topics, part.name.as_deref()),
                grace: load.graceful_stop,
                is_watched: is_watched(settings),
                dial: Arc::clone(reached.0),
                fixed: reached.1.clone(),
                timeout: load.timeout,
                first_byte_timeout: load.first_byte_timeout,
                requests_per_connection: load.requests_per_connection,
                retries: load.retries,
                live: Arc::clone(&live[usize::from(index)]),
            };
            let started = lane::start(job, ledger, listening.clone(), reporting.clone());
            started.map_err(|source| Failure::System { action: "start a thread", source })?;
            index += 1;
        }
        orders.push(order);
    }
    Ok(Lanes { words, orders })
}

fn begin_segment(folder: &RunFolder, nonce: u64, lane: u16) -> Result<SegmentWriter, LedgerError> {
    let (monotonic_ns, utc_ms) = (monotonic_ns(), utc_ms());
    let header = Header { nonce, lane, boot_id: boot_id(), monotonic_ns, utc_ms };
    SegmentWriter::create(&folder.segment(lane), header)
}

/// Whether somebody looks at what is measured before all is over.
fn is_watched(settings: &Settings) -> bool {
    progress::is_seen() || settings.prometheus_addr.is_some() || !settings.scenario.load.aborting().is_empty()
}
