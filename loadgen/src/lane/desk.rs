//! Desk of a lane: the state that its connections share. It holds the waiting requests, the
//! requests in flight and the ledger.
//!
//! Everything here is synchronous, and a lane has one thread. Nothing else can run between reading
//! a clock and writing a record, so the records of a segment are in the order of their times.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;
use truth::clock::monotonic_ns;
use truth::record::ledger::LedgerError;
use truth::record::ledger::writer::SegmentWriter;
use truth::target::answer::{Answer, Outcome, ReadAnswer, Response};

use super::bookends::Part;
use super::flight::Flight;
use super::job::LaneJob;
use super::login::Login;
use super::pause::asked_for;
use super::queue::Queue;
use super::release::{Chunk, Gather, Member, Race};
use super::request::Requests;
use crate::connection::Connection;
use crate::connection::attempt::{Begun, Lost};
use crate::connection::http1::Whole;
use crate::meter::live::LiveSums;
use crate::meter::selection::{Ended, Selected};
use crate::meter::{Tallies, Tally};

/// Connection that its own task and a gather may both hold.
pub(crate) type Shared = Rc<RefCell<Connection>>;

/// Next step of an idle connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// The connection carries a request now, which may have left already.
    Request,
    /// The connection is held until a release is let go.
    Held,
    /// The next requests wait at the gate until those of this part may leave.
    Barred(Part),
    /// Nothing is left to do.
    Nothing,
}

/// Next step after the end of a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Concluded {
    /// Pause before the next request of the connection, which is this one if it is tried again; none
    /// if it may leave at once.
    pub(crate) pause: Option<Duration>,
    /// Session that was refused, and has to be opened again first.
    pub(crate) refused: Option<u64>,
}

/// State of a lane that its connections share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) job: Arc<LaneJob>,
    pub(super) queue: Queue,
    pub(super) gather: Option<Gather<Shared>>,
    /// Open connections without a request, of a lane whose requests have instants. The connection
    /// that has been idle for longest comes first.
    pub(super) idle: VecDeque<Member<Shared>>,
    /// Requests in flight, by seat.
    pub(super) flights: Vec<Option<Flight>>,
    /// Segment of the ledger; none once a record could not be written, because nothing may follow a
    /// torn record.
    pub(super) ledger: Option<SegmentWriter>,
    requests: Requests,
    pub(super) tallies: Tallies,
    pub(super) live: Arc<LiveSums>,
    /// Notified when nothing waits and nothing is in flight.
    pub(super) finished: Rc<Notify>,
    /// Notified when a connection has become idle.
    pub(super) has_idle: Rc<Notify>,
    pub(super) stopped: bool,
}

impl Desk {
    pub(crate) fn new(job: Arc<LaneJob>, ledger: SegmentWriter) -> Self {
        let queue = Queue::new(&job);
        let requests = Requests::new(&job.content);
        Self {
            queue,
            gather: None,
            idle: VecDeque::new(),
            flights: (0..job.place.seats).map(|_| None).collect(),
            ledger: Some(ledger),
            requests,
            tallies: Tallies {
                measured: Tally {
                    selected: job.measuring.selections.iter().map(Selected::new).collect(),
                    ..Tally::default()
                },
                warm_up: None,
            },
            live: Arc::clone(&job.measuring.live),
            finished: Rc::new(Notify::new()),
            has_idle: Rc::new(Notify::new()),
            stopped: false,
            job,
        }
    }

    /// Returns the tally of requests that are planned for this instant.
    pub(super) fn tally(&mut self, t_planned: u64) -> &mut Tally {
        self.tallies.of(t_planned, self.job.measuring.from_ns)
    }

    /// True if this seat carries a request.
    pub(crate) fn carries(&self, seat: usize) -> bool {
        self.flights[seat].is_some()
    }

    /// True if a byte of this seat's request has left.
    pub(crate) fn has_left(&self, seat: usize) -> bool {
        self.flights[seat].as_ref().is_some_and(|flight| flight.t_start().is_some())
    }

    /// True if a connection without a request has no reason to open.
    pub(crate) fn is_dry(&self) -> bool {
        self.gather.is_none() && self.queue.is_dry()
    }

