//! Conducting a run: when each of its parts begins and ends, and what ends all of them early.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use truth::clock::monotonic_ns;
use truth::record::ledger::LedgerError;
use truth::scenario::schedule::Schedule;
use truth::scenario::{self, Demand};

use super::signals::Signals;
use crate::executor::Part;
use crate::lane::{LaneReport, Order, Word};
use crate::meter::Tallies;
use crate::meter::live::{self, LiveSums};
use crate::result::{Ending, Load, Sent};
use crate::summary::thresholds::Measured;
use crate::watch::notice::Notices;
use crate::watch::progress::Progress;
use crate::watch::view::View;

/// Between two looks whether anything still answers.
const LOOK: Duration = Duration::from_millis(50);

/// The lanes of all parts, which wait for a word.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) words: mpsc::UnboundedReceiver<Word>,
    /// What those of each part are told.
    pub(crate) orders: Vec<watch::Sender<Order>>,
}

/// Who looks on.
pub(crate) struct Onlookers<'a> {
    pub(crate) view: &'a View,
    pub(crate) progress: &'a Progress,
    pub(crate) notices: Notices,
}

/// How far a part is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Another has to end first.
    Waiting,
    /// It begins at this moment.
    Due { start_ns: u64 },
    /// It sends, to the end of its time if it has one.
    Sending { ends_ns: Option<u64> },
    /// It begins nothing more.
    Over,
}

/// One part of the run under way.
struct Playing<'a> {
    part: &'a Part,
    schedule: Option<Schedule>,
    orders: watch::Sender<Order>,
    /// Which lanes of the run are its own, and how many of them have not ended.
    lanes: Range<u16>,
    running: u16,
    stage: Stage,
    /// When its first request may leave, since it was told to send.
    start_ns: Option<u64>,
    sent: Sent,
}

impl Playing<'_> {
    /// When something is to be done next.
    fn next_ns(&self) -> Option<u64> {
        match self.stage {
            Stage::Due { start_ns } => Some(start_ns.saturating_sub(self.part.lead_ns())),
            Stage::Sending { ends_ns } => ends_ns,
            Stage::Waiting | Stage::Over => None,
        }
    }

    /// Does what is to be done by now; tells the beginning if that is it.
    fn advance(&mut self, now: u64) -> Option<u64> {
        if self.next_ns().is_none_or(|next| next > now) {
            return None;
        }
        match self.stage {
            Stage::Due { start_ns } => {
                let lasts = self.part.load.lasts();
                let ends_ns = lasts.map(|lasts| start_ns.saturating_add(lasts.as_nanos() as u64));
                self.stage = Stage::Sending { ends_ns };
                self.start_ns = Some(start_ns);
                self.orders.send_replace(Order::Send { start_ns });
                Some(start_ns)
            }
            Stage::Sending { .. } => {
                self.stop(Order::Drain);
                None
            }
            Stage::Waiting | Stage::Over => None,
        }
    }

    /// When its time is over; none if it ends with its count.
    fn time_is_over(&self) -> Option<u64> {
        let lasts = self.part.load.lasts().filter(|_| self.part.load.total().is_none())?;
        Some(self.start_ns?.saturating_add(lasts.as_nanos() as u64))
    }

    fn stop(&mut self, order: Order) {
        self.stage = Stage::Over;
        self.orders.send_replace(order);
    }

    /// From when on an answer can be missed: a slow rate leaves time in which nothing is under way.
    fn misses_from(&self, last_answer_ns: u64) -> Option<u64> {
        let start_ns = self.start_ns.filter(|_| self.running > 0)?;
        let from = last_answer_ns.max(start_ns);
        let due = self.schedule.as_ref().and_then(|schedule| schedule.next_from(from - start_ns));
        Some(due.map_or(from, |after| start_ns.saturating_add(after)))
    }

    /// Its lanes have ended. What was due by now counts of one that was ended early, and a target that answers no longer
    /// makes no run shorter.
    fn end(&mut self, now: u64, is_early: bool) {
        self.stage = Stage::Over;
        let Some(start_ns) = self.start_ns else { return };
        self.sent.span_ns = Some((start_ns, now));
        let planned = self.part.share.requests;
        self.sent.due = self.schedule.as_ref().and_then(|schedule| {
            let due = schedule.due_before(now.saturating_sub(start_ns)) / self.part.rounds.shards().0;
            if is_early { Some(planned.map_or(due, |planned| planned.min(due))) } else { planned }
        });
        let is_timed = self.schedule.is_some() || self.part.load.lasts().is_some();
        let measured = &mut self.sent.tallies.measured;
        if measured.first_start_ns > 0 && (is_timed || is_early) {
            measured.last_end_ns = measured.last_end_ns.max(now);
        }
    }
}

