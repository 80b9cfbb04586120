//! Lanes: each is one thread with its own event loop, connections, histograms and ledger segment.
//!
//! On the hot path, lanes share the counter of rounds and nothing else. At the two ends of a run they
//! share a gate as well, which keeps the bookends apart.

mod alarm;
pub(crate) mod bookends;
pub(crate) mod claims;
pub(crate) mod desk;
mod ending;
mod flight;
pub(crate) mod gate;
pub(crate) mod job;
pub(crate) mod login;
pub(crate) mod pace;
mod pause;
mod queue;
pub(crate) mod ramp;
mod release;
pub(crate) mod request;
mod seat;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use alarm::Alarm;
use desk::Desk;
use job::LaneJob;
use seat::Seat;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet, LocalSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use truth::clock::monotonic_ns;
use truth::record::ledger::LedgerError;
use truth::record::ledger::writer::SegmentWriter;

use crate::meter::Tallies;

/// Interval at which a lane looks whether other lanes have taken the last round while its
/// connections were opening.
const LOOK: Duration = Duration::from_millis(50);

/// Interval between two reports of the measurements.
const REPORT: Duration = Duration::from_millis(500);

/// Interval at which the records of ended requests are written, for those who read the ledger while the
/// run goes on.
const WRITE: Duration = Duration::from_millis(500);

/// Command to the lanes of an executor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LaneCommand {
    Wait,
    /// Send, the first request not before this instant.
    Send {
        start_ns: u64,
    },
    /// Send nothing more, and wait for the requests in flight.
    Drain,
    /// Stop now: requests in flight stay unknown.
    Cut,
}

/// Report of a lane that has ended.
#[derive(Debug)]
pub(crate) struct LaneReport {
    pub(crate) tallies: Tallies,
    /// Segment with all records of the lane, still open; none if one could not be written.
    pub(crate) ledger: Option<SegmentWriter>,
    /// Error that kept the lane from writing its ledger.
    pub(crate) failure: Option<LedgerError>,
}

/// Message of a lane to the conductor.
#[derive(Debug)]
pub(crate) enum LaneMessage {
    /// Tallies so far.
    SoFar { lane: u16, tallies: Box<Tallies> },
    /// Last message of the lane.
    Ended { lane: u16, report: Box<LaneReport> },
}

/// Starts a lane on a thread of its own; it waits for the command to send, and reports when it has
/// ended.
pub(crate) fn start(
    job: LaneJob,
    ledger: SegmentWriter,
    mut commands: watch::Receiver<LaneCommand>,
    messages: mpsc::UnboundedSender<LaneMessage>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let alarm = {
        let _within = runtime.enter();
        job.work.pace.as_ref().map(|_| Alarm::new()).transpose()?
    };
    let lane = job.place.index;
    let thread = std::thread::Builder::new().name(format!("lane-{lane}"));
    thread.spawn(move || {
        let lived = async {
            match beginning(&mut commands).await {
                Some(start_ns) => {
                    run(Arc::new(job.beginning(start_ns)), ledger, commands, alarm, &messages).await
                }
                None => LaneReport { tallies: Tallies::default(), ledger: Some(ledger), failure: None },
            }
        };
        let report = Box::new(LocalSet::new().block_on(&runtime, lived));
        // Nobody listens once the run was aborted.
        drop(messages.send(LaneMessage::Ended { lane, report }));
    })?;
    Ok(())
}

/// Waits for the command to send, and returns the instant in it; none if it will never come.
async fn beginning(commands: &mut watch::Receiver<LaneCommand>) -> Option<u64> {
    let received = commands.wait_for(|command| *command != LaneCommand::Wait).await;
    match received.as_deref() {
        Ok(LaneCommand::Send { start_ns }) => Some(*start_ns),
        // The sender lives as long as the run.
        Ok(LaneCommand::Wait | LaneCommand::Drain | LaneCommand::Cut) | Err(_) => None,
    }
}

