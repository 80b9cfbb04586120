//! Live sums of a lane, which others read while the lane works. The poller derives from them what
//! the target must and can know; the progress bar shows them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Sums of one lane, in events.
///
/// All orderings are sequentially consistent: a reader that sees an acknowledgement counted must
/// see its request as started, or a poll of the target would be judged by wrong bounds. The
/// alignment gives each lane a cache line of its own, so that lanes do not slow one another.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct LiveSums {
    /// Acknowledged events; raised after the response was read.
    acked: AtomicU64,
    /// Acknowledged events that were reported as new.
    reported_new: AtomicU64,
    /// Acknowledged events that were reported as duplicates.
    reported_duplicate: AtomicU64,
    /// Started events; raised before the first byte is written.
    started: AtomicU64,
    /// Events that have ended for good, in any way, except those that never left.
    ended: AtomicU64,
    /// Monotonic time of the latest response, or the end of the pause that one asked for; 0 before
    /// the first.
    last_answer_ns: AtomicU64,
}

/// Sums of the responses, at one moment or a little later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reported {
    pub(crate) acked: u64,
    pub(crate) new: u64,
    pub(crate) duplicate: u64,
}

impl LiveSums {
    pub(crate) fn start(&self, events: u64) {
        self.started.fetch_add(events, Ordering::SeqCst);
    }

    pub(crate) fn end(&self, events: u64) {
        self.ended.fetch_add(events, Ordering::SeqCst);
    }

    /// Notes a response. One that asks for a pause counts as one until the pause is over: nobody
    /// waits for another meanwhile.
    pub(crate) fn answered(&self, until_ns: u64) {
        self.last_answer_ns.fetch_max(until_ns, Ordering::SeqCst);
    }

    pub(crate) fn report(&self, reported: Reported) {
        self.acked.fetch_add(reported.acked, Ordering::SeqCst);
        self.reported_new.fetch_add(reported.new, Ordering::SeqCst);
        self.reported_duplicate.fetch_add(reported.duplicate, Ordering::SeqCst);
    }
}

/// Returns the sums of what has certainly been reported by now.
pub(crate) fn reported(lanes: &[impl AsRef<LiveSums>]) -> Reported {
    let sum = |field: fn(&LiveSums) -> &AtomicU64| total(lanes, field);
    Reported {
        acked: sum(|sums| &sums.acked),
        new: sum(|sums| &sums.reported_new),
        duplicate: sum(|sums| &sums.reported_duplicate),
    }
}

/// Returns all events that can have been started by the time of the call.
pub(crate) fn started(lanes: &[impl AsRef<LiveSums>]) -> u64 {
    total(lanes, |sums| &sums.started)
}

/// Returns the events that have ended for good.
pub(crate) fn ended(lanes: &[impl AsRef<LiveSums>]) -> u64 {
    total(lanes, |sums| &sums.ended)
}

/// Returns the instant of the latest response on any lane; 0 before the first.
pub(crate) fn last_answer_ns(lanes: &[impl AsRef<LiveSums>]) -> u64 {
    let each = lanes.iter().map(|lane| lane.as_ref().last_answer_ns.load(Ordering::SeqCst));
    each.max().unwrap_or(0)
}

fn total(lanes: &[impl AsRef<LiveSums>], field: fn(&LiveSums) -> &AtomicU64) -> u64 {
    lanes.iter().map(|lane| field(lane.as_ref()).load(Ordering::SeqCst)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_pause_that_was_asked_for_lasts_whatever_comes_meanwhile() {
        let lanes = [Arc::new(LiveSums::default()), Arc::new(LiveSums::default())];
        lanes[0].answered(50);
        assert_eq!(last_answer_ns(&lanes), 50);
        lanes[1].answered(900);
        lanes[1].answered(60);
        assert_eq!(last_answer_ns(&lanes), 900);
    }
}