/// Watches over the lanes.
pub(crate) struct Conductor<'a> {
    parts: Vec<Playing<'a>>,
    words: mpsc::UnboundedReceiver<Word>,
    live: Vec<Arc<LiveSums>>,
    patience: Duration,
    grace: Duration,
    /// When the run begins.
    start_ns: u64,
    /// Thresholds that end the run, and what each lane had counted when it last told.
    aborting: Vec<Demand>,
    so_far: BTreeMap<u16, Tallies>,
    onlookers: Onlookers<'a>,
    ending: Ending,
    ledger_failure: Option<LedgerError>,
}

impl<'a> Conductor<'a> {
    pub(crate) fn new(
        load: &scenario::Load,
        parts: &'a [Part],
        lanes: Lanes,
        live: Vec<Arc<LiveSums>>,
        start_ns: u64,
        onlookers: Onlookers<'a>,
    ) -> Self {
        let mut next = 0;
        let playing = parts.iter().zip(lanes.orders).map(|(part, orders)| {
            let lanes = next..next + part.share.lanes;
            next = lanes.end;
            let start_ns = start_ns.saturating_add(part.start_time.as_nanos() as u64);
            Playing {
                part,
                schedule: part.load.schedule(),
                orders,
                lanes,
                running: part.share.lanes,
                stage: if part.after.is_none() { Stage::Due { start_ns } } else { Stage::Waiting },
                start_ns: None,
                sent: Sent::default(),
            }
        });
        Self {
            parts: playing.collect(),
            words: lanes.words,
            live,
            patience: load.patience,
            grace: load.graceful_stop,
            start_ns,
            aborting: load.aborting(),
            so_far: BTreeMap::new(),
            onlookers,
            ending: Ending::Complete,
            ledger_failure: None,
        }
    }

    /// What it came to.
    pub(crate) fn into_load(self) -> Load {
        let parts = self.parts.into_iter().map(|playing| playing.sent).collect();
        Load { ending: self.ending, parts, ledger_failure: self.ledger_failure, process: None }
    }