async fn run(
    job: Arc<LaneJob>,
    ledger: SegmentWriter,
    mut commands: watch::Receiver<LaneCommand>,
    alarm: Option<Alarm>,
    messages: &mpsc::UnboundedSender<LaneMessage>,
) -> LaneReport {
    let desk = Desk::new(Arc::clone(&job), ledger);
    let finished = Rc::clone(&desk.finished);
    let has_idle = Rc::clone(&desk.has_idle);
    let desk = Rc::new(RefCell::new(desk));
    let mut seats = JoinSet::new();
    let aborts: Vec<AbortHandle> = (0..job.place.seats as usize)
        .map(|index| {
            let seat = Seat { index, job: Arc::clone(&job), desk: Rc::clone(&desk) };
            seats.spawn_local(seat.work())
        })
        .collect();
    let ended = tokio::select! {
        ended = supervise(&desk, &mut seats, &aborts, &finished, &mut commands) => ended,
        Err(error) = pace(&desk, alarm.as_ref(), &has_idle) => Err(error),
        Err(error) = write_out(&desk) => Err(error),
        () = report_on(&job, &desk, messages) => Ok(()),
    };
    seats.shutdown().await;
    let mut desk = desk.borrow_mut();
    let closed = desk.close();
    LaneReport {
        tallies: std::mem::take(&mut desk.tallies),
        ledger: desk.ledger.take(),
        failure: ended.and(closed).err(),
    }
}

/// Lets requests leave at their instants, if they have any; ends only where the ledger cannot be
/// written.
async fn pace(desk: &RefCell<Desk>, alarm: Option<&Alarm>, has_idle: &Notify) -> Result<(), LedgerError> {
    let Some(alarm) = alarm else { return std::future::pending().await };
    loop {
        let next = desk.borrow_mut().dispatch(monotonic_ns())?;
        tokio::select! {
            () = has_idle.notified() => {}
            () = alarm.until(next) => {}
        }
    }
}

/// Writes the records that are gathered at an interval; ends only where the ledger cannot be written.
async fn write_out(desk: &RefCell<Desk>) -> Result<(), LedgerError> {
    let mut ticks = interval(WRITE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        desk.borrow_mut().write_out()?;
    }
}

/// Reports the measurements at an interval, if somebody looks.
async fn report_on(job: &LaneJob, desk: &RefCell<Desk>, messages: &mpsc::UnboundedSender<LaneMessage>) {
    if !job.measuring.is_watched {
        return std::future::pending().await;
    }
    let mut ticks = interval(REPORT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tallies = Box::new(desk.borrow().tallies.clone());
        // Nobody listens once the run was aborted.
        drop(messages.send(LaneMessage::SoFar { lane: job.place.index, tallies }));
    }
}

/// Waits until the lane has finished, or a command ends it.
async fn supervise(
    desk: &RefCell<Desk>,
    seats: &mut JoinSet<Result<(), LedgerError>>,
    aborts: &[AbortHandle],
    finished: &Notify,
    commands: &mut watch::Receiver<LaneCommand>,
) -> Result<(), LedgerError> {
    let mut deadline = None;
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = seats.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(worked)) => worked?,
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(Err(_)) => {}
            },
            () = finished.notified() => return Ok(()),
            _ = look.tick() => {
                desk.borrow_mut().rest();
                if desk.borrow().is_finished() {
                    return Ok(());
                }
            }
            // The sender lives as long as the run; without it, nobody could command us to go on
            // either.
            changed = commands.changed() => {
                if changed.is_err() || *commands.borrow_and_update() == LaneCommand::Cut {
                    return Ok(());
                }
                stop(desk, aborts)?;
                deadline.get_or_insert_with(|| Instant::now() + desk.borrow().job.limits.graceful_stop);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => return Ok(()),
        }
    }
}

/// Sends nothing more, and ends the seats that wait for no response.
fn stop(desk: &RefCell<Desk>, aborts: &[AbortHandle]) -> Result<(), LedgerError> {
    let stopped = desk.borrow_mut().stop();
    for (seat, abort) in aborts.iter().enumerate() {
        if !desk.borrow().carries(seat) {
            abort.abort();
        }
    }
    stopped
}