    /// True if all requests are answered or given up.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_dry() && self.flights.iter().all(Option::is_none)
    }

    /// Gives an idle connection its next request. Requests are taken in order, and the next round
    /// is opened only when no request waits.
    pub(crate) fn take(&mut self, seat: usize, connection: &Shared) -> Result<Taken, LedgerError> {
        if self.ledger.is_none() {
            // No request may leave that could not be recorded.
            return Ok(Taken::Nothing);
        }
        loop {
            let now = monotonic_ns();
            if let Some(gather) = &mut self.gather {
                let at_work = self.job.seats_at_work(now);
                if !gather.join(Member::new(seat, Rc::clone(connection)), at_work) {
                    return Ok(Taken::Held);
                }
                self.let_go();
                return Ok(Taken::Request);
            }
            let Some(due) = self.next_due()? else {
                if self.queue.has_advanced() {
                    continue;
                }
                self.rest();
                return Ok(self.queue.held_back().map_or(Taken::Nothing, Taken::Barred));
            };
            if due > now {
                self.idle.push_back(Member::new(seat, Rc::clone(connection)));
                self.has_idle.notify_one();
                return Ok(Taken::Held);
            }
            match self.queue.take() {
                Some(chunk) if chunk.requests.len() > 1 => self.gather = Some(Gather::new(chunk, now)),
                Some(chunk) => {
                    self.assign(seat, chunk, now);
                    return Ok(Taken::Request);
                }
                None => return Ok(Taken::Nothing),
            }
        }
    }

    /// Returns the instant of the next requests; none if there are no more. Opens the next round if
    /// no request waits.
    fn next_due(&mut self) -> Result<Option<u64>, LedgerError> {
        loop {
            if let Some(due) = self.queue.next_due() {
                return Ok(Some(due));
            }
            let Some(round) = self.queue.claim() else { return Ok(None) };
            self.announce(round)?;
            let slots = self.job.content.plan.slots_of(round);
            self.tallies.measured.counts.opened += slots.end - slots.start;
            self.queue.open(round);
        }
    }

    fn assign(&mut self, seat: usize, chunk: Chunk, now: u64) {
        let t_planned = chunk.due.unwrap_or(now);
        self.flights[seat] = Some(Flight::new(chunk.round, chunk.requests.start, chunk.race, t_planned));
    }

    /// Sends the requests that are due over idle connections, and returns the instant to look
    /// again.
    pub(super) fn dispatch(&mut self, now: u64) -> Result<Option<u64>, LedgerError> {
        if self.ledger.is_none() {
            return Ok(None);
        }
        loop {
            if let Some(gather) = &mut self.gather {
                let at_work = self.job.seats_at_work(now);
                let is_whole =
                    std::iter::from_fn(|| self.idle.pop_front()).any(|member| gather.join(member, at_work));
                if !is_whole && now < gather.until {
                    return Ok(Some(gather.until));
                }
                self.let_go();
                continue;
            }
            let Some(due) = self.next_due()? else { return Ok(None) };
            if due > now {
                return Ok(Some(due));
            }
            // Without an idle connection, the next one to become idle takes the request.
            let Some(member) = self.idle.pop_front() else { return Ok(None) };
            let Some(chunk) = self.queue.take() else { return Ok(None) };
            self.tally(due).latencies.record_lag(due, monotonic_ns());
            if chunk.requests.len() > 1 {
                self.idle.push_front(member);
                self.gather = Some(Gather::new(chunk, now));
            } else {
                self.assign(member.seat, chunk, now);
                self.begin(member.seat, &member.connection);
                member.wake();
            }
        }
    }

    /// Records a round, before any byte of it leaves.
    fn announce(&mut self, round: u64) -> Result<(), LedgerError> {
        let announced = match &mut self.ledger {
            Some(ledger) => ledger.open(round, monotonic_ns()),
            None => Ok(()),
        };
        announced.inspect_err(|_| self.ledger = None)
    }

    /// Ends the gather, complete or not. A request is rendered for each connection that is held;
    /// then all of them are written with nothing in between. Requests without a connection go back
    /// to the queue and follow singly.
    pub(crate) fn let_go(&mut self) {
        let Some(gather) = self.gather.take() else { return };
        let release = gather.over();
        let Chunk { round, requests, due, part, .. } = release.chunk;
        let race = Rc::new(RefCell::new(Race::new(&round, requests.clone())));
        self.tallies.measured.counts.races.pairs_planned += race.borrow().pairs_planned();
        let mut whole = release.members.len() == requests.len();
        let t_planned = due.unwrap_or_else(monotonic_ns);
        let mut rendered = Vec::with_capacity(release.members.len());
        self.requests.clear();
        let session = self.session();
        for (place, (member, request)) in release.members.iter().zip(requests.clone()).enumerate() {
            rendered.push(self.requests.render(&round, request, 0, None));
            let place = Some((Rc::clone(&race), place));
            let mut flight = Flight::new(Rc::clone(&round), request, place, t_planned);
            flight.session = session;
            self.flights[member.seat] = Some(flight);
        }
        for (member, range) in release.members.iter().zip(rendered) {
            whole &= matches!(self.launch(member.seat, &member.connection, range), Begun::Sent);
        }
        for (place, request) in requests.enumerate().skip(release.members.len()).rev() {
            self.queue.put_back(Chunk {
                round: Rc::clone(&round),
                requests: request..request + 1,
                race: Some((Rc::clone(&race), place)),
                due,
                part,
            });
        }
        if whole {
            self.tallies.measured.counts.races.releases_complete += 1;
        } else {
            self.tallies.measured.counts.races.releases_incomplete += 1;
        }
        for member in release.members {
            member.wake();
        }
    }

    /// Tries once to write this seat's request.
    pub(crate) fn begin(&mut self, seat: usize, connection: &Shared) -> Begun {
        let session = self.session();
        let flight = self.flights[seat].as_mut().expect("a seat begins the request that it carries");
        // Noted before it is written, so that a session that is replaced meanwhile counts as refused.
        flight.session = session;
        self.requests.clear();
        let range = flight.render(&self.job.content.plan, &mut self.requests);
        self.launch(seat, connection, range)
    }

    fn launch(&mut self, seat: usize, connection: &Shared, range: std::ops::Range<usize>) -> Begun {
        let flight = self.flights[seat].as_mut().expect("a seat launches the request that it carries");
        let mut connection = connection.borrow_mut();
        let length = range.len() as u64;
        let begun = if connection.is_quiet() {
            if !flight.counted {
                flight.counted = true;
                self.live.start(flight.events());
            }
            let t_start = monotonic_ns();
            let begun = connection.begin(self.requests.bytes(range));
            if matches!(begun, Begun::Sent) {
                flight.leave(t_start, connection.number, length);
                let t_planned = flight.t_planned();
                let tally = self.tallies.of(t_planned, self.job.measuring.from_ns);
                tally.sent(t_start, length);
                if self.queue.is_paced() {
                    tally.latencies.record_lateness(t_planned, t_start);
                }
            }
            begun
        } else {
            Begun::Dead
        };
        if matches!(begun, Begun::Dead) {
            self.tallies.measured.counts.connections.broken += 1;
        }
        begun
    }

    /// Number of the session that requests are written with; 0 without one.
    fn session(&self) -> u64 {
        self.job.login.as_ref().map_or(0, Login::session)
    }

    /// Records the end of a try, and returns what follows.
    pub(crate) fn conclude(
        &mut self,
        seat: usize,
        connection: &Shared,
        ended: &Result<Whole, Lost>,
    ) -> Result<Concluded, LedgerError> {
        let t_end = monotonic_ns();
        let mut connection = connection.borrow_mut();
        let flight = self.flights[seat].as_mut().expect("a seat concludes the request that it carries");
        let events = flight.events();
        let t_start = flight.t_start().unwrap_or(t_end);
        let tally = self.tallies.of(flight.t_planned(), self.job.measuring.from_ns);
        let received_bytes = connection.take_received_bytes();
        tally.counts.received_bytes += received_bytes;
        tally.counts.last_end_ns = t_end;
        let (status, ReadAnswer { answer, is_busy }) = match ended {
            Ok(Whole { status, .. }) => {
                tally.latencies.record_parts(t_start, connection.first_byte(t_end), t_end);
                let read = read_answer(tally, &self.job, flight, &connection, *status);
                tally.counts.troubles.see(*status, &read.answer, &connection, t_end);
                (*status, read)
            }
            Err(why) => {
                tracing::debug!(seat, connection = connection.number, error = %why, "an attempt has no response");
                tally.lost(why, events);
                (0, ReadAnswer { answer: Answer::bare(Outcome::Unknown), is_busy: false })
            }
        };
        let has_duration = matches!(ended, Ok(_) | Err(Lost::TimedOut));
        if has_duration {
            tally.latencies.record(flight.t_planned(), t_start, t_end);
        }
        if !tally.selected.is_empty() {
            let t_end = has_duration.then_some(t_end);
            let is_paced = self.queue.is_paced();
            let ended = Ended { received_bytes, t_end, is_paced, ..flight.ended(status, &answer) };
            tally.select(&ended, &self.job.content.events);
        }
        tally.counts.races.pairs_observed += flight.end_race(t_end).unwrap_or(0);
        let refused = if self.stopped { None } else { refused(&self.job, flight, status, answer.outcome) };
        let is_retried = is_worth_another(status, answer.outcome, is_busy)
            && u32::from(flight.try_number()) < self.job.limits.retries;
        let again = refused.is_some() || (is_retried && !self.stopped);
        let done = flight.done(t_end, !again, status, answer);
        let retry = (is_retried && again).then(|| flight.try_number());
        let mut pause = self.job.limits.pause(retry, again || self.queue.is_paced());
        if ended.is_ok() {
            if let Some(asked) = asked_for(&connection, is_busy, self.job.content.plan.seed, &done) {
                // At a rate, the schedule goes on, and only the retry of this request waits.
                let heeded = if again || !self.queue.is_paced() { asked } else { Duration::ZERO };
                tally.counts.troubles.pauses.ask(heeded);
                pause = pause.max(heeded);
            }
            self.live.answered(t_end + pause.as_nanos() as u64);
        }
        if again {
            flight.again();
            tally.counts.retries += 1;
        } else {
            self.live.end(events);
            self.flights[seat] = None;
        }
        self.record(done)?;
        if !again {
            self.queue.note_end();
            self.rest();
        }
        Ok(Concluded { pause: Some(pause).filter(|pause| !pause.is_zero()), refused })
    }

    /// Tells those who wait for it, if nothing is under way and no request may leave.
    pub(crate) fn rest(&mut self) {
        let is_at_rest = |desk: &Self| desk.gather.is_none() && desk.queue.is_at_rest();
        if !is_at_rest(self) || (self.queue.has_advanced() && !is_at_rest(self)) {
            return;
        }
        if self.flights.iter().all(Option::is_none) {
            self.queue.note_rest();
            if self.queue.is_dry() {
                self.finished.notify_one();
            }
        }
    }

    /// Removes a connection that broke while it was held.
    pub(crate) fn withdraw(&mut self, seat: usize) {
        if let Some(gather) = &mut self.gather {
            gather.withdraw(seat);
        }
        self.idle.retain(|member| member.seat != seat);
        self.tallies.measured.counts.connections.broken += 1;
    }

    /// Registers a waker for this seat's task, to be woken once the seat carries a request.
    pub(crate) fn wake_when_let_go(&mut self, seat: usize, waker: &Waker) {
        let gathered = self.gather.iter_mut().flat_map(Gather::members_mut);
        if let Some(member) = gathered.chain(&mut self.idle).find(|member| member.seat == seat) {
            member.wake_later(waker);
        }
    }

    /// True if requests have instants: connections are held until then.
    pub(crate) fn is_paced(&self) -> bool {
        self.queue.is_paced()
    }

    /// Plans the next try for now, as the pause before it is over.
    pub(crate) fn due(&mut self, seat: usize) {
        if let Some(flight) = &mut self.flights[seat] {
            flight.plan(monotonic_ns());
        }
    }

    /// Writes a record. A segment that could not be written is never written again.
    pub(super) fn record(&mut self, done: truth::record::ledger::Done) -> Result<(), LedgerError> {
        let recorded = match &mut self.ledger {
            Some(ledger) => ledger.done(done),
            None => Ok(()),
        };
        recorded.inspect_err(|_| self.ledger = None)
    }
}

