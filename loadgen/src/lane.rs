//! A lane: one thread with its own event loop, connections, histograms and ledger segment. Lanes share the counter of
//! rounds and nothing else on the hot path.

mod alarm;
pub(crate) mod claims;
pub(crate) mod desk;
mod ending;
mod flight;
pub(crate) mod job;
pub(crate) mod pace;
mod queue;
pub(crate) mod ramp;
mod release;
mod request;
mod seat;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet, LocalSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use truth::clock::monotonic_ns;
use truth::record::ledger::LedgerError;
use truth::record::ledger::writer::SegmentWriter;

use crate::meter::Tallies;
use alarm::Alarm;
use desk::Desk;
use job::LaneJob;
use seat::Seat;

/// How often a lane looks whether others have taken the last round while all its connections were being opened.
const LOOK: Duration = Duration::from_millis(50);

/// Between two words on what was measured so far.
const TELL: Duration = Duration::from_millis(500);

/// What lanes are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Wait.
    Wait,
    /// Send, the first request not before this moment.
    Send { start_ns: u64 },
    /// Send nothing more, and wait for what is in flight.
    Drain,
    /// Stop now: what is in flight stays unknown.
    Cut,
}

/// What a lane leaves behind.
#[derive(Debug)]
pub(crate) struct LaneReport {
    pub(crate) tallies: Tallies,
    /// Why its ledger could not be written.
    pub(crate) failure: Option<LedgerError>,
}

/// What a lane says.
#[derive(Debug)]
pub(crate) enum Word {
    /// What it has counted so far.
    SoFar { lane: u16, tallies: Box<Tallies> },
    /// It has ended.
    Ended { lane: u16, report: Box<LaneReport> },
}

/// Starts a lane on a thread of its own; it waits until it is told to send, and reports when it has ended.
pub(crate) fn start(
    job: LaneJob,
    ledger: SegmentWriter,
    mut orders: watch::Receiver<Order>,
    words: mpsc::UnboundedSender<Word>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let alarm = {
        let _within = runtime.enter();
        job.pace.as_ref().map(|_| Alarm::new()).transpose()?
    };
    let thread = std::thread::Builder::new().name(format!("lane-{}", job.index));
    thread.spawn(move || {
        let lane = job.index;
        let lived = async {
            match beginning(&mut orders).await {
                Some(start_ns) => run(Arc::new(job.beginning(start_ns)), ledger, orders, alarm, &words).await,
                None => {
                    LaneReport { tallies: Tallies::default(), failure: ledger.close(monotonic_ns()).err() }
                }
            }
        };
        let report = Box::new(LocalSet::new().block_on(&runtime, lived));
        // Nobody listens once the run was aborted.
        drop(words.send(Word::Ended { lane, report }));
    })?;
    Ok(())
}

/// Waits until it is time; none if it never will be.
async fn beginning(orders: &mut watch::Receiver<Order>) -> Option<u64> {
    let told = orders.wait_for(|order| *order != Order::Wait).await;
    match told.as_deref() {
        Ok(Order::Send { start_ns }) => Some(*start_ns),
        // The sender lives as long as the run.
        Ok(Order::Wait | Order::Drain | Order::Cut) | Err(_) => None,
    }
}

async fn run(
    job: Arc<LaneJob>,
    ledger: SegmentWriter,
    mut orders: watch::Receiver<Order>,
    alarm: Option<Alarm>,
    words: &mpsc::UnboundedSender<Word>,
) -> LaneReport {
    let desk = Desk::new(Arc::clone(&job), ledger);
    let (finished, has_idle) = (Rc::clone(&desk.finished), Rc::clone(&desk.has_idle));
    let desk = Rc::new(RefCell::new(desk));
    let mut seats = JoinSet::new();
    let aborts: Vec<AbortHandle> = (0..job.seats as usize)
        .map(|index| {
            let (job, desk) = (Arc::clone(&job), Rc::clone(&desk));
            seats.spawn_local(Seat { index, job, desk }.work())
        })
        .collect();
    let ended = tokio::select! {
        ended = supervise(&desk, &mut seats, &aborts, &finished, &mut orders) => ended,
        Err(error) = pace(&desk, alarm.as_ref(), &has_idle) => Err(error),
        () = tell_on(&job, &desk, words) => Ok(()),
    };
    seats.shutdown().await;
    let closed = desk.borrow_mut().close();
    let tallies = std::mem::take(&mut desk.borrow_mut().tallies);
    LaneReport { tallies, failure: ended.and(closed).err() }
}

/// Lets requests leave at their instants, if they have any; ends only where the ledger cannot be written.
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

/// Tells what was measured so far, again and again, if somebody looks.
async fn tell_on(job: &LaneJob, desk: &RefCell<Desk>, words: &mpsc::UnboundedSender<Word>) {
    if !job.is_watched {
        return std::future::pending().await;
    }
    let mut ticks = interval(TELL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tallies = Box::new(desk.borrow().tallies.clone());
        // Nobody listens once the run was aborted.
        drop(words.send(Word::SoFar { lane: job.index, tallies }));
    }
}

/// Waits until the lane has finished, or is told to end.
async fn supervise(
    desk: &RefCell<Desk>,
    seats: &mut JoinSet<Result<(), LedgerError>>,
    aborts: &[AbortHandle],
    finished: &Notify,
    orders: &mut watch::Receiver<Order>,
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
            _ = look.tick() => if desk.borrow().is_finished() {
                return Ok(());
            },
            // The sender lives as long as the run; were it gone, nobody could tell us to go on either.
            changed = orders.changed() => {
                if changed.is_err() || *orders.borrow_and_update() == Order::Cut {
                    return Ok(());
                }
                stop(desk, aborts)?;
                deadline.get_or_insert_with(|| Instant::now() + desk.borrow().job.grace);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => return Ok(()),
        }
    }
}

/// Sends nothing more, and ends the seats that wait for no answer.
fn stop(desk: &RefCell<Desk>, aborts: &[AbortHandle]) -> Result<(), LedgerError> {
    let stopped = desk.borrow_mut().stop();
    for (seat, abort) in aborts.iter().enumerate() {
        if !desk.borrow().carries(seat) {
            abort.abort();
        }
    }
    stopped
}
