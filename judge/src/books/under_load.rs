//! The counters under load: each poll beside what the sender knew at that moment.
//!
//! The sender notes what was acknowledged before it polls, and what was started after the response.
//! As growth since the baseline, received is at most the started events, unique at most those not
//! reported as duplicates, duplicates at most those not reported as new. From below, received has
//! to reach the acknowledged events, unique those reported as new, and duplicates those reported as
//! duplicates, once the promised lag has passed.
//!
//! For example, 500 events were acknowledged before a poll, 350 as new and 150 as duplicates, and
//! 600 had been started after it. Received may have grown by 500 to 600, unique by 350 to 450,
//! duplicates by 150 to 250.

use std::collections::VecDeque;

use truth::observed::counters::Counters;
use truth::record::polls::Poll;
use truth::scenario::promises::Promises;

use crate::numbers::grouped;

/// Counters, in the order of all arrays here, and what a response reports of an event that each
/// counts.
const NAMES: [(&str, &str); 3] =
    [("received", "acknowledged"), ("unique", "reported as new"), ("duplicates", "reported as duplicates")];

/// Number of demands that are kept for a counter until they are met. Polls come four times a
/// second; with more demands than that, the oldest decides all the same.
const OPEN_DEMANDS: usize = 4096;

/// Polls under load of one run, reduced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnderLoad {
    before: Counters,
    is_committed: bool,
    /// Number of polls compared.
    pub compared: u64,
    /// For each counter, a sentence about the first value that is too high.
    pub above: [Option<String>; 3],
    /// For each counter, the longest time that it was behind.
    pub lags: [Option<Lag>; 3],
    /// For each counter, the demands that it has not met, oldest first.
    open: [VecDeque<Demand>; 3],
}

/// Least and greatest growth of a counter at one poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Growth that it has to reach, once the promised lag has passed.
    pub least: u64,
    /// Growth that it cannot exceed.
    pub most: u64,
}

/// Returns the limits of each counter at one poll: received, unique, duplicates. Where events are
/// stored later, a response cannot tell which of them will be new.
pub fn limits(poll: &Poll, is_committed: bool) -> [Limits; 3] {
    let reported_new = if is_committed { poll.reported_new } else { 0 };
    let reported_duplicate = if is_committed { poll.reported_duplicate } else { 0 };
    [
        Limits { least: poll.acked, most: poll.started },
        Limits { least: reported_new, most: poll.started.saturating_sub(reported_duplicate) },
        Limits { least: reported_duplicate, most: poll.started.saturating_sub(reported_new) },
    ]
}

/// Growth that a counter has to reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Demand {
    since_ns: u64,
    wanted: u64,
}

/// A counter that was behind what had been acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lag {
    /// Time that it was behind, at least.
    pub nanos: u64,
    /// Sentence about it.
    pub detail: String,
}

impl UnderLoad {
    /// Starts without a poll, from the counters of the baseline.
    pub fn new(before: &Counters, promises: &Promises) -> Self {
        Self {
            before: before.clone(),
            is_committed: promises.is_committed(),
            compared: 0,
            above: [None, None, None],
            lags: [None, None, None],
            open: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
        }
    }

    /// Takes the next poll, with the counters that it read.
    pub fn take(&mut self, poll: &Poll, counters: &Counters) {
        self.compared += 1;
        let limits = limits(poll, self.is_committed);
        let before = [self.before.received, self.before.unique, self.before.duplicates];
        let now = [counters.received, counters.unique, counters.duplicates];
        for (at, Limits { least, most }) in limits.into_iter().enumerate() {
            let (Some(before), Some(now)) = (before[at], now[at]) else { continue };
            let grown = i128::from(now) - i128::from(before);
            if grown > i128::from(most) {
                self.above[at].get_or_insert_with(|| {
                    let name = NAMES[at].0;
                    format!(
                        "under load {name} had grown by {grown} when at most {most} can have been counted"
                    )
                });
            }
            self.take_demand(at, poll, least, grown);
        }
    }

    /// Compares a counter with what had been acknowledged before, and keeps the longest lag.
    fn take_demand(&mut self, at: usize, poll: &Poll, least: u64, grown: i128) {
        let open = &mut self.open[at];
        if open.back().is_none_or(|demand| demand.wanted < least) && open.len() < OPEN_DEMANDS {
            open.push_back(Demand { since_ns: poll.t_sent_ns, wanted: least });
        }
        while open.front().is_some_and(|demand| i128::from(demand.wanted) <= grown) {
            open.pop_front();
        }
        let Some(Demand { since_ns, wanted }) = open.front() else { return };
        let nanos = poll.t_sent_ns.saturating_sub(*since_ns);
        if self.lags[at].as_ref().is_none_or(|lag| lag.nanos < nanos) {
            let (name, event) = NAMES[at];
            let ago = match nanos / 1_000_000 {
                0 => "just".to_owned(),
                millis => format!("{} ms", grouped(millis)),
            };
            let detail =
                format!("under load {name} had grown by {grown} when {wanted} had been {event} {ago} before");
            self.lags[at] = Some(Lag { nanos, detail });
        }
    }

    /// Longest lag of any counter.
    pub fn lag(&self) -> Option<&Lag> {
        // Of equals the last is taken, which here is the counter that comes first.
        self.lags.iter().rev().flatten().max_by_key(|lag| lag.nanos)
    }
}
