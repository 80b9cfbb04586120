//! Job of a lane: everything that it needs to know of the run.

use std::sync::Arc;
use std::time::Duration;

use truth::plan::Plan;
use truth::plan::event::Events;
use truth::scenario::Load;
use truth::target::Target;
use truth::target::secrets::Secrets;

use super::claims::Claims;
use super::gate::Gate;
use super::login::Login;
use super::pace::Pace;
use super::pause::backoff;
use super::ramp::Ramp;
use crate::connection::dial::Dial;
use crate::connection::head::Fixed;
use crate::executor::Rounds;
use crate::meter::live::LiveSums;
use crate::meter::selection::Selection;

/// Job of one lane.
#[derive(Debug)]
pub(crate) struct LaneJob {
    pub(crate) place: Place,
    pub(crate) content: Content,
    pub(crate) work: Work,
    pub(crate) measuring: Measuring,
    pub(crate) limits: Limits,
    pub(crate) dial: Arc<Dial>,
    /// Login of the lanes; none if the scenario has no requests before the run.
    pub(crate) login: Option<Login>,
}

/// Place of a lane among the lanes of the run, and its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Number of this lane, counted from 0 over the whole run.
    pub(crate) index: u16,
    /// Number of lanes of the run.
    pub(crate) lanes: u16,
    /// Number of this lane among those of its executor.
    pub(crate) index_in_executor: u16,
    pub(crate) lanes_of_executor: u16,
    /// Number of connections of this lane.
    pub(crate) seats: u32,
}

/// Content of the requests.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) plan: Arc<Plan>,
    pub(crate) events: Arc<Events>,
    pub(crate) target: Arc<Target>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) fixed: Fixed,
}

/// Work of the lane's executor: its rounds, and the instants of their requests.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) rounds: Rounds,
    pub(crate) claims: Arc<Claims>,
    /// Instants at which requests leave; none if they leave as soon as a connection is idle.
    pub(crate) pace: Option<Pace>,
    /// Number of working connections over time; none if it does not change.
    pub(crate) ramp: Option<Ramp>,
    /// Gate that keeps the bookends apart; none in a run without them.
    pub(crate) gate: Option<Arc<Gate>>,
}

/// Measurements that the lane makes.
#[derive(Debug)]
pub(crate) struct Measuring {
    /// End of the warm-up. Requests that are planned before it are sent and not measured.
    pub(crate) from_ns: u64,
    /// Selections of the thresholds with tags.
    pub(crate) selections: Vec<Arc<Selection>>,
    /// True if somebody looks at the measurements while they are made.
    pub(crate) is_watched: bool,
    pub(crate) live: Arc<LiveSums>,
}

/// Limits of a request and of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Longest time from the first byte sent to the whole response.
    pub(crate) timeout: Duration,
    /// Longest time from the first byte sent to the first byte of the response; none for `timeout`.
    pub(crate) first_byte_timeout: Option<Duration>,
    /// Number of requests after which a connection is closed; none for no limit.
    pub(crate) requests_per_connection: Option<u32>,
    pub(crate) retries: u32,
    /// Time between the requests of a connection, where no rate says when they leave.
    pub(crate) think: Duration,
    /// Longest time that requests in flight are waited for once no more are sent.
    pub(crate) graceful_stop: Duration,
}

impl Limits {
    /// Returns the pause after a try: before the retry with this number, or before the next request
    /// unless that may leave at once.
    pub(super) fn pause(&self, retry: Option<u16>, leaves_at_once: bool) -> Duration {
        match retry {
            Some(try_number) => backoff(try_number),
            None if leaves_at_once => Duration::ZERO,
            None => self.think,
        }
    }

    pub(crate) fn of(load: &Load) -> Self {
        Self {
            timeout: load.timeout,
            first_byte_timeout: load.first_byte_timeout,
            think: load.think,
            requests_per_connection: load.requests_per_connection,
            retries: load.retries,
            graceful_stop: load.graceful_stop,
        }
    }
}

impl LaneJob {
    /// Returns the same job, beginning at this instant.
    pub(super) fn beginning(mut self, start_ns: u64) -> Self {
        self.work.pace.iter_mut().for_each(|pace| pace.start_ns = start_ns);
        self.work.ramp.iter_mut().for_each(|ramp| ramp.start_ns = start_ns);
        self
    }

    /// Returns the instant from which this seat works: now, later, or never again.
    pub(crate) fn next_work(&self, seat: usize, now: u64) -> Option<u64> {
        match &self.work.ramp {
            Some(ramp) => ramp.next_for(self.place.number_of(seat), now),
            None => Some(now),
        }
    }

    /// Returns the number of seats of this lane that work now.
    pub(crate) fn seats_at_work(&self, now: u64) -> usize {
        let seats = self.place.seats as usize;
        match &self.work.ramp {
            Some(ramp) => {
                let working = ramp.at(now);
                (0..seats).filter(|seat| self.place.number_of(*seat) < working).count()
            }
            None => seats,
        }
    }
}

impl Place {
    /// Returns the number of a seat among those of its executor.
    fn number_of(&self, seat: usize) -> u32 {
        let seat = u32::try_from(seat).unwrap_or(u32::MAX);
        seat * u32::from(self.lanes_of_executor) + u32::from(self.index_in_executor)
    }

    /// Returns a number for the lane's `nth` connection, counted from 1, that no other connection
    /// of the run has.
    pub(super) fn connection_number(&self, nth: u64) -> u32 {
        let number = (nth - 1) * u64::from(self.lanes) + u64::from(self.index) + 1;
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}
