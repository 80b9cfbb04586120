//! Conductor of a run: begins and ends each executor, and ends all of them early where something
//! demands it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use reader::signals::Signals;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use truth::clock::monotonic_ns;
use truth::record::ending::Ending;
use truth::record::ledger::LedgerError;
use truth::record::ledger::writer::SegmentWriter;
use truth::scenario::schedule::Schedule;
use truth::scenario::{Demand, Load};

use crate::connection::dial::Dial;
use crate::connection::shortage::{Met, Shortage};
use crate::executor::Executor;
use crate::lane::login::Login;
use crate::lane::{LaneCommand, LaneMessage, LaneReport};
use crate::meter::Tallies;
use crate::meter::live::{self, LiveSums};
use crate::result::{ExecutorResult, RunResult, Span};
use crate::summary::thresholds::Measured;
use crate::watch::notice::Notices;
use crate::watch::progress::Progress;
use crate::watch::view::View;

/// Interval at which the conductor looks whether anything still responds.
const LOOK: Duration = Duration::from_millis(50);

/// Lanes of all executors, which wait for a command, and the dial that they share.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) dial: Arc<Dial>,
    /// Login of the lanes, if they have one.
    pub(crate) login: Option<Login>,
    pub(crate) messages: mpsc::UnboundedReceiver<LaneMessage>,
    /// Sender of commands to the lanes of each executor.
    pub(crate) commands: Vec<watch::Sender<LaneCommand>>,
}

/// Onlookers of the run.
pub(crate) struct Onlookers<'a> {
    pub(crate) view: &'a View,
    pub(crate) progress: &'a Progress,
    pub(crate) notices: Notices,
}

/// Stage of an executor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Another executor must end first.
    Waiting,
    /// The executor begins at this instant.
    Due { start_ns: u64 },
    /// The executor sends, until its time is over if it has one.
    Sending { ends_ns: Option<u64> },
    /// The executor sends nothing more.
    Over,
}

/// One executor of the run under way.
struct Playing<'a> {
    executor: &'a Executor,
    schedule: Option<Schedule>,
    commands: watch::Sender<LaneCommand>,
    /// Numbers of its lanes among all lanes of the run.
    lanes: Range<u16>,
    /// Number of its lanes that have not ended.
    running: u16,
    stage: Stage,
    /// Instant of its first request, once the lanes had the command to send.
    start_ns: Option<u64>,
    result: ExecutorResult,
}

impl<'a> Playing<'a> {
    /// Takes the executor at the beginning of the run; `start_ns` is the instant at which the run
    /// begins.
    fn new(
        executor: &'a Executor,
        commands: watch::Sender<LaneCommand>,
        first_lane: u16,
        start_ns: u64,
    ) -> Self {
        let start_ns = start_ns.saturating_add(executor.start_time.as_nanos() as u64);
        let lanes = executor.workload.lanes;
        Self {
            executor,
            schedule: executor.shape.schedule(),
            commands,
            lanes: first_lane..first_lane + lanes,
            running: lanes,
            stage: if executor.after.is_none() { Stage::Due { start_ns } } else { Stage::Waiting },
            start_ns: None,
            result: ExecutorResult::default(),
        }
    }

    /// Returns the instant at which it needs to be advanced.
    fn next_ns(&self) -> Option<u64> {
        match self.stage {
            Stage::Due { start_ns } => Some(start_ns.saturating_sub(self.executor.lead_ns())),
            Stage::Sending { ends_ns } => ends_ns,
            Stage::Waiting | Stage::Over => None,
        }
    }

    /// Begins or ends the executor if that is due; returns the instant of the beginning if it
    /// begins.
    fn advance(&mut self, now: u64) -> Option<u64> {
        if self.next_ns().is_none_or(|next| next > now) {
            return None;
        }
        match self.stage {
            Stage::Due { start_ns } => {
                let lasts = self.executor.shape.lasts();
                let ends_ns = lasts.map(|lasts| start_ns.saturating_add(lasts.as_nanos() as u64));
                self.stage = Stage::Sending { ends_ns };
                self.start_ns = Some(start_ns);
                self.commands.send_replace(LaneCommand::Send { start_ns });
                Some(start_ns)
            }
            Stage::Sending { .. } => {
                self.stop(LaneCommand::Drain);
                None
            }
            Stage::Waiting | Stage::Over => None,
        }
    }

    /// Returns the instant at which its time is over; none if it ends with its count.
    fn time_is_over(&self) -> Option<u64> {
        let shape = &self.executor.shape;
        let lasts = shape.lasts().filter(|_| shape.total().is_none())?;
        Some(self.start_ns?.saturating_add(lasts.as_nanos() as u64))
    }

    fn stop(&mut self, command: LaneCommand) {
        self.stage = Stage::Over;
        self.commands.send_replace(command);
    }

