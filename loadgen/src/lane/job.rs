//! A lane's job: everything that it needs to know of the run.

use std::sync::Arc;
use std::time::Duration;

use truth::plan::Plan;
use truth::plan::event::Events;
use truth::target::Target;

use super::claims::Claims;
use super::pace::Pace;
use super::ramp::Ramp;
use crate::connection::dial::Dial;
use crate::connection::head::Fixed;
use crate::executor::Rounds;
use crate::meter::live::LiveSums;
use crate::meter::selection::Selection;

/// The pause before the first retry, and the longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// What a lane needs to know.
#[derive(Debug)]
pub(crate) struct LaneJob {
    /// Which of all lanes of the run it is.
    pub(crate) index: u16,
    pub(crate) lanes: u16,
    /// Which lane of its part it is.
    pub(crate) place: u16,
    pub(crate) lanes_of_part: u16,
    /// Connections of this lane.
    pub(crate) seats: u32,
    pub(crate) plan: Arc<Plan>,
    pub(crate) events: Arc<Events>,
    pub(crate) target: Arc<Target>,
    pub(crate) rounds: Rounds,
    pub(crate) claims: Arc<Claims>,
    /// How many connections work when, where their number changes.
    pub(crate) ramp: Option<Ramp>,
    /// When requests are to leave, where that is planned.
    pub(crate) pace: Option<Pace>,
    /// What is to leave before is sent to warm the target up, and not measured.
    pub(crate) measured_from_ns: u64,
    /// What thresholds with tags look at.
    pub(crate) selections: Vec<Arc<Selection>>,
    /// How long requests under way are waited for once no more are sent.
    pub(crate) grace: Duration,
    /// Whether somebody looks at the measurements while they are made.
    pub(crate) is_watched: bool,
    pub(crate) dial: Arc<Dial>,
    pub(crate) fixed: Fixed,
    pub(crate) timeout: Duration,
    /// How long the first byte of an answer may take, if not as long as all of it.
    pub(crate) first_byte_timeout: Option<Duration>,
    /// After how many requests a connection is closed; none if never.
    pub(crate) requests_per_connection: Option<u32>,
    pub(crate) retries: u32,
    pub(crate) live: Arc<LiveSums>,
}

impl LaneJob {
    /// The same, beginning at this moment.
    pub(super) fn beginning(mut self, start_ns: u64) -> Self {
        self.pace.iter_mut().for_each(|pace| pace.start_ns = start_ns);
        self.ramp.iter_mut().for_each(|ramp| ramp.start_ns = start_ns);
        self
    }

    /// When this seat works from now on: now, later, or no more.
    pub(crate) fn next_work(&self, seat: usize, now: u64) -> Option<u64> {
        match &self.ramp {
            Some(ramp) => ramp.next_for(self.number_of(seat), now),
            None => Some(now),
        }
    }

    /// How many seats of this lane work now.
    pub(crate) fn seats_at_work(&self, now: u64) -> usize {
        match &self.ramp {
            Some(ramp) => {
                let working = ramp.at(now);
                (0..self.seats as usize).filter(|seat| self.number_of(*seat) < working).count()
            }
            None => self.seats as usize,
        }
    }

    /// The number of a seat among those of its part.
    fn number_of(&self, seat: usize) -> u32 {
        u32::try_from(seat).unwrap_or(u32::MAX) * u32::from(self.lanes_of_part) + u32::from(self.place)
    }

    /// A number for the lane's `nth` connection, counted from 1, that no other connection of the run has.
    pub(super) fn connection_number(&self, nth: u64) -> u32 {
        let number = (nth - 1) * u64::from(self.lanes) + u64::from(self.index) + 1;
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// How long to wait before the try after this one.
pub(super) fn backoff(try_number: u16) -> Duration {
    let doubled = 2_u32.saturating_pow(u32::from(try_number));
    FIRST_BACKOFF.saturating_mul(doubled).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_before_a_retry_doubles_up_to_two_seconds() {
        let pauses: Vec<u128> = [0, 1, 4, 5, 100].map(|number| backoff(number).as_millis()).to_vec();
        assert_eq!(pauses, [100, 200, 1600, 2000, 2000]);
    }
}