/// Returns the session that a response refused, if the request is to be sent once more in another.
fn refused(job: &LaneJob, flight: &mut Flight, status: u16, outcome: Outcome) -> Option<u64> {
    let is_asked_for = status > 0 && job.login.as_ref()?.is_asked_for(status);
    (is_asked_for && outcome != Outcome::Acked && flight.renews()).then_some(flight.session)
}

/// True if a request that ended so may fare better when it is sent again.
fn is_worth_another(status: u16, outcome: Outcome, is_busy: bool) -> bool {
    let is_for_now = matches!(status, 429 | 503) || (is_busy && outcome == Outcome::Rejected);
    is_for_now || outcome == Outcome::Unknown
}

/// Reads and counts the whole response that a connection holds.
fn read_answer(
    tally: &mut Tally,
    job: &LaneJob,
    flight: &Flight,
    connection: &Connection,
    status: u16,
) -> ReadAnswer {
    let content = &job.content;
    let field = |name: &str| connection.field(name);
    let response = Response { status, field: &field, body: connection.body() };
    let mut read = Answer::read(&content.target, &response, flight.sent(content));
    let events = flight.events();
    job.measuring.live.report(tally.answered(&read.answer, status, events));
    // The first unclear body of a lane is enough to show.
    read.answer.excerpt = read.answer.excerpt.filter(|_| tally.counts.unclear == events);
    read
}