    /// Returns the instant from which a response is missed. A slow rate leaves times in which
    /// nothing is in flight.
    fn misses_from(&self, last_answer_ns: u64) -> Option<u64> {
        let start_ns = self.start_ns.filter(|_| self.running > 0)?;
        let from = last_answer_ns.max(start_ns);
        let due = self.schedule.as_ref().and_then(|schedule| schedule.next_from(from - start_ns));
        Some(due.map_or(from, |after| start_ns.saturating_add(after)))
    }

    /// Closes the result, as all lanes have ended. An executor that ended early is measured up to
    /// now, so that a target that responds no longer does not make the run look shorter; only
    /// requests that were due by now count as due.
    fn end(&mut self, now: u64, is_early: bool) {
        self.stage = Stage::Over;
        let Some(start_ns) = self.start_ns else { return };
        self.result.span = Some(Span { from_ns: start_ns, to_ns: now });
        let planned = self.executor.workload.requests;
        self.result.due = self.schedule.as_ref().and_then(|schedule| {
            let due = schedule.due_before(now.saturating_sub(start_ns)) / self.executor.rounds.shards();
            if is_early { Some(planned.map_or(due, |planned| planned.min(due))) } else { planned }
        });
        let is_timed = self.schedule.is_some() || self.executor.shape.lasts().is_some();
        let counts = &mut self.result.tallies.measured.counts;
        if counts.first_start_ns > 0 && (is_timed || is_early) {
            counts.last_end_ns = counts.last_end_ns.max(now);
        }
    }
}

/// Conductor of the lanes.
pub(crate) struct Conductor<'a> {
    executors: Vec<Playing<'a>>,
    messages: mpsc::UnboundedReceiver<LaneMessage>,
    dial: Arc<Dial>,
    login: Option<Login>,
    /// Shortages of this machine that were told.
    told: Vec<Shortage>,
    live: Vec<Arc<LiveSums>>,
    patience: Duration,
    graceful_stop: Duration,
    /// Instant at which the run begins.
    start_ns: u64,
    /// Thresholds that end the run.
    aborting: Vec<Demand>,
    /// Latest tallies of each lane.
    so_far: BTreeMap<u16, Tallies>,
    onlookers: Onlookers<'a>,
    ending: Ending,
    ledger_failure: Option<LedgerError>,
    /// Segments of the lanes that have ended.
    segments: Vec<SegmentWriter>,
}

impl<'a> Conductor<'a> {
    pub(crate) fn new(
        load: &Load,
        executors: &'a [Executor],
        lanes: Lanes,
        live: Vec<Arc<LiveSums>>,
        start_ns: u64,
        onlookers: Onlookers<'a>,
    ) -> Self {
        let mut first_lane = 0;
        let playing = executors.iter().zip(lanes.commands).map(|(executor, commands)| {
            let playing = Playing::new(executor, commands, first_lane, start_ns);
            first_lane = playing.lanes.end;
            playing
        });
        Self {
            executors: playing.collect(),
            messages: lanes.messages,
            dial: lanes.dial,
            login: lanes.login,
            told: Vec::new(),
            live,
            patience: load.patience,
            graceful_stop: load.graceful_stop,
            start_ns,
            aborting: load.aborting(),
            so_far: BTreeMap::new(),
            onlookers,
            ending: Ending::Complete,
            ledger_failure: None,
            segments: Vec::new(),
        }
    }

    /// Returns the result of the run.
    pub(crate) fn into_result(self) -> RunResult {
        let executors = self.executors.into_iter().map(|playing| playing.result).collect();
        RunResult {
            ending: self.ending,
            executors,
            ledger_failure: self.ledger_failure,
            segments: self.segments,
            beside: Vec::new(),
            process: None,
            dialled: self.dial.dialled(),
            metrics: None,
        }
    }