    /// Until all lanes have ended. May be dropped and called again.
    pub(crate) async fn conduct(&mut self, signals: &mut Signals) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.parts.iter().any(|part| part.running > 0) {
            tokio::select! {
                word = self.words.recv() => match word {
                    Some(Word::SoFar { lane, tallies }) => self.look_at(lane, *tallies),
                    Some(Word::Ended { lane, report }) => self.note(lane, *report),
                    None => {
                        self.ending = Ending::LaneLost;
                        return;
                    }
                },
                () = signals.next() => {
                    if self.ending == Ending::Interrupted {
                        self.ending = Ending::Aborted;
                        return;
                    }
                    self.drain();
                }
                () = until(self.parts.iter().filter_map(Playing::next_ns).min()) => self.advance(),
                _ = look.tick() => self.watch(),
            }
        }
    }

    /// Begins and ends parts whose time it is.
    fn advance(&mut self) {
        let now = monotonic_ns();
        for (index, part) in self.parts.iter_mut().enumerate() {
            if let Some(start_ns) = part.advance(now) {
                self.onlookers.view.begins(index, start_ns);
            }
        }
    }

    fn part_of(&self, lane: u16) -> Option<usize> {
        self.parts.iter().position(|part| part.lanes.contains(&lane))
    }

    /// Looks whether a threshold is broken that ends the run.
    fn look_at(&mut self, lane: u16, tallies: Tallies) {
        self.so_far.insert(lane, tallies);
        let mut all = Tallies::default();
        for (lane, tallies) in &self.so_far {
            if let Some(index) = self.part_of(*lane) {
                self.parts[index].part.count(tallies, &mut all);
            }
        }
        self.onlookers.view.measured(all.whole());
        let measured = Measured::so_far(&all.measured);
        let age = monotonic_ns().saturating_sub(self.start_ns);
        let broken = self
            .aborting
            .iter()
            .find(|demand| u128::from(age) >= demand.delay_abort_eval.as_nanos() && measured.breaks(demand));
        let Some(broken) = broken.filter(|_| self.ending == Ending::Complete) else { return };
        let warning = format!("threshold `{}` failed: the run ends here", broken.threshold);
        self.end_early(Ending::Threshold, Order::Drain);
        self.onlookers.notices.warn(&warning);
    }

    fn note(&mut self, lane: u16, report: LaneReport) {
        let Some(index) = self.part_of(lane) else { return };
        // Before what waits for its part begins: it may have broken a threshold that ends the run.
        self.look_at(lane, report.tallies.clone());
        let part = &mut self.parts[index];
        part.running -= 1;
        part.sent.tallies.add(&report.tallies);
        if let Some(failure) = report.failure {
            self.ledger_failure.get_or_insert(failure);
            self.stop_all(Order::Cut);
        }
        if self.parts[index].running == 0 {
            self.end(index);
        }
    }

    /// A part has ended, and those that waited for it may begin.
    fn end(&mut self, index: usize) {
        let now = monotonic_ns();
        self.parts[index].end(now, self.ending != Ending::Complete);
        // One that has a time lasts so long, also where nothing was left to do at its end.
        let ended = self.parts[index].time_is_over().map_or(now, |over| now.max(over));
        for part in &mut self.parts {
            if part.stage == Stage::Waiting && part.part.after == Some(index) {
                let pause = part.part.start_time.as_nanos() as u64;
                part.stage = Stage::Due { start_ns: ended.saturating_add(pause.max(part.part.lead_ns())) };
            }
        }
    }

    fn stop_all(&mut self, order: Order) {
        self.parts.iter_mut().for_each(|part| part.stop(order));
    }

    fn end_early(&mut self, ending: Ending, order: Order) {
        self.ending = ending;
        self.stop_all(order);
        self.onlookers.progress.clear();
    }

    fn drain(&mut self) {
        self.end_early(Ending::Interrupted, Order::Drain);
        self.onlookers.notices.say(&format!(
            "stopping: requests in flight have {} s; once more to leave at once",
            self.grace.as_secs()
        ));
    }

    fn watch(&mut self) {
        let last = live::last_answer_ns(&self.live);
        let Some(since) = self.parts.iter().filter_map(|part| part.misses_from(last)).min() else { return };
        let silence = Duration::from_nanos(monotonic_ns().saturating_sub(since));
        if self.ending == Ending::Complete && silence > self.patience {
            self.end_early(Ending::OutOfPatience, Order::Cut);
            self.onlookers.notices.warn(&format!(
                "no answer for {}: the run ends here",
                truth::duration::format(self.patience)
            ));
        }
    }
}

/// Waits for an instant of the monotonic clock, if there is one.
pub(crate) async fn until(at_ns: Option<u64>) {
    match at_ns {
        Some(at_ns) => sleep(Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()))).await,
        None => std::future::pending().await,
    }
}
