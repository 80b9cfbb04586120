//! The counters under load: each answer beside what the sender knew at that moment.
//!
//! What was told is read before the question is sent, and what was started after the answer. So, as growth since the
//! baseline: R is at most `started`, U at most `started - told duplicate`, D at most `started - told new`. From below R
//! has to reach `acked`, U `told new`, D `told duplicate`, but only once the promised lag has passed.

use std::collections::VecDeque;

use truth::observed::counters::Counters;
use truth::record::polls::Poll;
use truth::scenario::promises::{Ack, Promises};

use crate::numbers::grouped;

/// The counters, in the order of all that is kept for each, and what an answer tells of each.
const NAMES: [(&str, &str); 3] =
    [("received", "acknowledged"), ("unique", "told to be new"), ("duplicates", "told to be duplicates")];

/// How many demands that are not met yet are kept for a counter. Polls come four times a second; when more are open,
/// the oldest decides all the same.
const OPEN_DEMANDS: usize = 4096;

/// What the answers under load of one run come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnderLoad {
    before: Counters,
    ack: Ack,
    /// Answers that were compared.
    pub compared: u64,
    /// For each counter, the first answer that says more than can have been done.
    pub above: [Option<String>; 3],
    /// For each counter, the furthest that it was behind.
    pub lags: [Option<Lag>; 3],
    /// For each counter, what it had to reach, and since when, oldest first.
    open: [VecDeque<(u64, u64)>; 3],
}

/// A counter that was behind what had been told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lag {
    /// For how long at least.
    pub nanos: u64,
    /// In words.
    pub detail: String,
}

impl UnderLoad {
    /// Nothing polled yet, of a target whose counters stood so before.
    pub fn new(before: &Counters, promises: &Promises) -> Self {
        let open = [VecDeque::new(), VecDeque::new(), VecDeque::new()];
        let (above, lags) = ([None, None, None], [None, None, None]);
        Self { before: before.clone(), ack: promises.ack, compared: 0, above, lags, open }
    }

    /// Takes the next poll with this answer.
    pub fn take(&mut self, poll: &Poll, answer: &Counters) {
        self.compared += 1;
        // Where events are stored later, an answer cannot tell which of them will be new.
        let told = |count: u64| if self.ack == Ack::Queued { 0 } else { count };
        let (told_new, told_duplicate) = (told(poll.told_new), told(poll.told_duplicate));
        let values = [
            (self.before.received, answer.received, poll.acked, poll.started),
            (self.before.unique, answer.unique, told_new, poll.started.saturating_sub(told_duplicate)),
            (
                self.before.duplicates,
                answer.duplicates,
                told_duplicate,
                poll.started.saturating_sub(told_new),
            ),
        ];
        for (at, (before, now, least, most)) in values.into_iter().enumerate() {
            let (Some(before), Some(now)) = (before, now) else { continue };
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

    /// Compares a counter with what had been told before, and keeps how far it is behind.
    fn take_demand(&mut self, at: usize, poll: &Poll, least: u64, grown: i128) {
        let open = &mut self.open[at];
        if open.back().is_none_or(|(_, wanted)| *wanted < least) && open.len() < OPEN_DEMANDS {
            open.push_back((poll.t_sent_ns, least));
        }
        while open.front().is_some_and(|(_, wanted)| i128::from(*wanted) <= grown) {
            open.pop_front();
        }
        let Some((since, wanted)) = open.front() else { return };
        let nanos = poll.t_sent_ns.saturating_sub(*since);
        if self.lags[at].as_ref().is_none_or(|lag| lag.nanos < nanos) {
            let (name, told) = NAMES[at];
            let ago = match nanos / 1_000_000 {
                0 => "just".to_owned(),
                millis => format!("{} ms", grouped(millis)),
            };
            let detail =
                format!("under load {name} had grown by {grown} when {wanted} had been {told} {ago} before");
            self.lags[at] = Some(Lag { nanos, detail });
        }
    }

    /// The furthest that any counter was behind.
    pub fn lag(&self) -> Option<&Lag> {
        // Of equals the last is taken, which here is the counter that comes first.
        self.lags.iter().rev().flatten().max_by_key(|lag| lag.nanos)
    }
}