    /// Conducts until all lanes have ended. May be dropped and called again.
    pub(crate) async fn conduct(&mut self, signals: &mut Signals) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.executors.iter().any(|executor| executor.running > 0) {
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(LaneMessage::SoFar { lane, tallies }) => self.look_at(lane, *tallies),
                    Some(LaneMessage::Ended { lane, report }) => self.note(lane, *report),
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
                () = until(self.executors.iter().filter_map(Playing::next_ns).min()) => self.advance(),
                _ = look.tick() => self.watch(),
            }
        }
        self.tell_shortages();
        self.tell_login();
    }

    /// Begins and ends the executors that are due.
    fn advance(&mut self) {
        let now = monotonic_ns();
        for (index, executor) in self.executors.iter_mut().enumerate() {
            if let Some(start_ns) = executor.advance(now) {
                self.onlookers.view.begins(index, start_ns);
            }
        }
    }

    fn executor_of(&self, lane: u16) -> Option<usize> {
        self.executors.iter().position(|executor| executor.lanes.contains(&lane))
    }

    /// Ends the run if a threshold that may end it is broken.
    fn look_at(&mut self, lane: u16, tallies: Tallies) {
        self.so_far.insert(lane, tallies);
        let mut all = Tallies::default();
        for (lane, tallies) in &self.so_far {
            if let Some(index) = self.executor_of(*lane) {
                self.executors[index].executor.count(tallies, &mut all);
            }
        }
        let measured = Measured::so_far(&all.measured);
        let age = monotonic_ns().saturating_sub(self.start_ns);
        let broken = self
            .aborting
            .iter()
            .find(|demand| u128::from(age) >= demand.delay_abort_eval.as_nanos() && measured.breaks(demand));
        let warning =
            broken.map(|demand| format!("threshold `{}` failed: the run ends here", demand.threshold));
        self.onlookers.view.measured(all.into_whole());
        let Some(warning) = warning.filter(|_| self.ending == Ending::Complete) else { return };
        self.end_early(Ending::Threshold, LaneCommand::Drain);
        self.onlookers.notices.warn(&warning);
    }

    /// Adds the report of a lane that has ended.
    fn note(&mut self, lane: u16, report: LaneReport) {
        let Some(index) = self.executor_of(lane) else { return };
        // The thresholds come first: a broken one keeps executors from beginning that wait for this
        // one.
        let LaneReport { tallies, ledger, failure } = report;
        self.look_at(lane, tallies);
        let executor = &mut self.executors[index];
        executor.running -= 1;
        executor.result.tallies += &self.so_far[&lane];
        self.segments.extend(ledger);
        if let Some(failure) = failure {
            self.ledger_failure.get_or_insert(failure);
            self.stop_all(LaneCommand::Cut);
        }
        if self.executors[index].running == 0 {
            self.end(index);
        }
    }

    /// Closes an executor, and lets the executors begin that wait for it.
    fn end(&mut self, index: usize) {
        let now = monotonic_ns();
        self.executors[index].end(now, self.ending != Ending::Complete);
        // An executor with a duration takes all of it, even where it had nothing left to send at
        // the end.
        let ended = self.executors[index].time_is_over().map_or(now, |over| now.max(over));
        for playing in &mut self.executors {
            if playing.stage == Stage::Waiting && playing.executor.after == Some(index) {
                let pause = playing.executor.start_time.as_nanos() as u64;
                let start_ns = ended.saturating_add(pause.max(playing.executor.lead_ns()));
                playing.stage = Stage::Due { start_ns };
            }
        }
    }

    fn stop_all(&mut self, command: LaneCommand) {
        self.executors.iter_mut().for_each(|executor| executor.stop(command));
    }

    fn end_early(&mut self, ending: Ending, command: LaneCommand) {
        self.ending = ending;
        self.stop_all(command);
        self.onlookers.progress.clear();
    }

    fn drain(&mut self) {
        self.end_early(Ending::Interrupted, LaneCommand::Drain);
        self.onlookers.notices.say(&format!(
            "stopping: waiting up to {} s for requests in flight; press Ctrl-C again to stop at once",
            self.graceful_stop.as_secs()
        ));
    }

    /// Tells a shortage of this machine when it is met first.
    fn tell_shortages(&mut self) {
        for Met { shortage, .. } in self.dial.shortages().met() {
            if !self.told.contains(&shortage) {
                self.told.push(shortage);
                let text = format!("a connection cannot open: {}; {}", shortage.text(), shortage.way_out());
                self.onlookers.notices.warn(&text);
            }
        }
    }

    /// Tells that the session could not be opened again.
    fn tell_login(&self) {
        if let Some(failed) = self.login.as_ref().and_then(Login::take_failure) {
            self.onlookers.notices.warn(&format!(
                "a request was answered with 401, and the requests of target.before failed: {failed}"
            ));
        }
    }

    /// Ends the run if no response came for longer than the patience.
    fn watch(&mut self) {
        self.tell_shortages();
        self.tell_login();
        let last = live::last_answer_ns(&self.live);
        let since = self.executors.iter().filter_map(|executor| executor.misses_from(last)).min();
        let Some(since) = since else { return };
        let silence = Duration::from_nanos(monotonic_ns().saturating_sub(since));
        if self.ending == Ending::Complete && silence > self.patience {
            self.end_early(Ending::OutOfPatience, LaneCommand::Cut);
            self.onlookers.notices.warn(&format!(
                "no response for {} (--patience): the run ends here",
                truth::duration::format(self.patience)
            ));
        }
    }
}

/// Waits for an instant of the monotonic clock; for ever if there is none.
pub(crate) async fn until(at_ns: Option<u64>) {
    match at_ns {
        Some(at_ns) => sleep(Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()))).await,
        None => std::future::pending().await,
    }
}
