//! The sums that others may look at while a lane is at work: the poller, for what the target must and can know by
//! now, and the progress bar.

use std::sync::atomic::{AtomicU64, Ordering};

/// One lane's sums while the run goes on, counted in events. All orderings are sequentially consistent: a reader that
/// sees an answer counted must see its request as started, or a poll of the target would be judged by wrong bounds.
/// A line of the cache each, so that lanes do not slow one another.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct LiveSums {
    /// Acknowledged; raised after the answer was read.
    acked: AtomicU64,
    /// Of these, told to be new.
    reported_new: AtomicU64,
    /// Of these, told to be duplicates.
    reported_duplicate: AtomicU64,
    /// Begun; raised before the first byte is written.
    started: AtomicU64,
    /// Ended for good, however they ended; not those that never left.
    ended: AtomicU64,
    /// Monotonic time of the latest answer, 0 before the first.
    last_answer_ns: AtomicU64,
}

/// What the sums of all lanes were at one moment or a little later.
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

    pub(crate) fn answered(&self, now_ns: u64) {
        self.last_answer_ns.store(now_ns, Ordering::SeqCst);
    }

    pub(crate) fn report(&self, reported: Reported) {
        self.acked.fetch_add(reported.acked, Ordering::SeqCst);
        self.reported_new.fetch_add(reported.new, Ordering::SeqCst);
        self.reported_duplicate.fetch_add(reported.duplicate, Ordering::SeqCst);
    }
}

/// What has certainly been told by now.
pub(crate) fn reported(lanes: &[impl AsRef<LiveSums>]) -> Reported {
    let sum = |field: fn(&LiveSums) -> &AtomicU64| total(lanes, field);
    Reported {
        acked: sum(|sums| &sums.acked),
        new: sum(|sums| &sums.reported_new),
        duplicate: sum(|sums| &sums.reported_duplicate),
    }
}

/// All that can have been started by the time this is called.
pub(crate) fn started(lanes: &[impl AsRef<LiveSums>]) -> u64 {
    total(lanes, |sums| &sums.started)
}

/// Events that have ended for good.
pub(crate) fn ended(lanes: &[impl AsRef<LiveSums>]) -> u64 {
    total(lanes, |sums| &sums.ended)
}

/// When any lane last had an answer; 0 before the first.
pub(crate) fn last_answer_ns(lanes: &[impl AsRef<LiveSums>]) -> u64 {
    let each = lanes.iter().map(|lane| lane.as_ref().last_answer_ns.load(Ordering::SeqCst));
    each.max().unwrap_or(0)
}

fn total(lanes: &[impl AsRef<LiveSums>], field: fn(&LiveSums) -> &AtomicU64) -> u64 {
    lanes.iter().map(|lane| field(lane.as_ref()).load(Ordering::SeqCst)).sum()
}
